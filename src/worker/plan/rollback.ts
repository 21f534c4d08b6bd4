/**
 * Plans a rollback: what the environment goes back to, what goes away, and what the older code meets. It needs the store,
 * the remote and the platform. What the repository or a database does not tell is shown as unknown.
 */
import { defined } from '../../lib/defined.ts'
import type { BoundFacts, Plan } from '../../release/plan.ts'
import { discussions } from '../../release/policy.ts'
import { isOf, type PlatformRelease } from '../../release/ports/platform.ts'
import type { Release } from '../../release/release.ts'
import { type RollbackTarget, rollbackTarget } from '../../release/rollback.ts'
import type { RollbackPlan, RollbackUnknown, ShownRelease } from '../../release/rollback-plan.ts'
import { type App, appAt, type Environment } from '../../release/settings.ts'
import { neededCounts } from '../../release/sign-off-counts.ts'
import { stepsFor } from '../../release/steps.ts'
import { fullIfThere } from '../database.ts'
import { isRunningUnknown, platformReleases, runningCommit, runsApart } from '../facts.ts'
import { platformOf, type WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { onPlatform, originError, platformError, type Refused, remoteError } from '../service-errors.ts'
import { planStandings } from './rollback-schema.ts'
import { checkProvable, unknownWarning } from './what-runs.ts'

const MOST_COMMITS = 500
const MOST_FILES = 300

export interface RollbackRequested {
  readonly app: App
  readonly environment: Environment
  /** The bot's digest of the environment. */
  readonly configuration: string
  readonly release?: Pick<Release, 'number' | 'rollback'>
  readonly signal: AbortSignal
  readonly fetching: AbortSignal
  /** Called with the current activity, for the refusal when time runs out. */
  readonly during: (what: string) => void
}

/** Plans the rollback. Refuses what can't be gone back to. Changes nothing, and is safe to repeat. */
export async function planRollback(ports: WorkerPorts, request: RollbackRequested): Promise<{ plan: Plan } | Refused> {
  const { app, environment, release, during } = request
  const { remote, name } = environment

  during('asking what runs')
  const seen = await lookAtRemote(ports, request)
  if ('refused' in seen) return seen
  const { holds, runs, runsUnknown } = seen

  const place = { app: app.name, environment: name }
  const asked = { runs: runs ?? undefined, ...defined({ to: release?.rollback?.to }) }
  const target = await rollbackTarget(ports.store, place, asked)
  if ('refused' in target) return target
  const { to, from, commit } = target

  during('looking for what to run again')
  const artifact = runsApart(ports, environment) ? await artifactOf(ports, environment, target) : null
  if (artifact !== null && typeof artifact !== 'string') return artifact

  during('reading the commits')
  const history = await commitsThatGo(ports, request, { runs: from?.provenCommit ?? runs, commit })
  if ('refused' in history) return history

  during('asking the databases')
  const standings = await planStandings(ports, request, { to, runs: history.running })

  const tree = to.plan?.bound.result.tree
  if (tree === undefined) throw new Error(`#${to.number} has succeeded without a plan`)
  const bound: BoundFacts = {
    ...place,
    kind: 'rollback',
    remote: { url: remote.url, branch: remote.branch, holds, runs },
    target: { branch: environment.branch, commit: null },
    source: { branch: environment.branch, commit },
    commits: [],
    result: { how: 'commit', commit, tree },
    database: null,
    rollback: { provedBy: to.number, artifact, databases: standings.bound },
    configuration: request.configuration,
  }
  const notKnown: readonly RollbackUnknown[] = [
    ...(runs === null ? [{ what: 'runs' as const, detail: unknownWarning(ports, environment) }] : []),
    ...history.unknowns,
    ...standings.unknowns,
  ]
  const shown: RollbackPlan = {
    ...(from && { from: shownRelease(from) }),
    to: shownRelease(to),
    migrations: standings.migrations,
    unknowns: notKnown,
  }
  const { qa, approvals } = neededCounts(environment, 'rollback')
  const mustBeTalkedOver = discussions(environment, { plan: { migrations: [], rollback: shown } }).length > 0
  const asksGo = qa === 0 && approvals === 0 && !mustBeTalkedOver
  return {
    plan: {
      bound,
      firstRelease: false,
      ...(runsUnknown && { runsUnknown }),
      commitCount: history.count,
      commits: history.commits,
      authors: history.authors,
      migrations: [],
      checks: [],
      files: history.files,
      steps: stepsFor({ environment, bound, mustBeTalkedOver }),
      webUrl: ports.forge.words.pages.repository(app.repository),
      rollback: { ...shown, ...(asksGo && { asksGo: true as const }) },
      warnings: [],
    },
  }
}

interface AtRemote {
  readonly holds: string | null
  readonly runs: string | null
  readonly runsUnknown: boolean
}

async function lookAtRemote(
  ports: WorkerPorts,
  { app, environment, fetching }: RollbackRequested,
): Promise<AtRemote | Refused> {
  const { remote } = environment
  const [held, platform, unprovable] = await Promise.all([
    withRetry(() => ports.git.fetch(app, remote.url, [remote.branch], fetching), ports),
    platformReleases(ports, environment),
    checkProvable(ports, environment),
  ])
  if (!held.ok) return remoteError(ports, environment, held, platform)
  if (!platform.ok) return platformError(ports, environment, platform)
  if (unprovable !== undefined) return unprovable
  const holds = held.value[remote.branch] ?? null
  return {
    holds,
    runs: runningCommit(ports, environment, platform.value, holds),
    runsUnknown: isRunningUnknown(ports, environment, platform.value),
  }
}

/** What the platform can release again of the commit: of its newest release that succeeded, else of any. */
async function artifactOf(
  ports: WorkerPorts,
  environment: Environment,
  { commit, to }: RollbackTarget,
): Promise<string | Refused> {
  const { remote } = environment
  const releases = await platformReleases(ports, environment, commit)
  if (!releases.ok) return platformError(ports, environment, releases)
  const artifact = newestArtifact(releases.value, commit)
  if (artifact !== undefined) return artifact
  const { keepsNothing } = platformOf(ports, remote)
  const kept = keepsNothing && (await withRetry(() => keepsNothing(remote), ports))
  const stack = kept?.ok === true ? kept.value : undefined
  const at = { app: appAt(remote), ...onPlatform(remote) }
  return { refused: { gate: 'slug_missing', ...at, commit, to: to.number, ...defined({ stack }) } }
}

function newestArtifact(releases: readonly PlatformRelease[], commit: string): string | undefined {
  const ours = releases.filter((each) => isOf(each, commit) && each.artifact !== undefined)
  return (ours.find(({ status }) => status === 'succeeded') ?? ours[0])?.artifact
}

interface Going extends Pick<Plan, 'commits' | 'authors' | 'files'> {
  readonly count: number
  readonly unknowns: readonly RollbackUnknown[]
  /** What runs, in full, where the mirror has it. */
  readonly running?: string
}

/**
 * The commits that go away. The mirror usually has them; else the repository is asked, and need not answer. Refuses where a
 * push needs the commit to go back to and nobody has it.
 */
async function commitsThatGo(
  ports: WorkerPorts,
  { app, environment, fetching }: RollbackRequested,
  { runs, commit }: { readonly runs: string | null; readonly commit: string },
): Promise<Going | Refused> {
  const both = async () => ({ running: await fullIfThere(ports, app, runs), has: await ports.git.has(app, commit) })
  let { running, has } = await both()
  const nothing = { count: 0, commits: [], authors: [], files: { count: 0, list: [] } }
  if (running === undefined || !has) {
    const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [environment.branch], fetching), ports)
    ;({ running, has } = await both())
    if (!has && !runsApart(ports, environment)) {
      if (!fetched.ok) return originError(ports, app, fetched)
      return { refused: { gate: 'unknown_commit', asked: commit, why: 'not there', candidates: [] } }
    }
    if (running === undefined || !has) {
      const detail = fetched.ok
        ? 'the repository does not have them'
        : `the repository does not answer: ${fetched.detail}`
      return { ...nothing, ...defined({ running }), unknowns: runs === null ? [] : [{ what: 'commits', detail }] }
    }
  }
  const gone = await ports.git.commits(app, { from: [running], notFrom: [commit], limit: MOST_COMMITS })
  const files = await ports.git.changedFiles(app, running, commit, MOST_FILES)
  return { ...gone, files, running, unknowns: [] }
}

function shownRelease({ number, provenCommit = '', requester, endedAt, requestedAt }: Release): ShownRelease {
  return { number, commit: provenCommit, requester, at: (endedAt ?? requestedAt).toISOString() }
}
