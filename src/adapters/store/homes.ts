/** The App Homes that people have opened, as Homes says. */
import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import { HOME_PACE, type HomePace, type Homes, type OpenHome } from '../../release/ports/homes.ts'
import type { Tables } from './schema.ts'
import { present } from './whole-releases.ts'

/** Longer than drawing and publishing take. */
const CLAIM_MS = 15_000
/** A minute, and what a call may take to reach Slack after it was counted. */
const MINUTE_MS = 61_000

const ms = (value: number) => sql`${value}::float8 * interval '1 millisecond'`
const from = (value: number) => sql<Date>`now() + ${ms(value)}`
const ago = (value: number) => sql<Date>`now() - ${ms(value)}`

export function createHomes(db: Kysely<Tables>, pace: HomePace = HOME_PACE): Homes {
  const { everyMs, aMinute, keptForOpened, followsForMs, lookEveryMs, lookAgainMs } = pace

  /** The row, while the claim on it holds. */
  const held = ({ person, claim }: OpenHome, trx = db) =>
    trx.updateTable('home').where('person', '=', person).where('claim', '=', claim)
  /** The open that this look has answered; a later one is still to be answered. */
  const unlessAskedSince = ({ askedAt }: OpenHome) =>
    sql<Date | null>`case when asked_at is not distinct from ${askedAt ?? null}::timestamptz then null else asked_at end`

  return {
    async opened(person, { at, hash }) {
      const openedAt = at === undefined ? sql<Date>`now()` : sql<Date>`${at}::timestamptz`
      const known = hash === undefined ? sql<string | null>`home.hash` : sql<string | null>`${hash}::text`
      await sql`
        insert into home (person, opened_at, asked_at, not_before, hash)
        values (${person}, ${openedAt}, clock_timestamp(), now(), ${hash ?? null})
        on conflict (person) do update set
          opened_at = greatest(home.opened_at, excluded.opened_at),
          asked_at = clock_timestamp(),
          not_before = now(),
          shown = case when home.hash is not distinct from ${known} then home.shown end,
          hash = ${known}`.execute(db)
    },

    async asked(person) {
      await db
        .updateTable('home')
        .set({ asked_at: sql<Date>`clock_timestamp()`, not_before: sql<Date>`now()` })
        .where('person', '=', person)
        .execute()
    },

    async next() {
      const { rows } = await sql<Selectable<Tables['home']>>`
        update home set claim = claim + 1, claimed_until = ${from(CLAIM_MS)}, looked_at = now(),
          looked_events = (select count from event_chain)
        where person = (
          select person from home
          where not_before <= now() and coalesce(claimed_until, '-infinity') < now()
            and coalesce(published_at, '-infinity') <= ${ago(everyMs)}
            and (asked_at > ${ago(followsForMs)} or (opened_at > ${ago(followsForMs)} and (
              claimed_until is not null or looked_at is null or looked_at <= ${ago(lookEveryMs)}
              or looked_events is distinct from (select count from event_chain)
            )))
          order by asked_at nulls last, looked_at nulls first limit 1 for update skip locked
        )
        returning *`.execute(db)
      const [row] = rows
      if (row !== undefined) return { home: toHome(row) }
      const followed = await db
        .selectFrom('home')
        .select('person')
        .where('opened_at', '>', ago(followsForMs))
        .limit(1)
        .execute()
      return { isAnyFollowed: followed.length > 0 }
    },

    mayPublish: (home) =>
      db.transaction().execute(async (trx) => {
        // Bots wait here for each other, so that all of them together keep the pace.
        const { recent, now } = await trx
          .selectFrom('home_pace')
          .select([
            sql<Date[]>`array(select each from unnest(at) each where each > ${ago(MINUTE_MS)} order by each)`.as(
              'recent',
            ),
            sql<Date>`clock_timestamp()`.as('now'),
          ])
          .forUpdate()
          .executeTakeFirstOrThrow()
        const most = home.askedAt === undefined ? Math.max(1, aMinute - keptForOpened) : aMinute
        const inTheWay = recent.at(-most)
        if (inTheWay !== undefined) {
          const waitMs = inTheWay.getTime() + MINUTE_MS - now.getTime()
          await held(home, trx)
            .set({ claimed_until: null, looked_events: null, not_before: from(waitMs) })
            .execute()
          return false
        }
        const { numUpdatedRows } = await held(home, trx)
          .set({ published_at: sql<Date>`clock_timestamp()` })
          .where(sql<SqlBool>`claimed_until > now()`)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) return false
        await trx
          .updateTable('home_pace')
          .set({
            at: sql<
              Date[]
            >`array(select each from unnest(at) each where each > ${ago(MINUTE_MS)}) || ${now}::timestamptz`,
          })
          .execute()
        return true
      }),

    async published(home, { hash, shown }) {
      await held(home)
        .set({
          hash: hash ?? null,
          shown,
          asked_at: unlessAskedSince(home),
          claimed_until: null,
          published_at: sql<Date>`now()`,
        })
        .execute()
    },

    async unchanged(home) {
      await held(home)
        .set({ asked_at: unlessAskedSince(home), claimed_until: null, not_before: from(lookAgainMs) })
        .execute()
    },

    async failed(home, afterMs) {
      await held(home)
        .set({
          hash: null,
          shown: null,
          claimed_until: null,
          looked_events: null,
          not_before: from(afterMs),
        })
        .execute()
    },

    async lastOpened() {
      const [last] = await db.selectFrom('home').select('opened_at').orderBy('opened_at', 'desc').limit(1).execute()
      return last?.opened_at
    },

    async dropped({ person, claim, askedAt }) {
      await db
        .deleteFrom('home')
        .where('person', '=', person)
        .where('claim', '=', claim)
        .where(sql<SqlBool>`asked_at is not distinct from ${askedAt ?? null}::timestamptz`)
        .execute()
    },
  }
}

function toHome(row: Selectable<Tables['home']>): OpenHome {
  return {
    person: row.person,
    claim: row.claim,
    events: row.looked_events ?? 0,
    ...present('askedAt', row.asked_at),
    ...present('hash', row.hash),
    ...present('shown', row.shown),
  }
}
