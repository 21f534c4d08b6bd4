/** What both who deliver from the outbox, to Slack and to webhooks, do with the rows that wait there. */
import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Listener } from './listener.ts'
import { storable, type Tables } from './schema.ts'
import { minimumVersion, readMinimumVersion, type VersionWatch } from './version.ts'

/** While the store can't be reached, no notification arrives. */
export const shortWaitMs = 1000

/** Which of the outbox's rows are meant. */
export const waitingMessages = sql<SqlBool>`state = 'waiting' and kind <> 'webhook'`
export const waitingWebhooks = sql<SqlBool>`kind = 'webhook' and state = 'waiting'`

/**
 * Counts a try before it is made. False: the row does not wait any more, so nothing may be sent. Throws where the store
 * wants a newer version of this program.
 */
export async function countTry(db: Kysely<Tables>, version: VersionWatch, id: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('outbox')
    .set((set) => ({
      tries: set('tries', '+', 1),
      first_tried_at: sql<Date>`coalesce(first_tried_at, clock_timestamp())`,
    }))
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .where(sql<SqlBool>`${minimumVersion} <= ${version.number}`)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) version.assertMayWork(await readMinimumVersion(db))
  return numUpdatedRows > 0n
}

/** Moves the next try; `reason`: why the last one failed, where people are shown it. A row that was settled is left. */
export async function postponeTry(
  db: Kysely<Tables>,
  id: number,
  next: { readonly at: RawBuilder<Date>; readonly reason?: string },
): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ not_before: next.at, ...(next.reason !== undefined && { reason: storable(next.reason) }) })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute()
}

/** Ends a row that is not delivered. A row that was settled is left. */
export async function giveUp(db: Kysely<Tables>, id: number, reason: string): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ state: 'given up', settled_at: sql<Date>`now()`, reason: storable(reason) })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute()
}

export interface WaitForDue {
  readonly db: Kysely<Tables>
  readonly listener: Listener
  /** Which rows are waited for. */
  readonly rows: RawBuilder<SqlBool>
  /** The count of notifications at the last read of what is due. */
  readonly looked: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Ends with the first row put in since the last read, at the time of the next postponed one, or after `timeoutMs`. */
export async function waitForDue({ db, listener, rows, looked, timeoutMs, signal }: WaitForDue): Promise<void> {
  const listening = await listener.ready()
  if (signal.aborted || listener.signs() !== looked) return
  const toNext = listening ? await untilNextDue(db, rows).catch(() => shortWaitMs) : shortWaitMs
  await listener.next(looked, Math.min(timeoutMs, toNext ?? timeoutMs), signal)
}

/** How long until the next postponed row's time, in ms; undefined when none is postponed. */
async function untilNextDue(db: Kysely<Tables>, rows: RawBuilder<SqlBool>): Promise<number | undefined> {
  const { ms } = await db
    .selectFrom('outbox')
    .select(sql<number | null>`ceil(extract(epoch from min(not_before) - now()) * 1000)::float8`.as('ms'))
    .where(rows)
    .where('not_before', '>', sql<Date>`now()`)
    .executeTakeFirstOrThrow()
  return ms ?? undefined
}
