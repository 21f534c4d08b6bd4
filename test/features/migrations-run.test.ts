/** Migrations while they run: locks that others hold, what stops half way, and what is not at the head afterwards. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { keyOf, lines } from '../support/channel.ts'
import { herokuEffects, nextNumber, pressWithReason, reaches } from '../support/seen-release.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'
import { byHand } from '../support/world-state.ts'

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

const pushes = () => herokuEffects(team.heroku, INTEGRATION).pushes.length

describe('a lock that somebody else holds', () => {
  it('is told with who holds it, and the release succeeds once it is free', async () => {
    await team.repository.addRevision({ message: 'add a note', sql: 'ALTER TABLE documents ADD note text' })
    await hold('documents')
    await team.command(team.people.dana, '/deploy integration')
    const said = await team.until.line(1, 'lock')
    expect(said.replaceAll('\u2060', '')).toMatch(/\d+ s .*nightly report.*\d+ s.*\d\d:\d\d:\d\d UTC/)
    await holder?.query('rollback')
    await team.until.succeeded(1)
    await team.until.told(1)
    expect(team.transcript()).not.toContain('private words')
    expect(lines(team.slack, 1, 'lock')).toHaveLength(1)
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
    expect(await team.until.line(2, 'failed:migrate')).toMatch(/lock timeout/)
    expect(lines(team.slack, 2, 'lock-again').map(keyOf)).toEqual([0, 1, 2].map((tried) => `2:lock-again:1:${tried}`))
    expect(await team.revisions('integration')).toEqual(before)
    expect(pushes()).toBe(pushed)
    await holder?.query('rollback')
    await team.click(team.people.dana, 'plan again')
    await team.until.succeeded(3)
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
    expect(seen.because).toMatchObject({
      applied: [first.revision],
      pending: [second.revision],
      partly: second.revision,
    })
    const said = await team.until.line(4, 'failed:migrate')
    for (const { revision } of [first, second]) expect(said).toContain(revision.slice(0, 8))
    expect(await team.revisions('integration')).toEqual([first.revision])
    expect(pushes()).toBe(pushed)

    // The same again: nothing moves in the table of revisions, and yet it is not called harmless.
    await pressWithReason(team, team.people.dana, 'close', 'Fixed by hand.')
    await reaches(team, 4, 'closed')
    await byHand(team.databases.integration.url, 'drop index ix_tags')
    await team.command(team.people.dana, '/deploy integration')
    expect(await reaches(team, 5, 'needs attention')).toMatchObject({ steps: { migrate: 'unknown unknown' } })
    expect(await team.revisions('integration')).toEqual([first.revision])
    await byHand(team.databases.integration.url, 'drop index ix_tags; create table nowhere (id int)')
    await team.click(team.people.dana, 'retry')
    await team.until.succeeded(5)
  })

  it('leaves nothing in where all run in one transaction', async () => {
    const [number, before] = [await nextNumber(team), await team.revisions('integration')]
    await team.repository.addRevision({ message: 'make labels', sql: 'CREATE TABLE labels (id int)' })
    await team.repository.addRevision({ message: 'break', sql: 'ALTER TABLE not_there ADD mark text' })
    await team.command(team.people.dana, '/deploy integration')
    const seen = await reaches(team, number, 'failed')
    expect(seen).toMatchObject({ steps: { migrate: 'failed none' }, because: { applied: [] } })
    expect(seen.because?.pending).toHaveLength(2)
    expect(await team.revisions('integration')).toEqual(before)
    await byHand(team.databases.integration.url, 'create table not_there (id int)')
    await team.click(team.people.dana, 'plan again')
    await team.until.succeeded(number + 1)
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
  const [number, pushed] = [await nextNumber(team), pushes()]
  await team.command(team.people.dana, '/deploy integration')
  expect(await team.until.needsAttention(number)).toMatchObject({ gate: 'migration_unknown' })
  expect(team.words(team.card(number))).toContain(revision)
  expect(pushes()).toBe(pushed)
})
