/** What a release does to the databases: the pending revisions, their SQL and its risks. */
import { defined } from '../../lib/defined.ts'
import type { BoundFacts, Plan } from '../../release/plan.ts'
import { MAX_FINDINGS, type PlannedMigration, type SqlFinding } from '../../release/planned-migration.ts'
import type { MigrationStatus, PendingRevision } from '../../release/ports/migrator.ts'
import type { RevisionRisks } from '../../release/ports/sql-risks.ts'
import { step } from '../../release/release.ts'
import { worstFirst } from '../../release/risks.ts'
import type { App, Environment } from '../../release/settings.ts'
import type { Isolation } from '../../release/terms.ts'
import type { WorkerPorts } from '../ports.ts'
import type { Refused } from '../service-errors.ts'
import { type Asked, type PlannedDatabase, planDatabase } from './database.ts'
import { classifyPending, expectedFailure, statementsOf } from './pending-sql.ts'

/** How many characters of SQL a plan stores: of one revision, and of all. */
const KEPT_SQL = { ofOne: 60_000, ofAll: 200_000 }
const RELEASES_READ = 15
const PUSHES_SHOWN = 5

type Result = BoundFacts['result']

interface PlannedMigrations {
  readonly database: BoundFacts['database']
  readonly migrations: readonly PlannedMigration[]
  /** Sentences to read before signing. */
  readonly warnings: readonly string[]
  /** How the app's code was kept apart; absent if none was run. */
  readonly isolation?: Isolation
  /** Indexes that are invalid now; absent if nothing is pending. */
  readonly invalidBefore?: Plan['invalidBefore']
}

/**
 * Returns each database with its pending revisions, their SQL and findings, in the order in which they are migrated.
 * Refuses what the migrator can't upgrade to one head.
 */
export async function planMigrations(
  ports: WorkerPorts,
  request: Asked,
  result: Result,
): Promise<PlannedMigrations | Refused> {
  const { app, environment } = request
  const commits = result.how === 'merge' ? result.parents : [result.commit]
  const databases: PlannedDatabase[] = []
  const migrations: PlannedMigration[] = []
  for (const migration of environment.migrations) {
    const planned = await planDatabase(ports, { ...request, migration, earlier: databases }, result)
    if ('refused' in planned) return planned
    databases.push(planned)
    const { name } = planned.bound
    if (planned.status.neverCommits) {
      return { refused: { gate: 'migrations_not_committed', ...defined({ database: name }) } }
    }
    const risks = await classifyPending(ports, migration, planned.status)
    const failing = await expectedFailure(ports, app, result.tree, planned.status, risks)
    if (failing !== undefined) return failing
    const own = await described(ports, app, planned.status, risks, commits)
    migrations.push(...own.map((each) => ({ ...each, ...defined({ database: name }) })))
  }
  const bound = databases.map((each) => each.bound)
  const invalid = databases.map((each) => ({
    ...defined({ name: each.bound.name }),
    indexes: each.status.invalidIndexes ?? [],
  }))
  const invalidBefore = migrations.length === 0 ? undefined : invalid
  const isolation = weakest(databases.flatMap(({ status }) => status.isolation ?? []))
  const warnings = databases.flatMap(({ bound: { name }, status }) => lookWarnings(status, name))
  return {
    database: bound.length > 1 ? bound : (bound[0] ?? null),
    migrations,
    warnings,
    ...defined({ isolation, invalidBefore }),
  }
}

/** Of several databases, how the one was read whose code was kept apart least. */
function weakest(kinds: readonly Isolation[]): Isolation | undefined {
  const order: readonly Isolation[] = ['none', 'other user', 'bubblewrap']
  return order.find((kind) => kinds.includes(kind))
}

/** What people should know of how the app connects, before they sign. */
function lookWarnings(
  { pending, hasOtherTimeLimits, skippedWrites = [] }: MigrationStatus,
  name: string | undefined,
): readonly string[] {
  const of = name === undefined ? '' : ` of ${name}`
  const [first] = skippedWrites
  return [
    ...(hasOtherTimeLimits && pending.length > 0
      ? [`The migrations${of} run without the time limits of releases.yml: the app's env.py sets its own.`]
      : []),
    ...(first === undefined ? [] : [`The env.py${of} writes whenever it is run, which was prevented: ${first}`]),
  ]
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
