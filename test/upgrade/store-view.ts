/** What the store says, read by its tables as the version before has made them; both versions are asked in the same words. */
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from '../support/postgres.ts'

export interface ReleaseRow {
  readonly number: number
  readonly kind: string
  readonly state: string
  readonly attempt: number
  readonly fingerprint: string | null
  readonly cardTs: string | null
  readonly gate: string | null
  /** `done some` by step. */
  readonly steps: Readonly<Record<string, string>>
}

export interface Waiting {
  readonly id: number
  readonly kind: string
  readonly release: number | null
  readonly key: string | null
  readonly message: Readonly<Record<string, unknown>>
}

export interface JobRow {
  readonly kind: string
  readonly release: number | null
  readonly state: string
}

/** Rows of events, postings and jobs, by their ids, with a name for what they are and the JSON that they hold. */
export type Written = ReadonlyMap<string, { readonly what: string; readonly holds: object }>

export interface StoreView {
  query<Row extends object>(sql: string): Promise<readonly Row[]>
  /** The newest release of an environment. Throws when there is none. */
  release(environment: string): Promise<ReleaseRow>
  /** Waits for the newest release of an environment to be in a state, or to do what `looks` asks for. */
  reaches(environment: string, state: string | RegExp, looks?: (release: ReleaseRow) => boolean): Promise<ReleaseRow>
  /** Postings that Slack has not taken yet, in order. */
  waiting(): Promise<readonly Waiting[]>
  /** Jobs that wait, are in hand, or will be tried again. */
  jobs(): Promise<readonly JobRow[]>
  /** Every event, posting and job there is. */
  written(): Promise<Written>
  /** The event types of a release, in order. */
  events(number: number): Promise<readonly string[]>
  /** Everything that is stored of a release, as text. */
  everythingOf(number: number): Promise<string>
  /** The number of each environment's newest release. */
  numbers(): Promise<Readonly<Record<string, number>>>
  /** Each environment's digest, once for all workers that agree. */
  digests(): Promise<readonly Readonly<Record<string, string>>[]>
  /** How many workers have said that they are there. */
  workers(): Promise<number>
  /** When all workers were seen last, in SQL. */
  workersWereSeen(at: string): Promise<void>
  /** Numbers of the advisory locks that are held in the store's database, and not only for a moment. */
  locks(): Promise<readonly string[]>
  /** Whether anybody is in the middle of a transaction. */
  isInTransaction(): Promise<boolean>
  /** The time that a living process would have given a sign of life in is over. What bots left unhandled stays unhandled. */
  processesAreDead(): Promise<void>
  /** What has been done so far, as one word: it is another one after each step forward. */
  progress(): Promise<string>
  /** Time passes for what Slack has not taken: it is tried again now, and not in half a minute. */
  postingsAreDue(): Promise<void>
  /** The same for the jobs of a release: the next try is now. Gives how often they were tried. */
  jobIsDue(release: number): Promise<number>
  /** Works on until nothing is owed but what this release owes, or nothing goes forward any more. Gives what is owed still. */
  still(exceptOf: number): Promise<readonly string[]>
  /** Waits until `look` gives something, for as long as anything goes forward. */
  until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T>
}

/** A machine with other work may stand still for this long. */
const STANDS_STILL_MS = 20_000
/** Postgres's code for a table that is not there: the first process has not made it yet. */
const UNDEFINED_TABLE = '42P01'

const PROGRESS = `
  select concat_ws(' ', (select count from event_chain),
    (select count(*) from outbox where state <> 'waiting'), (select count(*) from inbox where handled_at is not null),
    (select count(*) from step where state <> 'pending'), (select count(*) from release),
    (select count(*) from pgboss.job where state = 'completed')) as word`

