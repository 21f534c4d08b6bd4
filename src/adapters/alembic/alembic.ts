import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { defined } from '../../lib/defined.ts'
import type {
  MigrationStatus,
  MigrationsAnswer,
  Migrator,
  MigratorLimits,
  PendingRevision,
  UpgradeAnswer,
} from '../../release/ports/migrator.ts'
import type { MigrationSettings } from '../../release/settings.ts'
import { watchLocks } from './activity.ts'
import { readCatalog } from './catalog.ts'
import { placeOf } from './configuration.ts'
import { type DatabaseAddress, databaseIdentity, readDatabaseUrl } from './database-url.ts'
import { readDirectly } from './direct.ts'
import { type EnvFile, readEnvFile, withEnvFile, withoutSecretsOf } from './env-file.ts'
import { runAlone } from './process.ts'
import { type AlembicProgram, findAlembic } from './program.ts'
import { readRevisions } from './revisions.ts'
import { readStatus, type VersionTable } from './status-answer.ts'
import { alembicLimits, alembicWords } from './words.ts'

const STATUS_PROGRAM = fileURLToPath(new URL('./status.py', import.meta.url))

/** How many of an upgrade's last lines are kept. */
const KEPT_LINES = 1000

/** In characters. Longer than any shown line: a cut line may contain half of a secret, which no scrubber finds. */
const LONGEST_LINE = 300_000

export interface MigrationsOptions {
  /** Removes our own secrets from a line. Those of the env file are removed before. */
  readonly scrub: (line: string) => string
  /** For one `status`; default 60 s. */
  readonly checkTimeoutMs?: number
  /** For an upgrade, after which its outcome is unknown; default one hour. The database's own limits are shorter. */
  readonly upgradeTimeoutMs?: number
  /** Called with the scrubbed lines that `status` prints on standard error, such as a traceback. */
  readonly log?: (line: string) => void
  /** Shorter limits, for tests and demonstrations. */
  readonly limits?: Partial<MigratorLimits>
}

interface Prepared {
  readonly settings: MigrationSettings
  readonly file: EnvFile | undefined
  readonly program: AlembicProgram
  readonly env: Readonly<Record<string, string>>
  readonly clean: (line: string) => string
  /** By DATABASE_URL. */
  readonly address: DatabaseAddress | undefined
  readonly identity: string | undefined
}

/**
 * alembic 1.8 or later, by the program that the environment names. Its processes see PATH, LANG, an empty HOME, the
 * database's time limits and the env file's variables, and nothing else of ours. A checkout allows one call at a time.
 * `status` and `revisions` are safe to repeat unless the application's env.py changes something; `upgrade` is as safe as
 * `alembic upgrade head`. After `unknown`, and after `failed` where migrations commit one by one, read the database.
 *
 * `revisions` queries the env file's DATABASE_URL, but only after a `status` of this process has seen that env.py uses that
 * database, and in which table: an env file may name several databases, and a database may have several applications.
 */
