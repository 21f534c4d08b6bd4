import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { ReleaseEvent, StoredEvent } from '../../release/events.ts'
import type { Tables } from './schema.ts'
import { present } from './whole-releases.ts'

/** The input of an event's hash: the hash before it, then the event's stored text. */
export function chainHash(previousHash: string, body: string): string {
  return createHash('sha256').update(previousHash).update(body).digest('hex')
}

/** What an event got when it was appended. */
export interface Appended {
  readonly hash: string
  readonly at: Date
}

/**
 * Appends events to the chain, numbered without gaps, and returns what each got. To be called last in a transaction: it locks the chain until the
 * end. Each event's time is when it got its number, so that times follow the numbers.
 */
export async function appendEvents(trx: Kysely<Tables>, events: readonly ReleaseEvent[]): Promise<readonly Appended[]> {
  if (events.length === 0) return []
  const head = await trx.selectFrom('event_chain').selectAll().forUpdate().executeTakeFirstOrThrow()
  const { at } = await trx
    .selectNoFrom(sql<Date>`date_trunc('milliseconds', clock_timestamp())`.as('at'))
    .executeTakeFirstOrThrow()
  let { count, hash } = head
  const rows = events.map((event) => {
    const previousHash = hash
    count += 1
    const body = canonicalJson({ id: count, at: at.toISOString(), ...event })
    hash = chainHash(previousHash, body)
    return {
      id: count,
      release: event.release ?? null,
      type: event.type,
      actor: event.actor,
      at,
      body,
      hash,
      previous_hash: previousHash,
    }
  })
  await trx.insertInto('event').values(rows).execute()
  await trx.updateTable('event_chain').set({ count, hash }).execute()
  return rows
}

export async function readEvents(db: Kysely<Tables>, release: number): Promise<readonly StoredEvent[]> {
  const rows = await db
    .selectFrom('event')
    .select(['id', 'body', 'hash', 'previous_hash'])
    .where('release', '=', release)
    .orderBy('id')
    .execute()
  return rows.map((row) => {
    const { id, at, type, actor, release: number, data } = JSON.parse(row.body)
    return {
      id,
      at: new Date(at),
      type,
      actor,
      data,
      hash: row.hash,
      previousHash: row.previous_hash,
      ...present('release', number as number | null),
    }
  })
}

/** The number of events and the hash of the last one; 64 zeros before the first. */
export async function readChainHead(db: Kysely<Tables>): Promise<{ count: number; hash: string }> {
  const last = await db.selectFrom('event').select(['id', 'hash']).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return last === undefined ? { count: 0, hash: '0'.repeat(64) } : { count: last.id, hash: last.hash }
}
