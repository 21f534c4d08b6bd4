import type { App, Environment } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'

const MOST_LOOKED_AT = 50

/**
 * Warns of commits that a rollback took away and that this plan deploys again. `going`: the commits whose history is
 * deployed. Nothing is said of what runs already, or of a release that was marked as good since.
 */
export async function rolledBackWarnings(
  { git, store }: Pick<WorkerPorts, 'git' | 'store'>,
  app: App,
  environment: Environment,
  { running, going }: { readonly running: string | undefined; readonly going: readonly string[] },
): Promise<readonly string[]> {
  const place = { app: app.name, environment: environment.name }
  const bad = await store.releases({ ...place, marked: 'bad', limit: MOST_LOOKED_AT })
  const warnings: string[] = []
  for (const { number, mark, provenCommit: commit } of bad) {
    if (mark?.rollback === undefined || commit === undefined || !(await git.has(app, commit))) continue
    const isIn = async (head: string) => git.isAncestor(app, commit, head)
    const goes = (await Promise.all(going.map(isIn))).includes(true)
    if (!goes || (running !== undefined && (await isIn(running)))) continue
    const because = mark.reason === undefined ? '' : ` because “${mark.reason}”`
    warnings.push(`Contains what was rolled back from #${number}${because}`)
  }
  return warnings
}
