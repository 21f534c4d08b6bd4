/** What a release does to the database: its pending revisions, their SQL and its risks. */
import { type BoundFacts, MAX_FINDINGS, type PlannedMigration, type SqlFinding } from '../../release/plan.ts'
import type { MigrationStatus, PendingRevision } from '../../release/ports/migrator.ts'
import type { RevisionRisks } from '../../release/ports/sql-risks.ts'
import { step } from '../../release/release.ts'
import { worstFirst } from '../../release/risks.ts'
import type { App, Environment, MigrationSettings } from '../../release/settings.ts'
import { migrationsUnreadable } from '../../release/stored-names.ts'
import { inCheckout } from '../database.ts'
import type { WorkerPorts } from '../ports.ts'
import { withDatabaseRetry } from '../retry.ts'
import { migratorError, type Refused } from '../service-errors.ts'
import { classifyPending, foreseenFailure, statementsOf } from './pending-sql.ts'

/** How many characters of SQL a plan stores: of one revision, and of all. */
const KEPT_SQL = { ofOne: 60_000, ofAll: 200_000 }
const RELEASES_READ = 15
const PUSHES_SHOWN = 5

interface Asked {
  readonly app: App
  readonly environment: Environment
  readonly signal: AbortSignal
}

type Result = BoundFacts['result']

type Database = NonNullable<BoundFacts['database']>

/** Returns the pending revisions with their SQL and findings. Refuses what the migrator can't upgrade to one head. */
export async function planMigrations(
  ports: WorkerPorts,
  request: Asked,
  result: Result,
): Promise<{ database: Database | null; migrations: readonly PlannedMigration[] } | Refused> {
  const { app, environment } = request
  const [migration] = environment.migrations
  if (migration === undefined) return { database: null, migrations: [] }

  const tree = result.tree
  const configuration = await ports.git.fileAt(app, tree, migration.config)
  if (configuration === undefined) {
    return { refused: migrationsUnreadable(migration.program, `${migration.config} is not in the commit`) }
  }
  const { folder, isOneFolder } = ports.migrator.placeOf(configuration, migration.config)
  // The migrations are in a Python package, or behind a link: then any change may be a migration.
  const migrationsTree = (folder === undefined ? undefined : await ports.git.folderAt(app, tree, folder)) ?? tree

  const where = { app: app.name, environment: environment.name }
  const [last] = await ports.store.releases({ ...where, states: ['succeeded'], limit: 1 })
  const applied = isOneFolder ? (last?.plan?.bound.database ?? undefined) : undefined
  const status = await migrationStatus(ports, { ...request, migration }, { tree, migrationsTree, applied })
  if ('refused' in status) return status
  const { identity, heads, current, unknown, pending } = status
  const other = applied?.identity === identity ? undefined : await otherEnvironmentOf(ports, environment, identity)
  if (other !== undefined) {
    const names = { environment: `${app.name} ${environment.name}`, other: `${other.app} ${other.name}` }
    return { refused: { gate: 'same_database', ...names } }
  }
  if (heads.length > 1) return { refused: { gate: 'migration_heads', heads } }
  if (unknown.length > 0) {
    const commit = result.how === 'merge' ? result.parents[1] : result.commit
    return { refused: { gate: 'unknown_revision', revisions: unknown, commit } }
  }
  const risks = await classifyPending(ports, migration, status)
  const failing = await foreseenFailure(ports, app, tree, status, risks)
  if (failing !== undefined) return failing
  return {
    database: {
      identity,
      revisions: current,
      pending: pending.map(({ revision }) => revision),
      head: heads[0]?.revision ?? null,
      migrationsTree,
    },
    migrations: await described(ports, app, status, risks, result.how === 'merge' ? result.parents : [result.commit]),
  }
}

/** Each pending revision as the plan shows it. */
async function described(
  ports: WorkerPorts,
  app: App,
  { pending, dialect }: MigrationStatus,
  risks: readonly RevisionRisks[],
  commits: readonly string[],
): Promise<readonly PlannedMigration[]> {
  const statements = statementsOf(pending)
  let left = KEPT_SQL.ofAll
  const planned: PlannedMigration[] = []
  for (const [index, revision] of pending.entries()) {
    const unknown = unclassified(revision, dialect, ports.migrator.words.name)
    const found = worstFirst(unknown ?? risks[index]?.findings ?? [])
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
      ...((revision.preview?.commits || risks[index]?.commits) && { commits: true as const }),
    })
  }
  return planned
}

