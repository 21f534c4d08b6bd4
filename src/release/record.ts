import type { OutboxMessage } from './messages.ts'
import type { PostedMessage } from './terms.ts'

/** One event of the record as it is stored. */
export interface ChainRow {
  readonly id: number
  readonly hash: string
  /** What the hash is made of: the hash before it, then the event's canonical JSON. */
  readonly text: string
  /** What stands beside that text and repeats it, for look-ups: as `besides` (operations/audit.ts) makes it of the text. */
  readonly besides: string
}

/** The whole record as it stood at one moment, however much is added meanwhile. */
export interface StoredChain {
  /** Every event in order, in batches; to be read once. */
  readonly rows: AsyncIterable<readonly ChainRow[]>
  /** What the store says of its own end; undefined: it says nothing, or more than one thing. */
  readonly remembered: { readonly count: number; readonly hash: string } | undefined
}

/** A message that stands in Slack. `at`: when Slack's confirmation was stored. */
export interface StoredMessage extends PostedMessage {
  readonly kind: OutboxMessage['kind']
  readonly at: Date
}

/** An event with its text by itself: sha256 of `previousHash` and `body`, one after the other, is `hash`. */
export interface EventRow {
  readonly id: number
  readonly body: string
  readonly hash: string
  readonly previousHash: string
}
