import { type Kysely, sql } from 'kysely'
import type pg from 'pg'
import type { OutboxMessage } from '../../release/messages.ts'
import type { Outbox, Posting } from '../../release/ports/deliveries.ts'
import type { ReleaseState } from '../../release/terms.ts'
import type { Report } from './connection.ts'
import { createListener, type Listener } from './listener.ts'
import { withLock } from './lock.ts'
import { OUTBOX_CHANNEL } from './put-message.ts'
import type { Tables } from './schema.ts'
import type { RunTransaction } from './transaction.ts'
import { countTry, giveUp, postponeTry, shortWaitMs, waitForDue, waitingMessages } from './undelivered.ts'
import { minimumVersion, type VersionWatch } from './version.ts'
import { present } from './whole-releases.ts'

/** A moment in 1973. A lower value is a duration by mistake, and would be retried at once forever. */
const earliestMoment = 1e11

export interface OutboxParts {
  readonly db: Kysely<Tables>
  readonly connect: pg.ClientConfig
  readonly transaction: RunTransaction
  readonly version: VersionWatch
  readonly report: Report
}

/** As the port says. `news`: as OpenStore says. `close` ends the listening connection of both. */
export function createOutbox({
  db,
  connect,
  transaction,
  version,
  report,
}: OutboxParts): Outbox & { news(timeoutMs: number, signal: AbortSignal): Promise<void>; close(): Promise<void> } {
  const listener: Listener = createListener(connect, OUTBOX_CHANNEL, report)
  /** The count of notifications at the last read of the outbox. */
  let looked = 0
  /** The same for `news`. */
  let heard = 0

  return {
    deliverAlone: async (work) => (await withLock(connect, 'outbox', work)) !== 'held',

    due: async (limit) => {
      looked = listener.signs()
      const { postings, minimum } = await readDue(db, limit)
      return version.mayWork(minimum) ? postings : []
    },

    behind: (id, limit) => readBehind(db, id, limit),

    trying: async (id) => {
      if (await countTry(db, version, id)) return
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
      await postponeTry(db, id, { at: sql<Date>`to_timestamp(${untilMs}::float8 / 1000)` })
    },

    giveUp: (id, reason) => giveUp(db, id, reason),

    wait: (timeoutMs, signal) => waitForDue({ db, listener, rows: waitingMessages, looked, timeoutMs, signal }),

    news: async (timeoutMs, signal) => {
      const listening = await listener.ready()
      if (!signal.aborted) await listener.next(heard, listening ? timeoutMs : shortWaitMs, signal)
      heard = listener.signs()
    },

    close: () => listener.close(),
  }
}

interface PostingRow {
  id: number
  message: OutboxMessage
  tries: number
  first_tried_at: Date | null
  put_in_at: Date
  is_overtaken: boolean
  app: string | null
  environment: string | null
  state: ReleaseState | null
  card_channel: string | null
  card_ts: string | null
}

const ofPosting = sql`o.id, o.message, o.tries, o.first_tried_at, o.put_in_at,
  o.kind = 'line' and exists (
    select from outbox e
    where e.kind = 'outcome' and coalesce(e.release, 0) = o.release and e.state = 'sent' and e.id > o.id
  ) as is_overtaken,
  r.app, r.environment, r.state, r.card_channel, r.card_ts`

/**
 * The messages of one kind of a release are a stream, of which only the first is due; all but cards wait for the release's
 * first card. Private messages wait only for their time.
 */
async function readDue(db: Kysely<Tables>, limit: number): Promise<{ postings: readonly Posting[]; minimum: number }> {
  const { rows } = await sql<PostingRow & { minimum: number }>`
    select ${ofPosting}, ${minimumVersion} as minimum
    from outbox o left join release r on r.number = o.release
    where o.state = 'waiting' and o.kind <> 'webhook' and o.not_before <= now() and (o.kind = 'private' or not exists (
      select from outbox e
      where e.state = 'waiting' and e.release = o.release and (
        (e.kind = o.kind and e.id < o.id) or (e.kind = 'card' and o.kind <> 'card' and r.card_ts is null)
      )
    ))
    order by o.id limit ${limit}`.execute(db)
  return { postings: rows.map(toPosting), minimum: rows[0]?.minimum ?? 0 }
}

/** The untried lines between this line and the first that was tried. */
async function readBehind(db: Kysely<Tables>, id: number, limit: number): Promise<readonly Posting[]> {
  const { rows } = await sql<PostingRow>`
    select ${ofPosting}
    from outbox f
    join outbox o on o.release = f.release and o.kind = 'line' and o.state = 'waiting' and o.id > f.id
    left join release r on r.number = o.release
    where f.id = ${id} and f.kind = 'line' and o.not_before <= now() and not exists (
      select from outbox e
      where e.release = f.release and e.kind = 'line' and e.state = 'waiting' and e.tries > 0
        and e.id > f.id and e.id <= o.id
    )
    order by o.id limit ${limit}`.execute(db)
  return rows.map(toPosting)
}

function toPosting(row: PostingRow): Posting {
  const { app, environment, state, card_channel: channel, card_ts: ts } = row
  const card = channel !== null && ts !== null ? { channel, ts } : null
  const of =
    app !== null && environment !== null && state !== null
      ? { app, environment, state, ...present('card', card) }
      : null
  return {
    id: row.id,
    message: row.message,
    tries: row.tries,
    putInAt: row.put_in_at,
    ...present('firstTriedAt', row.first_tried_at),
    ...present('isOvertaken', row.is_overtaken ? true : null),
    ...present('of', of),
  }
}
