import pg from 'pg'

/** The time of the sandbox: that of this machine, and what it was set forward. */
export type SandboxClock = Awaited<ReturnType<typeof openClock>>

export type ClockState = {
  /** How far the sandbox's time is ahead of this machine's, in ms. */
  aheadMs: number
  /** When the next release with a time starts, in ISO. */
  nextStart: string | undefined
}

/** The clock never goes back, and at most this far forward at once. */
const MOST_MS = 31 * 24 * 60 * 60_000

/**
 * Functions that hide Postgres's own of the same names from Signoff's store alone: its search path has them before
 * `pg_catalog`. The queue of jobs asks `pg_catalog` by name, and stays on the machine's time.
 */
const FUNCTIONS = `
  create schema if not exists sandbox_clock;
  create table if not exists sandbox_clock.ahead (ms bigint not null);
  insert into sandbox_clock.ahead (ms) select 0 where not exists (select from sandbox_clock.ahead);
  create or replace function sandbox_clock.now() returns timestamptz language sql stable
    as 'select pg_catalog.now() + (select ms from sandbox_clock.ahead) * interval ''1 millisecond''';
  create or replace function sandbox_clock.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + (select ms from sandbox_clock.ahead) * interval ''1 millisecond''';
`
const SEARCH_PATH = 'public, sandbox_clock, pg_catalog'

/** Defaults keep the function that they were made with: those of a store from before are made again. */
const OLD_DEFAULTS = `
  select format('alter table public.%I alter column %I set default %s', c.relname, a.attname,
    pg_get_expr(d.adbin, d.adrelid)) as change
  from pg_attrdef d join pg_class c on c.oid = d.adrelid
    join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  where c.relnamespace = 'public'::regnamespace and pg_get_expr(d.adbin, d.adrelid) ~ '(^|[^_.a-z])now\\(\\)'`

const NEXT_START = `
  select start_at from release
  where state in ('awaiting sign-off', 'scheduled') and start_at > now() order by start_at limit 1`
const RUNNING = `select number from release where state in ('approved', 'running') order by number limit 1`

/** Prepares the store's database for a clock that can be set forward. Call it before Signoff starts. Safe to repeat. */
export async function openClock(connection: pg.PoolConfig) {
  const pool = new pg.Pool({ ...connection, max: 1 })
  pool.on('error', () => undefined)
  await pool.query(FUNCTIONS)
  const { rows } = await pool.query<{ change: string }>(OLD_DEFAULTS)
  const { rows: databases } = await pool.query<{ name: string }>('select quote_ident(current_database()) as name')
  await pool.query(`alter database ${databases[0]?.name} set search_path = ${SEARCH_PATH}`)
  await pool.query(`set search_path = ${SEARCH_PATH}`)
  for (const { change } of rows) await pool.query(change)
  const { rows: kept } = await pool.query<{ ms: string }>('select ms from sandbox_clock.ahead')
  let aheadMs = Number(kept[0]?.ms ?? 0)

  /** Undefined while the store has no such table yet. */
  async function first<T>(query: string, column: string): Promise<T | undefined> {
    const found = await pool.query<Record<string, T>>(query).catch(() => undefined)
    return found?.rows[0]?.[column]
  }

  return {
    now: () => Date.now() + aheadMs,
    async state(): Promise<ClockState> {
      const nextStart = await first<Date>(NEXT_START, 'start_at')
      return { aheadMs, nextStart: nextStart?.toISOString() }
    },
    /** Sets the clock forward, or to the next start. Throws, with a reason for people, while a release runs. */
    async setForward(by: { ms: number } | 'next start'): Promise<void> {
      const running = await first<number>(RUNNING, 'number')
      if (running !== undefined) throw new Error(`#${running} is running. Set the clock forward when it has ended.`)
      const nextStart = await first<Date>(NEXT_START, 'start_at')
      if (by === 'next start' && nextStart === undefined) throw new Error('No release waits for a time.')
      const ms = by === 'next start' ? (nextStart?.getTime() ?? 0) - (Date.now() + aheadMs) : by.ms
      if (!Number.isFinite(ms) || ms < 0 || ms > MOST_MS)
        throw new Error('The clock goes forward only, by 31 days at most.')
      const changed = await pool.query<{ ms: string }>('update sandbox_clock.ahead set ms = ms + $1 returning ms', [
        Math.ceil(ms),
      ])
      aheadMs = Number(changed.rows[0]?.ms ?? aheadMs)
    },
    close: () => pool.end(),
  }
}
