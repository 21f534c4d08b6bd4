import type { JobTiming } from '../adapters/store/jobs.ts'
import type { WebhookPorts } from '../adapters/webhooks/delivery.ts'
import type { HomePace } from '../release/ports/homes.ts'
import type { Times } from '../worker/ports.ts'
import type { ServiceLimits } from './wiring.ts'

/** Shorter times for tests and demonstrations, where builds take no time. Absent values have their production defaults. */
export interface Pace {
  readonly times?: Partial<Times>
  readonly limits?: ServiceLimits
  readonly jobTiming?: JobTiming
  readonly updateEveryMs?: number
  readonly postEveryMs?: number
  readonly updatesAMinute?: number
  readonly tickEveryMs?: number
  /** Between two looks whether a worker can take what waits. */
  readonly workersEveryMs?: number
  readonly home?: Partial<HomePace>
  readonly pingTimeoutMs?: number
  readonly sweepEveryMs?: number
  readonly secondSocketAfterMs?: number
  readonly webhooks?: NonNullable<WebhookPorts['pace']>
}
