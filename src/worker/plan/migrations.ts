/** What a release does to the database: its pending revisions, what each would run, and what people should know of that. */
import { type BoundFacts, MAX_FINDINGS, type PlannedMigration, type SqlFinding } from '../../release/plan.ts'
import type { MigrationStatus, PendingRevision } from '../../release/ports/migrator.ts'
import { step } from '../../release/release.ts'
import { worstFirst } from '../../release/risks.ts'
import type { App, Environment } from '../../release/settings.ts'
import { migrationsUnreadable } from '../../release/stored-names.ts'
import { inCheckout } from '../database.ts'
import type { WorkerPorts } from '../ports.ts'
import { withDatabaseRetry } from '../retry.ts'
import { migratorError, type Refused } from '../service-errors.ts'

/** How much SQL is kept with a plan, in characters: of one revision, and of all. */
const KEPT_SQL = { ofOne: 60_000, ofAll: 200_000 }
const LOOKED_AT_RELEASES = 15
const TOLD_PUSHES = 5

interface Asked {
  readonly app: App
  readonly environment: Environment
  readonly signal: AbortSignal
}

type Result = BoundFacts['result']

type Database = NonNullable<BoundFacts['database']>

/** Refuses what the migrator could not take to one head; gives what is pending, with its SQL and findings. */
export async function planMigrations(
  ports: WorkerPorts,
  request: Asked,
  result: Result,
): Promise<{ database: Database | null; migrations: readonly PlannedMigration[] } | Refused> {
  const { app, environment } = request
  const settings = environment.migrations
  if (settings === undefined) return { database: null, migrations: [] }

  const tree = result.tree
  const configuration = await ports.git.fileAt(app, tree, settings.config)
  if (configuration === undefined) {
    return { refused: migrationsUnreadable(settings.program, `${settings.config} is not in the commit`) }
  }
  const { folder, isOneFolder } = ports.migrator.placeOf(configuration, settings.config)
  // A folder of a Python package, or one that leads elsewhere: any change may be one of the migrations then.
  const migrationsTree = (folder === undefined ? undefined : await ports.git.folderAt(app, tree, folder)) ?? tree

  const where = { app: app.name, environment: environment.name }
  const [last] = await ports.store.releases({ ...where, states: ['succeeded'], limit: 1 })
  const applied = isOneFolder ? (last?.plan?.bound.database ?? undefined) : undefined
  const status = await migrationStatus(ports, request, { tree, migrationsTree, applied })
  if ('refused' in status) return status
  const { identity, heads, current, unknown, pending } = status
  const other = applied?.identity === identity ? undefined : await otherReaching(ports, environment, identity)
  if (other !== undefined) {
    const names = { environment: `${app.name} ${environment.name}`, other: `${other.app} ${other.name}` }
    return { refused: { gate: 'same_database', ...names } }
  }
  if (heads.length > 1) return { refused: { gate: 'migration_heads', heads } }
  if (unknown.length > 0) {
    const commit = result.how === 'commit' ? result.commit : result.parents[1]
    return { refused: { gate: 'unknown_revision', revisions: unknown, commit } }
  }
  return {
    database: {
      identity,
      revisions: current,
      pending: pending.map(({ revision }) => revision),
      head: heads[0]?.revision ?? null,
      migrationsTree,
    },
    migrations: await described(ports, app, status, result.how === 'commit' ? [result.commit] : result.parents),
  }
}

/** What people read of each pending revision. */
async function described(
  ports: WorkerPorts,
  app: App,
  { pending, dialect }: MigrationStatus,
  commits: readonly string[],
): Promise<readonly PlannedMigration[]> {
  const isPostgres = dialect === 'postgresql'
  const statements = pending.map(({ preview }) => (preview && 'statements' in preview ? preview.statements : []))
  const classified = isPostgres ? await ports.sqlRisks.classify(statements) : []
  let left = KEPT_SQL.ofAll
  const planned: PlannedMigration[] = []
  for (const [index, revision] of pending.entries()) {
    const unknown = unclassified(revision, dialect, ports.migrator.words.name)
    const found = worstFirst(unknown ?? classified[index] ?? [])
    const sql = kept(statements[index] ?? [], Math.min(left, KEPT_SQL.ofOne))
    left -= sql.reduce((sum, { length }) => sum + length, 0)
    const leftOut = (statements[index] ?? []).length - sql.length
    const author = await ports.git.lastAuthor(app, commits, revision.file)
    planned.push({
      revision: revision.revision,
      message: revision.message,
      file: revision.file,
      ...(author !== undefined && { author }),
      risk: found[0]?.risk ?? 'adds',
      findings: keptFindings(found),
      findingCount: found.length,
      ...(isPreviewed(revision) && { sql }),
      ...(leftOut > 0 && { sqlLeftOut: leftOut }),
      ...(revision.preview?.commits && { commits: true as const }),
    })
  }
  return planned
}

