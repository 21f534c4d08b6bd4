import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { milliseconds } from '../../src/adapters/alembic/prepare.ts'
import type { Backend, MigrationStatus, Migrator } from '../../src/release/ports/migrator.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import {
  ALEMBIC,
  alembicPython,
  asyncEnvPy,
  envPy,
  hasPython,
  type TestApp,
  type TestRevision,
  writeTestApp,
} from '../support/real-alembic.ts'
import { watchedAlembic } from '../support/watched-alembic.ts'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('../../src/adapters/alembic/programs/signoff_run.py', import.meta.url))

const first = { id: 'aaa111', message: 'create users', upgrade: "op.execute('CREATE TABLE users (id int)')" }

const python = await alembicPython()

describe.skipIf(python === undefined)('a run', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp | undefined
  let client: pg.Client

  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
    client = new pg.Client({ connectionString: database.url, application_name: 'outside' })
    client.on('error', () => undefined)
    await client.connect()
  })
  afterEach(async () => {
    await client.end()
    await app?.remove()
    await database.drop()
  })

  async function prepare(...revisions: TestRevision[]): Promise<TestApp> {
    app = await writeTestApp(database.url, revisions)
    return app
  }
  const migrations = (settings: Partial<Parameters<typeof createMigrations>[0]> = {}) =>
    createMigrations({ scrub: (line) => line, ...settings })
  const upgrade = (ready: TestApp, call: Parameters<Migrator['upgrade']>[2] = {}, lockTimeout = '10s') =>
    migrations().upgrade(ready.migration({ lockTimeout }), ready.checkout, call)
  async function tables(): Promise<string[]> {
    const found =
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
    return (await client.query<{ relname: string }>(found)).rows.map(({ relname }) => relname)
  }

  describe('asks before it upgrades', () => {
    it('with what it saw, in one start of Python', async () => {
      const ready = await prepare(first)
      const watched = await watchedAlembic()
      const seen: MigrationStatus[] = []
      const answer = await migrations().upgrade(ready.migration({ program: watched.path }), ready.checkout, {
        async confirm(status) {
          seen.push(status)
          expect(await tables()).toEqual([])
          return true
        },
      })
      expect(answer).toMatchObject({ upgrade: 'done' })
      expect(seen).toMatchObject([{ current: [], pending: [{ revision: 'aaa111' }] }])
      expect(await tables()).toEqual(['alembic_version', 'users'])
      expect(await watched.starts()).toBe(1)
      await watched.remove()
    })

    it('and does nothing without the word, if it can’t be given, or if the look fails', async () => {
      const ready = await prepare(first)
      const notStarted = { upgrade: 'failed', notStarted: true }
      expect(await upgrade(ready, { confirm: async () => false })).toEqual({ ...notStarted, output: [] })
      const lost = async () => Promise.reject(new Error('the store is gone'))
      await expect(upgrade(ready, { confirm: lost })).rejects.toThrow('the store is gone')
      const stop = new AbortController()
      const stopping = async () => {
        stop.abort()
        return true
      }
      expect(await upgrade(ready, { signal: stop.signal, confirm: stopping })).toMatchObject(notStarted)
      await ready.write('migrations/env.py', 'import no_such_module\n')
      expect(await upgrade(ready, { confirm: async () => true })).toMatchObject({
        ...notStarted,
        look: { ok: false, why: 'unreadable', detail: "ModuleNotFoundError: No module named 'no_such_module'" },
      })
      expect(await tables()).toEqual([])
    })

    it('and ends by itself when the worker that should say it has gone', async () => {
      const ready = await prepare(first)
      const child = spawn(ALEMBIC?.python ?? '', [PROGRAM, ALEMBIC?.path ?? ''], {
        cwd: ready.checkout,
        env: { PATH: process.env.PATH, DATABASE_URL: database.url, PYTHONDONTWRITEBYTECODE: '1' },
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      })
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
      const socket = child.stdio[3] as unknown
      if (!(socket instanceof Socket)) throw new Error('no socket')
      const config = 'alembic_users.ini'
      const request = {
        arguments: ['-c', config, 'upgrade', 'head'],
        config,
        preview: false,
        limits: { lock: 0, statement: 0 },
      }
      socket.write(`${JSON.stringify({ ...request, backends: [] })}\n`)
      for await (const line of createInterface({ input: socket })) if (line.startsWith('{"looked"')) break
      socket.destroy()
      expect(await ended).toBe(0)
      expect(await tables()).toEqual([])
    })
  })

  it('M3: shows env.py nothing by which a look could be told from an upgrade', async () => {
    const ready = await prepare(first)
    const before = `import json, sys
parent = os.getppid()
seen = dict(argv=sys.argv, orig=getattr(sys, 'orig_argv', None), path=sys.path, env=dict(os.environ), options=str(context.config.cmd_opts),
    command=open('/proc/self/cmdline').read(), parent=open('/proc/%d/cmdline' % parent).read(), main=sys.modules['__main__'].__file__,
    modules=sorted(sys.modules), files=sorted(os.listdir('.')), descriptors=sorted(os.listdir('/proc/self/fd')), version=context.get_revision_argument(),
    offline=context.is_offline_mode())
with open(os.environ['SEEN'], 'a') as file: file.write(json.dumps(seen) + '\\n')`
    await ready.write('migrations/env.py', envPy({ before }))
    const seen = join(ready.checkout, '..', 'seen')
    await ready.setEnv(`DATABASE_URL="${database.url}"\nSEEN=${seen}\n`)
    expect(await upgrade(ready)).toMatchObject({ upgrade: 'done' })
    const [look, upgraded, ...others] = (await readFile(seen, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(others).toEqual([])
    expect(look).toEqual(upgraded)
    expect(look.argv).toEqual([ALEMBIC?.path, '-c', 'alembic_users.ini', 'upgrade', 'head'])
  })

  it.each([
    [
      'succeeds',
      [first, { id: 'bbb222', upgrade: "print('words'); op.add_column('users', sa.Column('age', sa.Integer))" }],
    ],
    ['fails', [first, { id: 'bbb222', upgrade: "op.execute('ALTER TABLE nowhere ADD age int')" }]],
    ['can’t tell the last revision', [first, { id: 'bbb222', after: null, upgrade: 'pass' }]],
    ['exits', [{ id: 'aaa111', upgrade: "raise SystemExit('not today')" }]],
  ] as [string, TestRevision[]][])(
    'is alembic’s own where it %s: the same output, and the same in the database',
    async (_how, revisions) => {
      const ready = await prepare(...revisions)
      const ours = await upgrade(ready)
      const columns = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`
      const dump = async (url: string) => {
        const one = new pg.Client({ connectionString: url })
        await one.connect()
        const rows = [
          (await one.query(columns)).rows,
          await one.query('SELECT * FROM alembic_version').then(
            ({ rows }) => rows,
            () => 'none',
          ),
        ]
        await one.end()
        return rows
      }
      const other = await server.createDatabase()
      const environment = { PATH: process.env.PATH, DATABASE_URL: other.url }
      const theirs = await run(ALEMBIC?.path ?? '', ['-c', 'alembic_users.ini', 'upgrade', 'head'], {
        cwd: ready.checkout,
        env: environment,
      }).then(
        ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
        (error: { code: number; stdout: string; stderr: string }) => ({
          code: error.code,
          text: error.stdout + error.stderr,
        }),
      )
      // A frame of ours stands between alembic's and the revision's.
      const known = (lines: readonly string[]) =>
        lines.filter((line) => !/signoff_upgrade\.py|return migrate\(|^\s*\^+$/.test(line)).toSorted()
      expect(ours.upgrade).toBe(theirs.code === 0 ? 'done' : 'failed')
      expect(known(ours.output)).toEqual(known(theirs.text.trimEnd().split('\n')))
      expect(await dump(database.url)).toEqual(await dump(other.url))
      await other.drop()
    },
  )

  describe('M11: leaves an invalid index behind', () => {
    it('and says so, with what was committed, so that it is not tried again', async () => {
      await client.query('CREATE TABLE users (id int, name text); INSERT INTO users VALUES (1, NULL)')
      const ready = await prepare({
        id: 'aaa111',
        upgrade: `with op.get_context().autocommit_block():
    op.execute('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name)')`,
      })
      const holder = new pg.Client({ connectionString: database.url })
      await holder.connect()
      await holder.query('BEGIN; INSERT INTO users VALUES (2, NULL)')
      const answer = await upgrade(ready, {}, '300ms')
      await holder.query('ROLLBACK')
      await holder.end()
      expect(answer).toMatchObject({
        upgrade: 'failed',
        lockTimeout: true,
        revision: 'aaa111',
        committedInside: ['aaa111'],
        invalidIndexes: ['users_name'],
      })
      // What a second try would have told: the index is there by its name, and invalid.
      expect(await upgrade(ready)).not.toHaveProperty('invalidIndexes')
    })

    it('and is not told so of an index that was invalid before, nor of none', async () => {
      await client.query('CREATE TABLE users (id int); INSERT INTO users VALUES (1), (1)')
      await client.query('CREATE UNIQUE INDEX CONCURRENTLY old ON users (id)').catch(() => undefined)
      const ready = await prepare({ id: 'aaa111', upgrade: "op.execute('ALTER TABLE users ADD name text')" })
      const answer = await upgrade(ready)
      expect(answer).toMatchObject({ upgrade: 'done' })
      expect(Object.keys(answer)).toEqual(['upgrade', 'output'])
    })

    it('and is seen where the database can only be asked by alembic', async () => {
      await client.query('CREATE TABLE users (id int); INSERT INTO users VALUES (1), (1)')
      const ready = await prepare({
        id: 'aaa111',
        upgrade: `with op.get_context().autocommit_block():
    try:
        op.execute('CREATE UNIQUE INDEX CONCURRENTLY users_id ON users (id)')
    except Exception:
        pass`,
      })
      await ready.write('migrations/env.py', envPy({ url: "os.environ['USERS_URL']" }))
      await ready.setEnv(`USERS_URL="${database.url}"\n`)
      expect(await upgrade(ready)).toMatchObject({ upgrade: 'done', invalidIndexes: ['users_id'] })
    })
  })

  describe('M12: tells that a revision commits in its middle', () => {
    const table = "op.execute('CREATE TABLE users (id int)')\n"
    const failing = "\nop.execute('ALTER TABLE nowhere ADD age int')"
    it.each([
      ['by SQL in any letters', `op.execute("commit")`],
      ['by SQL among other', `op.execute("/* now */ COMMIT;")`],
      ['on the driver’s connection, past SQLAlchemy', 'op.get_bind().connection.commit()'],
      ['in an autocommit block', "with op.get_context().autocommit_block():\n    op.execute('SELECT 1')"],
      ['by a procedure', `op.execute("COMMIT")\nop.execute("DO $$ BEGIN PERFORM 1; END $$")`],
    ])('%s', async (_how, commits) => {
      const ready = await prepare({ id: 'aaa111', upgrade: table + commits + failing })
      expect(await upgrade(ready)).toMatchObject({ upgrade: 'failed', revision: 'aaa111', committedInside: ['aaa111'] })
      expect(await tables()).toContain('users')
    })

    it('on a connection that commits each statement (M13)', async () => {
      const ready = await prepare({ id: 'aaa111', upgrade: table + failing })
      await ready.write(
        'migrations/env.py',
        envPy().replace('pool.NullPool', "pool.NullPool, isolation_level='AUTOCOMMIT'"),
      )
      expect(await upgrade(ready)).toMatchObject({ upgrade: 'failed', committedInside: ['aaa111'] })
      expect(await tables()).toContain('users')
    })

    it('also when it is cut off, and not of one that does not', async () => {
      const ready = await prepare({
        id: 'aaa111',
        upgrade: `${table}op.execute('commit')\nop.execute('SELECT pg_sleep(300)')`,
      })
      const stop = new AbortController()
      const stopAt = async (query: string) => {
        const active =
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep' AND query LIKE $1"
        while ((await client.query(active, [query])).rows.length === 0);
        stop.abort()
      }
      const stopping = stopAt('SELECT pg_sleep(300)%')
      expect(await upgrade(ready, { signal: stop.signal })).toMatchObject({
        upgrade: 'unknown',
        committedInside: ['aaa111'],
      })
      await stopping
      await ready.remove()
      await client.query('DROP TABLE users')
      const other = await prepare({ id: 'aaa111', upgrade: `${table}${failing}` })
      expect(await upgrade(other)).not.toHaveProperty('committedInside')
      expect(await tables()).not.toContain('users')
    })
  })

  describe('M14: has its time limits, though', () => {
    const waits = async (ready: TestApp) => {
      await client.query('CREATE TABLE users (id int)')
      await client.query('BEGIN; LOCK TABLE users')
      const answer = await upgrade(ready, {}, '300ms')
      await client.query('ROLLBACK')
      expect(answer).toMatchObject({ upgrade: 'failed', lockTimeout: true })
    }
    const altering = { id: 'aaa111', upgrade: "op.execute('ALTER TABLE users ADD age int')" }

    it('the URL has options of its own', async () => {
      const ready = await prepare(altering)
      await ready.setEnv(`DATABASE_URL="${database.url}?options=-c%20search_path%3Dpublic"\n`)
      await waits(ready)
    })
    it('env.py sets PGOPTIONS', async () => {
      const ready = await prepare(altering)
      await ready.write('migrations/env.py', envPy({ before: "os.environ['PGOPTIONS'] = '-c work_mem=1MB'" }))
      await waits(ready)
    })
    it.skipIf(!hasPython('asyncpg'))('asyncpg takes no options from the environment', async () => {
      const ready = await prepare(altering)
      await ready.write('migrations/env.py', asyncEnvPy())
      await waits(ready)
    })
    it('and reads them as Postgres does', () => {
      expect(['10s', '0', '300', '1min', '2 h', '500us', '1d'].map(milliseconds)).toEqual([
        10_000, 0, 300, 60_000, 7_200_000, 1, 86_400_000,
      ])
      expect(() => milliseconds('10 seconds')).toThrow('not a Postgres time limit')
    })
  })

  describe('M15: tells its sessions, so that one which is cut off is found', () => {
    const sleeping = { id: 'aaa111', upgrade: "op.execute('SELECT pg_sleep(300)')" }

    it.each([
      [
        'under another application’s name',
        'psycopg2',
        (url: string) => ({ url: `${url}?application_name=api`, env: envPy() }),
      ],
      ['by asyncpg', 'asyncpg', (url: string) => ({ url, env: asyncEnvPy() })],
    ])('%s', async (_how, driver, made) => {
      if (!hasPython(driver)) return
      const ready = await prepare(sleeping)
      const { url, env } = made(database.url)
      await ready.setEnv(`DATABASE_URL="${url}"\n`)
      await ready.write('migrations/env.py', env)
      const backends: Backend[] = []
      const stop = new AbortController()
      const seen = migrations()
      await seen.upgrade(ready.migration(), ready.checkout, {
        signal: stop.signal,
        onBackend(backend) {
          backends.push(backend)
          void (async () => {
            const active = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
            while ((await client.query(active, [backend.pid])).rows.length === 0);
            stop.abort()
          })()
        },
      })
      expect(backends).toHaveLength(1)
      const working = async (told: readonly Backend[]) => [
        await seen.revisions(ready.migration(), { backends: told }),
        await migrations().status(ready.migration(), ready.checkout, undefined, { backends: told }),
      ]
      for (const one of await working(backends)) expect(one).toMatchObject({ ok: true, value: { isWorking: true } })
      // The same pid with another start is another session.
      const others = backends.map(({ pid }) => ({ pid, startedAt: '2020-01-01T00:00:00.000000Z' }))
      for (const one of await working(others)) expect(one).not.toHaveProperty('value.isWorking')
      await client.query('SELECT pg_terminate_backend($1)', [backends[0]?.pid])
    })
  })
})
