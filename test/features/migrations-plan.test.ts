/** What people read of migrations before they sign, and Talked over. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { cardShows, herokuEffects, reaches, startProduction, threadSays } from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { type WatchedAlembic, watchedAlembic } from '../support/watched-alembic.ts'
import { byHand } from '../support/world-state.ts'

vi.setConfig({ testTimeout: 120_000 })

describe('migrations in a plan', () => {
  let team: Team
  let alembic: WatchedAlembic
  beforeAll(async () => {
    alembic = await watchedAlembic()
    team = await startTeam({
      production: (entry) => {
        Object.assign(entry.migrations as object, { alembic: alembic.path, approvers: ['@database'] })
      },
    })
    team.slack.addGroup({ handle: 'database', users: [team.people.lin] })
  })
  afterAll(async () => {
    await team?.close()
    await alembic?.remove()
  })

  const record = () => {
    const last = team.bitbucket.pullRequests().at(-1)
    return team.bitbucket
      .comments(last?.id ?? 0)
      .map(({ raw }) => raw)
      .join('\n')
  }

  it('that only add: the card counts them, the thread shows their SQL, author and file, and nobody has to talk', async () => {
    const before = await alembic.starts()
    await startProduction(team, 1)
    await team.succeeded(1)
    // Two for the plan and the step, one for the upgrade itself; the preview costs no start of its own.
    expect((await alembic.starts()) - before).toBe(3)
    const thread = await threadSays(team, 1, /brings|1 migration/)
    expect(thread).toMatch(/\*1 migration\*: only additions/)
    expect(thread).toMatch(/ALTER TABLE documents ADD COLUMN language/i)
    expect(thread).toContain('Ben Ortiz')
    expect(team.words(team.card())).not.toMatch(/Talked over|keeps running/)
    expect(record()).toMatch(/```sql\nALTER TABLE documents ADD COLUMN language[\s\S]*```/i)
  })

  it('with nothing pending start no Python', async () => {
    await team.repository.commit({ files: { 'NOTES.md': 'one\n' }, message: 'Note one thing' })
    const before = await alembic.starts()
    await startProduction(team, 2)
    await team.succeeded(2)
    expect(await alembic.starts()).toBe(before)
  })

  it('that destroy: card, thread and Details tell what, why, what instead, and how long the old code goes on', async () => {
    const { dana, lin } = team.people
    await team.repository.addRevision({
      message: 'drop language',
      sql: 'ALTER TABLE documents DROP COLUMN language',
    })
    await team.repository.addRevision({
      message: 'index titles',
      upgrade: "op.create_index('ix_documents_title', 'documents', ['title'])",
    })
    await team.repository.addRevision({
      message: 'fill bodies',
      upgrade: `bind = op.get_bind()
for row in bind.execute(sa.text('SELECT id FROM documents')):
    bind.execute(sa.text('UPDATE documents SET body = title WHERE id = :id'), {'id': row.id})`,
    })
    await team.command(dana, '/deploy production')
    const card = await cardShows(team, 3, /Awaiting sign-off/)
    expect(card).toContain('*3 migrations*, :warning: 1 destroys data, 1 of unknown effect, 1 locks tables')
    expect(card).toMatch(/Owed: .*Talked over/is)
    expect(card).toMatch(/The old code keeps running until the push ends\*: .* and .* the last 2 times/)
    expect(card).toContain('drops column documents.language')

    const thread = await threadSays(team, 3, /brings|3 migrations/)
    expect(thread).toMatch(/drops column documents\.language, destroys data: Its values are gone for good.*Instead: /)
    expect(thread).toMatch(/builds index ix_documents_title on documents, locks tables: .*CONCURRENTLY/)
    expect(thread).toMatch(/could not be previewed, effect unknown: It reads the database/)
    expect(thread).toContain('ALTER TABLE documents DROP COLUMN language;')

    await team.click(dana, 'Details')
    const view = await team.slack.waitFor(() => team.slack.openView(dana), { what: 'Details' })
    const details = JSON.stringify(view)
    expect(details).toContain('CREATE INDEX ix_documents_title ON documents (title);')
    expect(details).toMatch(/bitbucket\.org\/jurispect\/jurispect_api\/src\/[0-9a-f]{40}\/migrations\/versions/)

    // Without Talked over QA and approval are not enough.
    await team.click(lin, 'QA passed')
    await team.click(team.people.tom, 'Approve')
    await cardShows(team, 3, /Given: QA by lin/)
    await cardShows(team, 3, /Given: approval by tom/)
    expect(await reaches(team, 3, 'awaiting sign-off')).toMatchObject({ steps: {} })
  })

  it('are talked over by whom releases.yml names, with a note that goes into record, announcement and events', async () => {
    const { lin, tom } = team.people
    await team.click(tom, 'Talked over')
    await team.told(tom, /Not done/)
    const note = 'Ada and Ben: nobody reads language since May; we run it at 8.'
    await team.click(lin, 'Talked over')
    await team.submit(lin, { Note: note })
    await team.succeeded(3)
    expect(record()).toMatch(/Talked over, said lin .*nobody reads language since May/)
    expect(record()).toMatch(/drops column documents\.language \(destroys\)/)
    const announcement = team.slack
      .messages('product')
      .findLast(({ text }) => text.includes('Release #3 is changing api production now'))
    expect(team.words(announcement)).toContain('Talked over: lin')
    expect(team.words(announcement)).toContain(note)
    const [event] = await team.query<{ body: string }>(
      `select body from event where release = 3 and type = 'sign_off_given' and body like '%"talked over"%'`,
    )
    expect(event?.body).toContain('nobody reads language since May')
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])
  })

  it('of another database are planned and run, with their SQL shown and nothing claimed of it', async () => {
    const url = `sqlite:///${join(team.directory, 'integration.sqlite')}`
    await writeFile(join(team.directory, '.env_integration'), `DATABASE_URL="${url}"\n`, { mode: 0o600 })
    await team.command(team.people.dana, '/deploy integration')
    await team.succeeded(4)
    const thread = await threadSays(team, 4, /migrations/)
    expect(thread).toMatch(/\*7 migrations\*, :warning: 7 of unknown effect/)
    expect(thread).toMatch(/is not classified for sqlite, effect unknown: Signoff reads the SQL of Postgres only/)
    expect(thread).toContain('CREATE TABLE users')
  })

  it('that are not known to this commit, or have two heads, are refused with their names', async () => {
    await byHand(team.databases.production.url, "update alembic_version set version_num = 'feedfeedfeed'")
    await team.repository.commit({ files: { 'NOTES.md': 'two\n' }, message: 'Note another thing' })
    await team.command(team.people.dana, '/deploy production')
    expect(await team.told(team.people.dana, /Gate: `unknown_revision`/)).toContain('feedfeed')
    const head = (await team.repository.headRevision('production')) ?? ''
    await byHand(team.databases.production.url, `update alembic_version set version_num = '${head}'`)
    await team.repository.addRevision({ message: 'add tags', sql: 'select 1', revision: 'a0a0a0a0a0a0' })
    await team.repository.addRevision({
      message: 'add flags',
      sql: 'select 1',
      downRevision: head,
      revision: 'b0b0b0b0b0b0',
    })
    await team.command(team.people.dana, '/deploy production')
    expect(await team.told(team.people.dana, /Gate: `migration_heads`/)).toMatch(/(?=[\s\S]*a0a0a0a0)[\s\S]*b0b0b0b0/)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toHaveLength(3)
  })
})
