/** What people read of migrations before they sign, and Talked over. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { offers } from '../support/channel.ts'
import { herokuEffects, reaches, startProduction } from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { type WatchedAlembic, watchedAlembic } from '../support/watched-alembic.ts'
import { byHand } from '../support/world-state.ts'

describe('migrations in a plan', () => {
  let team: Team
  let alembic: WatchedAlembic
  beforeAll(async () => {
    alembic = await watchedAlembic()
    team = await startTeam({
      // A database that is a file outside the checkout, and a Python that notes its starts in one, can't be isolated.
      integration: (entry) => {
        Object.assign(entry.migrations as object, { isolation: 'off' })
      },
      production: (entry) => {
        Object.assign(entry.migrations as object, { alembic: alembic.path, isolation: 'off', approvers: ['@database'] })
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
    await team.until.succeeded(1)
    // The plan's look and its preview, and the step's look, which upgrades too.
    expect((await alembic.starts()) - before).toBe(3)
    const said = await team.until.line(1, 'migrations')
    expect(said).toMatch(/ALTER TABLE documents ADD COLUMN language/i)
    expect(said).toContain('Ben Ortiz')
    expect(await team.query("select 1 from sign_off where release = 1 and kind = 'talked over'")).toEqual([])
    expect(record()).toMatch(/```sql\nALTER TABLE documents ADD COLUMN language[\s\S]*```/i)
  })

  it('with nothing pending start no Python', async () => {
    await team.repository.commit({ files: { 'NOTES.md': 'one\n' }, message: 'Note one thing' })
    const before = await alembic.starts()
    await startProduction(team, 2)
    await team.until.succeeded(2)
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
    await team.until.awaitingSignOff(3)
    const risks = `select finding->>'risk' as risk from release, json_array_elements(plan->'migrations') as migration,
      json_array_elements(migration->'findings') as finding where number = 3`
    expect((await team.query<{ risk: string }>(risks)).map(({ risk }) => risk).sort()).toEqual([
      'destroys',
      // The index, and M16: the column's lock is kept while it is built.
      'locks',
      'locks',
      'unknown',
    ])
    expect(offers(team.card(3), 'talked over')).toBe(true)
    expect(team.words(team.card(3))).toContain('documents.language')

    const said = await team.until.line(3, 'migrations')
    for (const part of ['documents.language', 'ix_documents_title', 'CONCURRENTLY']) expect(said).toContain(part)
    expect(said).toContain('ALTER TABLE documents DROP COLUMN language;')

    await team.click(dana, 'details')
    const details = JSON.stringify(await team.modal(dana))
    expect(details).toContain('CREATE INDEX ix_documents_title ON documents (title);')
    expect(details).toMatch(/bitbucket\.org\/jurispect\/jurispect_api\/src\/[0-9a-f]{40}\/migrations\/versions/)

    // Without Talked over QA and approval are not enough.
    await team.click(lin, 'qa')
    await team.click(team.people.tom, 'approval')
    await team.until.signed(3, 'qa', lin)
    await team.until.signed(3, 'approval', team.people.tom)
    expect(await reaches(team, 3, 'awaiting sign-off')).toMatchObject({ steps: {} })
  })

  it('are talked over by whom releases.yml names, with a note that goes into record, announcement and events', async () => {
    const { lin, tom } = team.people
    await team.click(tom, 'talked over')
    await team.told(tom, 'not_an_approver', '@database')
    const note = 'Ada and Ben: nobody reads language since May; we run it at 8.'
    await team.click(lin, 'talked over')
    await team.submit(lin, { note })
    await team.until.succeeded(3)
    expect(record()).toMatch(/lin .*nobody reads language since May/)
    expect(record()).toMatch(/documents\.language \(destroys\)/)
    const announced = await team.until.announced(3)
    for (const fact of ['lin', note]) expect(announced).toContain(fact)
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
    await team.until.succeeded(4)
    const said = await team.until.line(4, 'migrations')
    for (const fact of ['7', 'sqlite', 'CREATE TABLE users']) expect(said).toContain(fact)
  })

  it('M10: that Postgres would refuse are refused at planning, with the line, and planned once they are corrected', async () => {
    const { dana } = team.people
    const revision = 'c0c0c0c0c0c0'
    const downRevision = (await team.repository.headRevision('master')) ?? ''
    const add = (upgrade: string) =>
      team.repository.addRevision({ message: 'index bodies', upgrade, revision, downRevision })
    const index = "op.create_index('ix_documents_body', 'documents', ['body'], postgresql_concurrently=True)"
    const { path } = await add(`op.execute("UPDATE documents SET body = title")\n${index}`)
    await team.command(dana, '/deploy production')
    const { stdout } = await promisify(execFile)('git', ['-C', team.repository.bare, 'show', `master:${path}`])
    const line = 1 + stdout.split('\n').findIndex((each) => each.includes('ix_documents_body'))
    await team.told(dana, 'migration_will_fail', `${path}:${line}`, 'CREATE INDEX CONCURRENTLY')

    // M12: a COMMIT in any letters. M16: the lock on documents is held while it changes rows; its type is read from the database.
    await add(`with op.get_context().autocommit_block():\n    ${index}`)
    const commits = await team.repository.addRevision({
      message: 'widen titles',
      upgrade:
        "op.execute('ALTER TABLE documents ALTER COLUMN title TYPE text')\nop.execute('UPDATE users SET name = name')\nop.execute('commit')",
    })
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(6)
    const [plan] = await team.query<{
      migrations: { revision: string; commits?: true; findings: { what: string; risk: string }[] }[]
    }>("select plan->'migrations' as migrations from release where number = 6")
    expect(plan?.migrations.map((each) => [each.revision, each.commits])).toEqual([
      [revision, true],
      [commits.revision, true],
    ])
    expect(plan?.migrations[1]?.findings.map(({ risk, what }) => [risk, what])).toEqual([
      ['destroys', 'changes all rows of users'],
      ['locks', 'holds documents while it changes all rows of users'],
      ['adds', 'changes the type of documents.title to text'],
    ])
    await team.command(dana, '/deploy cancel 6')
    await team.until.state(6, 'cancelled')
  })

  it('that are not known to this commit, or have two heads, are refused with their names', async () => {
    await byHand(team.databases.production.url, "update alembic_version set version_num = 'feedfeedfeed'")
    await team.repository.commit({ files: { 'NOTES.md': 'two\n' }, message: 'Note another thing' })
    await team.command(team.people.dana, '/deploy production')
    await team.told(team.people.dana, 'unknown_revision', 'feedfeed')
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
    await team.told(team.people.dana, 'migration_heads', 'a0a0a0a0', 'b0b0b0b0')
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toHaveLength(3)
  })
})
