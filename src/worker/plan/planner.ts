/** Plans a release from current facts, before anyone signs it. Refuses what can't be deployed, with its gate. */

import { defined } from '../../lib/defined.ts'
import { isSameConfiguration } from '../../release/configuration.ts'
import { type BoundFacts, type CheckStatus, type Plan, pendingCount } from '../../release/plan.ts'
import { allowsEmergency, discussions } from '../../release/policy.ts'
import type { MergeMethods } from '../../release/ports/forge.ts'
import type { Release } from '../../release/release.ts'
import { type App, type Environment, isPinned, promotedFrom, sharesItsBranches } from '../../release/settings.ts'
import { stepsFor } from '../../release/steps.ts'
import type { ReleaseKind } from '../../release/terms.ts'
import { checkBuilds } from '../builds.ts'
import { isRunningUnknown, platformReleases, runningCommit } from '../facts.ts'
import type { WorkerPorts } from '../ports.ts'
import { findProof } from '../proof.ts'
import { withRetry } from '../retry.ts'
import { originError, platformError, type Refused, remoteError } from '../service-errors.ts'
import { planChanges } from './changes.ts'
import { checkNothingLost } from './lost.ts'
import { allowedMerge, mergeBy } from './merge-method.ts'
import { lastPushes, planMigrations } from './migrations.ts'
import { migrationWarning, type PicksPreview, previewPicks } from './picks.ts'
import { openPullRequest } from './pull-request.ts'
import { planRollback } from './rollback.ts'
import { rolledBackWarnings } from './rolled-back.ts'
import { undoneWarnings } from './undone.ts'
import { cannotRunAgain, checkBuildable, checkProvable, unknownWarning } from './what-runs.ts'

const MOST_COMMITS = 500
const FIRST_RELEASE_COMMITS = 20
const MOST_FILES = 300

/** The only part of planning with effects outside. */
const OPENING = 'opening the pull request'

export interface PlanningRequest {
  readonly app: App
  readonly environment: Environment
  readonly kind: ReleaseKind
  /** The requested commits of a hot-fix. */
  readonly picks?: readonly string[]
  /** The bot's digest of the environment. */
  readonly configuration: string
  /** The release to open the pull request for; absent for a preview, which changes nothing. */
  readonly release?: Pick<Release, 'number' | 'requester' | 'requestedAt' | 'reason' | 'schedule' | 'rollback'>
  /** Checks that have not passed don't refuse: the card shows them, and an emergency may waive them. */
  readonly forEmergency?: true
  readonly signal: AbortSignal
  /** How the forge may merge, as its pull request says; absent: its branch is asked. */
  readonly methods?: MergeMethods | undefined
  /** Ends fetches. The time limit does not: a fetch that it cancelled would restart with each plan. */
  readonly fetching: AbortSignal
  /** Called with the current activity, for the refusal when time runs out. */
  readonly during: (what: string) => void
}

/**
 * Plans within the time limit; else refuses with `time_ran_out` and the current activity. A fetch continues after that,
 * for the next plan. If a pull request is being opened, its end is awaited: the cleanup must not miss it. Safe to repeat:
 * an open pull request is found again.
 */
export async function makePlan(
  ports: WorkerPorts,
  request: Omit<PlanningRequest, 'during' | 'fetching'>,
): Promise<{ plan: Plan } | Refused> {
  let activity = 'starting'
  const limit = new AbortController()
  const over = new AbortController()
  const ranOut = ports.clock.sleep(ports.times.plan, over.signal).then((): 'ran out' => {
    limit.abort()
    return 'ran out'
  })
  const signal = AbortSignal.any([request.signal, limit.signal])
  try {
    const during = (what: string) => {
      activity = what
    }
    const planning = plan(ports, { ...request, signal, fetching: request.signal, during })
    const first = await Promise.race([planning, ranOut])
    if (first !== 'ran out') return first
    const refused = { gate: 'time_ran_out', during: activity } as const
    const late = activity === OPENING ? await planning.catch(() => undefined) : undefined
    return late !== undefined && 'plan' in late ? late : { refused }
  } finally {
    over.abort()
  }
}