export function createMigrations(options: MigrationsOptions): Migrator {
  /** The database and table that env.py uses, by app, environment and entry. */
  const seen = new Map<string, { readonly identity: string; readonly table: VersionTable }>()
  const nameOf = ({ app, environment, name = '' }: MigrationSettings) => `${app}/${environment}/${name}`

  async function prepare(settings: MigrationSettings): Promise<Prepared | { problem: string }> {
    const path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'
    const program = await findAlembic(settings.program, path)
    if ('problem' in program) return program
    const file = settings.envFile === undefined ? undefined : await readEnvFile(settings.envFile)
    if (file !== undefined && 'problem' in file) return file
    const variables = file?.variables ?? {}
    const hide = withoutSecretsOf(variables)
    const address = readDatabaseUrl(variables.DATABASE_URL)
    const limits = `-c lock_timeout=${limit(settings.lockTimeout)} -c statement_timeout=${limit(settings.statementTimeout)}`
    return {
      settings,
      file,
      program,
      clean: (line) => options.scrub(hide(line)),
      address,
      identity: address === undefined ? undefined : databaseIdentity(address),
      env: {
        PATH: path,
        // English messages of libpq and Python, in UTF-8.
        LANG: 'C.UTF-8',
        ...variables,
        PYTHONDONTWRITEBYTECODE: '1',
        PGAPPNAME: 'signoff',
        PGOPTIONS: [variables.PGOPTIONS, limits].filter(Boolean).join(' '),
      },
    }
  }

  return {
    words: alembicWords,
    limits: { ...alembicLimits, ...options.limits },
    placeOf,

    async status(migration, checkout, signal, { preview = false } = {}) {
      const prepared = await prepare(migration)
      if ('problem' in prepared) return { ok: false, why: 'unreadable', detail: options.scrub(prepared.problem) }
      const { settings, program, clean, identity } = prepared
      const database = defined({ database: identity })
      const timeoutMs = options.checkTimeoutMs ?? 60_000

      const mark = `signoff-${randomUUID()}:`
      let answer: string | undefined
      const command = [
        ...program.python.slice(1),
        STATUS_PROGRAM,
        mark,
        program.path,
        settings.config,
        preview ? '--sql' : '',
      ].filter(Boolean)
      const ended = await withEnvFile(checkout, prepared.file, () =>
        runAlone([program.python[0], ...command], {
          cwd: checkout,
          env: { ...prepared.env, PGAPPNAME: 'signoff look' },
          timeoutMs,
          ...defined({ signal }),
          onLine(line, from) {
            if (from === 'stdout' && line.startsWith(mark)) answer = line.slice(mark.length)
            else if (from === 'stderr') options.log?.(clean(line))
          },
        }),
      )
      if (ended.ended === 'killed') {
        const detail = {
          time: `no answer within ${timeoutMs / 1000} s`,
          stopped: 'reading the status was stopped',
          signal: 'alembic was killed',
        }
        return {
          ok: false,
          why: ended.why === 'time' ? 'database unreachable' : 'unreadable',
          detail: detail[ended.why],
          ...database,
        }
      }
      if (answer === undefined) {
        const detail =
          ended.ended === 'not started'
            ? "alembic's Python could not be started"
            : `alembic's Python ended with code ${ended.code}`
        return { ok: false, why: 'unreadable', detail, ...database }
      }
      const read = readStatus(answer, identity)
      if ('why' in read) return { ok: false, why: read.why, detail: oneLine(clean(read.detail)), ...database }
      const { status, table } = read
      if (table === undefined) seen.delete(nameOf(migration))
      else seen.set(nameOf(migration), { identity: status.identity, table })
      return { ok: true, value: withoutSecrets(status, clean) }
    },

    async revisions(
      migration,
    ): Promise<MigrationsAnswer<{ identity: string; revisions: readonly string[]; isWorking?: true } | undefined>> {
      const { envFile } = migration
      const file = envFile === undefined ? undefined : await readEnvFile(envFile)
      if (file === undefined) return { ok: true, value: undefined }
      if ('problem' in file) return { ok: false, why: 'unreadable', detail: file.problem }
      const address = readDatabaseUrl(file.variables.DATABASE_URL)
      if (address === undefined) return { ok: true, value: undefined }
      const identity = databaseIdentity(address)
      const known = seen.get(nameOf(migration))
      if (known?.identity !== identity) return { ok: true, value: undefined }
      const read = await readRevisions(address, file.variables.PGSSLMODE, known.table)
      if (read.read === 'failed') {
        const detail = oneLine(options.scrub(withoutSecretsOf(file.variables)(read.detail)))
        return { ok: false, why: read.why, detail, database: identity }
      }
      return { ok: true, value: { identity, ...read.value } }
    },

    async catalog(migration, statements) {
      const { envFile } = migration
      const file = envFile === undefined ? undefined : await readEnvFile(envFile)
      if (file === undefined || 'problem' in file) return undefined
      const address = readDatabaseUrl(file.variables.DATABASE_URL)
      // As `revisions`: only the database that env.py was seen to use.
      if (address === undefined || seen.get(nameOf(migration))?.identity !== databaseIdentity(address)) return undefined
      const read = await readDirectly(address, file.variables.PGSSLMODE, (client) => readCatalog(client, statements))
      return read.read === 'done' ? read.value : undefined
    },

    async databasesNamed({ envFile }) {
      const file = envFile === undefined ? undefined : await readEnvFile(envFile)
      const variables = file === undefined || 'problem' in file ? {} : file.variables
      const named = Object.entries(variables).flatMap(([name, value]): [string, string][] => {
        const address = readDatabaseUrl(value)
        return address === undefined ? [] : [[name, databaseIdentity(address)]]
      })
      return Object.fromEntries(named)
    },

    async upgrade(migration, checkout, { signal, onLine, onWait } = {}): Promise<UpgradeAnswer> {
      const prepared = await prepare(migration)
      if ('problem' in prepared) return { upgrade: 'failed', output: [options.scrub(prepared.problem)] }
      if (signal?.aborted === true)
        return { upgrade: 'failed', output: ['alembic was not started: the run was stopped'] }
      const output: string[] = []
      let revision: string | undefined
      const over = new AbortController()
      const { address, file } = prepared
      const watching =
        address === undefined || onWait === undefined
          ? undefined
          : watchLocks(address, { sslMode: file?.variables.PGSSLMODE, onWait, signal: over.signal })
      const ended = await withEnvFile(checkout, prepared.file, () =>
        runAlone([prepared.program.path, '-c', prepared.settings.config, 'upgrade', 'head'], {
          cwd: checkout,
          env: prepared.env,
          timeoutMs: options.upgradeTimeoutMs ?? 3_600_000,
          ...defined({ signal }),
          onLine(raw) {
            const line = prepared.clean(raw.slice(0, LONGEST_LINE))
            revision = /Running upgrade .{0,400}?-> ([^\s,]+)/.exec(line)?.[1] ?? revision
            output.push(line)
            if (output.length > KEPT_LINES) output.shift()
            onLine?.(line)
          },
        }),
      ).finally(() => over.abort())
      await watching
      if (ended.ended === 'killed') return { upgrade: 'unknown', output }
      if (ended.ended === 'exit' && ended.code === 0) return { upgrade: 'done', output }
      if (output.some(isLostConnection)) return { upgrade: 'unknown', output }
      const lockTimeout = output.some(isLockTimeout) && ({ lockTimeout: true } as const)
      return { upgrade: 'failed', output, ...defined({ revision }), ...lockTimeout }
    },
  }
}

