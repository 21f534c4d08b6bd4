import type { ReleaseEvent } from '../release/events.ts'
import type { Store } from '../release/ports/store.ts'
import type { Metrics } from './metrics.ts'

/** The same store, which also counts the ends of releases and steps by their committed events. */
export function countEvents(store: Store, metrics: Metrics): Store {
  return {
    ...store,
    async transaction(work, options) {
      let events: ReleaseEvent[] = []
      const result = await store.transaction((tx) => {
        // The work may run again after a conflict, and only the last run is committed.
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

function count(event: ReleaseEvent, metrics: Metrics): void {
  switch (event.type) {
    case 'release_ended':
      metrics.releaseEnded({ app: event.data.app, name: event.data.environment }, event.data.state)
      break
    case 'step_done':
    case 'step_failed':
    case 'step_unknown':
      if (event.data.ms !== undefined) metrics.stepEnded(event.data.step, STATE_OF[event.type], event.data.ms)
      break
    default:
  }
}

const STATE_OF = { step_done: 'done', step_failed: 'failed', step_unknown: 'unknown' } as const
