import type { CountedPlan } from './counted.ts'
import type { OutboxMessage } from './messages.ts'
import type { PersonName, PostedMessage, ReleaseKind, ReleaseState, SignOffKind } from './terms.ts'

/** One event of the audit trail as it is stored. */
export interface ChainRow {
  readonly id: number
  readonly hash: string
  /** The hash's input: the previous hash, then the event's canonical JSON. */
  readonly text: string
  /** The row's look-up columns, which repeat the text: as `expectedColumns` (operations/audit/record.ts) derives them from it. */
  readonly columns: string
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

interface SignedBy {
  readonly kind: SignOffKind
  readonly person: { readonly id: string }
}

/** A release as the store's tables have it, as far as its events record the same. */
export interface TableFacts {
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  readonly state: ReleaseState
  readonly requester: PersonName
  readonly requestedAt: Date
  readonly fingerprint?: string
  /** Those that count, and those that are void; absent: none. */
  readonly signOffs: readonly SignedBy[]
  readonly disputed?: readonly SignedBy[]
  /** Absent: not read. */
  readonly tested?: readonly { readonly change: string; readonly person: { readonly id: string } }[]
}

/** A number with what the store holds about it. */
export interface NumberedRelease {
  readonly number: number
  /** Absent: there is no release of this number in the tables. */
  readonly table?: TableFacts
  /** The commit that was planned. */
  readonly sourceCommit?: string
  /** What figures count of its plan. */
  readonly plan?: CountedPlan
  /** The texts of the asked types of events, in order. */
  readonly events: readonly string[]
}

/** By the time of the request. `until` is not part of it. */
export interface Period {
  readonly since?: Date
  readonly until?: Date
}

/** A consistent snapshot of every number that was or may have been assigned in a period. */
export interface StoredNumbers {
  /** `last` is smaller than `first` if there are none. */
  readonly first: number
  readonly last: number
  /** Every number from first to last, in order, in batches; can be read once. */
  readonly rows: AsyncIterable<readonly NumberedRelease[]>
}
