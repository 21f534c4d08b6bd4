/** Real alembic, isolated: it does what it does without, and its env.py reads nothing of the service. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { createIsolate } from '../../src/adapters/alembic/isolation/isolation.ts'
import { hostIsolation, SECRET } from '../support/isolated.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const host = await hostIsolation()
const python = await alembicPython()
const first = {
  id: 'aaa111',
  message: 'create users',
  upgrade: "import attack, importlib\nimportlib.reload(attack)\nop.execute('CREATE TABLE users (id int)')",
}

/** Raises where the app can read what belongs to the service, or write outside of the checkout. */
const ATTACK = (settings: string) => `
import os
for path in ('/proc/%d/environ' % os.getppid(), '${settings}/releases.yml', '${settings}/env_other', '${settings}'):
    try:
        found = str(os.listdir(path)) if os.path.isdir(path) else open(path).read()
    except OSError:
        continue
    if '${SECRET}' in found or 'releases.yml' in found:
        raise SystemExit('leaked ' + path)
for path in ('${settings}/written', '/run/written', '/usr/written'):
    try:
        open(path, 'w').close()
    except OSError:
        continue
    if os.path.exists(path):
        raise SystemExit('wrote ' + path)
open('written-inside', 'w').close()`

describe.skipIf(host.kind !== 'bubblewrap' || python === undefined)('alembic in bubblewrap', () => {
  let server: TestPostgres
  let database: TestDatabase
  let app: TestApp
  const remove: (() => Promise<void>)[] = []
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
    app = await writeTestApp(database.url, [first])
    await app.write('attack.py', '')
  })
  afterEach(async () => {
    await app.remove()
    for (const each of remove.splice(0)) await each()
    await database.drop()
  })

  const isolated = (options: { path?: string; isRoot?: boolean } = {}) => {
    const settings = dirname(app.envFile)
    const hidden = { folders: [settings], files: [app.envFile] }
    return createMigrations({ scrub: (line) => line, isolate: createIsolate({ hidden, ...options }) })
  }
  async function tables(): Promise<string[]> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      const found = await client.query<{ name: string }>(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
      )
      return found.rows.map(({ name }) => name)
    } finally {
      await client.end()
    }
  }

  it('M3, O11: looks, previews and upgrades, while env.py and a revision try to read and write elsewhere', async () => {
    const settings = dirname(app.envFile)
    for (const name of ['releases.yml', 'env_other']) await writeFile(join(settings, name), SECRET)
    await app.write('attack.py', ATTACK(settings))
    await app.write('migrations/env.py', envPy({ before: 'import attack' }))
    const migrations = isolated()
    const status = await migrations.status(app.migration(), app.checkout, undefined, { preview: true })
    expect(status).toMatchObject({
      ok: true,
      value: {
        current: [],
        isolation: 'bubblewrap',
        pending: [{ revision: 'aaa111', preview: { statements: ['CREATE TABLE users (id int);'] } }],
      },
    })
    expect(await tables()).toEqual([])
    expect(await migrations.upgrade(app.migration(), app.checkout)).toMatchObject({ upgrade: 'done' })
    expect(await tables()).toEqual(['alembic_version', 'users'])
    expect(await readFile(join(app.checkout, 'written-inside'), 'utf8')).toBe('')
    expect(await migrations.revisions(app.migration())).toMatchObject({ value: { revisions: ['aaa111'] } })
  })

  it('T3: gives the env file to whom the checkout was given, at each start, and a preview none of its values', async () => {
    // Python runs it before anything else.
    const notes = `import os
with open('seen', 'a') as file:
    file.write('%d %s\\n' % (os.getuid(), open('.env').read()))`
    await app.write('sitecustomize.py', notes)
    const password = 'the-password-of-production'
    await app.setEnv(`DATABASE_URL="${database.url}"\nPYTHONPATH=.\nTOKEN=${password}\n`)
    const migrations = isolated()
    const status = await migrations.status(app.migration(), app.checkout, undefined, { preview: true })
    expect(status).toMatchObject({ ok: true, value: { pending: [{ preview: { commits: false } }] } })
    expect(await migrations.upgrade(app.migration(), app.checkout)).toMatchObject({ upgrade: 'done' })
    const seen = (await readFile(join(app.checkout, 'seen'), 'utf8')).trim().split(/^(?=\d+ )/m)
    expect(seen.map((text) => text.includes(password))).toEqual([true, false, true])
    expect(new Set(seen.map((text) => text.split(' ')[0])).size).toBe(1)
    expect(await readdir(app.checkout)).not.toContain('.env')
  })

  it('that fails, or that a signal ends, is told as without', async () => {
    await app.remove()
    app = await writeTestApp(database.url, [{ ...first, upgrade: "op.execute('ALTER TABLE nowhere ADD a int')" }])
    const failed = await isolated().upgrade(app.migration(), app.checkout)
    expect(failed).toMatchObject({ upgrade: 'failed', revision: 'aaa111' })
    expect(failed.output.join('\n')).toContain('relation "nowhere" does not exist')
    await app.remove()
    app = await writeTestApp(database.url, [{ ...first, upgrade: 'import os; os.kill(os.getpid(), 9)' }])
    expect(await isolated().upgrade(app.migration(), app.checkout)).toMatchObject({ upgrade: 'unknown' })
  })

  it('M3: is not started where it must be isolated and can’t be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signoff-path-'))
    remove.push(() => rm(folder, { recursive: true, force: true }))
    await symlink('/bin/chown', join(folder, 'chown'))
    const migrations = isolated({ path: folder, isRoot: false })
    const required = app.migration({ isolation: 'required' })
    expect(await migrations.status(required, app.checkout)).toEqual({
      ok: false,
      why: 'not isolated',
      detail: 'bubblewrap is not installed',
    })
    expect(await migrations.upgrade(required, app.checkout)).toEqual({
      upgrade: 'failed',
      notStarted: true,
      look: { ok: false, why: 'not isolated', detail: 'bubblewrap is not installed' },
      output: ['bubblewrap is not installed'],
    })
    expect(await tables()).toEqual([])
    const unisolated = { ok: true, value: { isolation: 'none' } }
    expect(await migrations.status(app.migration(), app.checkout)).toMatchObject(unisolated)
    expect(await isolated().status(app.migration({ isolation: 'off' }), app.checkout)).toMatchObject(unisolated)
  })
})
