import type { ReleaseEvent, Store } from '../release/ports/store.ts'
import type { ReleaseState, StepName, StepState } from '../release/terms.ts'
import type { Metrics } from './metrics.ts'

/** The same store; what its committed events tell is counted. Counts the ends of releases and of steps. */
export function countEvents(store: Store, metrics: Metrics): Store {
  return {
    ...store,
    async transaction(work, options) {
      let events: ReleaseEvent[] = []
      const result = await store.transaction((tx) => {
        // The work may be run again after a conflict: only the last one is committed.
        events = []
        return work({
          ...tx,
          addEvent: (event) => {
            events.push(event)
            tx.addEvent(event)
          },
        })
      }, options)
      for (const event of events) count(event, metrics)
      return result
    },
  }
}

function count({ type, data }: ReleaseEvent, metrics: Metrics): void {
  if (type === 'release_ended') {
    metrics.releaseEnded({ app: String(data.app), name: String(data.environment) }, data.state as ReleaseState)
  }
  if (typeof data.ms === 'number' && typeof data.step === 'string') {
    metrics.stepEnded(data.step as StepName, type.replace('step_', '') as StepState, data.ms)
  }
}
