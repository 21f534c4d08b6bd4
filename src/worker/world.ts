/** Looking at the world that a plan binds, and the words for a world that does not answer. */
import { type Moved, movedFacts, type ObservedFacts } from '../release/bound.ts'
import { digestInFormOf } from '../release/configuration.ts'
import { type CheckStatus, haveAllPassed } from '../release/plan.ts'
import type { Answer, ServiceError } from '../release/ports/answers.ts'
import type { PlatformRelease } from '../release/ports/heroku.ts'
import type { MigrationsAnswer } from '../release/ports/migrations.ts'
import type { Refusal } from '../release/refusals.ts'
import { type Release, step } from '../release/release.ts'
import { type App, type Environment, promotedFrom } from '../release/settings.ts'
import { lookAtDatabase } from './database.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'

export type Refused = { readonly refused: Refusal }

const BITBUCKET_SETTINGS = ['BITBUCKET_TOKEN', 'BITBUCKET_EMAIL', 'BITBUCKET_API_TOKEN']

function unusable(failure: ServiceError['failure'], detail: string): { detail: string; answered?: true } {
  return { detail, ...(failure === 'wrong' && { answered: true }) }
}

export function originError(app: App, { failure, detail }: ServiceError): Refused {
  if (failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: app.gitUrl, settings: BITBUCKET_SETTINGS } }
  }
  return { refused: { gate: 'repository_unreachable', url: app.gitUrl, ...unusable(failure, detail) } }
}

export function remoteError({ remote }: Environment, { failure, detail }: ServiceError): Refused {
  if (failure === 'refused') {
    const settings = remote.platform === 'heroku' ? ['HEROKU_API_KEY'] : BITBUCKET_SETTINGS
    return { refused: { gate: 'credentials_refused', service: remote.name, settings } }
  }
  return { refused: { gate: 'remote_unreachable', remote: remote.name, ...unusable(failure, detail) } }
}

export function forgeError({ failure, detail }: ServiceError): Refused {
  if (failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: 'Bitbucket', settings: BITBUCKET_SETTINGS } }
  }
  return { refused: { gate: 'bitbucket_unreachable', ...unusable(failure, detail) } }
}

export function platformError({ remote }: Environment, { failure, detail }: ServiceError): Refused {
  if (failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: 'Heroku', settings: ['HEROKU_API_KEY'] } }
  }
  return {
    refused: { gate: 'platform_unreachable', app: remote.herokuApp ?? remote.name, ...unusable(failure, detail) },
  }
}

export function migratorError(
  environment: Environment,
  answer: Extract<MigrationsAnswer<unknown>, { ok: false }>,
): Refused {
  const alembic = environment.migrations?.alembic ?? 'alembic'
  const { why, detail } = answer
  if (why === 'unreadable') return { refused: { gate: 'migrations_unreadable', alembic, detail } }
  const database = answer.database ?? `the database of ${environment.name}`
  if (why === 'database refused') {
    return { refused: { gate: 'credentials_refused', service: database, settings: ['env_file'] } }
  }
  return { refused: { gate: 'database_unreachable', database, detail } }
}

/** The last releases of the environment's Heroku app, the newest first; none for a plain git remote. */
export async function platformReleases(
  ports: WorkerPorts,
  environment: Environment,
): Promise<Answer<readonly PlatformRelease[]>> {
  const { herokuApp } = environment.remote
  const { heroku } = ports
  if (herokuApp === undefined || heroku === undefined) return { ok: true, value: [] }
  return withRetry(() => heroku.releases(herokuApp, 10), ports)
}

/** The commit that the platform runs now; for a plain git remote what it holds. */
export function runningCommit(
  environment: Environment,
  releases: readonly PlatformRelease[],
  holds: string | null,
): string | null {
  if (environment.remote.platform === 'git') return holds
  const current = releases.find((release) => release.current)
  if (current?.commit === undefined) return null
  return holds !== null && isOf(current, holds) ? holds : current.commit
}

/** Whether a platform's release is of this commit; Heroku sometimes names only the first 8 digits. */
export function isOf(release: PlatformRelease, commit: string): boolean {
  return release.commit !== undefined && release.commit.length >= 7 && commit.startsWith(release.commit)
}

/** Looks at every fact that the plan binds. */
export async function readFacts(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  release: Release,
  signal?: AbortSignal,
): Promise<{ world: ObservedFacts } | Refused> {
  const { remote } = environment
  const { plan } = release
  if (plan === undefined) throw new Error(`release #${release.number} has no plan`)
  const { source, target } = plan.bound
  const [origin, held, platform, database] = await Promise.all([
    withRetry(() => ports.git.heads(app.gitUrl, [...new Set([source.branch, target.branch])]), ports),
    withRetry(() => ports.git.heads(remote.url, [remote.branch]), ports),
    platformReleases(ports, environment),
    plan.bound.database === null ? undefined : lookAtDatabase(ports, { app, environment, release }, signal),
  ])
  if (!origin.ok) return originError(app, origin)
  if (!held.ok) return remoteError(environment, held)
  if (!platform.ok) return platformError(environment, platform)
  if (database && !database.ok) return migratorError(environment, database)
  const holds = held.value[remote.branch] ?? null
  return {
    world: {
      source: origin.value[source.branch] ?? null,
      target: origin.value[target.branch] ?? null,
      holds,
      ...(remote.platform === 'heroku' && { runs: runningCommit(environment, platform.value, holds) }),
      ...(database && { revisions: database.value.revisions, database: database.value.identity }),
      configuration: digestInFormOf(plan.bound.configuration, environment),
    },
  }
}

/**
 * The builds of a commit, refused where the environment asks for passed ones and they are not; where it does not, what
 * Bitbucket cannot tell is left out.
 */
export async function checkBuilds(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  commit: string,
): Promise<{ checks: readonly CheckStatus[] } | Refused> {
  const asked = await withRetry(() => ports.bitbucket.checks(app, commit), ports)
  if (environment.signOff?.requireChecks !== true) return { checks: asked.ok ? asked.value : [] }
  if (!asked.ok) return forgeError(asked)
  return haveAllPassed(asked.value)
    ? { checks: asked.value }
    : { refused: { gate: 'checks_failed', checks: asked.value } }
}

/** Whether the pull request's source may move on without making the release outdated. */
export function isPinned(app: App, environment: Environment): boolean {
  return environment.pullRequest === 'pinned' && promotedFrom(app, environment) !== undefined
}

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
  if (!there.ok) return originError(app, there)
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
