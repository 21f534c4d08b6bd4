import type { OutboxMessage } from './messages.ts'
import type { PostedMessage } from './terms.ts'

/** One event of the audit trail as it is stored. */
export interface ChainRow {
  readonly id: number
  readonly hash: string
  /** The hash's input: the previous hash, then the event's canonical JSON. */
  readonly text: string
  /** The row's look-up columns, which repeat the text: as `expectedBesides` (operations/audit/record.ts) derives them from it. */
  readonly besides: string
}

/** A consistent snapshot of the whole audit trail. */
export interface StoredChain {
  /** Every event in order, in batches; can be read once. */
  readonly rows: AsyncIterable<readonly ChainRow[]>
  /** The chain's end as the store keeps it separately; undefined if it has no such row, or several. */
  readonly remembered: { readonly count: number; readonly hash: string } | undefined
}

/** A message that Slack has confirmed. `at`: when the confirmation was stored. */
export interface StoredMessage extends PostedMessage {
  readonly kind: OutboxMessage['kind']
  readonly at: Date
}

/** An event with its JSON text: `hash` is the SHA-256 of `previousHash` followed by `body`. */
export interface EventRow {
  readonly id: number
  readonly body: string
  readonly hash: string
  readonly previousHash: string
}
