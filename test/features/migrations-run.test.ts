/** Migrations while they run: locks that others hold, what stops half way, and what is not at the head afterwards. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { cardShows, herokuEffects, reaches, threadSays } from '../support/seen-release.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'
import { byHand } from '../support/world-state.ts'

// Each tells a story of two or three releases, with real locks that are waited for.
vi.setConfig({ testTimeout: 120_000 })

let team: Team
let holder: pg.Client | undefined
beforeAll(async () => {
  team = await startTeam()
})
afterEach(async () => {
  await holder?.end()
  holder = undefined
})
afterAll(() => team?.close())

/** Somebody's session that holds a table, with a query that nobody else shall read. */
async function hold(table: string): Promise<void> {
  holder = new pg.Client({
    connectionString: team.databases.integration.url,
    application_name: 'nightly report',
  })
  holder.on('error', () => undefined)
  await holder.connect()
  await holder.query(`begin; lock table ${table}; select 'private words'`)
}

/** The number of the release that is asked for next. */
async function nextNumber(): Promise<number> {
  const [last] = await team.query<{ last: number }>('select coalesce(max(number), 0)::int as last from release')
  return (last?.last ?? 0) + 1
}

const pushes = () => herokuEffects(team.heroku, INTEGRATION).pushes.length

describe('a lock that somebody else holds', () => {
  it('is told with who holds it, and the release succeeds once it is free', async () => {
    await team.repository.addRevision({ message: 'add a note', sql: 'ALTER TABLE documents ADD note text' })
    await hold('documents')
    await team.command(team.people.dana, '/deploy integration')
    await team.slack.waitFor(() => team.transcript().includes('waits for a lock'), {
      what: 'the wait in the thread',
      timeoutMs: 45_000,
    })
    const thread = await threadSays(team, 1, /waits for a lock/)
    expect(thread.replaceAll('\u2060', '')).toMatch(
      /Waits: the migration waits for a lock, for [3-9] s so far; it is held by “nightly report” \(its transaction is open for \d+ s, its last query began at \d\d:\d\d:\d\d UTC\)/,
    )
    await holder?.query('rollback')
    await team.succeeded(1)
    expect(team.transcript()).not.toContain('private words')
    expect(team.transcript().match(/waits for a lock, for/g)).toHaveLength(1)
    expect(await team.revisions('integration')).toEqual([await team.repository.headRevision('master')])
  })

  it('is tried again three times, then the release fails with the database where it was', async () => {
    const before = await team.revisions('integration')
    const pushed = pushes()
    await team.repository.addRevision({
      message: 'add a mark',
      sql: "SET lock_timeout = '300ms'; ALTER TABLE documents ADD mark text",
    })
    await hold('documents')
    await team.command(team.people.dana, '/deploy integration')
    expect(await reaches(team, 2, 'failed')).toMatchObject({
      gate: 'migration_failed',
      steps: { migrate: 'failed none' },
    })
    const thread = await threadSays(team, 2, /Migrate failed/)
    expect(thread).toMatch(/try 2 of 4[\s\S]*try 3 of 4[\s\S]*try 4 of 4/)
    expect(thread).not.toContain('try 5')
    expect(thread).toMatch(/lock timeout/)
    expect(await team.revisions('integration')).toEqual(before)
    expect(pushes()).toBe(pushed)
    await holder?.query('rollback')
    await team.click(team.people.dana, 'Plan again')
    await team.succeeded(3)
  })
})

describe('a migration that fails half way', () => {
  it('tells which are in and which not where one had committed before, and that nothing was pushed', async () => {
    const pushed = pushes()
    const first = await team.repository.addRevision({ message: 'make tags', sql: 'CREATE TABLE tags (id int)' })
    const second = await team.repository.addRevision({
      message: 'index tags',
      upgrade: `with op.get_context().autocommit_block():
    op.execute('CREATE INDEX CONCURRENTLY ix_tags ON tags (id)')
op.execute('ALTER TABLE nowhere ADD mark text')`,
    })
    await team.command(team.people.dana, '/deploy integration')
    const seen = await reaches(team, 4, 'needs attention')
    expect(seen).toMatchObject({ gate: 'migration_failed', steps: { migrate: 'failed some' } })
    const thread = await threadSays(team, 4, /Migrate failed/)
    expect(thread).toContain(`In: ${first.revision.slice(0, 8)}`)
    expect(thread).toContain(`Not in: ${second.revision.slice(0, 8)}`)
    expect(thread).toContain(`Parts of ${second.revision.slice(0, 8)} may be in`)
    expect(thread).toContain('Nothing was pushed')
    expect(await team.revisions('integration')).toEqual([first.revision])
    expect(pushes()).toBe(pushed)

    // The same again: nothing moves in the table of revisions, and yet it is not called harmless.
    await team.click(team.people.dana, 'Close')
    await team.submit(team.people.dana, { Reason: 'Mended by hand.' })
    await reaches(team, 4, 'closed')
    await byHand(team.databases.integration.url, 'drop index ix_tags')
    await team.command(team.people.dana, '/deploy integration')
    expect(await reaches(team, 5, 'needs attention')).toMatchObject({ steps: { migrate: 'unknown unknown' } })
    expect(await team.revisions('integration')).toEqual([first.revision])
    await byHand(team.databases.integration.url, 'drop index ix_tags; create table nowhere (id int)')
    await team.click(team.people.dana, 'Retry')
    await team.succeeded(5)
  })

  it('leaves nothing in where all run in one transaction', async () => {
    const [number, before] = [await nextNumber(), await team.revisions('integration')]
    await team.repository.addRevision({ message: 'make labels', sql: 'CREATE TABLE labels (id int)' })
    await team.repository.addRevision({ message: 'break', sql: 'ALTER TABLE not_there ADD mark text' })
    await team.command(team.people.dana, '/deploy integration')
    expect(await reaches(team, number, 'failed')).toMatchObject({ steps: { migrate: 'failed none' } })
    const thread = await threadSays(team, number, /Migrate failed/)
    expect(thread).toMatch(/In: none[\s\S]*Not in: \w{8}, \w{8}/)
    expect(await team.revisions('integration')).toEqual(before)
    await byHand(team.databases.integration.url, 'create table not_there (id int)')
    await team.click(team.people.dana, 'Plan again')
    await team.succeeded(number + 1)
  })
})

it('is not believed when alembic ends well and the database is not at the head', async () => {
  const { revision } = await team.repository.addRevision({
    message: 'add a hue',
    sql: 'ALTER TABLE documents ADD hue text',
  })
  await byHand(
    team.databases.integration.url,
    `create function stay() returns trigger language plpgsql as 'begin new.version_num := old.version_num; return new; end';
     create trigger stay before update on alembic_version for each row execute function stay()`,
  )
  const [number, pushed] = [await nextNumber(), pushes()]
  await team.command(team.people.dana, '/deploy integration')
  expect(await reaches(team, number, 'needs attention')).toMatchObject({ gate: 'migration_unknown' })
  expect(await cardShows(team, number, /Needs attention/)).toContain(`not at ${revision}`)
  expect(pushes()).toBe(pushed)
})