/** A migration's SQL can contain the env file's secrets, if it reads them from there. */
function withoutSecrets(status: MigrationStatus, clean: (line: string) => string): MigrationStatus {
  const pending = status.pending.map((revision): PendingRevision => {
    const { preview } = revision
    if (preview === undefined) return revision
    if ('notPreviewed' in preview) {
      return { ...revision, preview: { ...preview, notPreviewed: oneLine(clean(preview.notPreviewed)) } }
    }
    return { ...revision, preview: { ...preview, statements: preview.statements.map(clean) } }
  })
  return { ...status, pending }
}

/** The drivers' names of SQLSTATE 55P03; the server's own message is in its language. */
const isLockTimeout = (line: string) => /LockNotAvailable|\b55P03\b|due to lock timeout/.test(line)

/** A time limit in Postgres's form, such as 10s, without white space, which would separate options in PGOPTIONS. */
function limit(text: string): string {
  const compact = text.replaceAll(/\s/g, '')
  if (!/^\d+(us|ms|s|min|h|d)?$/.test(compact)) throw new Error(`not a Postgres time limit: ${text}`)
  return compact
}

/** Whether an established connection broke: a commit may have been in progress. */
function isLostConnection(line: string): boolean {
  const lost =
    /server closed the connection unexpectedly|connection (has been |was )?(closed|lost|reset)|terminating connection|could not receive data from server|SSL SYSCALL error|connection already closed/i
  return lost.test(line) && !/connection to server .{0,400}? failed/i.test(line)
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim().slice(0, 500)
