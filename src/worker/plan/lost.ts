/** What a release would take away: commits that the remote holds or the platform runs, and that the release lacks. */
import type { Refusal } from '../../release/refusals.ts'
import { type App, appAt, type Environment } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { originError, type Refused } from '../service-errors.ts'

const LISTED = 10

interface Deployed {
  readonly holds: string | null
  /** 40 hex digits, or the first few of them; null: nothing, or not known. */
  readonly runs: string | null
}

/** The commit that runs, as far as the mirror has it. */
export interface Running {
  /** Undefined: nothing runs, its commit is not known, or no branch has it. */
  readonly commit?: string
}

/**
 * Refuses with `remote_diverged` if the release lacks commits that the remote holds or the platform runs. Else gives the
 * running commit in full. `going`: the commits whose history is released.
 */
export async function checkNothingLost(
  ports: WorkerPorts,
  { app, environment, fetching }: { app: App; environment: Environment; fetching: AbortSignal },
  { holds, runs }: Deployed,
  going: readonly string[],
): Promise<Running | Refused> {
  if (holds !== null && !(await isIn(ports, app, holds, going))) {
    const { name: remote, branch } = environment.remote
    return { refused: { gate: 'remote_diverged', remote, branch, ...(await lost(ports, app, holds, going)) } }
  }
  if (runs === null) return {}
  if (runs === holds) return { commit: holds }
  let named = await ports.git.commitsNamed(app, runs)
  if (named.length === 0) {
    // Such as what was promoted from another app: any branch may have it.
    const all = await withRetry(() => ports.git.fetchAll(app, app.gitUrl, fetching), ports)
    if (!all.ok) return originError(ports, app, all)
    named = await ports.git.commitsNamed(app, runs)
  }
  if (named.length === 0) {
    const beyond = await withRetry(() => ports.git.fetchNamed(app, app.gitUrl, runs, fetching), ports)
    if (!beyond.ok) return originError(ports, app, beyond)
    named = beyond.value.commits
  }
  for (const commit of named) if (await isIn(ports, app, commit, going)) return { commit }
  const [commit] = named
  const gone =
    commit === undefined
      ? { count: 1, commits: [{ sha: runs, title: 'on no branch of the repository', author: '' }] }
      : await lost(ports, app, commit, going)
  const { name: remote } = environment.remote
  const by = { remote, branch: environment.branch, runsAt: appAt(environment.remote) }
  return { refused: { gate: 'remote_diverged', ...by, ...gone } }
}

async function isIn(ports: WorkerPorts, app: App, commit: string, going: readonly string[]): Promise<boolean> {
  for (const each of going) if (await ports.git.isAncestor(app, commit, each)) return true
  return false
}

async function lost(
  ports: WorkerPorts,
  app: App,
  from: string,
  going: readonly string[],
): Promise<Pick<Extract<Refusal, { gate: 'remote_diverged' }>, 'count' | 'commits'>> {
  const { count, commits } = await ports.git.commits(app, { from: [from], notFrom: going, limit: LISTED })
  return { count, commits: commits.map(({ sha, title, author }) => ({ sha, title, author: author.name })) }
}
