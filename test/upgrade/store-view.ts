/** Reads the store by the tables and columns of the version before, and lets time pass in it. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { ask } from '../support/postgres.ts'

export interface ReleaseRow {
  readonly number: number
  readonly kind: string
  readonly state: string
  readonly attempt: number
  readonly fingerprint: string | null
  /** What its plan binds, but for the digest of the configuration, as text. */
  readonly bound: string | null
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

/** Every event, message of the outbox and job, by id: its sort, and the JSON that it holds. */
export type Written = ReadonlyMap<string, { readonly sort: string; readonly holds: object }>

export interface StoreView {
  query<Row extends object>(sql: string): Promise<readonly Row[]>
  /** The newest release of an environment. Throws when there is none. */
  release(environment: string): Promise<ReleaseRow>
  /** Waits until the newest release of an environment is in this state and passes the check. */
  reaches(environment: string, state: string | RegExp, check?: (release: ReleaseRow) => boolean): Promise<ReleaseRow>
  /** Messages that Slack has not confirmed, in order. */
  waiting(): Promise<readonly Waiting[]>
  /** Jobs that are queued, active or to be retried. */
  jobs(): Promise<readonly JobRow[]>
  written(): Promise<Written>
  /** The event types of a release, in order. */
  events(number: number): Promise<readonly string[]>
  /** Everything that is stored about a release, as text. */
  textOf(number: number): Promise<string>
  /** The number of each environment's newest release. */
  numbers(): Promise<Readonly<Record<string, number>>>
  /** The environments' digests of all workers; one item when all agree. */
  digests(): Promise<readonly Readonly<Record<string, string>>[]>
  /** How many workers have registered. */
  workers(): Promise<number>
  /** Sets when all workers were last seen, as SQL. */
  setWorkersSeen(at: string): Promise<void>
  /** The advisory locks in the store's database, without those that are held for a moment only. */
  locks(): Promise<readonly string[]>
  isInTransaction(): Promise<boolean>
  /** Blocks every transaction that writes such a row, by table and SQL condition. Returns how to end the block. */
  blockWrites(rows: Readonly<Record<string, string>>): Promise<() => Promise<void>>
  /** Expires the heartbeats of jobs, so that they can be resumed. Keeps unhandled deliveries from being handled for now. */
  expireDeadProcesses(): Promise<void>
  /** Makes all waiting messages due now instead of up to 30 s later. */
  retryPostings(): Promise<void>
  /** Makes a release's job due now. Returns how often its jobs were retried. */
  retryJob(release: number): Promise<number>
  /** Retries until nothing is undone, apart from one release, or nothing moves any more. Returns what is undone. */
  settle(exceptFor: number): Promise<readonly string[]>
  /** Waits until `look` returns something. Throws when nothing has moved in the store for a while. */
  until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T>
}

/** Longer than a busy machine needs for one step. */
const STALLED_AFTER_MS = 60_000
/** Any number that is no lock of Signoff's. */
const BLOCK = 4711
/** Postgres's code for a missing table: the first process has not created it yet. */
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
      select number, kind, state, attempt, fingerprint, ((plan->'bound')::jsonb - 'configuration')::text as bound, card_ts as "cardTs", problem->'because'->>'gate' as gate,
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
      if (performance.now() - since > STALLED_AFTER_MS) {
        throw new Error(`nothing has moved for ${STALLED_AFTER_MS / 1_000} s while waiting for ${what}`)
      }
      await delay(40)
    }
  }

  async function retryPostings(): Promise<void> {
    await query(`update outbox set not_before = now() where state = 'waiting' and not_before > now()`)
  }

  async function retryWork(exceptFor: number): Promise<void> {
    await query(`update pgboss.job set start_after = now()
      where state = 'retry' and start_after > now() and data->>'release' is distinct from '${exceptFor}'`)
    await query(`update inbox set received_at = now() - interval '1 hour' where handled_at is null`)
  }

  async function undone(exceptFor: number): Promise<readonly string[]> {
    const rows = await query<{ what: string }>(`
      select concat_ws(' ', 'posting', kind, release, key, message->'message'->>'is') as what from outbox where state = 'waiting'
      union all select 'delivery ' || id from inbox where handled_at is null
      union all select concat_ws(' ', 'job', data->>'kind', data->>'release', state) from pgboss.job
        where state in ('created', 'retry', 'active') and data->>'release' is distinct from '${exceptFor}'
      union all select concat_ws(' ', 'release', number, app, environment, state) from release
        where state in ('planning', 'approved', 'running') and number <> ${exceptFor}`)
    return rows.map(({ what }) => what)
  }

  return {
    query,
    until,
    retryPostings,
    async settle(exceptFor) {
      let left: readonly string[] = []
      const look = async () => {
        await retryPostings()
        await retryWork(exceptFor)
        left = await undone(exceptFor)
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
    reaches(environment, wanted, check = () => true) {
      const is = (state: string) => (typeof wanted === 'string' ? state === wanted : wanted.test(state))
      return until(`${environment} to be ${wanted}`, async () => {
        const found = await newest(environment)
        return found !== undefined && is(found.state) && check(found) && found
      })
    },
    waiting: () => query(`select id, kind, release, key, message from outbox where state = 'waiting' order by id`),
    jobs: () =>
      query(`select data->>'kind' as kind, (data->>'release')::int as release, state::text from pgboss.job
        where state in ('created', 'retry', 'active') order by 1, 2`),
    async written() {
      const rows = await query<{ id: string; sort: string; holds: object }>(`
        select 'event ' || id as id,
          concat_ws(' ', 'event', type, case when type like 'step%' then body::json->'data'->>'step' end) as sort,
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
    async textOf(number) {
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
    setWorkersSeen: async (at) => void (await query(`update worker set at = ${at}`)),
    async isInTransaction() {
      const open = `select from pg_stat_activity where datname = current_database() and xact_start is not null
        and pid <> pg_backend_pid()`
      return (await query(open)).length > 0
    },
    async blockWrites(rows) {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(`select pg_advisory_lock(${BLOCK});
        create function block() returns trigger language plpgsql as
          'begin perform pg_advisory_xact_lock(${BLOCK}); return new; end'`)
      for (const [table, condition] of Object.entries(rows)) {
        await client.query(`create trigger block before insert or update on ${table}
          for each row when (${condition}) execute function block()`)
      }
      return async () => {
        await client.query(`select pg_advisory_unlock(${BLOCK})`)
        for (const table of Object.keys(rows)) await client.query(`drop trigger block on ${table}`)
        await client.end()
      }
    },
    async expireDeadProcesses() {
      await query(`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`)
      await query(`update inbox set received_at = now() + interval '1 day' where handled_at is null`)
      await query(`do $$ begin
        if to_regclass('environment_lease') is not null then update environment_lease set expires_at = now(); end if;
      end $$`)
    },
    async retryJob(release) {
      await query(`update pgboss.job set start_after = now()
        where state = 'retry' and start_after > now() and data->>'release' = '${release}'`)
      const rows = await query<{ tries: number }>(
        `select coalesce(sum(retry_count), 0)::int as tries from pgboss.job where data->>'release' = '${release}'`,
      )
      return rows[0]?.tries ?? 0
    },
  }
}
