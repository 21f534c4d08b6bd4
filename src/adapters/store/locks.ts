/** The rows of locks and of the people who wait for an environment, as in ports/locks.ts. */
import type { Kysely, Selectable, SqlBool } from 'kysely'
import { sql } from 'kysely'
import { defined } from '../../lib/defined.ts'
import type { Lock, LockPlace } from '../../release/lock.ts'
import type { LockFilter, LockRows } from '../../release/ports/locks.ts'
import { mayBecome, RELEASE_STATES } from '../../release/terms.ts'
import { storable, type Tables } from './schema.ts'

/** The names in the rows of a lock over all. */
const ALL = { app: '', environment: '' }

const DEFAULT_LIMIT = 500

/** `now`: the transaction's time. */
export function createLockRows(trx: Kysely<Tables>, now: Date): LockRows {
  return {
    open: () => readLocks(trx, { open: true }),
    lock: (id) => readLock(trx, id),
    add: async ({ on, holder, reason, until }) => {
      const row = await trx
        .insertInto('environment_lock')
        .values({
          ...columnsOf(on),
          holder_id: holder.id,
          holder_name: storable(holder.name),
          reason: storable(reason),
          until: until ?? null,
        })
        .returningAll()
        .executeTakeFirstOrThrow()
      return toLock(row)
    },
    change: async (id, change) => {
      const columns =
        'ended' in change
          ? {
              ended_at: now,
              ended_how: change.ended.how,
              ended_by_id: change.ended.by?.id ?? null,
              ended_by_name: change.ended.by ? storable(change.ended.by.name) : null,
            }
          : {
              ...('until' in change && { until: change.until ?? null }),
              ...defined({ reason: change.reason === undefined ? undefined : storable(change.reason) }),
            }
      const row = await trx
        .updateTable('environment_lock')
        .set(columns)
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) throw new Error(`There is no open lock ${id} to change.`)
      return toLock(row)
    },
    delivered: async (key, lock) => {
      await trx.insertInto('lock_delivery').values({ key, lock }).execute()
    },
    deliveredTo: async (key) => {
      const row = await trx
        .selectFrom('environment_lock')
        .innerJoin('lock_delivery', 'lock_delivery.lock', 'environment_lock.id')
        .where('lock_delivery.key', '=', key)
        .selectAll('environment_lock')
        .executeTakeFirst()
      return row && toLock(row)
    },
    watch: async ({ app, environment, person }) => {
      await trx
        .insertInto('free_watch')
        .values({ app, environment, person_id: person })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    watches: async () => {
      const rows = await trx.selectFrom('free_watch').selectAll().orderBy('id').execute()
      return rows.map(({ id, app, environment, person_id }) => ({ id, app, environment, person: person_id }))
    },
    endWatch: async (id) => {
      await trx.deleteFrom('free_watch').where('id', '=', id).execute()
    },
  }
}

/** As Store.locks: the newest first; the open ones in the order in which they were set. */
export async function readLocks(db: Kysely<Tables>, filter: LockFilter): Promise<readonly Lock[]> {
  const { open, app, environment, limit = DEFAULT_LIMIT } = filter
  let query = db
    .selectFrom('environment_lock')
    .selectAll()
    .orderBy('id', open ? 'asc' : 'desc')
    .limit(limit)
  if (open) query = query.where('ended_at', 'is', null)
  // A lock over all belongs to every environment.
  if (app !== undefined) query = query.where('app', 'in', [app, ALL.app])
  if (environment !== undefined) query = query.where('environment', 'in', [environment, ALL.environment])
  return (await query.execute()).map(toLock)
}

export async function readLock(db: Kysely<Tables>, id: number): Promise<Lock | undefined> {
  const row = await db.selectFrom('environment_lock').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toLock(row)
}

/** The states before the approval, in which a lock can still hold a release back. */
const BEFORE_APPROVAL = RELEASE_STATES.filter((state) => state !== 'needs attention' && mayBecome(state, 'approved'))

/** As Transaction.waitingCards. */
export async function readWaitingCards(
  trx: Kysely<Tables>,
  of?: { readonly app: string; readonly environment?: string },
): Promise<readonly number[]> {
  let query = trx
    .selectFrom('release')
    .select('number')
    // Spelled out, so that Postgres uses the index of releases that have not ended.
    .where(sql<SqlBool>`state in (${sql.join(BEFORE_APPROVAL.map((state) => sql.lit(state)))})`)
    .where(
      sql<SqlBool>`(card_ts is not null or exists (
        select from outbox where outbox.release = release.number and outbox.kind = 'card'))`,
    )
    .orderBy('number')
  if (of !== undefined) query = query.where('app', '=', of.app)
  if (of?.environment !== undefined) query = query.where('environment', '=', of.environment)
  return (await query.execute()).map(({ number }) => number)
}

function columnsOf(on: LockPlace): { app: string; environment: string } {
  return on.is === 'all' ? ALL : { app: on.app, environment: on.environment }
}

function toLock(row: Selectable<Tables['environment_lock']>): Lock {
  const { ended_at: at, ended_how: how, ended_by_id: by } = row
  return {
    id: row.id,
    on: row.app === '' ? { is: 'all' } : { is: 'environment', app: row.app, environment: row.environment },
    holder: { id: row.holder_id, name: row.holder_name },
    reason: row.reason,
    since: row.since,
    ...defined({
      until: row.until ?? undefined,
      ended:
        at === null || how === null
          ? undefined
          : { at, how, ...(by !== null && { by: { id: by, name: row.ended_by_name ?? by } }) },
    }),
  }
}
