import { type Kysely, sql } from 'kysely'
import type { Tables } from './schema.ts'

/** The sizes of the outbox's and the inbox's backlogs, for metrics. */
export function createWaiting(db: Kysely<Tables>) {
  return {
    async outbox(): Promise<{ waiting: number; oldestAgeMs: number }> {
      const { waiting, age } = await db
        .selectFrom('outbox')
        .where('state', '=', 'waiting')
        .select([
          sql<number>`count(*)::int`.as('waiting'),
          sql<number>`coalesce(extract(epoch from now() - min(put_in_at)), 0)::float8 * 1000`.as('age'),
        ])
        .executeTakeFirstOrThrow()
      return { waiting, oldestAgeMs: age }
    },
    async inboxUnhandled(): Promise<number> {
      const { left } = await db
        .selectFrom('inbox')
        .where('handled_at', 'is', null)
        .select(sql<number>`count(*)::int`.as('left'))
        .executeTakeFirstOrThrow()
      return left
    },
  }
}
