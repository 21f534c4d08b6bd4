/** M2, M14, M15 through a real pgbouncer in transaction mode: each transaction may have another session of the server. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { hasPgbouncer, pooled } from '../support/pgbouncer.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const python = await alembicPython()
const TAKES_OPTIONS = { ignores: 'options, extra_float_digits' }
/** One session of the server for all clients: what one of them sets for the session, the next one has. */
const ONE_SESSION = { ...TAKES_OPTIONS, settings: 'default_pool_size = 1' }
const REVISION = `op.execute('CREATE TABLE users (id int)')
op.execute("CREATE TABLE limits AS SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')")`

describe.skipIf(python === undefined || !hasPgbouncer)('through a pooler in transaction mode', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp

  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
  })
  afterEach(async () => {
    await app.remove()
    await database.drop()
  })

  const migrations = createMigrations({ scrub: (line) => line })
  const settings = { lockTimeout: '7s', statementTimeout: '9s' }

  async function through(options: Parameters<typeof pooled>[2], env?: string): Promise<string> {
    const url = await pooled(database.url, 'transaction', options)
    app = await writeTestApp(url, [{ id: 'aaa111', upgrade: REVISION }])
    if (env !== undefined) await app.write('migrations/env.py', env)
    return url
  }
  /** Rows of one client, in a transaction of its own. */
  async function ask(url: string, sql: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const SETTINGS = `SELECT current_setting('transaction_read_only') AS read_only, current_setting('lock_timeout') AS lock,
    current_setting('statement_timeout') AS statement`
  const untouched = [{ read_only: 'off', lock: '0', statement: '0' }]

  it('M2: a look skips what env.py writes, and leaves nothing in the session that other clients get', async () => {
    const before =
      "with create_engine(os.environ['DATABASE_URL']).begin() as own:\n    own.execute('CREATE SCHEMA app')"
    const url = await through(ONE_SESSION, envPy({ before }))
    const looked = await migrations.status(app.migration(settings), app.checkout, undefined, { preview: true })
    expect(looked).toMatchObject({
      ok: true,
      value: { current: [], pending: [{ revision: 'aaa111', preview: {} }], skippedWrites: ['CREATE SCHEMA app'] },
    })
    expect(looked).not.toHaveProperty('value.hasOtherTimeLimits')
    expect(await ask(url, SETTINGS)).toEqual(untouched)
    expect(await ask(database.url, "SELECT to_regnamespace('app') AS made")).toEqual([{ made: null }])
  })

  it('M2, M13: nor is anything written in AUTOCOMMIT, where no transaction can be made read-only', async () => {
    const before = `own = create_engine(os.environ['DATABASE_URL'], isolation_level='AUTOCOMMIT').connect()
own.execute('CREATE SCHEMA app')`
    const url = await through(ONE_SESSION, envPy({ before }))
    const looked = await migrations.status(app.migration(settings), app.checkout)
    expect(looked).toMatchObject({ ok: true, value: { skippedWrites: ['CREATE SCHEMA app'] } })
    expect(await ask(url, SETTINGS)).toEqual(untouched)
    expect(await ask(database.url, "SELECT to_regnamespace('app') AS made")).toEqual([{ made: null }])
  })

  it('M14, M15: an upgrade has our limits and tells the real backend, and the next client has neither', async () => {
    const url = await through(ONE_SESSION)
    const [session] = (await ask(url, 'SELECT pg_backend_pid() AS pid')) as { pid: number }[]
    const pids: number[] = []
    const answer = await migrations.upgrade(app.migration(settings), app.checkout, {
      onBackend: ({ pid }) => pids.push(pid),
    })
    expect(answer).toMatchObject({ upgrade: 'done' })
    expect(await ask(database.url, 'SELECT * FROM limits ORDER BY name')).toEqual([
      { name: 'lock_timeout', setting: '7000' },
      { name: 'statement_timeout', setting: '9000' },
    ])
    expect(new Set(pids)).toEqual(new Set([session?.pid]))
    expect(await ask(url, SETTINGS)).toEqual(untouched)
    expect(await migrations.revisions(app.migration(settings))).toMatchObject({ value: { revisions: ['aaa111'] } })
  })

  it('says what the pooler refuses, as it comes: a start-up parameter', async () => {
    await through({ ignores: '' })
    const looked = await migrations.status(app.migration(settings), app.checkout)
    expect(looked).toMatchObject({ ok: false, why: 'database refused', detail: expect.stringContaining('options') })
  })
})
