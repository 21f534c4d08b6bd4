/** Shared by everything that sends: ports, rate limits, the lookup of lost answers, and how a try is postponed. */
import type { Clock } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
import type { DirectMessageKind } from '../../release/direct-messages.ts'
import type { OutboxMessage, PrivateMessage } from '../../release/messages.ts'
import type { Outbox, Posting } from '../../release/ports/deliveries.ts'
import type { Release } from '../../release/release.ts'
import type { Environment, Progress } from '../../release/settings.ts'
import type { Budget } from '../budget.ts'
import type { DrawingPorts } from '../drawing.ts'
import type { Answering } from '../private-answer.ts'
import { createLookup, type Lookup, type LookupPorts } from './find-posted-message.ts'
import type { Update } from './order.ts'

export interface DeliveryLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type Private = Extract<OutboxMessage, { kind: 'private' }>

/** `not delivered`: Slack does not deliver to the person, or did not take it. */
export type DirectMessageEnd = 'sent' | 'not wanted' | 'no longer true' | 'not delivered'

export interface DeliveryPorts extends DrawingPorts, Answering, LookupPorts {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly log: DeliveryLog
  /** False: `releases.yml` says that nobody gets direct messages that they did not ask for. */
  readonly directMessages?: boolean
  /** Called with what became of each direct message that nobody asked for. */
  readonly directMessageEnded?: (kind: DirectMessageKind, how: DirectMessageEnd) => void
  /** The one of the clients. */
  readonly budget: Budget
  /** The least time between two updates of one card that show progress. */
  readonly updateEveryMs?: number
}

export interface Sending {
  readonly ports: DeliveryPorts
  readonly lookup: Lookup
  /** When each card was updated last, by the number of its release. */
  readonly updated: Map<number, Update>
  /** Channels that Slack does not let us use, with the releases whose people were told. */
  readonly closed: Map<string, Set<number>>
  /** How many tries of a direct message are known not to have arrived, by its id: with all known, it need not be looked for. */
  readonly answered: Map<number, number>
  /** How cards show their steps: as the settings say, or `lines` from the first time that Slack refuses a plan block. */
  progress: Progress
}

/** What a message for the channel is about. */
export interface About {
  readonly release: Release
  readonly environment: Environment
}

/** The same for a message that may belong to no release. */
export type AboutChannel = Pick<About, 'environment'> & Partial<Pick<About, 'release'>>

/** A message that Slack keeps rejecting must not block those behind it: the announcement, the outcome. */
export const REFUSED_TRIES = 8
const LONGEST_PAUSE_MS = 30_000

export function createSending(ports: DeliveryPorts): Sending {
  return {
    ports,
    lookup: createLookup(ports),
    updated: new Map(),
    closed: new Map(),
    answered: new Map(),
    progress: ports.progress,
  }
}

/** Milliseconds by the store's clock, which decides what is due: this machine's clock may be wrong. */
export async function storeTime({ store }: DeliveryPorts): Promise<number> {
  return (await store.now()).getTime()
}

export async function postpone(ports: DeliveryPorts, { id }: Posting, afterMs: number): Promise<void> {
  await ports.outbox.postpone(id, (await storeTime(ports)) + Math.max(0, afterMs))
}

/** What a message is about, as log lines name it: one filter by `release` shows what became of its messages too. */
export function subjectOf({ id, message, of }: Posting): object {
  if (message.kind === 'channel') {
    const { app, environment } = message.message
    return { message: id, kind: message.kind, app, environment }
  }
  const release = message.kind === 'private' ? releaseIn(message.message) : message.release
  return { message: id, kind: message.kind, ...defined({ release, app: of?.app, environment: of?.environment }) }
}

function releaseIn(message: PrivateMessage): number | undefined {
  return 'number' in message ? message.number : undefined
}

/** How long to wait after this number of tries. */
export function backOff(tries: number): number {
  return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(tries, 10))
}
