/** Checks the record: that no event was changed, taken out, added, moved or cut off since it was written. */
import { hash } from 'node:crypto'
import type { ChainRow } from '../release/record.ts'

export type ChainFinding =
  | { readonly ok: true; readonly count: number; readonly head: string }
  /** `event`: the number of the first event that is not as it was written. */
  | { readonly ok: false; readonly event?: number; readonly why: string }

export const FIRST_HASH = '0'.repeat(64)

/**
 * Reads the whole chain once. `remembered` is what the store says of its own head; `heads` are hashes that left the
 * store, as they stand in the threads (at least 8 digits each): an event with each must still be there, which finds a
 * tail that was cut together with the store's own memory of it. Safe to repeat; changes nothing.
 */
export async function verifyChain(
  batches: AsyncIterable<readonly ChainRow[]>,
  remembered: { readonly count: number; readonly hash: string },
  heads: readonly string[] = [],
): Promise<ChainFinding> {
  let count = 0
  let head = FIRST_HASH
  const missing = new Set(heads.map((each) => each.toLowerCase()))
  for await (const rows of batches) {
    for (const row of rows) {
      const why = whyNotAsWritten(row, count + 1, head)
      if (why !== undefined) return { ok: false, event: count + 1, why }
      count += 1
      head = row.hash
      for (const wanted of missing) if (head.startsWith(wanted)) missing.delete(wanted)
    }
  }
  if (remembered.count !== count || remembered.hash !== head) {
    return {
      ok: false,
      event: count + 1,
      why: `the chain ends after event ${count}, and ${remembered.count} were written`,
    }
  }
  const [lost] = missing
  if (lost !== undefined)
    return {
      ok: false,
      why: `no event has the hash ${lost}, which had left the store: the end of the chain is missing`,
    }
  return { ok: true, count, head }
}

function whyNotAsWritten(row: ChainRow, id: number, previous: string): string | undefined {
  if (row.id !== id) return row.id > id ? `event ${id} is missing` : `event ${row.id} stands where event ${id} should`
  if (row.previousHash !== previous) return `event ${id} does not follow the one before it`
  if (hash('sha256', previous + row.body) !== row.hash) return `event ${id} was changed`
  const body = parse(row.body)
  const repeats =
    body?.id === id &&
    body.type === row.type &&
    body.actor === row.actor &&
    (body.release ?? null) === row.release &&
    body.at === row.at.toISOString()
  return repeats ? undefined : `the columns of event ${id} were changed`
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
