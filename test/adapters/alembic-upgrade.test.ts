import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { createAppRepository } from '../../src/sandbox/app-repository.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, type TestApp, type TestRevision, writeTestApp } from '../support/real-alembic.ts'

const first = { id: 'aaa111', message: 'create users', upgrade: "op.execute('CREATE TABLE users (id int)')" }
const second = { id: 'bbb222', message: 'add email', upgrade: "op.execute('ALTER TABLE users ADD email text')" }
const failing = { id: 'bbb222', message: 'breaks', upgrade: "op.execute('ALTER TABLE nowhere ADD email text')" }
// Prints its own process id and that of a child, as a migration that runs a program would.
const lasting = {
  id: 'bbb222',
  message: 'lasts',
  upgrade: `import os, subprocess, sys
child = subprocess.Popen(['sleep', '300'])
print('pids', os.getpid(), child.pid, file=sys.stderr, flush=True)
op.execute('SELECT pg_sleep(300)')`,
}

const python = await alembicPython()

describe.skipIf(python === undefined)('an upgrade', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp | undefined
  let printed: string[]
  const databases: pg.Client[] = []

  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    database = await server.createDatabase()
    printed = []
  })
  afterEach(async () => {
    const { password } = new URL(database.url)
    expect(password).not.toBe('')
    expect(printed.join('\n')).not.toContain(password)
    for (const client of databases.splice(0)) await client.end()
    await app?.remove()
    await database.drop()
  })

  const prepare = async (...revisions: TestRevision[]): Promise<TestApp> => {
    app = await writeTestApp(database.url, revisions)
    return app
  }
  const migrations = (settings: Partial<Parameters<typeof createMigrations>[0]> = {}) =>
    createMigrations({ scrub: (line) => line, ...settings })
  const onLine = (line: string) => void printed.push(line)

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.url })
    // Dropping the database at the end of a test ends its connections.
    client.on('error', () => undefined)
    await client.connect()
    databases.push(client)
    return client
  }
  const held = async () => {
    const client = await connect()
    const there = await client.query("SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL")
    if (there.rows.length === 0) return []
    const { rows } = await client.query<{ version_num: string }>('SELECT version_num FROM alembic_version ORDER BY 1')
    return rows.map((row) => row.version_num)
  }

  it('brings the database to the head, and says what it does as it does it', async () => {
    const ready = await prepare(first, second)
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer).toEqual({ upgrade: 'done', output: printed })
    expect(printed.filter((line) => line.includes('Running upgrade'))).toEqual([
      expect.stringContaining('Running upgrade  -> aaa111, create users'),
      expect.stringContaining('Running upgrade aaa111 -> bbb222, add email'),
    ])
    expect(await held()).toEqual(['bbb222'])
    expect(await migrations().upgrade(ready.migration(), ready.checkout)).toMatchObject({ upgrade: 'done' })
    expect(await readdir(ready.checkout)).toEqual(['alembic_users.ini', 'migrations'])
  })

  it('that fails in its second revision names it, and nothing of it is in', async () => {
    const ready = await prepare(first, failing)
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer).toMatchObject({ upgrade: 'failed', revision: 'bbb222' })
    expect(answer.output.join('\n')).toContain('relation "nowhere" does not exist')
    expect(await held()).toEqual([])
  })

  it('with a transaction for each migration keeps the first when the second fails', async () => {
    const ready = await prepare(first, failing)
    await ready.write('migrations/env.py', envPy({ configure: ', transaction_per_migration=True' }))
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer).toMatchObject({ upgrade: 'failed', revision: 'bbb222' })
    expect(await held()).toEqual(['aaa111'])
  })

  it('of several heads fails and changes nothing', async () => {
    const ready = await prepare(first, second, { ...second, id: 'bbb999', after: 'aaa111' })
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer).toMatchObject({ upgrade: 'failed' })
    expect(answer.output.join('\n')).toContain('Multiple head revisions')
    expect(await held()).toEqual([])
  })

  it('gives up on a lock after the environment’s time limit', async () => {
    const ready = await prepare(first, second)
    const other = await connect()
    await other.query('CREATE TABLE users (id int); CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)')
    await other.query("INSERT INTO alembic_version VALUES ('aaa111')")
    await other.query('BEGIN; LOCK TABLE users')
    const answer = await migrations().upgrade(ready.migration({ lockTimeout: '300ms' }), ready.checkout, { onLine })
    expect(answer).toMatchObject({ upgrade: 'failed', revision: 'bbb222' })
    expect(answer.output.join('\n')).toContain('lock timeout')
    await other.query('ROLLBACK')
    expect(await held()).toEqual(['aaa111'])
  })

  it('that is stopped in the middle is unknown, and leaves no process and no .env', async () => {
    const ready = await prepare(first, lasting)
    await ready.write('.env', 'TRACKED=1\n')
    const other = await connect()
    const stop = new AbortController()
    const pids: number[] = []
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, {
      signal: stop.signal,
      onLine(line) {
        onLine(line)
        const found = /^pids (\d+) (\d+)$/.exec(line)
        if (found === null) return
        pids.push(Number(found[1]), Number(found[2]))
        void statementRuns(other).then(() => stop.abort())
      },
    })
    expect(answer).toMatchObject({ upgrade: 'unknown' })
    expect(pids).toHaveLength(2)
    for (const pid of pids) expect(await isRunning(pid)).toBe(false)
    expect(await readFile(join(ready.checkout, '.env'), 'utf8')).toBe('TRACKED=1\n')
    // Why it is unknown: the server goes on with the statement.
    await statementRuns(other)
  })

  it('that lasts too long is unknown', async () => {
    const ready = await prepare(first, lasting)
    const answer = await migrations({ upgradeTimeoutMs: 3000 }).upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer).toMatchObject({ upgrade: 'unknown' })
  })

  it('whose connection breaks is unknown', async () => {
    const ready = await prepare(first, lasting)
    const other = await connect()
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, {
      onLine(line) {
        onLine(line)
        if (line.startsWith('pids'))
          void statementRuns(other).then(([pid]) => other.query('SELECT pg_terminate_backend($1)', [pid]))
      },
    })
    expect(answer).toMatchObject({ upgrade: 'unknown' })
    expect(await held()).toEqual([])
  })

  it('that was stopped before it began is not begun', async () => {
    const ready = await prepare(first)
    expect(
      await migrations().upgrade(ready.migration(), ready.checkout, { signal: AbortSignal.abort() }),
    ).toMatchObject({
      upgrade: 'failed',
      output: ['alembic was not started: the run was stopped'],
    })
    expect(await held()).toEqual([])
  })

  it('of a database that refuses us fails, and repeats no password', async () => {
    const ready = await prepare(first)
    await ready.setEnv(`DATABASE_URL="${database.url.replace(/:[^:@]+@/, ':not-this-password@')}"\n`)
    const answer = await migrations().upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer).toMatchObject({ upgrade: 'failed' })
    expect(answer.output.join('\n')).toContain('password authentication failed')
    expect(answer.output.join('\n')).not.toContain('not-this-password')
  })

  it('that prints its secrets has them taken out, and what we were told to scrub', async () => {
    const ready = await prepare({
      ...first,
      upgrade: "import os; print(os.environ['DATABASE_URL'], os.environ['API_TOKEN'], 'ours')",
    })
    await ready.setEnv(`DATABASE_URL="${database.url}"\nAPI_TOKEN=tok-12345\n`)
    const scrub = (line: string) => line.replaceAll('ours', '[scrubbed]')
    const answer = await migrations({ scrub }).upgrade(ready.migration(), ready.checkout, { onLine })
    expect(answer.output).toContain('[secret] [secret] [scrubbed]')
  })

  it('that prints megabytes without an end of line is cut short, and is done', async () => {
    const ready = await prepare({ ...first, upgrade: "print('x' * 30_000_000, end='')" })
    const { upgrade, output } = await migrations().upgrade(ready.migration(), ready.checkout)
    expect([upgrade, Math.max(...output.map((line) => line.length))]).toEqual(['done', 300_000])
  })

  it('runs the sample application of the sandbox from where production is to where master is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signoff-sample-'))
    const bare = join(directory, 'origin.git')
    try {
      await createAppRepository({ bare })
      let head: string[] = []
      const ready = await prepare()
      for (const branch of ['production', 'master']) {
        const checkout = join(directory, branch)
        await mkdir(checkout)
        execFileSync('git', [
          '--git-dir',
          bare,
          '--work-tree',
          checkout,
          'checkout',
          '--quiet',
          '--force',
          branch,
          '--',
          '.',
        ])
        const status = await migrations().status(ready.migration(), checkout)
        if (!status.ok) throw new Error(status.detail)
        head = status.value.heads.map((one) => one.revision)
        expect(status.value.pending).toHaveLength(branch === 'production' ? 3 : 1)
        expect(status.value.pending[0]?.file).toMatch(/^migrations\/versions\/.*\.py$/)
        expect(await migrations().upgrade(ready.migration(), checkout, { onLine })).toMatchObject({ upgrade: 'done' })
      }
      expect(await held()).toEqual(head)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})

/** Resolves, with its server process, when the lasting migration's statement runs. */
async function statementRuns(client: pg.Client): Promise<number[]> {
  const find = `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'signoff' AND state = 'active' AND query LIKE '%pg_sleep(300)%'`
  for (;;) {
    const { rows } = await client.query<{ pid: number }>(find)
    if (rows.length > 0) return rows.map((row) => row.pid)
  }
}

/** A process that has ended and is not yet taken note of counts as ended. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    await stat(`/proc/${pid}`)
    return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