async function plan(ports: WorkerPorts, request: PlanningRequest): Promise<{ plan: Plan } | Refused> {
  const { app, environment, during } = request
  if (!isSameConfiguration(request.configuration, environment)) {
    return { refused: { gate: 'configuration_differs', app: app.name, environment: environment.name } }
  }

  if (request.kind === 'rollback') return planRollback(ports, request)

  during('fetching the branches')
  const seen = await fetchBranches(ports, request)
  if ('refused' in seen) return seen
  const { target, holds, runs, runsUnknown } = seen

  during('previewing the merge')
  const previewed = await previewResult(ports, request, seen)
  if ('refused' in previewed) return previewed
  const { source = seen.source, hotfix, warnings = [] } = previewed
  const branches = { source, target }

  during(`asking ${ports.forge.words.name}`)
  const allowed = await allowedMerge(ports, request, branches, previewed.result)
  if ('refused' in allowed) return allowed
  const { result } = allowed

  const parents = result.how === 'merge' ? result.parents : [result.commit]
  const running = await checkNothingLost(ports, request, seen, parents)
  if ('refused' in running) return running
  const stuck = await cannotRunAgain(ports, environment, seen, result)
  if (stuck !== undefined) return stuck
  const unbuildable = await checkBuildable(ports, request, holds, result)
  if (unbuildable !== undefined) return unbuildable

  during('reading the commits')
  const live = holds ?? running.commit ?? null
  const range = { from: parents, notFrom: live === null ? [] : [live] }
  const tip = result.how === 'merge' ? result.tree : result.commit
  const [going, files] = await Promise.all([
    ports.git.commits(app, { ...range, limit: live === null ? FIRST_RELEASE_COMMITS : MOST_COMMITS }),
    ports.git.changedFiles(app, live, tip, MOST_FILES),
  ])

  const asking = await planChanges(ports, request, { ...going, tips: [source.commit, ...parents], live, hotfix })
  if (asking && 'refused' in asking) return asking

  const proof = await findProof(ports, request, source.commit)
  const undone = hotfix
    ? []
    : await undoneWarnings(ports, app, { source, target, result, remote: { holds: live } }, going.commits)

  const broughtBack = await rolledBackWarnings(ports, app, environment, { running: running.commit, going: parents })

  during('reading the migrations')
  const migrated = await planMigrations(ports, request, result)
  if ('refused' in migrated) return migrated
  const { database, migrations } = migrated
  const lastPushesMs = migrations.length === 0 ? [] : await lastPushes(ports, environment)

  const runsIt = result.how === 'commit' && live === result.commit && running.commit === result.commit
  const pending = pendingCount({ bound: { database } })
  if (runsIt && pending === 0) {
    const { platform } = environment.remote
    const gate = { gate: 'nothing_to_release' as const, app: app.name, environment: environment.name, platform }
    return { refused: { ...gate, commit: result.commit } }
  }

  during(`asking ${ports.forge.words.name}`)
  const asked = await askForge(ports, request, hotfix?.picks.at(-1)?.from ?? source.commit)
  if ('refused' in asked) return asked

  const bound: BoundFacts = {
    app: app.name,
    environment: environment.name,
    kind: request.kind,
    remote: { url: environment.remote.url, branch: environment.remote.branch, holds, runs },
    target,
    source,
    commits: going.commits.map(({ sha }) => sha).toReversed(),
    result,
    ...(asking && { changes: asking.changes.map((each) => each.commits) }),
    database,
    configuration: request.configuration,
  }
  const made: Plan = {
    bound,
    firstRelease: holds === null && runs === null && !runsUnknown,
    ...(runsUnknown && { runsUnknown }),
    commitCount: going.count,
    commits: going.commits,
    authors: going.authors,
    ...defined({ changes: asking?.changes, proof }),
    migrations,
    ...defined({ isolation: migrated.isolation, invalidBefore: migrated.invalidBefore }),
    ...(lastPushesMs.length > 0 && { lastPushesMs }),
    checks: asked.checks,
    files,
    steps: stepsFor({
      environment,
      bound,
      mustBeTalkedOver: discussions(environment, { plan: { migrations } }).length > 0,
    }),
    webUrl: ports.forge.words.pages.repository(app.repository),
    ...(hotfix && { hotfix }),
    warnings: [
      ...(runsUnknown ? [unknownWarning(ports, environment)] : []),
      ...migrated.warnings,
      ...warnings,
      ...undone,
      ...broughtBack,
      ...(hotfix ? migrationWarning(hotfix, pending) : []),
    ],
  }
  if (result.how === 'commit' || request.release === undefined) return { plan: made }

  request.signal.throwIfAborted()
  during(OPENING)
  const opened = await openPullRequest(ports, {
    app,
    environment,
    plan: made,
    release: request.release,
    pinned:
      hotfix !== undefined ||
      request.release.schedule !== undefined ||
      isPinned(app, environment) ||
      sharesItsBranches(ports.apps, app, environment),
    signal: request.signal,
  })
  if ('refused' in opened) return opened
  const { pullRequest, methods } = opened
  const now = methods && (await mergeBy(ports, app, branches, methods, previewed.result))
  if (now && 'refused' in now) return now
  // The answer about the pull request knows better than the one about its branch, if there was one.
  if (now && now.result.how !== result.how) return plan(ports, { ...request, methods })
  const needed = await withRetry(() => ports.forge.mergeRequirements(app, pullRequest.id), ports)
  // They are only shown: without an answer the plan stands, and the next look reads them.
  if (!needed.ok) return { plan: { ...made, pullRequest } }
  const { missing, never } = needed.value
  if (never !== undefined)
    return { refused: { gate: 'merge_not_allowed', branch: environment.branch, rule: never, about: 'checks' } }
  return { plan: { ...made, pullRequest, ...(missing.length > 0 && { mergeRequirements: missing }) } }
}

