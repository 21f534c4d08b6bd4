/** Plans, previews and applies the migrations of a small application, and compares that with what alembic itself does. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { createMigrations } from '../../src/adapters/alembic/alembic.ts'
import type { MigrationStatus } from '../../src/release/ports/migrator.ts'
import { ask, type TestPostgres } from '../support/postgres.ts'
import { type TestApp, writeTestApp } from '../support/real-alembic.ts'
import { plainEnv, type SetUp, type SetUpRevision } from './alembic-set-ups.ts'

const RECORDED = fileURLToPath(new URL('../support/recorded_upgrade.py', import.meta.url))

/** An alembic of this machine. */
export interface Program {
  readonly path: string
  readonly python: string
}

export interface Outcome {
  readonly status: MigrationStatus
  /** What alembic itself sent, and whether it committed. */
  readonly sent: Readonly<Record<string, { statements: readonly string[]; commits: boolean }>>
  readonly ours: Content
  readonly alembics: Content
}

/** All that a database has. */
type Content = readonly unknown[]

/** Checks that a revision's preview has what alembic itself sent. */
export function expectSame(check: typeof expect, { status, sent }: Outcome, revision: SetUpRevision): void {
  const { id } = revision
  const commits = revision.commits === true
  const preview = status.pending.find((one) => one.revision === id)?.preview
  const real = sent[id]
  check(real, 'alembic itself ran it').toBeDefined()
  check(preview).toBeDefined()
  check(preview !== undefined && 'notPreviewed' in preview ? preview.notPreviewed : 'previewed').toBe('previewed')
  if (preview === undefined || 'notPreviewed' in preview || real === undefined) return
  check(preview.commits).toBe(commits)
  check(written(preview.statements)).toEqual(written(real.statements))
  // What SQLAlchemy does not know of, such as the statement COMMIT, only the preview finds.
  if (real.commits) check(preview.commits).toBe(true)
}

/** The statements that change something, without the differences of form that drivers leave. */
function written(statements: readonly string[]): readonly string[] {
  return statements
    .map((sql) => sql.replaceAll(/\s+/g, ' ').trim().replace(/;$/, ''))
    .filter((sql) => !/^(BEGIN|COMMIT|--.*|SHOW .*|(SELECT|WITH) (?!setval).*)$/i.test(sql) && sql !== '')
}

/** Of two new databases: one that Signoff migrates, and one that alembic does. */
export async function outcomeOf(server: TestPostgres, setUp: SetUp, program: Program): Promise<Outcome> {
  const [first, second] = await Promise.all([server.createDatabase(), server.createDatabase()])
  const [app, other] = await Promise.all([writeSetUp(first.url, setUp), writeSetUp(second.url, setUp)])
  try {
    if (setUp.before !== undefined) await Promise.all([ask(first.url, setUp.before), ask(second.url, setUp.before)])
    const real = recorded(other, program)
    // Awaited below.
    real.catch(() => undefined)
    const migrations = createMigrations({ scrub: (line) => line })
    const migration = app.migration({ program: program.path })
    const answer = await migrations.status(migration, app.checkout, undefined, { preview: true })
    if (!answer.ok) throw new Error(answer.detail)
    const upgraded = await migrations.upgrade(migration, app.checkout)
    expect(upgraded, upgraded.output.join('\n')).toMatchObject({ upgrade: 'done' })
    const after = await migrations.status(migration, app.checkout)
    expect(after).toMatchObject({ ok: true, value: { pending: [] } })
    const sent = await real
    return { status: answer.value, sent, ours: await contentOf(first.url), alembics: await contentOf(second.url) }
  } finally {
    await Promise.all([app.remove(), other.remove()])
    await Promise.all([first.drop(), second.drop()])
  }
}

/** Writes a set-up as a checkout, with an env file that names this database. */
export async function writeSetUp(url: string, setUp: SetUp): Promise<TestApp> {
  const app = await writeTestApp(url, [])
  await app.write('migrations/env.py', setUp.env ?? plainEnv())
  await app.setEnv(`DATABASE_URL=${url}\n${setUp.variables?.(new URL(url)) ?? ''}\n`)
  for (const [path, text] of Object.entries(setUp.files ?? {})) await app.write(path, text)
  for (const [index, revision] of setUp.revisions.entries()) {
    const before = setUp.revisions[index - 1]?.id
    await app.write(`migrations/versions/${revision.id}.py`, fileOf(revision, before))
  }
  return app
}

function fileOf(revision: SetUpRevision, before: string | undefined): string {
  const { id, after = before ?? null, dependsOn = null, above = '', parameters = '', upgrade } = revision
  return `"""${id}"""
from alembic import op
import sqlalchemy as sa

revision = '${id}'
down_revision = ${python3(after)}
depends_on = ${python3(dependsOn)}

${above}

def upgrade(${parameters}):
    ${upgrade.replaceAll('\n', '\n    ')}
`
}

const python3 = (value: string | readonly string[] | null) => (value === null ? 'None' : JSON.stringify(value))

/** Alembic's own upgrade, without any of our code. */
async function recorded(app: TestApp, program: Program): Promise<Outcome['sent']> {
  const out = join(app.checkout, '..', 'recorded.json')
  const text = await readFile(app.envFile, 'utf8')
  const variables = Object.fromEntries(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).replaceAll("'", '')]),
  )
  await app.write('.env', text)
  const env = { PATH: process.env.PATH, LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1', ...variables }
  const call = [RECORDED, out, '-c', 'alembic_users.ini', 'upgrade', 'head']
  await promisify(execFile)(program.python, call, { cwd: app.checkout, env })
  return JSON.parse(await readFile(out, 'utf8')) as Outcome['sent']
}

export async function contentOf(url: string): Promise<Content> {
  const [schema, tables] = await Promise.all([
    ask(
      url,
      `SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
       WHERE table_schema NOT IN ('pg_catalog', 'information_schema') UNION ALL
       SELECT schemaname, tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname NOT IN ('pg_catalog') ORDER BY 1, 2, 3`,
    ),
    ask<{ name: string }>(
      url,
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    ),
  ])
  const rows = []
  for (const { name } of tables) rows.push(await ask(url, `SELECT '${name}' AS of, t::text FROM ${name} t ORDER BY 2`))
  return [...schema, ...rows]
}