/** The first ones, and at least one of each risk, which rules go by. */
function keptFindings(found: readonly SqlFinding[]): readonly SqlFinding[] {
  return found.filter(
    ({ risk }, index) => index < MAX_FINDINGS || found.findIndex((each) => each.risk === risk) === index,
  )
}

const isPreviewed = ({ preview }: PendingRevision) => preview !== undefined && 'statements' in preview

/** Why a revision's SQL was not looked at, as its one finding; undefined where it was. */
function unclassified(
  { preview }: PendingRevision,
  dialect: string | undefined,
  migrator: string,
): readonly SqlFinding[] | undefined {
  if (preview === undefined || 'notPreviewed' in preview) {
    const because = preview === undefined ? `${migrator} did not tell` : preview.notPreviewed
    return [
      {
        risk: 'unknown',
        what: 'could not be previewed',
        why: `It reads the database, or does what can't be written down as SQL beforehand (${because}).`,
        instead: 'Read its file before it is signed.',
      },
    ]
  }
  if (dialect === 'postgresql') return undefined
  return [
    {
      risk: 'unknown',
      what: `is not classified for ${dialect ?? 'this database'}`,
      why: 'Signoff reads the SQL of Postgres only.',
      instead: 'Read its SQL before it is signed.',
    },
  ]
}

function kept(statements: readonly string[], most: number): readonly string[] {
  let left = most
  const first = statements.findIndex(({ length }) => {
    left -= length
    return left < 0
  })
  return first === -1 ? statements : statements.slice(0, first)
}

/** How long pushes took lately, newest first: that long the code before met the schema after. */
export async function lastPushes(
  ports: WorkerPorts,
  { app, name: environment }: Environment,
): Promise<readonly number[]> {
  const releases = await ports.store.releases({ app, environment, states: ['succeeded'], limit: LOOKED_AT_RELEASES })
  const pushes = releases.flatMap((release) => {
    const push = step(release, 'push')
    const from = step(release, 'migrate')?.endedAt ?? push?.startedAt
    return push?.endedAt === undefined || from === undefined ? [] : [push.endedAt.getTime() - from.getTime()]
  })
  return pushes.filter((ms) => ms >= 0).slice(0, TOLD_PUSHES)
}

/**
 * Another environment whose migrations reach this database: by its DATABASE_URL as it is now or, where another variable or
 * none names it, as it was noted when its own release was planned. A note alone may be out of date: env files are corrected.
 */
async function otherReaching(
  ports: WorkerPorts,
  environment: Environment,
  identity: string,
): Promise<Environment | undefined> {
  const noted = await ports.store.noteDatabase(identity, environment.app, environment.name)
  const others = ports.apps
    .flatMap(({ environments }) => environments)
    .filter((each) => each.migrations && !(each.app === environment.app && each.name === environment.name))
  const reaching = await Promise.all(
    others.map(async (other) => {
      const isNoted = noted.app === other.app && noted.environment === other.name
      const named = await ports.migrator.databasesNamed(other)
      if (named.DATABASE_URL === identity) return true
      return isNoted && (named.DATABASE_URL === undefined || Object.values(named).includes(identity))
    }),
  )
  return others.find((_, index) => reaching[index])
}

/** The migrator is not started when this very folder was applied last and the database, looked at directly, is at its head. */
async function migrationStatus(
  ports: WorkerPorts,
  { app, environment, signal }: Asked,
  { tree, migrationsTree, applied }: { tree: string; migrationsTree: string; applied: Database | undefined },
): Promise<MigrationStatus | Refused> {
  if (applied?.migrationsTree === migrationsTree && applied.head !== null) {
    const direct = await withDatabaseRetry(() => ports.migrator.revisions(environment), ports)
    if (!direct.ok) return migratorError(ports, environment, direct)
    const { value } = direct
    if (value?.identity === applied.identity && value.revisions.length === 1 && value.revisions[0] === applied.head) {
      const heads = [{ revision: applied.head, file: '' }]
      return { identity: applied.identity, heads, current: value.revisions, unknown: [], pending: [] }
    }
  }
  return inCheckout(ports, app, tree, async (checkout) => {
    const status = await withDatabaseRetry(
      () => ports.migrator.status(environment, checkout, signal, { preview: true }),
      ports,
    )
    return status.ok ? status.value : migratorError(ports, environment, status)
  })
}
