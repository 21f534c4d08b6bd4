import { execFileSync } from 'node:child_process'
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const revisions = [
  { id: 'aaa111', message: 'create users', upgrade: "op.execute('CREATE TABLE users (id int)')" },
  { id: 'bbb222', message: 'add email', upgrade: "op.execute('ALTER TABLE users ADD email text')" },
  { id: 'ccc333', message: 'add name\n\nand more words', upgrade: "op.execute('ALTER TABLE users ADD name text')" },
]
const file = (id: string) => `migrations/versions/${id}.py`

const python = await alembicPython()

describe.skipIf(python === undefined)('the status of migrations', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp
  let logged: string[]
  let connection: URL

  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    database = await server.createDatabase()
    connection = new URL(database.url)
    app = await writeTestApp(database.url, revisions)
    logged = []
  })
  afterEach(async () => {
    const said = logged.join('\n')
    expect(connection.password).not.toBe('')
    expect(said).not.toContain(connection.password)
    await app.remove()
    await database.drop()
  })

  const migrations = (settings: Partial<Parameters<typeof createMigrations>[0]> = {}) =>
    createMigrations({ scrub: (line) => line, log: (line) => logged.push(line), ...settings })

  async function run(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  const standAt = (...held: string[]) =>
    run(
      `CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
       INSERT INTO alembic_version VALUES ${held.map((one) => `('${one}')`).join(',')}`,
    )
  const identity = () => `${connection.hostname}:${connection.port}/${database.name}`

  it('of an empty database: everything is pending, oldest first', async () => {
    const looks = migrations()
    const answer = await looks.status(app.migration(), app.checkout)
    expect(answer).toEqual({
      ok: true,
      value: {
        dialect: 'postgresql',
        identity: identity(),
        heads: [{ revision: 'ccc333', file: file('ccc333') }],
        current: [],
        unknown: [],
        versionTable: 'public.alembic_version',
        pending: [
          { revision: 'aaa111', message: 'create users', file: file('aaa111') },
          { revision: 'bbb222', message: 'add email', file: file('bbb222') },
          { revision: 'ccc333', message: 'add name', file: file('ccc333') },
        ],
      },
    })
    const direct = await looks.revisions(app.migration())
    expect(direct).toMatchObject({ ok: true, value: { identity: identity(), revisions: [] } })
  })

  it('of a database that is behind: what is missing is pending, and looking changed nothing', async () => {
    await standAt('bbb222')
    const looks = migrations()
    const answer = await looks.status(app.migration(), app.checkout)
    expect(answer).toMatchObject({ value: { current: ['bbb222'], pending: [{ revision: 'ccc333' }] } })
    expect(await looks.revisions(app.migration())).toMatchObject({ value: { revisions: ['bbb222'] } })
    expect(await readdir(app.checkout)).toEqual(['alembic_users.ini', 'migrations'])
    expect(await readdir(join(app.checkout, 'migrations'))).toEqual(['env.py', 'versions'])
  })

  it('of a database at the head: nothing is pending', async () => {
    await standAt('ccc333')
    const answer = await migrations().status(app.migration(), app.checkout)
    expect(answer).toMatchObject({ value: { current: ['ccc333'], unknown: [], pending: [] } })
  })

  it('names a revision that this commit does not have', async () => {
    await standAt('ddd444')
    const answer = await migrations().status(app.migration(), app.checkout)
    expect(answer).toMatchObject({ value: { current: ['ddd444'], unknown: ['ddd444'], pending: [] } })
  })

  it('gives several heads, and several rows', async () => {
    await app.write(
      file('bbb999'),
      await readFile(join(app.checkout, file('ccc333')), 'utf8').then((text) => text.replace('ccc333', 'bbb999')),
    )
    await standAt('bbb999', 'ccc333')
    const looks = migrations()
    const answer = await looks.status(app.migration(), app.checkout)
    expect(answer.ok && answer.value.heads.map((head) => head.revision).toSorted()).toEqual(['bbb999', 'ccc333'])
    expect(answer).toMatchObject({ value: { unknown: [], pending: [] } })
    expect(await looks.revisions(app.migration())).toMatchObject({ value: { revisions: ['bbb999', 'ccc333'] } })
  })

  it('comes through an application that prints, and reads its .env itself', async () => {
    const before = `print('{"looked": {"error": "forged", "database": false}}', flush=True)
url = dict(line.strip().split('=', 1) for line in open('.env'))['DATABASE_URL'].strip('"')
import atexit; atexit.register(lambda: print('bye'))
os.environ.pop('DATABASE_URL')`
    await app.write('migrations/env.py', envPy({ before, url: 'url' }))
    expect(await migrations().status(app.migration(), app.checkout)).toMatchObject({
      value: { identity: identity() },
    })
  })

  it('gives Python the env file and nothing of ours', async () => {
    process.env.SIGNOFF_TEST_SECRET = 'ours'
    const before =
      "import json; json.dump([dict(os.environ), os.stat('.env').st_mode & 0o777, os.listdir(os.environ['HOME'])], open('seen.json', 'w'))"
    await app.write('migrations/env.py', envPy({ before }))
    await app.setEnv(`DATABASE_URL="${database.url}"\nexport GREETING='a # b'\nPGOPTIONS='-c work_mem=1MB'\n`)
    await migrations().status(app.migration({ lockTimeout: '3s', statementTimeout: '1min' }), app.checkout)
    delete process.env.SIGNOFF_TEST_SECRET
    const [env, mode, home] = JSON.parse(await readFile(join(app.checkout, 'seen.json'), 'utf8'))
    expect(Object.keys(env).toSorted()).toEqual([
      'DATABASE_URL',
      'GREETING',
      'HOME',
      'LANG',
      'PATH',
      'PGAPPNAME',
      'PGOPTIONS',
      'PYTHONDONTWRITEBYTECODE',
    ])
    expect(env).toMatchObject({
      GREETING: 'a # b',
      PGAPPNAME: 'signoff',
      PGOPTIONS: '-c work_mem=1MB -c lock_timeout=3000 -c statement_timeout=60000',
    })
    expect([mode, home]).toEqual([0o600, []])
    await expect(stat(env.HOME)).rejects.toThrow('ENOENT')
  })

  it('puts back a tracked .env, be it a link', async () => {
    const url = "os.environ['DATABASE_URL'] if 'DATABASE_URL' in open('.env').read() else 'wrong'"
    await app.write('migrations/env.py', envPy({ url }))
    await app.write('.env', 'TRACKED=1\n')
    await chmod(join(app.checkout, '.env'), 0o644)
    expect(await migrations().status(app.migration(), app.checkout)).toMatchObject({ ok: true })
    expect(await readFile(join(app.checkout, '.env'), 'utf8')).toBe('TRACKED=1\n')
    await rm(join(app.checkout, '.env'))
    const elsewhere = join(app.checkout, '..', 'elsewhere')
    await writeFile(elsewhere, 'untouched\n')
    await symlink(elsewhere, join(app.checkout, '.env'))
    expect(await migrations().status(app.migration(), app.checkout)).toMatchObject({ ok: true })
    expect((await lstat(join(app.checkout, '.env'))).isSymbolicLink()).toBe(true)
    expect(await readFile(elsewhere, 'utf8')).toBe('untouched\n')
  })

  it('uses the modules of the virtual environment that alembic belongs to', async () => {
    const venv = await mkdtemp(join(tmpdir(), 'signoff-venv-'))
    try {
      execFileSync(python ?? '', ['-m', 'venv', '--system-site-packages', '--without-pip', venv])
      const packages = execFileSync(join(venv, 'bin/python'), [
        '-c',
        "import sysconfig; print(sysconfig.get_path('purelib'))",
      ])
      await writeFile(join(packages.toString().trim(), 'only_in_venv.py'), 'here = True\n')
      const program = join(venv, 'bin/alembic')
      const text = `#!${venv}/bin/python\nimport sys\nfrom alembic.config import main\nsys.exit(main())\n`
      await writeFile(program, text, { mode: 0o755 })
      await app.write('migrations/env.py', envPy({ before: 'import only_in_venv' }))
      expect(await migrations().status(app.migration({ program: program }), app.checkout)).toMatchObject({ ok: true })
      expect(await migrations().status(app.migration(), app.checkout)).toMatchObject({
        ok: false,
        why: 'unreadable',
        detail: "ModuleNotFoundError: No module named 'only_in_venv'",
      })
      expect(await migrations().upgrade(app.migration({ program: program }), app.checkout)).toMatchObject({
        upgrade: 'done',
      })
    } finally {
      await rm(venv, { recursive: true, force: true })
    }
  })

  it('is unreadable when the commit is broken, and the last line of the error says why', async () => {
    const detail = async () => {
      const answer = await migrations().status(app.migration(), app.checkout)
      if (answer.ok) throw new Error('expected no status')
      expect(answer).toMatchObject({ why: 'unreadable' })
      return answer.detail
    }
    await app.write('migrations/env.py', 'import no_such_module\n')
    expect(await detail()).toBe("ModuleNotFoundError: No module named 'no_such_module'")
    await app.write('migrations/env.py', 'def broken(:\n')
    expect(await detail()).toBe('SyntaxError: invalid syntax (env.py, line 1)')
    await app.write('migrations/env.py', envPy({ url: "os.environ['MISSING']" }))
    expect(await detail()).toBe("KeyError: 'MISSING'")
    await app.write('migrations/env.py', "raise SystemExit('DATABASE_URL is not set')\n")
    expect(await detail()).toBe('DATABASE_URL is not set')
    await app.write('migrations/env.py', 'pass\n')
    expect(await detail()).toBe('the env.py of this commit ran no migrations')
    await rm(join(app.checkout, 'alembic_users.ini'))
    expect(await detail()).toBe('there is no alembic_users.ini in this commit')
    expect(await readdir(app.checkout)).toEqual(['migrations'])
  })

  it('is unreadable without alembic, or without the env file', async () => {
    expect(await migrations().status(app.migration({ program: 'no-such-alembic' }), app.checkout)).toEqual({
      ok: false,
      why: 'unreadable',
      detail: 'alembic is not installed: there is no program no-such-alembic',
    })
    await rm(app.envFile)
    expect(await migrations().status(app.migration(), app.checkout)).toEqual({
      ok: false,
      why: 'unreadable',
      detail: "the env file can't be read on the worker (ENOENT)",
    })
  })

  it('does not repeat a URL that cannot be parsed', async () => {
    await app.setEnv('DATABASE_URL=postgres//user:hunter2secret@host/name\n')
    const answer = await migrations().status(app.migration(), app.checkout)
    expect(answer).toMatchObject({ ok: false, why: 'unreadable' })
    expect(JSON.stringify([answer, logged])).not.toContain('hunter2secret')
  })

  describe('of a database that', () => {
    /** By Python and directly, where it was as it should be before. */
    const both = async (url: string) => {
      const looks = migrations()
      expect(await looks.status(app.migration(), app.checkout)).toMatchObject({ ok: true })
      const seen = await looks.revisions(app.migration())
      expect(seen).toHaveProperty('value.identity')
      await app.setEnv(`DATABASE_URL="${url}"\n`)
      const answers = [await looks.revisions(app.migration()), await looks.status(app.migration(), app.checkout)]
      await app.setEnv(`DATABASE_URL="${database.url}"\n`)
      return answers.toReversed()
    }
    const notDirectly = { ok: true, value: undefined }
    const changed = (change: (url: URL) => void) => {
      const url = new URL(database.url)
      change(url)
      return url.href
    }

    it('is down, or whose host has no address, is unreachable', async () => {
      for (const url of [
        changed((one) => {
          one.port = '1'
        }),
        changed((one) => {
          one.hostname = 'no-such-host.invalid'
        }),
      ]) {
        const answers = await both(url)
        const at = new URL(url)
        const expected = {
          ok: false,
          why: 'database unreachable',
          database: `${at.hostname}:${at.port}/${database.name}`,
        }
        expect(answers).toMatchObject([expected, notDirectly])
        expect(JSON.stringify(answers)).not.toContain(connection.password)
      }
    })

    it('has gone since it was seen is unreachable, looked at directly too', async () => {
      const front = createServer((from) => {
        const to = connect(Number(connection.port), connection.hostname)
        from.on('error', () => undefined).pipe(to)
        to.on('error', () => undefined).pipe(from)
      })
      await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', () => resolve()))
      const url = changed((one) => {
        one.port = String((front.address() as AddressInfo).port)
      })
      await app.setEnv(`DATABASE_URL="${url}"\n`)
      const looks = migrations()
      expect(await looks.status(app.migration(), app.checkout)).toMatchObject({ ok: true })
      await new Promise((resolve) => front.close(resolve))
      const answer = await looks.revisions(app.migration())
      expect(answer).toMatchObject({
        ok: false,
        why: 'database unreachable',
        database: `${new URL(url).host}/${database.name}`,
      })
    })

    it('does not know our password, our role or its own name refuses us', async () => {
      const refused = { ok: false, why: 'database refused' }
      for (const [url, directly] of [
        [
          changed((one) => {
            one.password = 'not-this-password'
          }),
          refused,
        ],
        [
          changed((one) => {
            one.username = 'nobody_we_know'
          }),
          refused,
        ],
        [
          changed((one) => {
            one.pathname = '/no_such_database'
          }),
          notDirectly,
        ],
      ] as const) {
        const answers = await both(url)
        expect(answers).toMatchObject([refused, directly])
        expect(JSON.stringify([answers, logged])).not.toContain('not-this-password')
      }
    })

    it('lets us in and not at its revisions refuses us', async () => {
      await standAt('aaa111')
      const role = `reader_${database.name}`
      await run(`CREATE ROLE ${role} LOGIN PASSWORD 'reader-password'`)
      const url = changed((one) => {
        one.username = role
        one.password = 'reader-password'
      })
      const answers = await both(url)
      await run(`DROP ROLE ${role}`)
      expect(answers).toMatchObject([
        { ok: false, why: 'database refused', detail: 'permission denied for table alembic_version' },
        { ok: false, why: 'database refused', detail: expect.stringContaining('permission denied') },
      ])
    })

    it('does not answer is unreachable within the time limit', async () => {
      const sockets: Socket[] = []
      const silent = createServer((socket) => void sockets.push(socket))
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()))
      try {
        const address = silent.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        await app.setEnv(`DATABASE_URL=postgresql://u:p@127.0.0.1:${port}/x\n`)
        const answer = await migrations({ checkTimeoutMs: 1500 }).status(app.migration(), app.checkout)
        expect(answer).toMatchObject({ ok: false, why: 'database unreachable', detail: 'no answer within 1.5 s' })
      } finally {
        for (const socket of sockets) socket.destroy()
        silent.close()
      }
    })
  })

  describe('looked at without Python', () => {
    /** As a worker is that has seen which database and table the application uses. */
    async function looking() {
      const seen = migrations()
      expect(await seen.status(app.migration(), app.checkout)).toMatchObject({ ok: true })
      return () => seen.revisions(app.migration())
    }

    it("takes SQLAlchemy's and Heroku's forms of a URL, and a password with any character", async () => {
      await standAt('aaa111')
      const revisionsOf = await looking()
      for (const scheme of ['postgres', 'postgresql+psycopg2']) {
        await app.setEnv(`DATABASE_URL=${database.url.replace(/^postgresql/, scheme)}\n`)
        expect(await revisionsOf()).toMatchObject({ ok: true, value: { identity: identity(), revisions: ['aaa111'] } })
      }
      const role = `odd_${database.name}`
      await run(`CREATE ROLE ${role} LOGIN PASSWORD 'a#b/c?d%25'; GRANT SELECT ON alembic_version TO ${role}`)
      await app.setEnv(`DATABASE_URL="postgresql://${role}:a#b/c?d%2525@${connection.host}/${database.name}"\n`)
      const [direct, byPython] = [await revisionsOf(), await migrations().status(app.migration(), app.checkout)]
      await run(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
      expect(direct).toMatchObject({ value: { revisions: ['aaa111'] } })
      expect(byPython).toMatchObject({ value: { identity: identity(), current: ['aaa111'] } })
    })

    it.each([
      ['of another name', ", version_table='users_version'", 'public.users_version'],
      ['in a schema', ", version_table_schema='users'", 'users.alembic_version'],
      ['where env.py’s search_path leads', '', 'users.alembic_version'],
    ])("reads the application's own table %s, beside another application's", async (_where, configure, table) => {
      const before = configure === '' ? "os.environ['PGOPTIONS'] = '-c search_path=users,public'\n" : ''
      await app.write('migrations/env.py', envPy({ configure, before }))
      await standAt('other1')
      await run('CREATE SCHEMA users')
      const revisionsOf = await looking()
      if (configure !== '') expect(await revisionsOf()).toMatchObject({ value: { revisions: [] } })
      await run(`CREATE TABLE ${table} (version_num varchar(32)); INSERT INTO ${table} VALUES ('aaa111')`)
      expect(await (configure === '' ? await looking() : revisionsOf)()).toMatchObject({
        value: { identity: identity(), revisions: ['aaa111'] },
      })
    })

    it('is not possible before alembic has shown which database it is, for other databases, and where env.py uses another one', async () => {
      expect(await migrations().revisions(app.migration())).toEqual({ ok: true, value: undefined })
      const other = await server.createDatabase()
      await app.write('migrations/env.py', envPy({ url: "os.environ['USERS_URL']" }))
      await app.setEnv(`DATABASE_URL=${database.url}\nUSERS_URL=${other.url}\nREDIS_URL=redis://127.0.0.1/1\n`)
      expect(await (await looking())()).toEqual({ ok: true, value: undefined })
      const at = (name: string) => `${connection.host}/${name}`
      expect(await migrations().databasesNamed(app.migration())).toEqual({
        DATABASE_URL: at(database.name),
        USERS_URL: at(other.name),
      })
      await other.drop()
      await app.write('migrations/env.py', envPy())
      await app.setEnv('DATABASE_URL=sqlite:///app.db\n')
      expect(await (await looking())()).toEqual({ ok: true, value: undefined })
      await app.setEnv('')
      expect(await migrations().databasesNamed(app.migration())).toEqual({})
    })

    it('and by Python tells that an upgrade of ours is at work, and does not take a look for one', async () => {
      const revisionsOf = await looking()
      const [upgrade, look] = ['signoff', 'signoff look'].map(
        (application_name) => new pg.Client({ connectionString: database.url, application_name }),
      )
      const told = async () => [
        (await revisionsOf()) as object,
        (await migrations().status(app.migration(), app.checkout)) as object,
      ]
      await look?.connect()
      for (const one of await told()) expect(one).not.toHaveProperty('value.isWorking')
      await upgrade?.connect()
      for (const one of await told()) expect(one).toHaveProperty('value.isWorking', true)
      await Promise.all([upgrade?.end(), look?.end()])
    })
  })
})
