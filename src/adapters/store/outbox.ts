import { type Kysely, type SqlBool, sql } from 'kysely'
import type pg from 'pg'
import type { OutboxMessage } from '../../release/messages.ts'
import type { Outbox, Posting } from '../../release/ports/deliveries.ts'
import type { Report } from './connection.ts'
import { createListener, type Listener } from './listener.ts'
import { withLock } from './lock.ts'
import { OUTBOX_CHANNEL } from './put-message.ts'
import { present } from './reads.ts'
import { storable, type Tables } from './schema.ts'
import type { RunTransaction } from './transaction.ts'
import { minimumVersion, readMinimumVersion, type VersionWatch } from './version.ts'

/** A moment in 1973. A lower value is a duration by mistake, and would be retried at once forever. */
const earliestMoment = 1e11

/** While the store can't be reached, no notification arrives. */
const shortWaitMs = 1000

export interface OutboxParts {
  readonly db: Kysely<Tables>
  readonly connect: pg.ClientConfig
  readonly transaction: RunTransaction
  readonly version: VersionWatch
  readonly report: Report
}

/** As the port says. `close` ends its listening connection. */
export function createOutbox({
  db,
  connect,
  transaction,
  version,
  report,
}: OutboxParts): Outbox & { close(): Promise<void> } {
  const listener: Listener = createListener(connect, OUTBOX_CHANNEL, report)
  /** The count of notifications at the last read of the outbox. */
  let looked = 0

  return {
    deliverAlone: async (work) => (await withLock(connect, 'outbox', work)) !== 'held',

    due: async (limit) => {
      looked = listener.signs()
      const { postings, minimum } = await readDue(db, limit)
      return version.mayWork(minimum) ? postings : []
    },

    trying: async (id) => {
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
      if (numUpdatedRows > 0n) return
      version.assertMayWork(await readMinimumVersion(db))
      throw new Error(`The outbox message ${id} is not waiting: it was sent or given up.`)
    },

    confirmed: (id, posted, then) =>
      transaction(async (tx, trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('outbox')
          .set({
            state: 'sent',
            settled_at: sql<Date>`now()`,
            posted_channel: posted?.channel ?? null,
            posted_ts: posted?.ts ?? null,
          })
          .where('id', '=', id)
          .where('state', '=', 'waiting')
          .executeTakeFirstOrThrow()
        // If it was confirmed before, its consequences are recorded already.
        if (numUpdatedRows > 0n) await then?.(tx)
      }),

    postpone: async (id, untilMs) => {
      if (untilMs < earliestMoment) throw new RangeError('postpone takes a moment, in milliseconds since 1970')
      await db
        .updateTable('outbox')
        .set({ not_before: sql<Date>`to_timestamp(${untilMs}::float8 / 1000)` })
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .execute()
    },

    giveUp: async (id, reason) => {
      await db
        .updateTable('outbox')
        .set({ state: 'given up', settled_at: sql<Date>`now()`, reason: storable(reason) })
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .execute()
    },

    wait: async (timeoutMs, signal) => {
      const listening = await listener.ready()
      if (signal.aborted || listener.signs() !== looked) return
      const toNext = listening ? await untilNextDue(db).catch(() => shortWaitMs) : shortWaitMs
      await listener.next(looked, Math.min(timeoutMs, toNext ?? timeoutMs), signal)
    },

    close: () => listener.close(),
  }
}

/** How long until the next postponed message's time, in ms; undefined when none is postponed. */
async function untilNextDue(db: Kysely<Tables>): Promise<number | undefined> {
  const { ms } = await db
    .selectFrom('outbox')
    .select(sql<number | null>`ceil(extract(epoch from min(not_before) - now()) * 1000)::float8`.as('ms'))
    .where('state', '=', 'waiting')
    .where('not_before', '>', sql<Date>`now()`)
    .executeTakeFirstOrThrow()
  return ms ?? undefined
}

/**
 * Each release has two streams, of which only the first message is due: its cards, and its ordered messages (lines and the
 * announcement), which wait for its first card. Private messages wait only for their time.
 */
async function readDue(db: Kysely<Tables>, limit: number): Promise<{ postings: readonly Posting[]; minimum: number }> {
  const { rows } = await sql<{
    id: number
    message: OutboxMessage
    tries: number
    first_tried_at: Date | null
    put_in_at: Date
    minimum: number
  }>`
    select id, message, tries, first_tried_at, put_in_at, ${minimumVersion} as minimum
    from outbox o
    where state = 'waiting' and not_before <= now() and case kind
      when 'private' then true
      when 'card' then not exists (
        select from outbox e where e.state = 'waiting' and e.release = o.release and e.id < o.id and e.kind = 'card'
      )
      else not exists (
        select from outbox e
        where e.state = 'waiting' and e.release = o.release and (
          (e.id < o.id and e.kind not in ('card', 'private'))
          or (e.kind = 'card' and (select card_ts from release where number = o.release) is null)
        )
      )
    end
    order by id limit ${limit}`.execute(db)
  const postings = rows.map((row) => ({
    id: row.id,
    message: row.message,
    tries: row.tries,
    putInAt: row.put_in_at,
    ...present('firstTriedAt', row.first_tried_at),
  }))
  return { postings, minimum: rows[0]?.minimum ?? 0 }
}
