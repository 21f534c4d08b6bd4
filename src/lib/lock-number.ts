import { createHash } from 'node:crypto'

/**
 * The number of one of our Postgres advisory locks, which are 64-bit integers: the beginning of the digest of its name.
 * The same name gives the same number in every version, since processes of two versions may meet at one store.
 */
export function lockNumber(name: string): string {
  return createHash('sha256').update(`signoff ${name}`).digest().readBigInt64BE(0).toString()
}
