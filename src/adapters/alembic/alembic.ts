import { defined } from '../../lib/defined.ts'
import type {
  Backend,
  DatabaseRevisions,
  MigrationStatus,
  MigrationsAnswer,
  MigrationsFailure,
  Migrator,
  MigratorLimits,
  PendingRevision,
} from '../../release/ports/migrator.ts'
import type { MigrationSettings } from '../../release/settings.ts'
import { readCatalog } from './catalog.ts'
import { placeOf } from './configuration.ts'
import { databaseIdentity, readDatabaseUrl } from './database-url.ts'
import { readDirectly } from './direct.ts'
import { readEnvFile, withEnvFile, withoutSecretsOf } from './env-file.ts'
import type { Isolate } from './isolation/isolation.ts'
import { configIn, folderIn, type Placed, type Prepared, prepare } from './prepare.ts'
import { lookAndPreview } from './preview.ts'
import { readRevisions } from './revisions.ts'
import { type Started, start } from './start.ts'
import { readStatus, tableName, type VersionTable } from './status-answer.ts'
import { type Looking, upgrade } from './upgrade.ts'
import { alembicLimits, alembicWords } from './words.ts'

export interface MigrationsOptions {
  /** Removes our own secrets from a line. Those of the env file are removed before. */
  readonly scrub: (line: string) => string
  /** How the app's code is kept apart from this host. Absent: not at all. */
  readonly isolate?: Isolate
  /** For one look; default 60 s. */
  readonly checkTimeoutMs?: number
  /** For an upgrade, after which its outcome is unknown; default one hour. The database's own limits are shorter. */
  readonly upgradeTimeoutMs?: number
  /** Called with the scrubbed lines that a look prints, such as a traceback. */
  readonly log?: (line: string) => void
  /** Shorter limits, for tests and demonstrations. */
  readonly limits?: Partial<MigratorLimits>
}

interface Unprepared {
  readonly problem: string
  /** Default: unreadable. */
  readonly why?: 'not isolated'
}

/**
 * alembic 1.8 or later, by the program that the entry names, or Flask-Migrate. Its processes see PATH, LANG, an empty HOME,
 * the database's time limits and the env file's variables, and nothing else of ours: not this host's files and processes
 * either, as far as `isolate` can. A checkout allows one call at a time.
 * `status` and `revisions` are safe to repeat: a look's connections are read-only. `upgrade` is as safe as `alembic upgrade
 * head`. After `unknown`, and after `failed` where migrations commit one by one, read the database.
 *
 * `revisions` queries the env file's DATABASE_URL, but only after a look of this process has seen that env.py uses that
 * database, and in which table: an env file may name several databases, and a database may have several applications.
 */
