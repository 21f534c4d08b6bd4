/** The heads of the environments that are deployed automatically. */
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Head } from '../../release/automatic.ts'
import { OUTBOX_CHANNEL } from './put-message.ts'
import type { Tables } from './schema.ts'
import { present } from './whole-releases.ts'

/** As Store.heads. */
export async function readHeads(db: Kysely<Tables>): Promise<readonly Head[]> {
  const rows = await db.selectFrom('head').selectAll().orderBy('app').orderBy('environment').execute()
  return rows.map(toHead)
}

/** As Transaction.head. */
export async function readHead(db: Kysely<Tables>, app: string, environment: string): Promise<Head | undefined> {
  const row = await db
    .selectFrom('head')
    .selectAll()
    .where('app', '=', app)
    .where('environment', '=', environment)
    .executeTakeFirst()
  return row && toHead(row)
}

/** As Transaction.putHead. Bots listen to one channel, for messages and for releases that are due. */
export async function putHead(trx: Kysely<Tables>, head: Head): Promise<void> {
  const { app, environment, configuration, commit, state } = head
  const columns = {
    ...{ configuration, commit, state },
    seen_at: head.seenAt,
    told: head.told ?? null,
    release: head.release ?? null,
    held_back: head.heldBack ?? null,
    watchers: JSON.stringify(head.watchers),
  }
  await trx
    .insertInto('head')
    .values({ app, environment, ...columns })
    .onConflict((conflict) => conflict.columns(['app', 'environment']).doUpdateSet(columns))
    .execute()
  if (state === 'due') await sql`select pg_notify(${OUTBOX_CHANNEL}, '')`.execute(trx)
}

function toHead(row: Selectable<Tables['head']>): Head {
  const { app, environment, configuration, commit, state, watchers } = row
  return {
    ...{ app, environment, configuration, commit, state, watchers },
    seenAt: row.seen_at,
    ...present('told', row.told),
    ...present('release', row.release),
    ...present('heldBack', row.held_back),
  }
}
