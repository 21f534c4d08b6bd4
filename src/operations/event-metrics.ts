/** The metrics of audit events: ends of releases and steps, and changes of locks. */
import { Counter, Histogram, type Registry } from 'prom-client'
import type { Committed } from '../release/committed.ts'
import type { ReleaseEvent } from '../release/events.ts'

/** Registers them, and returns what counts one event. */
export function countEvents(registers: Registry[]): (committed: Committed) => void {
  const ended = new Counter({
    name: 'signoff_releases_ended_total',
    help: 'Releases that ended, by final state',
    labelNames: ['app', 'environment', 'state'],
    registers,
  })
  const steps = new Histogram({
    name: 'signoff_step_duration_seconds',
    help: 'Duration of the steps of runs in seconds, by outcome',
    labelNames: ['step', 'state'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 3_600],
    registers,
  })
  const locks = new Counter({
    name: 'signoff_lock_events_total',
    help: 'Changes of locks of environments: set, changed, taken over, unlocked, expired',
    labelNames: ['what'],
    registers,
  })

  return ({ event }) => {
    countEvent(event, ended, steps)
    const what = lockChange(event)
    if (what !== undefined) locks.inc({ what })
  }
}

function lockChange(event: ReleaseEvent): string | undefined {
  switch (event.type) {
    case 'lock_set':
      return 'set'
    case 'lock_changed':
      return 'changed'
    case 'lock_taken_over':
      return 'taken over'
    case 'lock_ended':
      return event.data.how
    default:
      return undefined
  }
}

const STATE_OF = { step_done: 'done', step_failed: 'failed', step_unknown: 'unknown' } as const

function countEvent(
  event: ReleaseEvent,
  ended: Counter<'app' | 'environment' | 'state'>,
  steps: Histogram<'step' | 'state'>,
): void {
  switch (event.type) {
    case 'release_ended': {
      const { app, environment, state } = event.data
      ended.inc({ app, environment, state })
      break
    }
    case 'step_done':
    case 'step_failed':
    case 'step_unknown': {
      const { step, ms } = event.data
      if (ms !== undefined) steps.observe({ step, state: STATE_OF[event.type] }, ms / 1_000)
      break
    }
    default:
  }
}
