/** Slack's side of the store: what has arrived, and what is on its way. */
import type { OutboxMessage } from '../messages.ts'
import type { PostedMessage } from '../terms.ts'
import type { Transaction } from './store.ts'

export interface Delivery {
  /** Slack's id of the delivery: trigger id, or view id and hash. */
  readonly id: string
  /** JSON of Slack's payload. */
  readonly payload: unknown
}

/** Deliveries from Slack: stored before they are acknowledged. */
export interface Inbox {
  /** False: seen before. */
  receive(delivery: Delivery): Promise<boolean>
  handled(id: string): Promise<void>
  /** What was received over `olderThanMs` ago and not handled; taken by one caller at a time (claimed for 60 s). */
  left(olderThanMs: number): Promise<readonly (Delivery & { readonly receivedAt: Date })[]>
}

export interface Posting {
  readonly id: number
  readonly message: OutboxMessage
  /** Tries so far. Above 0 a try may have had its effect: look before posting again. */
  readonly tries: number
  readonly firstTriedAt?: Date
  readonly putInAt: Date
}

/**
 * Messages on their way to Slack. One bot delivers at a time (a lock in the store). In order per release; a message
 * behind one that has not been confirmed waits.
 */
export interface Outbox {
  /** Runs `work` while this process is the one that delivers; gives false at once when another one is. */
  deliverAlone(work: (signal: AbortSignal) => Promise<void>): Promise<boolean>
  /** The postings that may go now: the first waiting one of each release, and private ones; oldest first. */
  due(limit: number): Promise<readonly Posting[]>
  /** Written before a try. */
  trying(id: number): Promise<void>
  /** Slack has confirmed. In the same transaction `then` records what follows (channel and ts, the run's job). */
  confirmed(id: number, posted: PostedMessage | undefined, then?: (tx: Transaction) => Promise<void>): Promise<void>
  /** Try again later. */
  postpone(id: number, untilMs: number): Promise<void>
  /** It can never be sent (the channel is gone, a private answer of which nobody can be told); kept with its reason. */
  giveUp(id: number, reason: string): Promise<void>
  /** Resolves when something may be due: a new message, or a postponed one's time, or `timeoutMs`. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>
}
