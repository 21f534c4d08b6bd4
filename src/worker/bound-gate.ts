import { type Moved, movedFacts, type ObservedFacts } from '../release/bound.ts'
import { type Release, step } from '../release/release.ts'
import { type App, type Environment, ignoresNewerCommits } from '../release/settings.ts'
import { readFacts } from './facts.ts'
import { withNewerCommits } from './newer-commits.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'
import { originError, type Refused } from './service-errors.ts'

/**
 * The gate of the preflight and of each irreversible step. Refuses with `plan_outdated` if a bound fact has changed since
 * the plan other than by this release, and with a service's gate if a fact can't be read.
 */
export async function checkBoundFacts(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  release: Release,
  signal?: AbortSignal,
): Promise<{ facts: ObservedFacts } | Refused> {
  if (release.plan === undefined) throw new Error(`release #${release.number} has no plan`)
  const read = await readFacts(ports, app, environment, release, signal)
  if ('refused' in read) return read
  const ahead = await withNewerCommits(ports, app, release, read.facts, signal)
  if ('refused' in ahead) return ahead
  const facts = await withUnconfirmedMerge(ports, app, release, ahead.facts, signal)
  const isPinned = ignoresNewerCommits(app, environment, release)
  const moved: Moved[] = [...movedFacts(release.plan, release, facts, isPinned)]
  const pinned = await pinnedMoved(ports, app, release)
  if (pinned && 'refused' in pinned) return pinned
  // The branch of a hot-fix's pull request is the source as well.
  if (pinned && !moved.some(({ what }) => what === pinned.what)) moved.push(pinned)
  return moved.length === 0 ? read : { refused: { gate: 'plan_outdated', moved } }
}

/** The pinned branch must be at the signed commit until it is merged. */
async function pinnedMoved(ports: WorkerPorts, app: App, release: Release): Promise<Moved | Refused | undefined> {
  const branch = release.plan?.pullRequest?.pinnedBranch
  const signed = release.plan?.bound.source.commit
  if (branch === undefined || signed === undefined || step(release, 'merge')?.state === 'done') return undefined
  const there = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  if (!there.ok) return originError(ports, app, there)
  const now = there.value[branch] ?? 'absent'
  return now === signed ? undefined : { what: branch, from: signed, to: now }
}

/**
 * A merge without a known outcome may have succeeded. If the branch is at a commit with exactly the signed parents and
 * tree, or was fast-forwarded to the signed commit, this release moved it, and it counts as unchanged.
 */
async function withUnconfirmedMerge(
  ports: WorkerPorts,
  app: App,
  release: Release,
  facts: ObservedFacts,
  signal?: AbortSignal,
): Promise<ObservedFacts> {
  const merge = step(release, 'merge')
  const bound = release.plan?.bound
  const { target } = facts
  if (bound === undefined || bound.result.how === 'commit' || merge === undefined || merge.state === 'done')
    return facts
  if (!target || target === bound.target.commit) return facts
  const { result } = bound
  if (result.how === 'fast-forward') {
    return target === result.commit ? { ...facts, target: bound.target.commit } : facts
  }
  const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [bound.target.branch], signal), ports)
  if (!fetched.ok || fetched.value[bound.target.branch] !== target) return facts
  const { parents, tree } = await ports.git.commit(app, target)
  const isSigned = tree === result.tree && parents.join() === result.parents.join()
  return isSigned ? { ...facts, target: bound.target.commit } : facts
}
