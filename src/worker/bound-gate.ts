/** The gate of the preflight and of each step that can't be undone: every fact is where the plan saw it, or where this release has put it. */
import { type Moved, movedFacts, type ObservedFacts } from '../release/bound.ts'
import { type Release, step } from '../release/release.ts'
import { type App, type Environment, isPinned } from '../release/settings.ts'
import { readFacts } from './facts.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'
import { originError, type Refused } from './service-errors.ts'

/** Looks, and tells what moved: the gate that is asked in the preflight and before each step that can't be undone. */
export async function checkBoundFacts(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  release: Release,
  signal?: AbortSignal,
): Promise<{ world: ObservedFacts } | Refused> {
  if (release.plan === undefined) throw new Error(`release #${release.number} has no plan`)
  const looked = await readFacts(ports, app, environment, release, signal)
  if ('refused' in looked) return looked
  const world = await withUntoldMerge(ports, app, release, looked.world, signal)
  const moved: Moved[] = [...movedFacts(release.plan, release, world, isPinned(app, environment))]
  const pinned = await pinnedMoved(ports, app, release)
  if (pinned && 'refused' in pinned) return pinned
  if (pinned) moved.push(pinned)
  return moved.length === 0 ? looked : { refused: { gate: 'plan_outdated', moved } }
}

/** The branch that was made for this release must hold the signed commit until it is merged. */
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
 * A merge whose outcome was never told may have come after all. Where the branch is at a commit with exactly the signed parents
 * and tree, it is where this release has put it, and has not moved.
 */
async function withUntoldMerge(
  ports: WorkerPorts,
  app: App,
  release: Release,
  world: ObservedFacts,
  signal?: AbortSignal,
): Promise<ObservedFacts> {
  const merge = step(release, 'merge')
  const bound = release.plan?.bound
  const { target } = world
  if (bound?.result.how !== 'merge' || merge === undefined || merge.state === 'done') return world
  if (!target || target === bound.target.commit) return world
  const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [bound.target.branch], signal), ports)
  if (!fetched.ok || fetched.value[bound.target.branch] !== target) return world
  const { parents, tree } = await ports.git.commit(app, target)
  const isSigned = tree === bound.result.tree && parents.join() === bound.result.parents.join()
  return isSigned ? { ...world, target: bound.target.commit } : world
}
