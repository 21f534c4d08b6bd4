/** Which workers release an environment, and whether one of them is alive, by when the store last saw them. */
import { defined } from '../lib/defined.ts'
import type { Store, WorkerSeen } from './ports/store.ts'
import type { App, Environment } from './settings.ts'
import type { MissingWorker } from './terms.ts'

/** How often a worker tells the store that it is alive. */
export const WORKER_SEEN_EVERY_MS = 5_000
/** A worker not seen for this long counts as gone. */
export const WORKER_GONE_MS = 20_000

/** Returns who is missing if no worker of this group is alive; undefined if one is. */
export function missingWorker(
  workers: readonly WorkerSeen[],
  now: Date,
  { group }: Pick<Environment, 'group'>,
): MissingWorker | undefined {
  const [last] = workers.filter((worker) => worker.group === group).toSorted((a, b) => b.at.getTime() - a.at.getTime())
  if (last !== undefined && isAlive(last, now)) return undefined
  return defined({ lastSeen: last?.at.toISOString(), host: last?.host, group })
}

/** The same, asked of the store. */
export async function findMissingWorker(
  store: Pick<Store, 'workers' | 'now'>,
  environment: Pick<Environment, 'group'>,
): Promise<MissingWorker | undefined> {
  const workers = await store.workers()
  return missingWorker(workers, await store.now(), environment)
}

export function isAlive({ at }: Pick<WorkerSeen, 'at'>, now: Date): boolean {
  return now.getTime() - at.getTime() <= WORKER_GONE_MS
}

/** Which workers take the jobs of which environments, as releases.yml has it. */
export interface WorkerGroups {
  /** Each group that an environment belongs to, once. */
  readonly names: readonly string[]
  /** The group of each environment that has one, by `app/environment`. */
  readonly of: Readonly<Record<string, string>>
}

export function workerGroups(apps: readonly App[]): WorkerGroups {
  const grouped = apps.flatMap(({ environments }) =>
    environments.flatMap(({ app, name, group }) => (group === undefined ? [] : [[`${app}/${name}`, group] as const])),
  )
  return { names: [...new Set(grouped.map(([, group]) => group))], of: Object.fromEntries(grouped) }
}

/**
 * How many workers are alive in each group that some environment needs; undefined stands for workers without a group. A group
 * that nothing needs any more is listed while it has workers.
 */
export function aliveByGroup(
  apps: readonly App[],
  workers: readonly WorkerSeen[],
  now: Date,
): ReadonlyMap<string | undefined, number> {
  const needed = apps.flatMap(({ environments }) => environments.map(({ group }) => group))
  const alive = new Map(needed.map((group) => [group, 0]))
  for (const worker of workers) {
    if (isAlive(worker, now)) alive.set(worker.group, (alive.get(worker.group) ?? 0) + 1)
  }
  return alive
}