export function createStoreView(url: string): StoreView {
  async function query<Row extends object>(sql: string): Promise<readonly Row[]> {
    try {
      return await ask<Row>(url, sql)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === UNDEFINED_TABLE) return []
      throw error
    }
  }

  async function newest(environment: string): Promise<ReleaseRow | undefined> {
    const [app, name] = environment.split(' ')
    const [row] = await query<ReleaseRow>(`
      select number, kind, state, attempt, fingerprint, card_ts as "cardTs", problem->'because'->>'gate' as gate,
        (select coalesce(json_object_agg(name, step.state || ' ' || effect), '{}') from step where release = number) as steps
      from release where app = '${app}' and environment = '${name}' order by number desc limit 1`)
    return row
  }

  async function progress(): Promise<string> {
    return (await query<{ word: string }>(PROGRESS))[0]?.word ?? ''
  }

  async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
    let last = ''
    let since = performance.now()
    for (;;) {
      const found = await look()
      if (found !== undefined && found !== false) return found
      const now = await progress()
      if (now !== last) since = performance.now()
      last = now
      if (performance.now() - since > STANDS_STILL_MS) {
        throw new Error(`nothing went forward for ${STANDS_STILL_MS} ms, waiting for ${what}`)
      }
      await delay(40)
    }
  }

  async function postingsAreDue(): Promise<void> {
    await query(`update outbox set not_before = now() where state = 'waiting' and not_before > now()`)
  }

  async function workIsDue(exceptOf: number): Promise<void> {
    await query(`update pgboss.job set start_after = now()
      where state = 'retry' and start_after > now() and data->>'release' is distinct from '${exceptOf}'`)
    await query(`update inbox set received_at = now() - interval '1 hour' where handled_at is null`)
  }

  async function owed(exceptOf: number): Promise<readonly string[]> {
    const rows = await query<{ what: string }>(`
      select concat_ws(' ', 'posting', kind, release, key, message->'message'->>'is') as what from outbox where state = 'waiting'
      union all select 'delivery ' || id from inbox where handled_at is null
      union all select concat_ws(' ', 'job', data->>'kind', data->>'release', state) from pgboss.job
        where state in ('created', 'retry', 'active') and data->>'release' is distinct from '${exceptOf}'
      union all select concat_ws(' ', 'release', number, app, environment, state) from release
        where state in ('planning', 'approved', 'running') and number <> ${exceptOf}`)
    return rows.map(({ what }) => what)
  }

  return {
    query,
    progress,
    until,
    postingsAreDue,
    async still(exceptOf) {
      let left: readonly string[] = []
      const look = async () => {
        await postingsAreDue()
        await workIsDue(exceptOf)
        left = await owed(exceptOf)
        return left.length === 0
      }
      await until('everything to be done', look).catch(() => undefined)
      return left
    },
    async release(environment) {
      const found = await newest(environment)
      if (found === undefined) throw new Error(`${environment} has no release`)
      return found
    },
    reaches(environment, wanted, looks = () => true) {
      const is = (state: string) => (typeof wanted === 'string' ? state === wanted : wanted.test(state))
      return until(`${environment} to be ${wanted}`, async () => {
        const found = await newest(environment)
        return found !== undefined && is(found.state) && looks(found) && found
      })
    },
    waiting: () => query(`select id, kind, release, key, message from outbox where state = 'waiting' order by id`),
    jobs: () =>
      query(`select data->>'kind' as kind, (data->>'release')::int as release, state::text from pgboss.job
        where state in ('created', 'retry', 'active') order by 1, 2`),
    async written() {
      const rows = await query<{ id: string; what: string; holds: object }>(`
        select 'event ' || id as id, 
          concat_ws(' ', 'event', type, case when type like 'step%' then body::json->'data'->>'step' end) as what,
          body::json->'data' as holds from event
        union all select 'posting ' || id,
          concat_ws(' ', 'posting', kind, message->'line'->>'is', message->'message'->>'is'), message from outbox
        union all select 'job ' || id, concat_ws(' ', 'job', data->>'kind'), data::json from pgboss.job`)
      return new Map(rows.map(({ id, ...row }) => [id, row]))
    },
    async events(number) {
      const rows = await query<{ type: string }>(`select type from event where release = ${number} order by id`)
      return rows.map(({ type }) => type)
    },
    async locks() {
      const held = `select distinct classid || '/' || objid as lock from pg_locks
        where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`
      let lasting: readonly string[] | undefined
      for (let look = 0; look < 10; look++) {
        const now = (await query<{ lock: string }>(held)).map(({ lock }) => lock)
        lasting = lasting?.filter((lock) => now.includes(lock)) ?? now
        await delay(30)
      }
      return lasting?.toSorted() ?? []
    },
    async everythingOf(number) {
      const rows = await query<{ text: string }>(`
        select body as text from event where release = ${number} union all
        select concat_ws(' ', plan, problem, reason, end_reason, requester_name, ended_by_name) from release
          where number = ${number} union all
        select concat_ws(' ', result) from step where release = ${number} union all
        select concat_ws(' ', person_name, note, "right") from sign_off where release = ${number}`)
      return rows.map(({ text }) => text).join('\n')
    },
    async numbers() {
      const rows = await query<{ number: number; environment: string }>(
        `select number, app || ' ' || environment as environment from release order by number`,
      )
      return Object.fromEntries(rows.map(({ environment, number }) => [environment, number]))
    },
    async digests() {
      const rows = await query<{ text: string }>('select distinct configurations::text as text from worker')
      return rows.map(({ text }) => JSON.parse(text) as Record<string, string>)
    },
    workers: async () => (await query('select from worker')).length,
    workersWereSeen: async (at) => void (await query(`update worker set at = ${at}`)),
    async isInTransaction() {
      const open = `select from pg_stat_activity where datname = current_database() and xact_start is not null
        and pid <> pg_backend_pid()`
      return (await query(open)).length > 0
    },
    async processesAreDead() {
      await query(`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`)
      await query(`update inbox set received_at = now() + interval '1 day' where handled_at is null`)
    },
    async jobIsDue(release) {
      await query(`update pgboss.job set start_after = now()
        where state = 'retry' and start_after > now() and data->>'release' = '${release}'`)
      const rows = await query<{ tries: number }>(
        `select coalesce(sum(retry_count), 0)::int as tries from pgboss.job where data->>'release' = '${release}'`,
      )
      return rows[0]?.tries ?? 0
    },
  }
}
