/** What everything that sends shares: its ports, Slack's pace, the look-up of lost answers, and how a try is put off. */
import type { Clock } from '../../lib/clock.ts'
import type { Outbox, Posting } from '../../release/ports/deliveries.ts'
import type { Release } from '../../release/release.ts'
import type { Environment, Progress } from '../../release/settings.ts'
import type { DrawingPorts } from '../drawing.ts'
import type { Answering } from '../private-answer.ts'
import { createLookup, type Lookup, type LookupPorts } from './find-posted-message.ts'
import { createPace, type Pace } from './pace.ts'

export interface DeliveryLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface DeliveryPorts extends DrawingPorts, Answering, LookupPorts {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly log: DeliveryLog
  /** The least time between two updates of one card. */
  readonly updateEveryMs?: number
  /** Slack's limits; left out, as pace.ts has them from Slack's documentation. */
  readonly postEveryMs?: number
  readonly updatesAMinute?: number
}

export interface Sending {
  readonly ports: DeliveryPorts
  readonly pace: Pace
  readonly lookup: Lookup
  /** How cards show their steps: as the settings say, or `lines` from the first time that Slack refuses a plan block. */
  progress: Progress
}

/** What a message for the channel is about. */
export interface About {
  readonly release: Release
  readonly environment: Environment
}

/** What Slack keeps refusing must not hold back what stands behind it: the announcement, the outcome. */
export const REFUSED_TRIES = 8
/** Slack says no to all of ours, until somebody fixes the token: no message is to blame. */
export const REFUSES_US: readonly string[] = [
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
]
const LONGEST_PAUSE_MS = 30_000

export function createSending(ports: DeliveryPorts): Sending {
  const pace = createPace({
    now: ports.clock.now,
    ...(ports.updateEveryMs !== undefined && { updateEveryMs: ports.updateEveryMs }),
    ...(ports.postEveryMs !== undefined && { postEveryMs: ports.postEveryMs }),
    ...(ports.updatesAMinute !== undefined && { updatesAMinute: ports.updatesAMinute }),
  })
  return { ports, pace, lookup: createLookup(ports), progress: ports.progress }
}

/** Milliseconds by the store's clock, which says what is due and what is too late: this machine's may be wrong. */
export async function storeTime({ store }: DeliveryPorts): Promise<number> {
  return (await store.now()).getTime()
}

export async function postpone(ports: DeliveryPorts, { id }: Posting, afterMs: number): Promise<void> {
  await ports.outbox.postpone(id, (await storeTime(ports)) + Math.max(0, afterMs))
}

/** How long to wait after so many tries. */
export function backOff(tries: number): number {
  return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(tries, 10))
}
