/** Shared by everything that sends: ports, rate limits, the lookup of lost answers, and how a try is postponed. */
import type { Clock } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
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
  /** Slack's limits; by default those of Slack's documentation, in pace.ts. */
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

/** A message that Slack keeps rejecting must not block those behind it: the announcement, the outcome. */
export const REFUSED_TRIES = 8
/** Slack rejects every call until someone fixes the token: the message is not the cause. */
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
  const { updateEveryMs, postEveryMs, updatesAMinute } = ports
  const pace = createPace({
    now: ports.clock.now,
    ...defined({ updateEveryMs, postEveryMs, updatesAMinute }),
  })
  return { ports, pace, lookup: createLookup(ports), progress: ports.progress }
}

/** Milliseconds by the store's clock, which decides what is due: this machine's clock may be wrong. */
export async function storeTime({ store }: DeliveryPorts): Promise<number> {
  return (await store.now()).getTime()
}

export async function postpone(ports: DeliveryPorts, { id }: Posting, afterMs: number): Promise<void> {
  await ports.outbox.postpone(id, (await storeTime(ports)) + Math.max(0, afterMs))
}

/** How long to wait after this number of tries. */
export function backOff(tries: number): number {
  return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(tries, 10))
}
