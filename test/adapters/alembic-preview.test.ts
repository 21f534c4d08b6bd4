import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import type { RevisionPreview } from '../../src/release/ports/migrator.ts'
import { ask, startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, type TestApp, type TestRevision, writeTestApp } from '../support/real-alembic.ts'

const users = { id: 'aaa111', upgrade: "op.execute('CREATE TABLE users (id int, name text)')" }

const python = await alembicPython()

describe.skipIf(python === undefined)('the preview of pending revisions', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp | undefined
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
  })
  afterEach(async () => {
    await app?.remove()
    await database.drop()
  })

  const prepare = async (...revisions: TestRevision[]): Promise<TestApp> => {
    app = await writeTestApp(database.url, revisions)
    return app
  }
  const tables = async () => {
    const sql = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    return (await ask<{ relname: string }>(database.url, sql)).map(({ relname }) => relname)
  }
  const migrations = () => createMigrations({ scrub: (line) => line })

  async function previews(ready: TestApp): Promise<Readonly<Record<string, RevisionPreview | undefined>>> {
    const answer = await migrations().status(ready.migration(), ready.checkout, undefined, { preview: true })
    if (!answer.ok) throw new Error(answer.detail)
    return Object.fromEntries(answer.value.pending.map(({ revision, preview }) => [revision, preview]))
  }

  it('has the statements of each as alembic would run them, and changes nothing', async () => {
    const ready = await prepare(
      users,
      { id: 'bbb222', upgrade: "op.add_column('users', sa.Column('age', sa.Integer(), nullable=False))" },
      { id: 'ccc333', upgrade: "op.create_index('ix_users_age', 'users', ['age'])\nop.drop_column('users', 'name')" },
      {
        id: 'ddd444',
        upgrade: "op.bulk_insert(sa.table('users', sa.column('id', sa.Integer)), [{'id': 1}, {'id': 2}])",
      },
      { id: 'eee555', upgrade: 'pass' },
    )
    expect(await previews(ready)).toEqual({
      aaa111: { statements: ['CREATE TABLE users (id int, name text);'], commits: false },
      bbb222: { statements: ['ALTER TABLE users ADD COLUMN age INTEGER NOT NULL;'], commits: false },
      ccc333: {
        statements: ['CREATE INDEX ix_users_age ON users (age);', 'ALTER TABLE users DROP COLUMN name;'],
        commits: false,
      },
      ddd444: {
        statements: ['INSERT INTO users (id) VALUES (1),(2);'],
        commits: false,
      },
      eee555: { statements: [], commits: false },
    })
    expect(await migrations().status(ready.migration(), ready.checkout)).toMatchObject({ value: { current: [] } })
  })

  it('says why one can’t be had, and has those after it', async () => {
    const ready = await prepare(
      users,
      {
        id: 'bbb222',
        upgrade:
          "for row in op.get_bind().execute(sa.text('SELECT id FROM users')):\n    op.execute('DELETE FROM users')",
      },
      {
        id: 'ccc333',
        upgrade: "if 'users' in sa.inspect(op.get_bind()).get_table_names():\n    op.drop_table('users')",
      },
      { id: 'ddd444', upgrade: "if op.get_context().as_sql:\n    pass\nelse:\n    op.drop_table('users')" },
      { id: 'eee555', upgrade: "op.execute('CREATE TABLE notes (id int)')" },
    )
    expect(await previews(ready)).toEqual({
      aaa111: { statements: ['CREATE TABLE users (id int, name text);'], commits: false },
      bbb222: { notPreviewed: 'it reads what an earlier statement of this release changes', commits: false },
      ccc333: { notPreviewed: 'it reads the database after a revision that could not be previewed', commits: false },
      ddd444: { statements: ['DROP TABLE users;'], commits: false },
      eee555: { statements: ['CREATE TABLE notes (id int);'], commits: false },
    })
  })

  it('is of what an upgrade does, not of what a revision does in alembic’s offline mode', async () => {
    const ready = await prepare({
      id: 'aaa111',
      upgrade: `from alembic import context
op.execute('SELECT 1' if context.is_offline_mode() else 'DROP TABLE users')`,
    })
    expect(await previews(ready)).toEqual({ aaa111: { statements: ['DROP TABLE users;'], commits: false } })
  })

  it('tells which revisions commit in their middle', async () => {
    const ready = await prepare(users, {
      id: 'bbb222',
      upgrade: `with op.get_context().autocommit_block():
    op.execute('CREATE INDEX CONCURRENTLY ix ON users (id)')`,
    })
    expect(await previews(ready)).toMatchObject({
      aaa111: { commits: false },
      bbb222: { statements: ['COMMIT;', 'CREATE INDEX CONCURRENTLY ix ON users (id);', 'BEGIN;'], commits: true },
    })
  })

  it('lets a revision’s own connection change nothing', async () => {
    const ready = await prepare(users, {
      id: 'bbb222',
      upgrade: `import os
with sa.create_engine(os.environ['DATABASE_URL']).begin() as own:
    own.execute(sa.text('CREATE TABLE sneaked (id int)'))`,
    })
    expect(await previews(ready)).toMatchObject({
      bbb222: { statements: ['CREATE TABLE sneaked (id int);', 'COMMIT;'], commits: true },
    })
    expect(await tables()).toEqual([])
  })

  it('hides the secrets of the env file that a revision writes into its SQL', async () => {
    const ready = await prepare({
      id: 'aaa111',
      upgrade: `import os
op.execute("CREATE ROLE reader PASSWORD '%s'" % os.environ['READER_PASSWORD'])`,
    })
    await ready.setEnv(`DATABASE_URL="${database.url}"\nREADER_PASSWORD=open-sesame\n`)
    expect(await previews(ready)).toMatchObject({ aaa111: { statements: ["CREATE ROLE reader PASSWORD '[secret]';"] } })
  })

  it('is there for other databases too, with their kind', async () => {
    const ready = await prepare(users)
    const file = join(ready.checkout, 'app.sqlite')
    await ready.write('migrations/env.py', envPy({ url: `'sqlite:///${file}'` }))
    const answer = await migrations().status(ready.migration(), ready.checkout, undefined, { preview: true })
    expect(answer).toMatchObject({
      ok: true,
      value: { dialect: 'sqlite', pending: [{ preview: { statements: ['CREATE TABLE users (id int, name text);'] } }] },
    })
  })

  it('of SQL with a long value without a space takes no longer than other SQL', async () => {
    const value = 'op.execute("INSERT INTO users (name) VALUES (\'" + \'x\' * 190_000 + "\')")'
    const ready = await prepare(users, { id: 'bbb222', upgrade: value })
    const { bbb222 } = await previews(ready)
    expect(bbb222 && 'statements' in bbb222 && bbb222.statements[0]?.length).toBeGreaterThan(190_000)
  }, 10_000)

  it('of very long SQL is left out', async () => {
    const ready = await prepare({ id: 'aaa111', upgrade: "op.execute('SELECT 1' + ' ' * 300000 + '+ 1')" })
    expect(await previews(ready)).toMatchObject({ aaa111: { notPreviewed: expect.stringContaining('longer than') } })
  })
})
