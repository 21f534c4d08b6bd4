import { type Kysely, sql } from 'kysely'
import type pg from 'pg'
import type { Delivery, Inbox } from '../../release/ports/deliveries.ts'
import { createBatches } from './batches.ts'
import type { Tables } from './schema.ts'

/** A commit costs more than a row: what waits for the one before is committed together. */
const RECEIVING = { most: 100, atOnce: 2 }
const HANDLING = { most: 100, atOnce: 1 }
/** One for each statement that may be under way. */
export const INBOX_CONNECTIONS = RECEIVING.atOnce + HANDLING.atOnce

/** Prepared once for each connection. In one statement a second row with the same id is a repeat, as it is later. */
const RECEIVE = {
  name: 'receive',
  text: `insert into inbox (id, payload) select id, payload from unnest($1::text[], $2::json[]) as t (id, payload)
         on conflict do nothing returning id`,
}
const HANDLED = {
  name: 'handled',
  text: 'update inbox set handled_at = now(), payload = null where id = any($1::text[])',
}

const CLAIMED = sql<Date>`now() + interval '10 seconds'`

/**
 * Deletes a delivery's payload once it is handled, and keeps its id to recognize late repeats. `connections` are for nothing
 * else, so that Slack is never kept waiting by what a release does with the store.
 */
export function createInbox(db: Kysely<Tables>, connections: pg.Pool): Inbox {
  const receive = createBatches(
    RECEIVING,
    async (deliveries: readonly Delivery[]) => {
      const ids = deliveries.map(({ id }) => id)
      const payloads = deliveries.map(({ payload }) => JSON.stringify(payload ?? null))
      const { rows } = await connections.query<{ id: string }>({ ...RECEIVE, values: [ids, payloads] })
      const added = new Set(rows.map(({ id }) => id))
      // The first of several with one id is the one that was stored.
      return ids.map((id) => added.delete(id))
    },
    isInvalidValue,
  )
  const handled = createBatches(HANDLING, async (ids: readonly string[]) => {
    await connections.query({ ...HANDLED, values: [ids] })
    return ids.map(() => undefined)
  })
  return {
    receive,
    handled,

    hold: async (ids) => {
      if (ids.length === 0) return
      await db
        .updateTable('inbox')
        .set({ claimed_until: CLAIMED })
        .where('id', 'in', [...ids])
        .where('handled_at', 'is', null)
        .execute()
    },

    left: async (olderThanMs) => {
      const unclaimed = db
        .selectFrom('inbox')
        .select('id')
        .where('handled_at', 'is', null)
        .where('received_at', '<=', sql<Date>`now() - ${olderThanMs}::float8 * interval '1 millisecond'`)
        .where((where) => where.or([where('claimed_until', 'is', null), where('claimed_until', '<', sql<Date>`now()`)]))
        .orderBy('received_at')
        .limit(100)
        .forUpdate()
        .skipLocked()
      const rows = await db
        .updateTable('inbox')
        .set({ claimed_until: CLAIMED })
        .where('id', 'in', unclaimed)
        .returning(['id', 'payload', 'received_at'])
        .execute()
      return rows
        .map(({ id, payload, received_at }) => ({ id, payload, receivedAt: received_at }))
        .sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime())
    },
  }
}

/** Such as a text that Postgres does not take. https://www.postgresql.org/docs/18/errcodes-appendix.html, class 22 */
function isInvalidValue(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('22')
}
