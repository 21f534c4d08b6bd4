import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { placeOf } from '../../src/adapters/alembic/configuration.ts'
import type { MigrationSettings } from '../../src/release/settings.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, asyncEnvPy, envPy, hasPython, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const first = { id: 'aaa111', upgrade: "op.execute('CREATE TABLE users (id int)')" }

const python = await alembicPython()

describe.skipIf(python === undefined)('a look', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp
  let client: pg.Client

  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
    app = await writeTestApp(database.url, [first])
    client = new pg.Client({ connectionString: database.url })
    client.on('error', () => undefined)
    await client.connect()
    await client.query('CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)')
  })
  afterEach(async () => {
    await client.end()
    await app.remove()
    await database.drop()
  })

  const migrations = (settings: Partial<Parameters<typeof createMigrations>[0]> = {}) =>
    createMigrations({ scrub: (line) => line, ...settings })
  const look = (settings: Partial<MigrationSettings> = {}) => migrations().status(app.migration(settings), app.checkout)
  async function refusal(settings: Partial<MigrationSettings> = {}) {
    const answer = await look(settings)
    if (answer.ok) throw new Error('expected no status')
    return answer
  }

  /** What the database holds, seen from outside. */
  async function contents() {
    const { rows } = await client.query(`
      SELECT (SELECT count(*)::int FROM kept) AS kept,
        (SELECT array_agg(nspname::text) FROM pg_namespace WHERE nspname !~ '^pg_|^(public|information_schema)$') AS schemas,
        (SELECT array_agg(relname::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS tables`)
    return rows[0]
  }
  const untouched = { kept: 2, schemas: null, tables: ['kept'] }

  describe('M2: writes nothing, and goes on, though env.py', () => {
    it('makes its schema and deletes rows', async () => {
      const before = `with create_engine(os.environ['DATABASE_URL']).begin() as own:
    own.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS app')
    own.exec_driver_sql('DELETE FROM kept WHERE id > %(id)s', {'id': 0})
    assert own.exec_driver_sql('SELECT count(*) FROM kept').scalar() == 2`
      await app.write('migrations/env.py', envPy({ before }))
      expect(await look()).toMatchObject({
        ok: true,
        value: {
          pending: [{ revision: 'aaa111' }],
          skippedWrites: ['CREATE SCHEMA IF NOT EXISTS app', 'DELETE FROM kept WHERE id > %(id)s'],
        },
      })
      expect(await contents()).toEqual(untouched)
    })

    it('gives its connections options of its own, and opens some without SQLAlchemy', async () => {
      const before = `import psycopg2
raw = psycopg2.connect(os.environ['RAW_URL'], options='-c work_mem=2MB')
try:
    raw.cursor().execute('DELETE FROM kept')
    raw.commit()
except psycopg2.errors.ReadOnlySqlTransaction:
    print('refused')
with create_engine(os.environ['DATABASE_URL']).begin() as own:
    own.exec_driver_sql('DELETE FROM kept')`
      await app.write('migrations/env.py', envPy({ before }))
      const options = '?options=-c%20search_path%3Dpublic'
      await app.setEnv(`DATABASE_URL="${database.url}${options}"\nRAW_URL="${database.url}"\n`)
      const lines: string[] = []
      const looked = await migrations({ log: (line) => lines.push(line) }).status(app.migration(), app.checkout)
      expect(looked).toMatchObject({ ok: true, value: { skippedWrites: ['DELETE FROM kept'] } })
      expect(lines).toContain('refused')
      expect(await contents()).toEqual(untouched)
    })

    it('asks for a connection that may write, in each way that there is', async () => {
      const before = `engine = create_engine(os.environ['DATABASE_URL'])
with engine.begin() as own:
    own.exec_driver_sql('SET TRANSACTION READ WRITE')
    own.exec_driver_sql('DELETE FROM kept')
with engine.connect() as own:
    own.exec_driver_sql('SET default_transaction_read_only = off')
    own.exec_driver_sql('COMMIT')
    own.exec_driver_sql('DELETE FROM kept')
    own.exec_driver_sql('COMMIT')
    own.exec_driver_sql("SELECT set_config('transaction_read_only', 'off', false)")
    own.exec_driver_sql('DELETE FROM kept')
    own.exec_driver_sql('COMMIT')
    own.exec_driver_sql('RESET ALL')
    own.exec_driver_sql('DELETE FROM kept')
    own.exec_driver_sql('COMMIT')
with engine.connect().execution_options(isolation_level='AUTOCOMMIT') as own:
    own.exec_driver_sql('SET default_transaction_read_only = off; DELETE FROM kept')
    own.exec_driver_sql('DELETE FROM kept')
with engine.connect().execution_options(postgresql_readonly=False) as own:
    own.exec_driver_sql('DELETE FROM kept')
    own.exec_driver_sql('COMMIT')`
      await app.write('migrations/env.py', envPy({ before }))
      const answer = await look()
      expect(answer).toMatchObject({ ok: true })
      expect(answer.ok && answer.value.skippedWrites).toHaveLength(11)
      expect(await contents()).toEqual(untouched)
    })

    it.skipIf(!hasPython('asyncpg'))('is asynchronous', async () => {
      const before = `
        await connection.execute(text('CREATE SCHEMA IF NOT EXISTS app'))
        await connection.execute(text('DELETE FROM kept'))
        await connection.commit()
        raw = await asyncpg.connect(os.environ['DATABASE_URL'])
        try:
            await raw.execute('DELETE FROM kept')
        except asyncpg.ReadOnlySQLTransactionError:
            print('refused')
        await raw.close()`
      await app.write('migrations/env.py', asyncEnvPy({ before }))
      const lines: string[] = []
      const looked = await migrations({ log: (line) => lines.push(line) }).status(app.migration(), app.checkout)
      expect(looked).toMatchObject({
        ok: true,
        value: { skippedWrites: ['CREATE SCHEMA IF NOT EXISTS app', 'DELETE FROM kept'] },
      })
      expect(lines).toContain('refused')
      expect(await contents()).toEqual(untouched)
    })
  })

  it('M2: is refused where env.py gives alembic a connection that may write', async () => {
    // By the driver's own cursor, which nothing but the database sees.
    const undo =
      "connection.connection.cursor().execute('SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; COMMIT; BEGIN')"
    await app.write(
      'migrations/env.py',
      envPy().replace('    context.configure(', `    ${undo}\n    context.configure(`),
    )
    expect(await refusal()).toMatchObject({
      why: 'unreadable',
      detail:
        'the look could not be made read-only, so it was stopped: the connection of env.py stays one that may write',
    })
    expect(await contents()).toEqual(untouched)
  })

  it('M4: loads a revision as alembic does, with its connection at hand', async () => {
    const file = 'migrations/versions/bbb222.py'
    const text = await readFile(join(app.checkout, 'migrations/versions/aaa111.py'), 'utf8')
    const later = text.replace(
      "revision = 'aaa111'\ndown_revision = None",
      "revision = 'bbb222'\ndown_revision = 'aaa111'",
    )
    await app.write(file, later.replace('def upgrade', 'NAME = op.get_bind().dialect.name\n\ndef upgrade'))
    expect(await look()).toMatchObject({
      ok: true,
      value: { pending: [{ revision: 'aaa111' }, { revision: 'bbb222' }] },
    })
  })

  describe('M6: pyproject.toml', () => {
    const toml = '[tool.other]\nscript_location = "wrong"\n[tool.alembic]\nscript_location = "%(here)s/migrations"\n'
    const isNew = hasPython('alembic', 'tuple(map(int, it.__version__.split(".")[:2])) >= (1, 16)')

    it('names the folder of the migrations', () => {
      expect(placeOf(toml, 'backend/pyproject.toml', 'backend')).toEqual({
        folder: 'backend/migrations',
        isOneFolder: true,
      })
    })

    it.skipIf(isNew)('is refused by an alembic that can’t read it, with the version that can', async () => {
      await app.write('pyproject.toml', toml)
      expect(await refusal({ config: 'pyproject.toml' })).toMatchObject({
        why: 'unreadable',
        detail: expect.stringMatching(/^pyproject\.toml is read by alembic 1\.16 and later; this is alembic 1\.\d/),
      })
    })

    it.skipIf(!isNew)('is read, alone or beside the ini', async () => {
      await app.write('pyproject.toml', toml)
      await app.write('migrations/env.py', envPy().replace(/^fileConfig.*$/m, ''))
      const read = { ok: true, value: { pending: [{ revision: 'aaa111' }] } }
      expect(await look({ config: 'pyproject.toml' })).toMatchObject(read)
      await app.write('alembic.ini', '[alembic]\n')
      expect(await look({ config: 'alembic.ini' })).toMatchObject(read)
    })
  })

  describe('M8: of an env.py that migrates several databases', () => {
    let other: TestDatabase
    beforeEach(async () => {
      other = await server.createDatabase()
      await app.setEnv(`DATABASE_URL="${database.url}"\nOTHER_URL="${other.url}"\n`)
      await app.write('migrations/env.py', `${envPy()}\n${envPy({ url: "os.environ['OTHER_URL']" })}`)
    })
    afterEach(() => other.drop())
    const identities = () => [database, other].map(({ url, name }) => `${new URL(url).host}/${name}`)

    it('names all of them, and what is pending in them', async () => {
      expect(await look()).toMatchObject({
        ok: true,
        value: { identity: identities().join(', '), current: [], pending: [{ revision: 'aaa111' }] },
      })
    })

    it('is refused where they differ, whichever is behind', async () => {
      await client.query(
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('aaa111')",
      )
      const [one, two] = identities()
      expect((await refusal()).detail).toBe(
        `the env.py of this commit migrates 2 databases that are at different revisions: ${one} at aaa111, ${two} at no revision. Give each an entry of its own in migrations`,
      )
    })
  })

  it('M13: sees a connection that commits each statement, and takes every revision for one that commits', async () => {
    await app.write(
      'migrations/env.py',
      envPy().replace('poolclass=pool.NullPool', "poolclass=pool.NullPool, isolation_level='AUTOCOMMIT'"),
    )
    const answer = await migrations().status(app.migration(), app.checkout, undefined, { preview: true })
    expect(answer).toMatchObject({
      ok: true,
      value: { commitsEachStatement: true, pending: [{ preview: { commits: true } }] },
    })
    expect(await contents()).toEqual(untouched)
  })

  it('M14: tells time limits that are not ours, and takes stricter ones for good', async () => {
    const limits = async (before: string) => {
      await app.write(
        'migrations/env.py',
        envPy().replace('    context.configure(', `${before}\n    context.configure(`),
      )
      const answer = await look({ lockTimeout: '10s' })
      return answer.ok ? answer.value.hasOtherTimeLimits : answer.detail
    }
    const set = (value: string) => `    connection.exec_driver_sql("SET lock_timeout = '${value}'")`
    expect(await limits('')).toBeUndefined()
    expect(await limits(set('0'))).toBe(true)
    expect(await limits(set('2s'))).toBeUndefined()
    expect(await limits(set('11s'))).toBe(true)
  })

  it.each([
    ['follows', "revision = 'bbb222'\ndown_revision = 'gone999'"],
    ['depends on', "revision = 'bbb222'\ndown_revision = 'aaa111'\ndepends_on = 'gone999'"],
  ])('names a revision that is not there and that another one %s', async (_, names) => {
    const text = await readFile(join(app.checkout, 'migrations/versions/aaa111.py'), 'utf8')
    await app.write(
      'migrations/versions/bbb222.py',
      text.replace("revision = 'aaa111'\ndown_revision = None", names).replace('depends_on = None', ''),
    )
    expect(await refusal()).toEqual({
      ok: false,
      why: 'unreadable',
      database: expect.any(String),
      detail: expect.stringMatching(/^revision bbb222 needs gone999, which is not in this commit: /),
    })
    expect(await contents()).toEqual(untouched)
  })

  it('tells that each revision is committed on its own, and invalid indexes', async () => {
    await app.write('migrations/env.py', envPy({ configure: ', transaction_per_migration=True' }))
    await client.query('INSERT INTO kept VALUES (1)')
    await expect(client.query('CREATE UNIQUE INDEX CONCURRENTLY kept_id ON kept (id)')).rejects.toThrow(
      'could not create',
    )
    expect(await look()).toMatchObject({ value: { transactionPerMigration: true, invalidIndexes: ['kept_id'] } })
  })

  it('M19: that gets no answer says what may not end, and calls a database that answered no database without answer', async () => {
    const slow = async (before: string) => {
      await app.write('migrations/env.py', envPy({ before }))
      return migrations({ checkTimeoutMs: 2500 }).status(app.migration(), app.checkout)
    }
    const expected = {
      ok: false,
      why: 'unreadable',
      detail: 'alembic gave no answer within 2.5 s; env.py or a revision may not end',
    }
    expect(await slow('import time\nwhile True: time.sleep(1)')).toMatchObject(expected)
    await client.query('SELECT pg_advisory_lock(17)')
    const lock = "create_engine(os.environ['DATABASE_URL']).connect().exec_driver_sql('SELECT pg_advisory_lock(17)')"
    expect(await slow(lock)).toMatchObject(expected)
  })

  it('ends with its answer, although something that env.py has started does not end', async () => {
    await app.write(
      'migrations/env.py',
      `${envPy()}\nimport threading, time\nthreading.Thread(target=lambda: time.sleep(60)).start()`,
    )
    const started = Date.now()
    expect(await look()).toMatchObject({ ok: true })
    expect(Date.now() - started).toBeLessThan(20_000)
  })

  describe('says what is wrong, in an engineer’s words:', () => {
    it('Python was ended by env.py', async () => {
      await app.write('migrations/env.py', 'import sys\nsys.exit(0)\n')
      expect((await refusal()).detail).toBe('the env.py of this commit ended with sys.exit(0)')
      await app.write('migrations/env.py', 'import os\nos._exit(7)\n')
      expect((await refusal()).detail).toBe("alembic's Python ended with code 7")
      await app.write('migrations/env.py', `${envPy()}\nraise SystemExit`)
      expect(await look()).toMatchObject({ ok: true })
    })

    it('alembic’s own, which it only prints', async () => {
      await app.write('alembic_users.ini', '[alembic]\nscript_location = nowhere\n')
      expect((await refusal()).detail).toMatch(/^Path doesn't exist: .*nowhere/)
    })

    it('the scheme postgres://', async () => {
      await app.setEnv(`DATABASE_URL="${database.url.replace(/^postgresql/, 'postgres')}"\n`)
      expect((await refusal()).detail).toBe(
        "NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres (SQLAlchemy wants postgresql:// where the URL says postgres://)",
      )
    })

    it.skipIf(!hasPython('pydantic'))(
      'a variable that pydantic’s settings miss, without the values of others',
      async () => {
        const before = `from pydantic import BaseModel
class Settings(BaseModel):
    database_url: str
    pool_size: int
Settings(pool_size=os.environ['POOL_SIZE'])`
        await app.write('migrations/env.py', envPy({ before }))
        await app.setEnv(`DATABASE_URL="${database.url}"\nPOOL_SIZE=secret-number\n`)
        const { detail } = await refusal()
        expect(detail).toMatch(
          /^ValidationError: 2 validation errors for Settings: database_url: field required, pool_size: /i,
        )
        expect(detail).not.toContain('secret-number')
      },
    )

    it('encryption that is demanded and not offered is refused, not unreachable', async () => {
      await app.setEnv(`DATABASE_URL="${database.url}?sslmode=require"\n`)
      expect(await refusal()).toMatchObject({
        why: 'database refused',
        detail: expect.stringContaining('server does not support SSL, but SSL was required'),
      })
    })

    it('a configuration that the commit lacks, and a folder', async () => {
      expect(await refusal({ config: 'alembic.ini' })).toMatchObject({
        detail: 'there is no alembic.ini in this commit',
        noConfiguration: true,
      })
      expect((await refusal({ directory: 'backend', config: 'backend/alembic.ini' })).detail).toBe(
        'there is no folder backend in this commit',
      )
    })
  })

  it('runs in the folder that is set, with the env file there', async () => {
    await app.write('backend/alembic.ini', await readFile(join(app.checkout, 'alembic_users.ini'), 'utf8'))
    await app.write('backend/migrations/env.py', envPy({ before: "assert 'DATABASE_URL' in open('.env').read()" }))
    await app.write(
      'backend/migrations/versions/aaa111.py',
      await readFile(join(app.checkout, 'migrations/versions/aaa111.py'), 'utf8'),
    )
    expect(await look({ directory: 'backend', config: 'backend/alembic.ini' })).toMatchObject({
      ok: true,
      value: { heads: [{ file: 'backend/migrations/versions/aaa111.py' }] },
    })
    execFileSync('ln', ['-s', '/tmp', join(app.checkout, 'elsewhere')])
    expect((await refusal({ directory: 'elsewhere', config: 'elsewhere/alembic.ini' })).detail).toBe(
      'elsewhere leads out of this commit',
    )
  })

  it('expands variables in the env file as python-dotenv does', async () => {
    const { username, password, host } = new URL(database.url)
    await app.setEnv(`USERNAME=${username}
PASSWORD='${password}'
DATABASE_URL="postgresql://\${USERNAME}:\${PASSWORD}@${host}/\${NAME:-${database.name}}"
MORE='\${USERNAME}-\${LATER}'
LATER=1
`)
    const before = `seen = open('seen', 'w'); seen.write(os.environ['MORE']); seen.close()`
    await app.write('migrations/env.py', envPy({ before }))
    expect(await look()).toMatchObject({ ok: true, value: { identity: `${host}/${database.name}` } })
    expect(await readFile(join(app.checkout, 'seen'), 'utf8')).toBe(`${username}-`)
  })

  it('takes a tracked folder .env beside a tracked .env.before-signoff for what it is', async () => {
    await mkdir(join(app.checkout, '.env'))
    await app.write('.env/settings.toml', 'tracked')
    await app.write('.env.before-signoff', 'tracked')
    expect(await look()).toMatchObject({ ok: true })
    expect(await readdir(join(app.checkout, '.env'))).toEqual(['settings.toml'])
    expect((await readdir(app.checkout)).toSorted()).toEqual([
      '.env',
      '.env.before-signoff',
      'alembic_users.ini',
      'migrations',
    ])
  })

  it('is answered over a pipe that programs which env.py starts don’t have', async () => {
    const before = `import subprocess
subprocess.run(['sh', '-c', 'for fd in 3 4 5 6 7 8 9; do echo \\'{"looked": {"error": "forged", "database": false}}\\' >&$fd; done'])`
    await app.write('migrations/env.py', envPy({ before }))
    expect(await look()).toMatchObject({ ok: true })
  })

  it('of a database that is silent is without answer, and not an env.py that hangs', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()))
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await app.setEnv(`DATABASE_URL=postgresql://u:p@127.0.0.1:${port}/x\n`)
    const answer = await migrations({ checkTimeoutMs: 2500 }).status(app.migration(), app.checkout)
    silent.close()
    expect(answer).toMatchObject({ ok: false, why: 'database unreachable', detail: 'no answer within 2.5 s' })
  })
})
