/** Reads the database that a plan binds. */
import { producedCommit } from '../release/bound.ts'
import type { BoundDatabase } from '../release/plan.ts'
import type { Backend, MigrationsAnswer } from '../release/ports/migrator.ts'
import type { Release } from '../release/release.ts'
import type { App, Environment, MigrationSettings } from '../release/settings.ts'
import type { WorkerPorts } from './ports.ts'
import { withDatabaseRetry, withRetry } from './retry.ts'

export interface DatabaseNow {
  readonly identity: string
  readonly revisions: readonly string[]
  /** One of our sessions is active in it; known for Postgres only. */
  readonly isWorking?: true
}

/**
 * Reads the database's identity and revisions: by a direct query if possible, else by the migrator in a checkout, which
 * takes a second or two. The preflight and each irreversible step need it every time: a changed env file could lead to a
 * database that nobody signed.
 */
export async function readDatabase(
  ports: WorkerPorts,
  where: {
    readonly app: App
    readonly migration: MigrationSettings
    /** Whose commit is checked out; a commit where there is no plan yet. */
    readonly release: Release | { readonly checkout: string | undefined }
    /** Sessions of an earlier upgrade, which may still be at work. */
    readonly backends?: readonly Backend[]
  },
  signal?: AbortSignal,
): Promise<MigrationsAnswer<DatabaseNow>> {
  const { app, migration, release, backends = [] } = where
  const direct = await withDatabaseRetry(() => ports.migrator.revisions(migration, { backends }), ports)
  if (!direct.ok) return direct
  if (direct.value !== undefined) return { ok: true, value: direct.value }
  const commit = 'checkout' in release ? release.checkout : await commitForCheckout(ports, app, release, signal)
  if (commit === undefined) return { ok: false, why: 'unreadable', detail: 'no commit of the plan could be fetched' }
  const status = await ports.checkouts.use(app, commit, (checkout) =>
    withDatabaseRetry(() => ports.migrator.status(migration, checkout, signal, { backends }), ports),
  )
  if (!status.ok) return status
  const { identity, current, isWorking } = status.value
  return { ok: true, value: { identity, revisions: current, ...(isWorking && { isWorking }) } }
}

/** The environment's entry of a bound database; undefined if the configuration has no such entry any more. */
export function migrationFor(
  { migrations }: Environment,
  { name }: Pick<BoundDatabase, 'name'>,
): MigrationSettings | undefined {
  return name === undefined ? only(migrations) : migrations.find((each) => each.name === name)
}

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined)

/** The whole id of a commit of which the mirror has one and no other; undefined if it has none. */
export async function fullIfThere(
  { git }: Pick<WorkerPorts, 'git'>,
  app: App,
  commit: string | null,
): Promise<string | undefined> {
  const named = commit === null ? [] : await git.commitsNamed(app, commit)
  return named.length === 1 ? named[0] : undefined
}

/**
 * The commit or tree to deploy, if this host's mirror has it or can make it. Else, after another host picked it, the head
 * of the target branch: it names the app's database just as well.
 */
async function commitForCheckout(
  ports: WorkerPorts,
  app: App,
  release: Release,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { git } = ports
  const bound = release.plan?.bound
  if (bound === undefined) throw new Error(`release #${release.number} has no plan`)
  const { result, source, target, remote } = bound
  // Code from before a database's present revision can't read it: what runs now can.
  if (bound.rollback !== undefined) return fullIfThere(ports, app, remote.runs)
  const local = await commitToDeploy()
  if (local !== undefined) return local
  const fetched = await withRetry(() => git.fetch(app, app.gitUrl, [source.branch, target.branch], signal), ports)
  return (await commitToDeploy()) ?? (fetched.ok ? (fetched.value[target.branch] ?? undefined) : undefined)

  async function commitToDeploy(): Promise<string | undefined> {
    const made = producedCommit(release)
    if (made !== undefined) return (await git.has(app, made)) ? made : undefined
    if (result.how !== 'merge') return undefined
    const [ours, theirs] = result.parents
    if (!(await git.has(app, ours)) || !(await git.has(app, theirs))) return undefined
    const preview = await git.previewMerge(app, ours, theirs)
    return preview.clean ? preview.tree : undefined
  }
}
