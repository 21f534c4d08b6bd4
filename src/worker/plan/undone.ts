import type { BoundFacts, PlannedCommit } from '../../release/plan.ts'
import type { App } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'

/**
 * Warns of commits that are listed as part of a promotion while the tree to deploy lacks their changes: a merge that was
 * reverted on the environment's branch stays merged for git, so that the next merge does not bring its commits back.
 */
export async function undoneWarnings(
  { git }: Pick<WorkerPorts, 'git'>,
  app: App,
  {
    source,
    target,
    result,
    remote,
  }: Pick<BoundFacts, 'source' | 'target' | 'result'> & {
    readonly remote: Pick<BoundFacts['remote'], 'holds'>
  },
  listed: readonly PlannedCommit[],
): Promise<readonly string[]> {
  if (source.branch === target.branch) return []
  const notFrom = remote.holds === null ? [] : [remote.holds]
  const undone = new Set(await git.undoneChanges(app, { from: source.commit, notFrom, tree: result.tree }))
  const commits = listed.filter(({ sha }) => undone.has(sha))
  if (commits.length === 0) return []
  const { branch } = target
  const head =
    commits.length === 1
      ? `1 listed commit was undone on ${branch}, so its changes are not deployed. To deploy them, revert the revert`
      : `${commits.length} listed commits were undone on ${branch}, so their changes are not deployed. To deploy them, revert the revert`
  return [head, ...commits.map(({ sha, title }) => `Not deployed: ${sha.slice(0, 7)} ${title}`)]
}
