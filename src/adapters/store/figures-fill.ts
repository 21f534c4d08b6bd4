/** The rows of the figures for what older versions have released, and how rows are forgotten. */
import { type Kysely, type SqlBool, sql } from 'kysely'
import { hasEnded, RELEASE_STATES } from '../../release/terms.ts'
import { countReleases, openOnes, putCounted } from './counted-rows.ts'
import type { Tables } from './schema.ts'

/** No figure looks further back. */
const KEPT_DAYS = 400
const longAgo = sql<Date>`now() - make_interval(days => ${KEPT_DAYS})`

const notEnded = RELEASE_STATES.filter((state) => !hasEnded(state))

const FILLED_AT_ONCE = 200
const FORGOTTEN_AT_ONCE = 500

/**
 * Counts releases that an older version has ended, the newest first, until all of the last 400 days are, for at most so
 * long; and those that it left open. Safe to repeat, also from several processes. Returns whether all are counted.
 */
export async function fillFigures(db: Kysely<Tables>, forMs: number): Promise<boolean> {
  const until = performance.now() + forMs
  for (;;) {
    const isDone = await db.transaction().execute(fillSome)
    if (isDone === undefined || isDone || performance.now() > until) break
  }
  await countOpen(db)
  return isFilled(db)
}

/** Returns whether nothing is left; undefined: another process fills. */
async function fillSome(trx: Kysely<Tables>): Promise<boolean | undefined> {
  const filled = await trx.selectFrom('figures_filled').select('below').forUpdate().skipLocked().executeTakeFirst()
  if (filled === undefined) return undefined
  const below = filled.below ?? (await fillBegins(trx))
  if (below <= 1) return true
  const from = Math.max(1, below - FILLED_AT_ONCE)
  const missing = await trx
    .selectFrom('release')
    .select(['number', sql<boolean>`ended_at < ${longAgo}`.as('isOld')])
    .where('number', '>=', from)
    .where('number', '<', below)
    .where(sql<SqlBool>`not exists (select from release_figures f where f.release = release.number)`)
    .orderBy('number')
    .execute()
  const counted = missing.filter(({ isOld }) => isOld !== true).map(({ number }) => number)
  if (counted.length > 0) await putCounted(trx, await countReleases(trx, counted), 'keep')
  // Releases are numbered by their requests, and one that took long has ended after later ones: all of them must be old.
  const isOver = missing.length > 0 && counted.length === 0
  await trx
    .updateTable('figures_filled')
    .set({ below: isOver ? 1 : from })
    .execute()
  return isOver || from === 1
}

/** Those that are not ended first, wherever their numbers are. Returns the number below which the others are filled in. */
async function fillBegins(trx: Kysely<Tables>): Promise<number> {
  const { last } = await trx.selectFrom('release_number').select('last').executeTakeFirstOrThrow()
  const open = await trx.selectFrom('release').select('number').where('state', 'in', notEnded).execute()
  const numbers = open.map(({ number }) => number)
  if (numbers.length > 0) await putCounted(trx, await countReleases(trx, numbers), 'keep')
  await trx
    .updateTable('figures_filled')
    .set({ below: last + 1 })
    .execute()
  return last + 1
}

async function isFilled(db: Kysely<Tables>): Promise<boolean> {
  const { below } = await db.selectFrom('figures_filled').select('below').executeTakeFirstOrThrow()
  return below !== null && below <= 1
}

/** A transaction of an older version may have ended a release after it was looked at as not ended. */
async function countOpen(db: Kysely<Tables>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const open = await openOnes(trx)
    const ended = open.filter(({ state }) => hasEnded(state)).map(({ number }) => number)
    if (ended.length > 0) await putCounted(trx, await countReleases(trx, ended), 'replace')
  })
}

/** Deletes some of the rows that no figure reads any more. */
export async function forgetFigures(db: Kysely<Tables>): Promise<void> {
  await sql`
    delete from release_figures where release in (
      select release from release_figures where at < ${longAgo} and ended_at is not null
      order by at limit ${FORGOTTEN_AT_ONCE} for update skip locked
    )`.execute(db)
}
