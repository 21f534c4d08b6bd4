import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { alembicPython, envPy, hasPython, type TestApp, writeTestApp } from '../support/real-alembic.ts'

const run = promisify(execFile)
const python = await alembicPython()

const FLASK_APP = `import os
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config['SQLALCHEMY_DATABASE_URI'] = os.environ['DATABASE_URL']
db = SQLAlchemy(app)
Migrate(app, db)
`

describe.skipIf(python === undefined)('other tools and drivers', () => {
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
    app = await writeTestApp(database.url, [{ id: 'aaa111', upgrade: "op.execute('CREATE TABLE users (id int)')" }])
    client = new pg.Client({ connectionString: database.url })
    client.on('error', () => undefined)
    await client.connect()
  })
  afterEach(async () => {
    await client.end()
    await app.remove()
    await database.drop()
  })
  const migrations = () => createMigrations({ scrub: (line) => line })

  describe.skipIf(!hasPython('flask_migrate'))('M7: Flask-Migrate', () => {
    const settings = { config: 'migrations/alembic.ini', tool: 'flask' } as const

    beforeEach(async () => {
      await app.write('app.py', FLASK_APP)
      await app.setEnv(`DATABASE_URL="${database.url}"\nFLASK_APP=app.py\n`)
      const revision = await readFile(join(app.checkout, 'migrations/versions/aaa111.py'), 'utf8')
      const environment = { PATH: process.env.PATH, DATABASE_URL: database.url, FLASK_APP: 'app.py' }
      await run('rm', ['-r', join(app.checkout, 'migrations')])
      await run('/usr/bin/python3', ['-m', 'flask', 'db', 'init'], { cwd: app.checkout, env: environment })
      await app.write('migrations/versions/aaa111.py', revision)
    })

    const writeRevision = (id: string, after: string, upgrade: string) =>
      app.write(
        `migrations/versions/${id}.py`,
        `import sqlalchemy as sa
from alembic import op

revision = '${id}'
down_revision = '${after}'


def upgrade():
    ${upgrade.replaceAll('\n', '\n    ')}
`,
      )

    it('is looked at and upgraded by flask db', async () => {
      const looks = migrations()
      const identity = `${new URL(database.url).host}/${database.name}`
      const looked = await looks.status(app.migration(settings), app.checkout)
      expect(looked).toMatchObject({ ok: true, value: { identity, current: [], pending: [{ revision: 'aaa111' }] } })
      expect((await client.query("SELECT to_regclass('users') AS is")).rows).toEqual([{ is: null }])
      const answer = await looks.upgrade(app.migration(settings), app.checkout)
      expect(answer).toMatchObject({ upgrade: 'done' })
      expect(answer.output.join('\n')).toContain('Running upgrade  -> aaa111')
      expect(await looks.revisions(app.migration(settings))).toMatchObject({ value: { revisions: ['aaa111'] } })
    })

    it('is previewed by flask db, with placeholders for the env file, and not changed by that', async () => {
      const secret = 'horse-battery-staple'
      await app.setEnv(`DATABASE_URL="${database.url}"\nFLASK_APP=app.py\nMAIL_TOKEN=${secret}\n`)
      await app.write('app.py', `${FLASK_APP}app.config['MAIL_TOKEN'] = os.environ['MAIL_TOKEN']\n`)
      await client.query("CREATE TABLE plans AS SELECT 1 AS id, 'team' AS name")
      await writeRevision(
        'bbb222',
        'aaa111',
        `from flask import current_app
from sqlalchemy.orm import Session
session = Session(bind=op.get_bind())
names = [name for (name,) in session.execute(sa.text('SELECT name FROM plans'))]
op.execute('ALTER TABLE users ADD COLUMN plan text')
op.execute(sa.text('UPDATE users SET plan = :plan').bindparams(plan=names[0]))
assert current_app.config['MAIL_TOKEN'] != '${secret}'`,
      )
      const looked = await migrations().status(app.migration(settings), app.checkout, undefined, { preview: true })
      const added = ['ALTER TABLE users ADD COLUMN plan text;', "UPDATE users SET plan = 'team';"]
      expect(looked).toMatchObject({
        ok: true,
        value: {
          pending: [
            { revision: 'aaa111', preview: { statements: ['CREATE TABLE users (id int);'] } },
            { revision: 'bbb222', preview: { statements: added } },
          ],
        },
      })
      const tables = "SELECT to_regclass('users') AS users, to_regclass('alembic_version') AS versions"
      expect((await client.query(tables)).rows).toEqual([{ users: null, versions: null }])
    })

    it('says why it could not be previewed where the app does not start with placeholders', async () => {
      await app.write(
        'app.py',
        `${FLASK_APP}if 'example.com' not in os.environ['HOME_PAGE']: raise RuntimeError('no page')\n`,
      )
      await app.setEnv(`DATABASE_URL="${database.url}"\nFLASK_APP=app.py\nHOME_PAGE=https://example.com/\n`)
      const looked = await migrations().status(app.migration(settings), app.checkout, undefined, { preview: true })
      const notPreviewed = expect.stringMatching(/^the app fails with placeholders .*RuntimeError: no page/)
      expect(looked).toMatchObject({
        ok: true,
        value: { pending: [{ revision: 'aaa111', preview: { notPreviewed } }] },
      })
    })

    it('is named where alembic runs its env.py without an application', async () => {
      const answer = await migrations().status(app.migration({ ...settings, tool: 'alembic' }), app.checkout)
      const detail = (why: string) => ({
        ok: false,
        why: 'unreadable',
        detail: `${why} (for Flask-Migrate, set migrations.tool to flask)`,
      })
      expect(answer).toMatchObject(detail("No 'script_location' key found in configuration."))
      const ini = await readFile(join(app.checkout, 'migrations/alembic.ini'), 'utf8')
      await app.write('migrations/alembic.ini', ini.replace('[alembic]', '[alembic]\nscript_location = migrations'))
      expect(await migrations().status(app.migration({ ...settings, tool: 'alembic' }), app.checkout)).toMatchObject(
        detail('RuntimeError: Working outside of application context.'),
      )
    })

    it('says which variable is missing, and which program', async () => {
      await app.setEnv(`DATABASE_URL="${database.url}"\nFLASK_APP=other.py\n`)
      const answer = await migrations().status(app.migration(settings), app.checkout)
      expect(answer).toMatchObject({
        ok: false,
        why: 'unreadable',
        detail: "No such command 'db'. (FLASK_APP in the env file must lead to an app that has Flask-Migrate)",
      })
      const program = { ...settings, program: '/usr/sbin/flask' }
      expect(await migrations().status(app.migration(program), app.checkout)).toMatchObject({
        detail: 'flask is not installed: there is no program /usr/sbin/flask',
      })
    })
  })

  it.skipIf(!hasPython('psycopg') || !hasPython('sqlalchemy', 'it.__version__ >= "2"'))(
    'M2, M14, M15: psycopg 3',
    async () => {
      const url = "os.environ['DATABASE_URL'].replace('://', '+psycopg://')"
      const before = `with create_engine(${url}).begin() as own:
    own.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS app')`
      await app.write('migrations/env.py', envPy({ url, before }))
      const looked = await migrations().status(app.migration(), app.checkout)
      expect(looked).toMatchObject({ ok: true, value: { skippedWrites: ['CREATE SCHEMA IF NOT EXISTS app'] } })
      expect(looked).not.toHaveProperty('value.hasOtherTimeLimits')
      const pids: number[] = []
      const answer = await migrations().upgrade(app.migration(), app.checkout, {
        onBackend: ({ pid }) => pids.push(pid),
      })
      expect([answer.upgrade, pids.length]).toEqual(['done', 2])
    },
  )
})
