/** Applications with newer alembic, SQLAlchemy and psycopg than this machine's own, which `newer-alembic.sh` brings. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { ask, startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, writeTestApp } from '../support/real-alembic.ts'
import { contentOf, expectSame, outcomeOf, writeSetUp } from './alembic-outcome.ts'
import { COMMITS, ENVIRONMENTS, plainEnv, READS, type SetUp, STATEMENTS } from './alembic-set-ups.ts'

const SCRIPT = fileURLToPath(new URL('../support/newer-alembic.sh', import.meta.url))
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/newer-alembic', import.meta.url))
const program = { path: `${FOLDER}/bin/alembic`, python: `${FOLDER}/bin/python3` }

/** Whether they are there; else brings them, as far as this machine can, or says once why not. */
async function isThere(): Promise<boolean> {
  if ((await alembicPython()) === undefined) return false
  try {
    if (!existsSync(program.path)) execFileSync(SCRIPT, [FOLDER], { stdio: 'pipe' })
    return true
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer }
    const why = (stderr?.toString() ?? String(error)).trim().split('\n').at(-1)
    console.warn(`skipped: newer alembic and SQLAlchemy can't be had here (${why})`)
    return false
  }
}

const psycopg3: SetUp = {
  name: 'psycopg 3',
  env: plainEnv({ url: "os.environ['DATABASE_URL'].replace('postgresql:', 'postgresql+psycopg:')" }),
  before: 'CREATE TABLE old (id int); INSERT INTO old VALUES (7)',
  revisions: [
    { id: 'e001', upgrade: "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True))" },
    {
      id: 'e002',
      upgrade: `n = op.get_bind().execute(sa.text('SELECT id FROM old WHERE id < :most').bindparams(most=8)).scalar()
op.execute(sa.text('INSERT INTO notes VALUES (:n)').bindparams(n=n + 1))`,
    },
  ],
}

const NAMES = ['an env.py as alembic writes it', 'an asynchronous engine', 'a search_path in connect_args']

describe.skipIf(!(await isThere())).concurrent('alembic 1.18, SQLAlchemy 2, psycopg 3', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())

  for (const setUp of [...ENVIRONMENTS.filter(({ name }) => NAMES.includes(name)), STATEMENTS, READS, COMMITS]) {
    it(setUp.name, async ({ expect }) => {
      const outcome = await outcomeOf(server, setUp, program)
      for (const revision of setUp.revisions) expectSame(expect, outcome, revision)
      expect(outcome.ours).toEqual(outcome.alembics)
    })
  }

  it('psycopg 3 is previewed with the values that it would send, and applied as alembic does', async ({ expect }) => {
    const outcome = await outcomeOf(server, psycopg3, program)
    expect(outcome.status.pending.map(({ preview }) => preview)).toEqual([
      { statements: [expect.stringMatching(/^\s*CREATE TABLE notes/)], commits: false },
      { statements: ['INSERT INTO notes VALUES (8::INTEGER);'], commits: false },
    ])
    expect(outcome.ours).toEqual(outcome.alembics)
  })

  for (const setUp of ENVIRONMENTS.filter(({ beginsFirst }) => beginsFirst)) {
    it(`commits nothing, which is said before: ${setUp.name}`, async ({ expect }) => {
      const database = await server.createDatabase()
      if (setUp.before !== undefined) await ask(database.url, setUp.before)
      const app = await writeSetUp(database.url, setUp)
      const migrations = createMigrations({ scrub: (line) => line })
      const migration = app.migration({ program: program.path })
      const before = await contentOf(database.url)
      const answer = await migrations.status(migration, app.checkout, undefined, { preview: true })
      expect(answer).toMatchObject({ ok: true, value: { neverCommits: true } })
      // As alembic itself: it ends without an error.
      expect(await migrations.upgrade(migration, app.checkout)).toMatchObject({ upgrade: 'done' })
      expect(await contentOf(database.url)).toEqual(before)

      const fixed = (setUp.env ?? '').replaceAll(/^( *)(context\.configure)/gm, '$1connection.commit()\n$1$2')
      await app.write('migrations/env.py', fixed)
      const looked = await migrations.status(migration, app.checkout, undefined, { preview: true })
      expect(looked).toMatchObject({ ok: true })
      expect(looked.ok && looked.value.neverCommits).toBeUndefined()
      await migrations.upgrade(migration, app.checkout)
      expect(await contentOf(database.url)).not.toEqual(before)
      await app.remove()
    })
  }

  it('M6: a pyproject.toml is its configuration', async ({ expect }) => {
    const database = await server.createDatabase()
    const app = await writeTestApp(database.url, [
      { id: 'aaa111', upgrade: "op.execute('CREATE TABLE users (id int)')" },
    ])
    await app.write('migrations/env.py', plainEnv())
    await app.write('pyproject.toml', '[tool.alembic]\nscript_location = "%(here)s/migrations"\n')
    const migration = app.migration({ program: program.path, config: 'pyproject.toml' })
    const migrations = createMigrations({ scrub: (line) => line })
    const answer = await migrations.status(migration, app.checkout, undefined, { preview: true })
    expect(answer).toMatchObject({ ok: true, value: { pending: [{ revision: 'aaa111' }] } })
    expect(await migrations.upgrade(migration, app.checkout)).toMatchObject({ upgrade: 'done' })
    await app.remove()
  })
})