/** The first findings, and at least one of each risk, because rules depend on the risks. */
function keptFindings(found: readonly SqlFinding[]): readonly SqlFinding[] {
  return found.filter(
    ({ risk }, index) => index < MAX_FINDINGS || found.findIndex((each) => each.risk === risk) === index,
  )
}

const isPreviewed = ({ preview }: PendingRevision) => preview !== undefined && 'statements' in preview

/** The single finding of a revision whose SQL was not classified, with the reason; undefined if it was. */
function unclassified(
  { preview }: PendingRevision,
  dialect: string | undefined,
  migrator: string,
): readonly SqlFinding[] | undefined {
  if (preview === undefined || 'notPreviewed' in preview) {
    const because = preview === undefined ? `${migrator} gave no reason` : preview.notPreviewed
    return [
      {
        risk: 'unknown',
        what: 'could not be previewed',
        why: `It reads the database, or does something that can't be previewed as SQL (${because}).`,
        instead: 'Read its file before you sign.',
      },
    ]
  }
  if (dialect === 'postgresql') return undefined
  return [
    {
      risk: 'unknown',
      what: `is not classified for ${dialect ?? 'this database'}`,
      why: 'Signoff classifies only Postgres SQL.',
      instead: 'Read its SQL before you sign.',
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

/** The durations of the last pushes, newest first: for that long, old code ran on the new schema. */
export async function lastPushes(
  ports: WorkerPorts,
  { app, name: environment }: Environment,
): Promise<readonly number[]> {
  const releases = await ports.store.releases({ app, environment, states: ['succeeded'], limit: RELEASES_READ })
  const pushes = releases.flatMap((release) => {
    const push = step(release, 'push')
    const from = step(release, 'migrate')?.endedAt ?? push?.startedAt
    return push?.endedAt === undefined || from === undefined ? [] : [push.endedAt.getTime() - from.getTime()]
  })
  return pushes.filter((ms) => ms >= 0).slice(0, PUSHES_SHOWN)
}

/**
 * Another environment whose migrations reach this database: by its current DATABASE_URL or, if that does not name it, by
 * what its own planning stored. The stored identity alone may be out of date, because env files are corrected.
 */
async function otherEnvironmentOf(
  ports: WorkerPorts,
  environment: Environment,
  identity: string,
): Promise<Environment | undefined> {
  const stored = await ports.store.noteDatabase(identity, environment.app, environment.name)
  const others = ports.apps
    .flatMap(({ environments }) => environments)
    .filter((each) => !(each.app === environment.app && each.name === environment.name))
  const sharing = await Promise.all(
    others.map(async (other) => {
      const isStored = stored.app === other.app && stored.environment === other.name
      const [migration] = other.migrations
      if (migration === undefined) return false
      const named = await ports.migrator.databasesNamed(migration)
      if (named.DATABASE_URL === identity) return true
      return isStored && (named.DATABASE_URL === undefined || Object.values(named).includes(identity))
    }),
  )
  return others.find((_, index) => sharing[index])
}

/** Skips the migrator if the last release applied the same folder and a direct query shows the database at its head. */
async function migrationStatus(
  ports: WorkerPorts,
  { app, migration, signal }: Asked & { readonly migration: MigrationSettings },
  { tree, migrationsTree, applied }: { tree: string; migrationsTree: string; applied: Database | undefined },
): Promise<MigrationStatus | Refused> {
  if (applied?.migrationsTree === migrationsTree && applied.head !== null) {
    const direct = await withDatabaseRetry(() => ports.migrator.revisions(migration), ports)
    if (!direct.ok) return migratorError(migration, direct)
    const { value } = direct
    if (value?.identity === applied.identity && value.revisions.length === 1 && value.revisions[0] === applied.head) {
      const heads = [{ revision: applied.head, file: '' }]
      return { identity: applied.identity, heads, current: value.revisions, unknown: [], pending: [] }
    }
  }
  return inCheckout(ports, app, tree, async (checkout) => {
    const status = await withDatabaseRetry(
      () => ports.migrator.status(migration, checkout, signal, { preview: true }),
      ports,
    )
    return status.ok ? status.value : migratorError(migration, status)
  })
}
