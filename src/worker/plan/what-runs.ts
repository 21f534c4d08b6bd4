/** What the platform runs, where it is not what the remote holds, or not known. */
import type { BoundFacts } from '../../release/plan.ts'
import { isOf } from '../../release/ports/platform.ts'
import { type App, appAt, type Environment } from '../../release/settings.ts'
import { platformReleases, runsApart } from '../facts.ts'
import { platformOf, type WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { onPlatform, platformError, type Refused } from '../service-errors.ts'

const CONFIRMABLE = { ok: true, value: undefined } as const

/** Refuses where a release could not be confirmed. */
export async function checkProvable(ports: WorkerPorts, { remote }: Environment): Promise<Refused | undefined> {
  const platform = platformOf(ports, remote)
  const unprovable = await withRetry(async () => (await platform.unconfirmable?.(remote)) ?? CONFIRMABLE, ports)
  if (!unprovable.ok) return platformError(ports, { remote }, unprovable)
  if (unprovable.value === undefined) return undefined
  return { refused: { gate: 'not_provable', app: appAt(remote), ...onPlatform(remote), detail: unprovable.value } }
}

/** Refuses if the platform can't build what would be deployed, because a file is missing. What it holds is not built again. */
export async function checkBuildable(
  ports: WorkerPorts,
  { app, environment: { remote } }: { readonly app: App; readonly environment: Environment },
  holds: string | null,
  result: BoundFacts['result'],
): Promise<Refused | undefined> {
  const { neededFile } = platformOf(ports, remote)
  if (neededFile === undefined || (result.how === 'commit' && result.commit === holds)) return undefined
  const needed = await withRetry(() => neededFile(remote), ports)
  if (!needed.ok) return platformError(ports, { remote }, needed)
  if (needed.value === undefined) return undefined
  const tree = result.how === 'merge' ? result.tree : result.commit
  if ((await ports.git.fileAt(app, tree, needed.value.path)) !== undefined) return undefined
  return { refused: { gate: 'build_file_missing', app: appAt(remote), ...onPlatform(remote), ...needed.value } }
}

/** Refuses if the remote holds the commit and does not run it, and there is nothing to release it again from. */
export async function cannotRunAgain(
  ports: WorkerPorts,
  environment: Environment,
  { holds, runs }: { readonly holds: string | null; readonly runs: string | null },
  result: BoundFacts['result'],
): Promise<Refused | undefined> {
  if (!runsApart(ports, environment) || result.how !== 'commit') return undefined
  const { commit } = result
  if (holds !== commit || runs === commit) return undefined
  const releases = await platformReleases(ports, environment, commit)
  if (!releases.ok) return platformError(ports, environment, releases)
  const ours = releases.value.find((release) => isOf(release, commit))
  if (ours?.artifact !== undefined || ours?.status === 'pending') return undefined
  const at = { app: appAt(environment.remote), ...onPlatform(environment.remote) }
  return { refused: { gate: 'slug_missing', ...at, commit } }
}

/** What the card warns of if the platform does not tell which commit runs. */
export function unknownWarning(ports: WorkerPorts, { remote }: Environment): string {
  const { name } = platformOf(ports, remote).words
  return `${name} does not tell which commit ${appAt(remote)} runs: Signoff can't tell what this release would take away`
}
