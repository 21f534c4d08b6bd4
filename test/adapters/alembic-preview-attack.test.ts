/** A revision that tries all that a preview must not do, looked at from outside. */
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { ask, startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const python = await alembicPython()

const SECRET = 'a-secret-of-the-other-environment'

describe.skipIf(python === undefined)('a revision that attacks while it is previewed', () => {
  let server: TestPostgres
  let database: TestDatabase
  let service: Server
  let app: TestApp
  let heard: string[]
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
    await ask(database.url, 'CREATE TABLE users (id int); INSERT INTO users VALUES (1)')
    heard = []
    service = createServer((socket) => {
      heard.push('a connection')
      socket.destroy()
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    service.close()
    await app.remove()
    await database.drop()
  })

  /** What it found, by its own SQL. */
  async function attack(lines: string): Promise<string> {
    const indented = lines.replaceAll('\n', '\n    ')
    const upgrade = `found = []
try:
    ${indented}
except Exception as error:
    found.append(type(error).__name__)
op.execute("SELECT '%s'" % ' '.join(found).replace("'", ''))`
    app = await writeTestApp(database.url, [{ id: 'aaa111', upgrade }])
    await writeFile(join(dirname(app.envFile), 'env_other'), `TOKEN=${SECRET}\n`)
    const migrations = createMigrations({ scrub: (line) => line })
    const answer = await migrations.status(app.migration(), app.checkout, undefined, { preview: true })
    if (!answer.ok) throw new Error(answer.detail)
    return JSON.stringify(answer.value.pending)
  }

  it('writes nothing to the database, by SQLAlchemy, a session, the driver or another program', async () => {
    const told = await attack(`import os, subprocess
url = os.environ['DATABASE_URL']
op.get_bind().execute(sa.text('DELETE FROM users'))
op.get_bind().connection.commit()
with sa.create_engine(url, isolation_level='AUTOCOMMIT').connect() as own:
    own.execute(sa.text('DROP TABLE users'))
found.append(str(subprocess.call(['psql', url, '-c', 'DROP TABLE users'], timeout=20)))
import psycopg2
psycopg2.connect(url).cursor().execute('DROP TABLE users')`)
    expect(told).toContain('it opens a connection of its own')
    expect(await ask(database.url, 'SELECT id FROM users')).toEqual([{ id: 1 }])
    expect(await ask(database.url, "SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version'")).toEqual([])
  })

  it('reaches no service by an address that it brings along', async () => {
    const { port } = service.address() as AddressInfo
    const told = await attack(`import socket
socket.create_connection(('127.0.0.1', ${port})).sendall(b'deleted')`)
    expect(told).toContain('it connects to another service')
    expect(heard).toEqual([])
  })

  it('leaves nothing in the checkout’s place of the env file, and what it writes there is gone', async () => {
    await attack(`open('.env', 'a').write('MORE=1')
found.append(open('.env').read().replace('placeholder', ''))`)
    expect(existsSync(join(app.checkout, '.env'))).toBe(false)
    expect((await readdir(app.checkout)).filter((name) => name.startsWith('.env'))).toEqual([])
  })

  it('finds no value of its own env file in its environment, its files or its parent', async () => {
    const told = await attack(`import os
for path in ('.env', '/proc/self/environ'):
    found.append(open(path).read())
found.append(str(dict(os.environ)))`)
    const { password } = new URL(database.url)
    expect(password).not.toBe('')
    expect(told).not.toContain(password)
  })
})
