import { createHash } from 'node:crypto'

/**
 * The 64-bit number of a Postgres advisory lock, from its name's digest. It must never change for a name, since processes
 * of two versions may share a store.
 */
export function lockNumber(name: string): string {
  return createHash('sha256').update(`signoff ${name}`).digest().readBigInt64BE(0).toString()
}
