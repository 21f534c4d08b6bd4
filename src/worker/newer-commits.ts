import type { ObservedFacts } from '../release/bound.ts'
import type { Release } from '../release/release.ts'
import type { App } from '../release/settings.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'
import { originError, type Refused } from './service-errors.ts'

/**
 * A release with a time keeps to its commit. Where it is deployed from the branch that its environment follows, that branch
 * counts as unchanged while it still contains the commit: newer commits wait for the next release. Otherwise the facts are as
 * they were read. Refuses where that can't be told.
 */
export async function withNewerCommits(
  ports: WorkerPorts,
  app: App,
  { plan, schedule }: Release,
  facts: ObservedFacts,
  signal?: AbortSignal,
): Promise<{ facts: ObservedFacts } | Refused> {
  if (schedule === undefined || plan === undefined) return { facts }
  const { source, target, result } = plan.bound
  const isOneBranch = source.branch === target.branch && result.how === 'commit'
  const head = facts.target
  if (!isOneBranch || target.commit === null || !head || head === target.commit) return { facts }
  const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [target.branch], signal), ports)
  if (!fetched.ok) return originError(ports, app, fetched)
  const now = fetched.value[target.branch]
  const isThere = !!now && (await ports.git.isAncestor(app, target.commit, now))
  return { facts: isThere ? { ...facts, target: target.commit } : facts }
}
