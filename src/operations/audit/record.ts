/**
 * Verifies the record: no event was changed, removed, added, moved or cut off after it was written. The command
 * `signoff audit verify` is in `cli/audit.ts`.
 */
import { hash } from 'node:crypto'
import { defined } from '../../lib/defined.ts'
import type { ChainRow, StoredChain } from '../../release/record.ts'

export type ChainFinding =
  | {
      readonly ok: true
      readonly count: number
      readonly head: string
      /** Where each given head is in the chain. */
      readonly heads: readonly HeadFound[]
    }
  /** `event`: the number of the first event that fails. `verified`: so many events are good, and a given head is not among them. */
  | { readonly ok: false; readonly event?: number; readonly verified?: number; readonly why: string }

export interface HeadFound {
  /** As it was given. */
  readonly head: string
  /** The number of the event whose hash it is. */
  readonly event: number
  readonly release?: number
}

const FIRST_HASH = '0'.repeat(64)

/**
 * Reads a head that a person copied from a thread: 12 to 64 hex digits, returned in lower case. Undefined when it is no
 * head. Fewer digits would match some event of a long chain by chance.
 */
export function parseHead(text: string): string | undefined {
  const head = text.trim().toLowerCase()
  return /^[0-9a-f]{12,64}$/.test(head) ? head : undefined
}

/**
 * Verifies the whole chain in one read. `heads` are hashes that left the store, from `parseHead`. The chain must still
 * contain an event with each of them; this detects a tail that was cut together with the store's memory of it, and a chain
 * that was rewritten. Changes nothing.
 */
export async function verifyChain(chain: StoredChain, heads: readonly string[] = []): Promise<ChainFinding> {
  let count = 0
  let last = FIRST_HASH
  const missing = new Set(heads)
  const found: HeadFound[] = []
  const near = new Map<string, number>()
  for await (const rows of chain.rows) {
    for (const row of rows) {
      const why = mismatch(row, count + 1, last)
      if (why !== undefined) return { ok: false, event: count + 1, why }
      count += 1
      last = row.hash
      for (const head of missing) {
        if (!last.startsWith(head)) {
          if (isNearlyHead(last, head)) near.set(head, count)
          continue
        }
        missing.delete(head)
        found.push({ head, event: count, ...releaseOf(row) })
      }
    }
  }
  const { remembered } = chain
  if (remembered === undefined) {
    return { ok: false, why: 'the store has lost the end of the chain: its row in event_chain is missing' }
  }
  if (remembered.count !== count || remembered.hash !== last) {
    return {
      ok: false,
      event: count + 1,
      why: `the chain ends after event ${count}, but ${remembered.count} were written`,
    }
  }
  const [lost] = missing
  if (lost !== undefined) {
    const event = near.get(lost)
    const otherwise = 'the chain was cut before that event, or rewritten'
    const why =
      event === undefined
        ? `no event has the hash ${lost}. If it stands like that in the thread, ${otherwise}`
        : `no event has the hash ${lost}; that of event ${event} is nearly the same. Check the head for a typing mistake: if it stands like that in the thread, ${otherwise}`
    return { ok: false, verified: count, why }
  }
  return { ok: true, count, head: last, heads: found }
}

const MOST_MISTYPED = 2

/** Whether at most two digits differ. Random hashes differ within the first few, so that this costs little. */
function isNearlyHead(hash: string, head: string): boolean {
  let differing = 0
  for (let digit = 0; digit < head.length && differing <= MOST_MISTYPED; digit++) {
    if (hash[digit] !== head[digit]) differing++
  }
  return differing <= MOST_MISTYPED
}

function mismatch(row: ChainRow, id: number, previous: string): string | undefined {
  if (row.id !== id) return row.id > id ? `event ${id} is missing` : `event ${row.id} is in the place of event ${id}`
  if (!row.text.startsWith(previous)) return `event ${id} does not continue from the previous one`
  if (hash('sha256', row.text) !== row.hash) return `event ${id} was changed`
  return row.columns === expectedColumns(row.text) ? undefined : `the columns of event ${id} were changed`
}

/** The end of an event's text, when its type needs no escapes. */
const TAIL = /^,"id":\d+(?:,"release":(\d+))?,"type":"([a-z_]*)"\}$/

/**
 * The values that the columns beside an event's text must have: length of the previous hash, release, length of the type,
 * type, actor and time. Reads them from where canonical JSON puts them (actor and time first; id, release and type last),
 * which is far quicker than parsing everything. Undefined when the text is no event.
 */
function expectedColumns(text: string): string | undefined {
  const time = text.indexOf(',"at":"')
  const tail = text.lastIndexOf(',"id":')
  const at = postgresTime(text.slice(time + 7, time + 31))
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

/** An ISO 8601 time in UTC as Postgres writes it, without trailing zeros. */
function postgresTime(at: string): string {
  const seconds = at.endsWith('0Z') ? at.slice(11, 23).replace(/\.?0+$/, '') : at.slice(11, 23)
  return `${at.slice(0, 10)} ${seconds}+00`
}
