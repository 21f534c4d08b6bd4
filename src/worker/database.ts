/** Looking at the database that a plan binds. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { producedCommit } from '../release/bound.ts'
import type { MigrationsAnswer } from '../release/ports/migrator.ts'
import type { Release } from '../release/release.ts'
import type { App, Environment } from '../release/settings.ts'
import type { WorkerPorts } from './ports.ts'
import { withDatabaseRetry, withRetry } from './retry.ts'

export interface DatabaseNow {
  readonly identity: string
  readonly revisions: readonly string[]
  /** A session of ours is at work in it; told of Postgres only. */
  readonly isWorking?: true
}

/**
 * The database's identity and revisions now: by a direct look where there is one, else by the migrator in a checkout. That
 * takes a second or two, and every look of the preflight and before a step that can't be undone pays
 * it: an env file that points elsewhere would let us migrate a database that nobody signed. Only reads.
 */
export async function lookAtDatabase(
  ports: WorkerPorts,
  where: { readonly app: App; readonly environment: Environment; readonly release: Release },
  signal?: AbortSignal,
): Promise<MigrationsAnswer<DatabaseNow>> {
  const { app, environment, release } = where
  const direct = await withDatabaseRetry(() => ports.migrator.revisions(environment), ports)
  if (!direct.ok) return direct
  if (direct.value !== undefined) return { ok: true, value: direct.value }
  const code = await codeToLookWith(ports, app, release, signal)
  if (code === undefined) return { ok: false, why: 'unreadable', detail: 'no commit of the plan can be fetched' }
  const status = await inCheckout(ports, app, code, (checkout) =>
    withDatabaseRetry(() => ports.migrator.status(environment, checkout, signal), ports),
  )
  if (!status.ok) return status
  const { identity, current, isWorking } = status.value
  return { ok: true, value: { identity, revisions: current, ...(isWorking && { isWorking }) } }
}

/** Does something with the files of a commit or tree, and takes them away again. */
export async function inCheckout<T>(
  ports: WorkerPorts,
  app: App,
  commit: string,
  work: (checkout: string) => Promise<T>,
): Promise<T> {
  const checkout = await mkdtemp(join(ports.checkouts, 'look-'))
  try {
    await ports.git.checkout(app, commit, checkout)
    return await work(checkout)
  } finally {
    await rm(checkout, { recursive: true, force: true })
  }
}

/**
 * What goes, where this host's mirror has it or can make it. Where another host has picked it, the branch that it was
 * picked onto: it says as well which database the app uses.
 */
async function codeToLookWith(
  ports: WorkerPorts,
  app: App,
  release: Release,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { git } = ports
  const bound = release.plan?.bound
  if (bound === undefined) throw new Error(`release #${release.number} has no plan`)
  const { result, source, target } = bound
  const here = await codeThatGoes()
  if (here !== undefined) return here
  const fetched = await withRetry(() => git.fetch(app, app.gitUrl, [source.branch, target.branch], signal), ports)
  return (await codeThatGoes()) ?? (fetched.ok ? (fetched.value[target.branch] ?? undefined) : undefined)

  async function codeThatGoes(): Promise<string | undefined> {
    const made = producedCommit(release)
    if (made !== undefined) return (await git.has(app, made)) ? made : undefined
    if (result.how !== 'merge') return undefined
    const [ours, theirs] = result.parents
    if (!(await git.has(app, ours)) || !(await git.has(app, theirs))) return undefined
    const foreseen = await git.previewMerge(app, ours, theirs)
    return foreseen.clean ? foreseen.tree : undefined
  }
}