interface Branches {
  readonly source: { readonly branch: string; readonly commit: string }
  readonly target: { readonly branch: string; readonly commit: string }
  readonly holds: string | null
  readonly runs: string | null
  readonly runsUnknown: boolean
}

async function fetchBranches(ports: WorkerPorts, request: PlanningRequest): Promise<Branches | Refused> {
  const { app, environment, fetching } = request
  const { remote } = environment
  const promoted = request.kind === 'deploy' ? promotedFrom(app, environment) : undefined
  const sourceBranch = promoted?.branch ?? environment.branch
  const wanted = [...new Set([sourceBranch, environment.branch])]
  const [origin, held, platform, unprovable] = await Promise.all([
    withRetry(() => ports.git.fetch(app, app.gitUrl, wanted, fetching), ports),
    withRetry(() => ports.git.fetch(app, remote.url, [remote.branch], fetching), ports),
    platformReleases(ports, environment),
    checkProvable(ports, environment),
  ])
  if (!origin.ok) return originError(ports, app, origin)
  if (!held.ok) return remoteError(ports, environment, held, platform)
  if (!platform.ok) return platformError(ports, environment, platform)
  if (unprovable !== undefined) return unprovable
  const source = origin.value[sourceBranch]
  const target = origin.value[environment.branch]
  if (!source) return { refused: { gate: 'branch_missing', branch: sourceBranch } }
  if (!target) return { refused: { gate: 'branch_missing', branch: environment.branch } }
  const holds = held.value[remote.branch] ?? null
  return {
    source: { branch: sourceBranch, commit: source },
    target: { branch: environment.branch, commit: target },
    holds,
    runs: runningCommit(ports, environment, platform.value, holds),
    runsUnknown: isRunningUnknown(ports, environment, platform.value),
  }
}

/** The commit to deploy: the branch's own, the merge that the forge will make, or the picks. git computes the last two. */
async function previewResult(
  ports: WorkerPorts,
  { app, environment, kind, picks = [], release, signal }: PlanningRequest,
  { source, target, holds, runs }: Branches,
): Promise<(Pick<PicksPreview, 'result'> & Partial<PicksPreview>) | Refused> {
  if (kind === 'hotfix') {
    if (release === undefined) throw new Error('a hot-fix can be planned only for a release')
    const { number, requestedAt: at } = release
    return previewPicks(ports, { app, environment, picks, number, at, target, holds, runs, signal })
  }
  if (await ports.git.isAncestor(app, source.commit, target.commit)) {
    const { sha, tree } = await ports.git.commit(app, target.commit)
    return { result: { how: 'commit', commit: sha, tree } }
  }
  const merge = await ports.git.previewMerge(app, target.commit, source.commit)
  if (merge.clean) return { result: { how: 'merge', parents: [target.commit, source.commit], tree: merge.tree } }
  return { refused: { gate: 'merge_conflict', source: source.branch, target: target.branch, files: merge.files } }
}

/** Reads the builds. Without required checks, a forge that does not answer is no refusal. */
async function askForge(
  ports: WorkerPorts,
  { app, environment, forEmergency }: PlanningRequest,
  source: string,
): Promise<{ checks: readonly CheckStatus[] } | Refused> {
  const built = await checkBuilds(ports, app, environment, source)
  if ('checks' in built || built.refused.gate !== 'checks_failed') return built
  return forEmergency && allowsEmergency(environment) ? { checks: built.refused.checks } : built
}
