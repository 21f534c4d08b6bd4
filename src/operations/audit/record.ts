/** Checks the record: that no event was changed, taken out, added, moved or cut off since it was written. */
import { hash } from 'node:crypto'
import { defined } from '../../lib/defined.ts'
import type { ChainRow, StoredChain } from '../../release/record.ts'

export type ChainFinding =
  | {
      readonly ok: true
      readonly count: number
      readonly head: string
      /** Where in the chain each asked-for head stands. */
      readonly heads: readonly HeadFound[]
    }
  /** `event`: the number of the first event that is not as it was written. */
  | { readonly ok: false; readonly event?: number; readonly why: string }

export interface HeadFound {
  /** As it was asked for. */
  readonly head: string
  /** The number of the event whose hash it is. */
  readonly event: number
  readonly release?: number
}

const FIRST_HASH = '0'.repeat(64)

/**
 * A head as people bring it from a thread: 12 to 64 hex digits. Gives it in lower case; undefined: it is none, and any
 * shorter one would be found by chance in a long chain.
 */
export function readHead(text: string): string | undefined {
  const head = text.trim().toLowerCase()
  return /^[0-9a-f]{12,64}$/.test(head) ? head : undefined
}

/**
 * Reads the whole chain once. `heads` are hashes that left the store, as `readHead` gives them: an event with each must
 * still be there, wherever in the chain, which finds a tail that was cut together with the store's own memory of it, and
 * a chain that was written anew. Safe to repeat; changes nothing.
 */
export async function verifyChain(chain: StoredChain, heads: readonly string[] = []): Promise<ChainFinding> {
  let count = 0
  let last = FIRST_HASH
  const missing = new Set(heads)
  const found: HeadFound[] = []
  for await (const rows of chain.rows) {
    for (const row of rows) {
      const why = whyNotAsWritten(row, count + 1, last)
      if (why !== undefined) return { ok: false, event: count + 1, why }
      count += 1
      last = row.hash
      for (const head of missing) {
        if (!last.startsWith(head)) continue
        missing.delete(head)
        found.push({ head, event: count, ...releaseOf(row) })
      }
    }
  }
  const { remembered } = chain
  if (remembered === undefined) {
    return { ok: false, why: 'the store no longer says where the chain ends: its row in event_chain is missing' }
  }
  if (remembered.count !== count || remembered.hash !== last) {
    return {
      ok: false,
      event: count + 1,
      why: `the chain ends after event ${count}, and ${remembered.count} were written`,
    }
  }
  const [lost] = missing
  if (lost !== undefined) {
    const why = `no event has the hash ${lost}, which had left the store: the chain was cut before it, or written anew`
    return { ok: false, why }
  }
  return { ok: true, count, head: last, heads: found }
}

function whyNotAsWritten(row: ChainRow, id: number, previous: string): string | undefined {
  if (row.id !== id) return row.id > id ? `event ${id} is missing` : `event ${row.id} stands where event ${id} should`
  if (!row.text.startsWith(previous)) return `event ${id} does not follow the one before it`
  if (hash('sha256', row.text) !== row.hash) return `event ${id} was changed`
  return row.besides === besides(row.text) ? undefined : `the columns of event ${id} were changed`
}

/** The end of an event's text, where its type needs no escapes. */
const TAIL = /^,"id":\d+(?:,"release":(\d+))?,"type":"([a-z_]*)"\}$/

/**
 * What must stand beside an event's text: the length of the hash before it, release, length of the type, type, actor and
 * time. Read by where canonical JSON has them (actor and time first; id, release and type last), which is far quicker
 * than all of it. Undefined: it is no text of an event.
 */
function besides(text: string): string | undefined {
  const time = text.indexOf(',"at":"')
  const tail = text.lastIndexOf(',"id":')
  const at = asPostgres(text.slice(time + 7, time + 31))
  const actor = text.slice(FIRST_HASH.length + '{"actor":'.length, time)
  const plain = TAIL.exec(text.slice(tail))
  if (plain !== null && !actor.includes('\\')) {
    const [, release = 0, type = ''] = plain
    return `${FIRST_HASH.length} ${release} ${type.length} ${type} ${actor.slice(1, -1)} ${at}`
  }
  try {
    const { release = 0, type }: { release?: unknown; type?: unknown } = JSON.parse(`{${text.slice(tail + 1)}`)
    return `${FIRST_HASH.length} ${release} ${[...String(type)].length} ${type} ${JSON.parse(actor)} ${at}`
  } catch {
    return undefined
  }
}

function releaseOf({ text }: ChainRow): { release?: number } {
  const { release } = JSON.parse(text.slice(FIRST_HASH.length))
  return defined({ release })
}

/** An ISO 8601 time in UTC as Postgres writes it: without the zeros at its end. */
function asPostgres(at: string): string {
  const seconds = at.endsWith('0Z') ? at.slice(11, 23).replace(/\.?0+$/, '') : at.slice(11, 23)
  return `${at.slice(0, 10)} ${seconds}+00`
}
