import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { findAlembic } from '../../src/adapters/alembic/program.ts'
import type { MigrationSettings } from '../../src/release/settings.ts'
import { aMigration } from './builders.ts'

const INSTALL = 'alembic with psycopg2 (Debian: apt-get install alembic python3-psycopg2)'

/**
 * The Python that runs the alembic of this machine, for `describe.skipIf(python === undefined)`. Where there is none, or it lacks
 * psycopg2, says once what to install; in CI (CI=true) throws instead, so that the tests are never left out there.
 */
export async function alembicPython(): Promise<string | undefined> {
  try {
    const found = await findAlembic('alembic', process.env.PATH ?? '')
    if ('problem' in found) throw new Error(found.problem)
    const [python] = found.python
    execFileSync(python, ['-c', 'import alembic, psycopg2'], { stdio: 'pipe' })
    return python
  } catch {
    if (process.env.CI === 'true') throw new Error(`these tests need ${INSTALL}`)
    console.warn(`skipped: these tests need ${INSTALL}`)
    return undefined
  }
}

/** The alembic on PATH, and its Python. */
export const ALEMBIC = await findAlembic('alembic', process.env.PATH ?? '').then((found) =>
  'problem' in found ? undefined : { path: found.path, python: found.python[0] },
)

/**
 * Whether the Python of this machine's alembic has a module, and `so` is true of `it`. Says once where it has not: what needs
 * it is left out. Debian: python3-asyncpg, python3-psycopg, python3-flask-migrate, python3-pydantic.
 */
export function hasPython(module: string, so = 'True'): boolean {
  try {
    execFileSync(
      ALEMBIC?.python ?? 'no alembic',
      ['-c', `import importlib; it = importlib.import_module('${module}'); assert ${so}`],
      {
        stdio: 'pipe',
      },
    )
    return true
  } catch {
    console.warn(`left out: tests that need Python's ${module}${so === 'True' ? '' : ` of another version (${so})`}`)
    return false
  }
}

export interface TestRevision {
  readonly id: string
  /** Default: the one before it in the list; null: a base. */
  readonly after?: string | null
  readonly message?: string
  /** Python lines of `upgrade()`. */
  readonly upgrade: string
}

export interface TestApp {
  /** The checkout. */
  readonly checkout: string
  /** Outside the checkout, as on a worker host. */
  readonly envFile: string
  migration(settings?: Partial<MigrationSettings>): MigrationSettings
  write(path: string, text: string): Promise<void>
  setEnv(text: string): Promise<void>
  remove(): Promise<void>
}

const INI = `[alembic]
script_location = migrations
prepend_sys_path = .

[loggers]
keys = root,alembic
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARN
handlers = console
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = generic
[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
`

/** An env.py; `url` is the Python expression of the database's URL, `configure` more arguments, `before` lines run first. */
export function envPy({ url = "os.environ['DATABASE_URL']", configure = '', before = '' } = {}): string {
  return `import os
from logging.config import fileConfig
from alembic import context
from sqlalchemy import create_engine, pool

fileConfig(context.config.config_file_name)
${before}
with create_engine(${url}, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection${configure})
    with context.begin_transaction():
        context.run_migrations()
`
}

/** An asynchronous env.py on asyncpg; `before`: lines of the coroutine, indented by eight, before the migrations. */
export function asyncEnvPy({ before = '' } = {}): string {
  return `import asyncio, os
from logging.config import fileConfig
import asyncpg
from alembic import context
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import create_async_engine

fileConfig(context.config.config_file_name)
engine = create_async_engine(os.environ['DATABASE_URL'].replace('://', '+asyncpg://'), poolclass=pool.NullPool)

def migrate(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    async with engine.connect() as connection:
        pass${before}
        await connection.run_sync(migrate)

asyncio.run(main())
`
}

/** Writes an application with these migrations, as a checkout, and an env file for it that names this database. */
export async function writeTestApp(databaseUrl: string, revisions: readonly TestRevision[]): Promise<TestApp> {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-app-'))
  const checkout = join(directory, 'checkout')
  const envFile = join(directory, 'env_production')
  const app: TestApp = {
    checkout,
    envFile,
    migration: (settings = {}) => aMigration({ envFile, ...settings }),
    async write(path, text) {
      const file = join(checkout, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
    },
    setEnv: (text) => writeFile(envFile, text, { mode: 0o600 }),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
  await app.write('alembic_users.ini', INI)
  await app.write('migrations/env.py', envPy())
  await mkdir(join(checkout, 'migrations/versions'))
  for (const [index, revision] of revisions.entries()) {
    const after = revision.after === undefined ? (revisions[index - 1]?.id ?? null) : revision.after
    await app.write(`migrations/versions/${revision.id}.py`, revisionFile(revision, after))
  }
  await app.setEnv(`DATABASE_URL="${databaseUrl}"\n`)
  return app
}

function revisionFile(revision: TestRevision, after: string | null): string {
  const lines = revision.upgrade.split('\n').map((line) => `    ${line}`)
  return `"""${revision.message ?? revision.id}"""
from alembic import op
import sqlalchemy as sa

revision = '${revision.id}'
down_revision = ${after === null ? 'None' : `'${after}'`}


def upgrade():
${lines.join('\n')}
`
}