export function createMigrations(options: MigrationsOptions): Migrator {
  const { scrub } = options
  const lookMs = options.checkTimeoutMs ?? 60_000
  const upgradeMs = options.upgradeTimeoutMs ?? 3_600_000
  /** The database and table that env.py uses, by app, environment and entry. */
  const seen = new Map<string, { readonly identity: string; readonly table: VersionTable }>()
  const nameOf = ({ app, environment, name = '' }: MigrationSettings) => `${app}/${environment}/${name}`
  async function prepared(settings: MigrationSettings, checkout: string): Promise<Placed | Unprepared> {
    const host = await options.isolate?.found()
    if (settings.isolation === 'required' && (host === undefined || host.kind === 'none')) {
      return { why: 'not isolated', problem: host?.missing ?? '' }
    }
    const folder = await folderIn(checkout, settings)
    if ('problem' in folder) return folder
    const config = await configIn(folder.cwd, settings)
    const path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'
    const ready = await prepare(settings, { config, path, scrub })
    if ('problem' in ready) return ready
    const { isolation: policy, readable } = settings
    const isolation = options.isolate && {
      isolate: options.isolate,
      policy,
      checkout,
      readable,
      program: ready.program,
    }
    const kind = host && (policy === 'off' ? 'none' : host.kind)
    return { ...ready, ...folder, ...defined({ isolation, kind }) }
  }
  const notPrepared = ({ why, problem }: Unprepared): MigrationsFailure => ({
    ok: false,
    why: why ?? 'unreadable',
    detail: scrub(problem),
  })
  const aside = ({ clean }: Prepared) => ({ onAside: (line: string) => options.log?.(clean(line)) })

  function read(ready: Prepared, looked: string): MigrationsAnswer<MigrationStatus> {
    const { settings, clean, identity } = ready
    const answer = readStatus(looked, { identity, directory: settings.directory })
    if ('why' in answer) {
      return { ok: false, ...answer, detail: oneLine(clean(answer.detail)), ...defined({ database: identity }) }
    }
    const { status, table } = answer
    if (table === undefined) seen.delete(nameOf(settings))
    else seen.set(nameOf(settings), { identity: status.identity, table })
    return { ok: true, value: withoutSecrets(status, clean) }
  }

  async function look(
    ready: Placed,
    { signal, backends = [] }: { signal?: AbortSignal; backends?: readonly Backend[] },
  ): Promise<MigrationsAnswer<MigrationStatus>> {
    const { program, request, cwd, env } = ready
    const asked = { ...request, backends: backends.map(({ pid, startedAt }) => [pid, startedAt] as const) }
    const started = await withEnvFile(cwd, ready.file, () =>
      start(program, asked, {
        cwd,
        env,
        mode: 'look',
        ...defined({ isolation: ready.isolation }),
        limits: { lookMs, upgradeMs },
        ...defined({ signal }),
        ...aside(ready),
      }),
    )
    if (started.looked === undefined) return unanswered(started, ready)
    const answer = read(ready, started.looked)
    return answer.ok ? { ok: true, value: { ...answer.value, ...defined({ isolation: ready.kind }) } } : answer
  }

  function unanswered(started: Started, { identity }: Prepared): MigrationsFailure {
    return { ok: false, ...whyUnanswered(started, lookMs), ...defined({ database: identity }) }
  }

  const looking: Looking = { read, unanswered, look, aside, limits: { lookMs, upgradeMs } }

  return {
    words: alembicWords,
    limits: { ...alembicLimits, ...options.limits },
    placeOf,

    async status(migration, checkout, signal, { preview, backends } = {}) {
      const ready = await prepared(migration, checkout)
      if ('problem' in ready) return notPrepared(ready)
      const looked = () => look(ready, defined({ signal, backends }))
      if (preview !== true) return looked()
      const { program, cwd, file, request, env, clean } = ready
      const call = {
        program,
        arguments: request.arguments,
        directory: cwd,
        path: env.PATH ?? '',
        variables: file?.variables,
        timeoutMs: lookMs,
        isolation: ready.isolation,
        onLine: (line: string) => options.log?.(clean(line)),
        signal,
      }
      const answer = await lookAndPreview(call, looked)
      return answer.ok ? { ok: true, value: withoutSecrets(answer.value, clean) } : answer
    },

    async revisions(migration, { backends = [] } = {}): Promise<MigrationsAnswer<DatabaseRevisions | undefined>> {
      const { envFile } = migration
      const file = envFile === undefined ? undefined : await readEnvFile(envFile)
      if (file === undefined) return { ok: true, value: undefined }
      if ('problem' in file) return { ok: false, why: 'unreadable', detail: file.problem }
      const address = readDatabaseUrl(file.variables.DATABASE_URL)
      if (address === undefined) return { ok: true, value: undefined }
      const identity = databaseIdentity(address)
      const known = seen.get(nameOf(migration))
      if (known?.identity !== identity) return { ok: true, value: undefined }
      const answer = await readRevisions(address, file.variables.PGSSLMODE, known.table, backends)
      if (answer.read === 'failed') {
        const detail = oneLine(scrub(withoutSecretsOf(file.variables)(answer.detail)))
        return { ok: false, why: answer.why, detail, database: identity }
      }
      return { ok: true, value: { identity, versionTable: tableName(known.table), ...answer.value } }
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

    async upgrade(migration, checkout, call = {}) {
      const ready = await prepared(migration, checkout)
      if ('problem' in ready) {
        const look = notPrepared(ready)
        return { upgrade: 'failed', notStarted: true, look, output: [look.detail] }
      }
      return upgrade(ready, call, looking)
    },
  }
}

/** Why a look gave no answer, in words of its own for each of our limits. */
function whyUnanswered(
  { ended, died, lookTimedOut }: Started,
  lookMs: number,
): Pick<MigrationsFailure, 'why' | 'detail'> {
  const within = `within ${lookMs / 1000} s`
  if (lookTimedOut === 'connecting') return { why: 'database unreachable', detail: `no answer ${within}` }
  if (lookTimedOut === 'running') {
    return { why: 'unreadable', detail: `alembic gave no answer ${within}; env.py or a revision may not end` }
  }
  if (ended.ended === 'not started') {
    return {
      why: 'unreadable',
      detail: ["alembic's Python could not be started", ended.why].filter(Boolean).join(': '),
    }
  }
  if (ended.ended === 'killed' && ended.why === 'stopped') {
    return { why: 'unreadable', detail: 'reading the status was stopped' }
  }
  if (died !== undefined) return { why: 'unreadable', detail: `alembic's Python ended with ${died}` }
  if (ended.ended === 'killed') return { why: 'unreadable', detail: 'alembic was killed' }
  return { why: 'unreadable', detail: `alembic's Python ended with code ${ended.code}` }
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
  return { ...status, pending, ...defined({ skippedWrites: status.skippedWrites?.map(clean) }) }
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim().slice(0, 500)
