/** The rows of the figures: filled in for releases of before, read by index, and deleted when nothing reads them any more. */
import { afterAll, expect, it } from 'vitest'
import type { OpenStore } from '../../src/adapters/store/open.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import { canonicalJson } from '../../src/lib/canonical-json.ts'
import { DAY_MS, figuresOfAll } from '../../src/release/figures.ts'
import { aPlan } from '../support/builders.ts'
import { eventsOf, type Life, lifeOf } from '../support/lives.ts'
import { emptyDatabase, type Opened, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

const ago = (days: number) => new Date(Date.now() - days * DAY_MS)

/** Stores releases as a version without figures has left them: with their events, and no rows. */
async function storedBefore({ sql }: Pick<Opened, 'sql'>, lives: readonly Life[]): Promise<void> {
  const releases = lives.map((life, index) => {
    const events = eventsOf(index + 1, life)
    const ends = 'ends' in life ? life.ends : 'succeeded'
    return {
      number: index + 1,
      environment: life.environment ?? 'production',
      kind: life.kind ?? 'deploy',
      state: ends ?? (life.attention === undefined ? 'running' : 'needs attention'),
      requested_at: events[0]?.at,
      ended_at: events.find(({ type }) => type === 'release_ended')?.at,
    }
  })
  await sql(
    `insert into release (number, app, environment, kind, state, requester_id, requester_name, configuration,
       request_key, plan, requested_at, ended_at)
     select number, 'api', environment, kind, state, 'U1', 'Ada', 'd', 'key ' || number, $2, requested_at, ended_at
     from json_to_recordset($1) as r(number int, environment text, kind text, state text, requested_at timestamptz,
       ended_at timestamptz)`,
    [JSON.stringify(releases), JSON.stringify(aPlan())],
  )
  const events = lives.flatMap((life, index) =>
    eventsOf(index + 1, life).map(({ type, at, data }, position) => ({
      id: (index + 1) * 100 + position,
      release: index + 1,
      ...{ type, at },
      body: canonicalJson({ type, data }),
    })),
  )
  await sql(
    `insert into event (id, release, type, actor, at, body, hash, previous_hash)
     select id, release, type, 'worker', at, body, '', ''
     from json_to_recordset($1) as e(id int, release int, type text, at timestamptz, body text)`,
    [JSON.stringify(events)],
  )
  await sql(`update release_number set last = ${lives.length}`)
}

/** As the migration leaves it. */
const unfill = ({ sql }: Pick<Opened, 'sql'>) =>
  sql('delete from release_figures; update figures_filled set below = null')

const rowsOf = async ({ sql }: Pick<Opened, 'sql'>) =>
  (await sql('select release from release_figures order by release')).map(({ release }) => release)

async function figuresNow({ store }: Pick<OpenStore, 'store'>) {
  return store.figures({ days: 90, until: await store.now() })
}

it('counts the releases of before when the store is opened, as if they had been counted when they ended', async () => {
  const opened = await openedStore()
  const lives: Life[] = [
    { at: ago(89), environment: 'integration' },
    { at: ago(60) },
    { at: ago(30), kind: 'hotfix', ends: 'closed', attention: ago(31) },
    { at: ago(20), ends: 'rejected' },
    { at: ago(10), rolledBackAt: ago(9) },
    { at: ago(1), ends: undefined, attention: ago(1) },
  ]
  await storedBefore(opened, lives)
  await unfill(opened)
  expect(await figuresNow(opened)).toEqual({ figures: [], isComplete: false })
  const again = await opened.again()
  const { figures, isComplete } = await figuresNow(again)
  const until = figures[0]?.until ?? new Date()
  const counted = lives.map((life, index) => lifeOf(index + 1, life))
  expect({ figures, isComplete }).toEqual({ figures: figuresOfAll(counted, { days: 90, until }), isComplete: true })
})

it('fills in parts, the newest first, says that figures are not complete until then, and stops at what is too old', async () => {
  const opened = await openedStore()
  const old = Array.from({ length: 450 }, (): Life => ({ at: ago(500), ends: 'refused' }))
  const news = Array.from({ length: 250 }, (_, index): Life => ({ at: ago(80 - index / 10), ends: 'refused' }))
  await storedBefore(opened, [...old, ...news])
  await unfill(opened)
  expect(await opened.fillFigures(0)).toBe(false)
  expect(await rowsOf(opened)).toHaveLength(200)
  expect((await figuresNow(opened)).isComplete).toBe(false)
  expect(await opened.fillFigures(10_000)).toBe(true)
  const rows = await rowsOf(opened)
  expect(rows).toHaveLength(250)
  expect(rows[0]).toBe(451)
  const { figures, isComplete } = await figuresNow(opened)
  expect({ isComplete, releases: figures.map(({ releases }) => releases) }).toEqual({
    isComplete: true,
    releases: [250],
  })
})

it('counts a release that an older process has ended after it was looked at as open, at once and in its row', async () => {
  const opened = await openedStore()
  await storedBefore(opened, [{ at: ago(1), ends: undefined }])
  await unfill(opened)
  expect(await opened.fillFigures(1_000)).toBe(true)
  expect((await figuresNow(opened)).figures).toEqual([])
  const [ended] = eventsOf(1, { at: ago(0.5) }).filter(({ type }) => type === 'release_ended')
  await opened.sql(
    `insert into event (id, release, type, actor, at, body, hash, previous_hash) values (999, 1, $1, 'worker', $2, $3, '', '')`,
    [ended?.type, ended?.at, canonicalJson({ data: ended?.data })],
  )
  await opened.sql(`update release set state = 'succeeded', ended_at = now() where number = 1`)
  expect((await figuresNow(opened)).figures).toMatchObject([{ releases: 1 }])
  await opened.fillFigures(1_000)
  expect(await opened.sql('select outcome from release_figures')).toEqual([{ outcome: 'succeeded' }])
})

it('counts once a release that needed attention, and that an older process has closed since', async () => {
  const opened = await openedStore()
  await storedBefore(opened, [{ at: ago(1), ends: undefined, attention: ago(1) }])
  await unfill(opened)
  await opened.fillFigures(1_000)
  const open = { releases: 0, changeFailures: { failed: 1, changes: 1 } }
  expect((await figuresNow(opened)).figures).toMatchObject([open])
  const [ended] = eventsOf(1, { at: ago(0.5), ends: 'closed' }).filter(({ type }) => type === 'release_ended')
  await opened.sql(
    `insert into event (id, release, type, actor, at, body, hash, previous_hash) values (999, 1, $1, 'U1', $2, $3, '', '')`,
    [ended?.type, ended?.at, canonicalJson({ data: ended?.data })],
  )
  await opened.sql(`update release set state = 'closed', ended_at = now() where number = 1`)
  expect((await figuresNow(opened)).figures).toMatchObject([{ ...open, releases: 1, outcomes: { closed: 1 } }])
})

it('two processes that fill at once count each release once', async () => {
  const opened = await openedStore()
  await storedBefore(
    opened,
    Array.from({ length: 300 }, (): Life => ({ at: ago(5), ends: 'refused' })),
  )
  await unfill(opened)
  const another = await opened.again({ migrate: false })
  await Promise.all([opened.fillFigures(5_000), another.fillFigures(5_000)])
  await opened.fillFigures(5_000)
  expect(await rowsOf(opened)).toHaveLength(300)
})

it('opens a store on which nothing was ever released', async () => {
  const { url } = await emptyDatabase()
  const opened = await openStore({ pool: { connectionString: url }, role: 'bot' })
  expect(await figuresNow(opened)).toEqual({ figures: [], isComplete: true })
  await opened.close()
})

it('forgets rows that no figure reads, and never a release that is open', async () => {
  const opened = await openedStore()
  await storedBefore(opened, [{ at: ago(300) }, { at: ago(3) }, { at: ago(2), ends: undefined }])
  await unfill(opened)
  await opened.fillFigures(1_000)
  await opened.sql(`update release_figures set at = now() - interval '401 days' where release <> 2`)
  await opened.forget()
  expect(await rowsOf(opened)).toEqual([2, 3])
})

it('reads by index: with 100,000 releases no statement scans the history', async () => {
  const opened = await openedStore()
  const { sql, store } = opened
  await sql("set session_replication_role = 'replica'")
  await sql(`
    insert into release (number, app, environment, kind, state, requester_id, requester_name, configuration, request_key,
      requested_at, ended_at)
    select n, 'app' || n % 20, 'production', 'deploy', 'succeeded', 'U1', 'Ada', 'd', 'key ' || n,
      now() - (100000 - n) * interval '5 minutes', now() - (100000 - n) * interval '5 minutes'
    from generate_series(1, 100000) n`)
  await sql(`
    insert into release_figures (release, app, environment, kind, at, outcome, ended_at, confirmed_at, emergency, step_ms,
      steps, lead_seconds, commits)
    select number, app, environment, kind, ended_at, state, ended_at, ended_at, false, '{"push":4211}', 'push confirm',
      '{3600}', 1 from release`)
  await sql('update release_number set last = 100000; update figures_filled set below = null; analyze')
  // What Postgres ran: a scan of a table by pages is counted in its statistics.
  const scans = async () => {
    await sql('select pg_stat_force_next_flush()')
    const rows = await sql(
      `select relname, seq_scan from pg_stat_user_tables where relname in ('release', 'release_figures', 'event', 'step')`,
    )
    return Object.fromEntries(rows.map(({ relname, seq_scan: count }) => [relname, Number(count)]))
  }
  const plans = await opened.again({
    pool: { connectionString: opened.url, options: '-c enable_seqscan=on' },
    migrate: false,
  })
  const before = await scans()
  const until = await store.now()
  const place = { app: 'app7', environment: 'production' }
  await plans.store.figures({ ...place, days: 90, until })
  await plans.store.figures({ app: 'app7', days: 30, until })
  await plans.store.figures({ days: 7, until })
  await plans.store.usualRunMs({ ...place, kind: 'deploy', plan: aPlan() })
  await plans.fillFigures(1_000)
  await plans.forget()
  // The statistics of a connection are written when it is idle for a moment, or ends.
  await plans.close()
  await expect.poll(async () => (await scans()).release_figures, { interval: 50 }).toBe(before.release_figures)
  expect(await scans()).toEqual(before)
})
