/**
 * Replaces alembic and its Python on a machine without them: runs the SQL file beside each revision of the sample. It
 * takes the same command lines as alembic and Signoff's own programs:
 *
 *   <program> -c <config> upgrade head
 *   signoff_run.py PROGRAM        looks, and upgrades on `go`
 *   signoff_preview.py PROGRAM    tells the statements of each pending revision
 *
 * Signoff's programs talk in lines of JSON over descriptor 3; the first of theirs has the command line for alembic. The
 * working directory is a checkout whose `.env` has the
 * database URL. Each upgrade is one transaction, as in alembic.
 */
import { readdir, readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseEnv } from 'node:util'
import pg from 'pg'

type Revision = { revision: string; after: string | undefined; message: string; file: string }

/** What a command line of alembic names after `-c`. */
const configOf = (args: readonly string[]) => args[args.indexOf('-c') + 1] ?? 'alembic.ini'

async function readRevisions(config: string): Promise<Revision[]> {
  const scripts = /^script_location = (\S+)/m.exec(await readFile(config, 'utf8'))?.[1]
  if (scripts === undefined) throw new Error(`${config} has no script_location`)
  const versions = join(scripts, 'versions')
  const found: Revision[] = []
  for (const name of await readdir(versions)) {
    if (!name.endsWith('.py')) continue
    const text = await readFile(join(versions, name), 'utf8')
    const named = (word: string) => new RegExp(`^${word} = '(\\w+)'`, 'm').exec(text)?.[1]
    const revision = named('revision')
    if (revision === undefined) continue
    const message = /^"""(.*?)"""/.exec(text)?.[1] ?? ''
    found.push({ revision, after: named('down_revision'), message, file: join(versions, name) })
  }
  return found
}

const sqlOf = (one: Revision) => readFile(one.file.replace(/py$/, 'sql'), 'utf8')

/** The revisions after `current`, oldest first. The sample's revisions form one line. */
function pendingAfter(all: readonly Revision[], current: string | undefined): Revision[] {
  const pending: Revision[] = []
  let at = current
  for (;;) {
    const next = all.find((one) => one.after === at)
    if (next === undefined) return pending
    pending.push(next)
    at = next.revision
  }
}

async function inDatabase<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const url = parseEnv(await readFile('.env', 'utf8')).DATABASE_URL
  if (url === undefined) throw new Error('DATABASE_URL is not set')
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function currentOf(client: pg.Client): Promise<string | undefined> {
  const there = await client.query("select to_regclass('alembic_version') as name")
  if (there.rows[0]?.name === null) return undefined
  return (await client.query('select version_num from alembic_version')).rows[0]?.version_num
}

/** The revisions table, and whether an upgrade of Signoff is connected (it sets PGAPPNAME). */
const SURROUNDINGS = `select current_schema() as schema, exists (
  select from pg_stat_activity
  where datname = current_database() and application_name = 'signoff' and pid <> pg_backend_pid()) as working`

async function look(config: string): Promise<object> {
  const all = await readRevisions(config)
  const described = ({ revision, message, file }: Revision) => ({ revision, message, file })
  return inDatabase(async (client) => {
    const current = await currentOf(client)
    const isKnown = current === undefined || all.some((one) => one.revision === current)
    const followed = new Set(all.map((one) => one.after))
    const { schema, working } = (await client.query(SURROUNDINGS)).rows[0] ?? {}
    const database = {
      dialect: 'postgresql',
      identity: `${client.host.toLowerCase()}:${client.port}/${client.database}`,
      table: [schema, 'alembic_version'],
      working,
      current: current === undefined ? [] : [current],
      unknown: isKnown ? [] : [current],
      commits_each: false,
      transaction_per_migration: false,
      limits_hold: true,
      invalid_indexes: [],
    }
    return {
      databases: [database],
      heads: all.filter((one) => !followed.has(one.revision)).map(described),
      pending: isKnown ? pendingAfter(all, current).map(described) : [],
      skipped: [],
    }
  })
}

async function preview(config: string, current: string | undefined): Promise<object> {
  const pending = pendingAfter(await readRevisions(config), current)
  const told = pending.map(async (one) => [one.revision, { statements: [await sqlOf(one)], commits: false }] as const)
  return { revisions: Object.fromEntries(await Promise.all(told)), missing: '', never_commits: false }
}

async function upgrade(config: string): Promise<void> {
  const all = await readRevisions(config)
  await inDatabase(async (client) => {
    await client.query('begin')
    await client.query('create table if not exists alembic_version (version_num varchar(32) primary key)')
    const current = await currentOf(client)
    for (const one of pendingAfter(all, current)) {
      process.stderr.write(`INFO  [sandbox] Running upgrade ${one.after ?? ''} -> ${one.revision}, ${one.message}\n`)
      await client.query(await sqlOf(one))
      await client.query('delete from alembic_version')
      await client.query('insert into alembic_version values ($1)', [one.revision])
    }
    await client.query('commit')
  })
}

function failureOf(error: unknown): { error: string; database: boolean; sqlstate: string | null } {
  const sqlstate = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
  const message = error instanceof Error ? error.message : 'unknown'
  return { error: message.split('\n')[0] ?? '', database: sqlstate !== null && sqlstate !== 'ENOENT', sqlstate }
}

/** Signoff's side of the conversation: lines of JSON, or `go`. */
function openConversation() {
  const socket = new Socket({ fd: 3 })
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  return {
    tell: (message: object) => void socket.write(`${JSON.stringify(message)}\n`),
    /** Undefined: the other side has ended. */
    hear: async (): Promise<string | undefined> => (await lines.next()).value,
    end: () => void socket.end(),
  }
}

async function run(): Promise<void> {
  const signoff = openConversation()
  const asked = await signoff.hear()
  if (asked === undefined) return
  const config = configOf((JSON.parse(asked) as { arguments: readonly string[] }).arguments)
  signoff.tell({ looked: await look(config).catch(failureOf) })
  if ((await signoff.hear()) === 'go') {
    signoff.tell({ upgrading: true })
    await upgradeOrSay(config)
  }
  signoff.end()
}

async function runPreview(): Promise<void> {
  const signoff = openConversation()
  signoff.tell({ ready: true })
  const asked = await signoff.hear()
  if (asked === undefined) return
  const request = JSON.parse(asked) as { arguments: readonly string[]; current: readonly string[] }
  signoff.tell({ previewed: await preview(configOf(request.arguments), request.current[0]) })
  signoff.end()
}

async function upgradeOrSay(config: string): Promise<void> {
  try {
    await upgrade(config)
  } catch (error) {
    const { error: message, sqlstate } = failureOf(error)
    process.stderr.write(`${message}${sqlstate === null ? '' : ` (${sqlstate})`}\n`)
    process.exitCode = 1
  }
}

const [, , program = '', ...args] = process.argv
if (program.endsWith('signoff_run.py')) await run()
else if (program.endsWith('signoff_preview.py')) await runPreview()
else if (args.at(-2) === 'upgrade' && args.at(-1) === 'head') await upgradeOrSay(configOf(args))
else {
  process.stderr.write('The sandbox runs the SQL beside each revision: only `upgrade head` is known here.\n')
  process.exitCode = 2
}
