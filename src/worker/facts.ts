/** Reads the current values of the facts that a plan binds. */

import type { ObservedDatabase, ObservedFacts } from '../release/bound.ts'
import { digestInFormOf } from '../release/configuration.ts'
import { type Plan, standingsOf } from '../release/plan.ts'
import type { Answer } from '../release/ports/answers.ts'
import { isOf, type PlatformRelease } from '../release/ports/platform.ts'
import type { Release } from '../release/release.ts'
import type { App, Environment } from '../release/settings.ts'
import { migrationFor, readDatabase } from './database.ts'
import { platformOf, type WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'
import { migratorError, originError, platformError, type Refused, remoteError } from './service-errors.ts'

const RELEASES_READ = 10
const NO_BRANCHES: Answer<Readonly<Record<string, string | null>>> = { ok: true, value: {} }

/**
 * The environment's last releases on its platform, newest first; none if the platform runs what its remote holds. They
 * include the current one and, if `commit` is given, the newest of that commit.
 */
export async function platformReleases(
  ports: WorkerPorts,
  { remote }: Environment,
  commit?: string,
): Promise<Answer<readonly PlatformRelease[]>> {
  return withRetry(() => platformOf(ports, remote).releases(remote, RELEASES_READ, commit), ports)
}

/** Whether an environment can run another commit than its remote holds. */
export function runsApart(ports: WorkerPorts, { remote }: Environment): boolean {
  return platformOf(ports, remote).words.runsApart
}

/** The running commit: that of the current release, or what the remote holds if the platform runs that. */
export function runningCommit(
  ports: WorkerPorts,
  environment: Environment,
  releases: readonly PlatformRelease[],
  holds: string | null,
): string | null {
  if (!runsApart(ports, environment)) return holds
  const current = releases.find((release) => release.current)
  if (current?.commit === undefined) return null
  return holds !== null && isOf(current, holds) ? holds : current.commit
}

/** Whether the platform runs something and doesn't tell which commit it is. */
export function isRunningUnknown(
  ports: WorkerPorts,
  environment: Environment,
  releases: readonly PlatformRelease[],
): boolean {
  if (!runsApart(ports, environment) || releases.length === 0) return false
  const current = releases.find((release) => release.current)
  return current?.commit === undefined && current?.isEmpty !== true
}

/** Reads every fact that the plan binds; refuses if a service can't be read. */
export async function readFacts(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  release: Release,
  signal?: AbortSignal,
): Promise<{ facts: ObservedFacts } | Refused> {
  const { remote } = environment
  const { plan } = release
  if (plan === undefined) throw new Error(`release #${release.number} has no plan`)
  const { source, target, rollback } = plan.bound
  // A rollback binds no branches, and does not wait for the repository.
  const branches = rollback === undefined ? [...new Set([source.branch, target.branch])] : []
  const [origin, held, platform, databases] = await Promise.all([
    branches.length === 0 ? NO_BRANCHES : withRetry(() => ports.git.heads(app.gitUrl, branches), ports),
    withRetry(() => ports.git.heads(remote.url, [remote.branch]), ports),
    platformReleases(ports, environment),
    readDatabases(ports, { app, environment, release, plan }, signal),
  ])
  if (!origin.ok) return originError(ports, app, origin)
  if (!held.ok) return remoteError(ports, environment, held, platform)
  if (!platform.ok) return platformError(ports, environment, platform)
  if ('refused' in databases) return databases
  const holds = held.value[remote.branch] ?? null
  return {
    facts: {
      ...(rollback === undefined && {
        source: origin.value[source.branch] ?? null,
        target: origin.value[target.branch] ?? null,
      }),
      holds,
      ...(runsApart(ports, environment) && { runs: runningCommit(ports, environment, platform.value, holds) }),
      databases: databases.read,
      configuration: digestInFormOf(plan.bound.configuration, environment),
    },
  }
}

/** Where each database of the plan is; none where the configuration has other entries by now, which is a moved fact. */
async function readDatabases(
  ports: WorkerPorts,
  { plan, ...where }: { app: App; environment: Environment; release: Release; plan: Plan },
  signal: AbortSignal | undefined,
): Promise<{ read: readonly ObservedDatabase[] } | Refused> {
  const bound = standingsOf(plan.bound)
  const migrations = bound.map((each) => migrationFor(where.environment, each)).filter((each) => each !== undefined)
  if (migrations.length < bound.length) return { read: [] }
  const answers = await Promise.all(
    migrations.map(async (migration) => {
      const answer = await readDatabase(ports, { ...where, migration }, signal)
      return answer.ok ? answer.value : migratorError(migration, answer)
    }),
  )
  const read: ObservedDatabase[] = []
  for (const answer of answers) {
    if ('refused' in answer) return answer
    read.push(answer)
  }
  return { read }
}
