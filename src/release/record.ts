/** One event of the record as it is stored. `body` is the canonical text that its hash covers; the other columns repeat it for look-ups. */
export interface ChainRow {
  readonly id: number
  readonly release: number | null
  readonly type: string
  readonly actor: string
  readonly at: Date
  readonly body: string
  readonly hash: string
  readonly previousHash: string
}
