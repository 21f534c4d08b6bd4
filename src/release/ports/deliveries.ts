/** Slack's side of the store: the inbox and the outbox. */
import type { OutboxMessage } from '../messages.ts'
import type { PostedMessage, ReleaseState } from '../terms.ts'
import type { Transaction } from './store.ts'

export interface Delivery {
  /** Slack's id of the delivery: trigger id, or view id and hash. */
  readonly id: string
  /** JSON of Slack's payload. */
  readonly payload: unknown
}

/**
 * What became of a delivery. `repeated`: it was known already. `not stored`: the person was told so. `failed`: the sweep
 * handles it again. `given up`: it has failed for an hour.
 */
export type DeliveryOutcome = 'handled' | 'repeated' | 'not stored' | 'failed' | 'given up'

/** Deliveries from Slack, stored before they are acknowledged. */
export interface Inbox {
  /** Stores a delivery. Returns false if it is already stored. */
  receive(delivery: Delivery): Promise<boolean>
  handled(id: string): Promise<void>
  /** Keeps others for 10 s from claiming these, which the caller is still at. */
  hold(ids: readonly string[]): Promise<void>
  /** Claims, for 10 s, the unhandled deliveries received more than `olderThanMs` ago. One caller at a time gets each. */
  left(olderThanMs: number): Promise<readonly (Delivery & { readonly receivedAt: Date })[]>
}

export interface Posting {
  readonly id: number
  readonly message: OutboxMessage
  /** Attempts so far. Above 0 one may have posted the message: look for it before posting again. */
  readonly tries: number
  readonly firstTriedAt?: Date
  readonly putInAt: Date
  /** Of a line: an outcome of its release that was put in after it is posted already. */
  readonly isOvertaken?: true
  /** The release that the message is about, as it is now. */
  readonly of?: {
    readonly app: string
    readonly environment: string
    readonly state: ReleaseState
    readonly card?: PostedMessage
  }
}

/**
 * Messages to Slack. One bot delivers at a time, by a lock in the store. Messages of one kind of a release go in order: each
 * waits until the one before it is confirmed, and all wait for its first card. Kinds don't wait for each other, so that what
 * is over is told before progress that waits.
 */
export interface Outbox {
  /** Runs `work` while this process holds the delivery lock. Returns false at once if another process holds it. */
  deliverAlone(work: (signal: AbortSignal) => Promise<void>): Promise<boolean>
  /** The postings that may be sent now, oldest first: the first waiting one of each kind and release, and private ones. */
  due(limit: number): Promise<readonly Posting[]>
  /** The lines that wait directly behind this line of the same release and were never tried, oldest first. */
  behind(id: number, limit: number): Promise<readonly Posting[]>
  /** Records an attempt; called before it. */
  trying(id: number): Promise<void>
  /** Slack has confirmed. `then` records the consequences (channel and ts, the run's job) in the same transaction. */
  confirmed(id: number, posted: PostedMessage | undefined, then?: (tx: Transaction) => Promise<void>): Promise<void>
  /** Schedules the next attempt. */
  postpone(id: number, untilMs: number): Promise<void>
  /** Gives up a message that can never be sent, such as one to a deleted channel. It is kept with the reason. */
  giveUp(id: number, reason: string): Promise<void>
  /** Resolves when a message may be due, when the signal aborts, or after `timeoutMs`. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>
}
