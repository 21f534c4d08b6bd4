/** One event of the record as it is stored. `body` is the canonical text that its hash covers; the other columns repeat it for look-ups. */
export interface ChainRow {
  readonly id: number
  readonly release: number | null
  readonly type: string
  readonly actor: string
  /** ISO 8601 in UTC, as in `body`. */
  readonly at: string
  readonly body: string
  readonly hash: string
  readonly previousHash: string
}

/** The whole record as it stood at one moment, however much is added meanwhile. */
export interface StoredChain {
  /** Every event in order, in batches; to be read once. */
  readonly rows: AsyncIterable<readonly ChainRow[]>
  /** What the store says of its own end; undefined: it says nothing, or more than one thing. */
  readonly remembered: { readonly count: number; readonly hash: string } | undefined
}
