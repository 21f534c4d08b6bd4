import { type Kysely, sql } from 'kysely'
import type { Inbox } from '../../release/ports/deliveries.ts'
import type { Tables } from './schema.ts'

/** Deletes a delivery's payload once it is handled, and keeps its id to recognize late repeats. */
export function createInbox(db: Kysely<Tables>): Inbox {
  return {
    receive: async ({ id, payload }) => {
      const added = await db
        .insertInto('inbox')
        .values({ id, payload: JSON.stringify(payload ?? null) })
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .executeTakeFirst()
      return added !== undefined
    },

    handled: async (id) => {
      await db.updateTable('inbox').set({ handled_at: sql`now()`, payload: null }).where('id', '=', id).execute()
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
        .set({ claimed_until: sql`now() + interval '60 seconds'` })
        .where('id', 'in', unclaimed)
        .returning(['id', 'payload', 'received_at'])
        .execute()
      return rows
        .map(({ id, payload, received_at }) => ({ id, payload, receivedAt: received_at }))
        .sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime())
    },
  }
}
