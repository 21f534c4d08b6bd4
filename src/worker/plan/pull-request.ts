import { defined } from '../../lib/defined.ts'
import { hotfixBranch } from '../../release/hotfix.ts'
import type { Plan } from '../../release/plan.ts'
import type { MergeMethods, PullRequest } from '../../release/ports/forge.ts'
import type { Release } from '../../release/release.ts'
import { type App, type Environment, promotedFrom } from '../../release/settings.ts'
import { hasEnded, RELEASE_STATES, type ReleaseKind } from '../../release/terms.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { forgeError, originError, type Refused } from '../service-errors.ts'

const LISTED_COMMITS = 50
/** The longest title and name in a description. */
const TITLE = 120
const NAME = 60
/** A forge may answer from a copy that lacks a branch for some seconds. */
const CREATE_TRIES = 5

/** Identifies a release. Its number alone does not: a new store starts again at 1. */
export type Named = Pick<Release, 'number' | 'requestedAt'>

/** The line of its description by which this release's pull request is found again; unique to it. */
export function pullRequestMarker(app: App, { number, requestedAt }: Named): string {
  return `Signoff release #${number} of ${app.name}, asked for at ${requestedAt.toISOString()}.`
}

/** The name of a release's own branch. */
function ownBranch({ name }: Environment, number: number, kind: ReleaseKind): string {
  return kind === 'hotfix' ? hotfixBranch(number) : `signoff/${number}-${name}`
}

/** The pull request's description: our marker, the requester and the commits, with markdown escaped and titles cut. */
function description(app: App, plan: Plan, release: Named & Pick<Release, 'requester'>): string {
  const commits = plan.commits
    .slice(0, LISTED_COMMITS)
    .map(({ sha, title, author }) => `* ${sha.slice(0, 7)} ${short(title, TITLE)} (${short(author.name, NAME)})`)
  const more = plan.commitCount - commits.length
  return [
    pullRequestMarker(app, release),
    '',
    `Requested by ${short(release.requester.name, NAME)}. Signoff merges it after it is signed off in Slack.`,
    '',
    `${plan.commitCount} ${plan.commitCount === 1 ? 'commit' : 'commits'}:`,
    '',
    ...commits,
    ...(more > 0 ? [`* and ${more} more`] : []),
  ].join('\n')
}

/** People's text on one line, cut before it is escaped, so that no escape is cut in two. */
function short(text: string, most: number): string {
  const line = [...text.replace(/\s+/g, ' ').trim()]
  return plain(line.length <= most ? line.join('') : `${line.slice(0, most - 1).join('')}…`)
}

/** Escapes people's text, so that a forge's markdown neither formats it nor mentions anyone. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&')
    .replace(/@/g, '@\u200b')
}

interface Opening {
  readonly app: App
  readonly environment: Environment
  readonly plan: Plan
  readonly release: Named & Pick<Release, 'requester' | 'reason'>
  readonly pinned: boolean
  /** Checked before each effect: after it aborts, nothing is pushed or opened. */
  readonly signal: AbortSignal
}

type Opened = { pullRequest: NonNullable<Plan['pullRequest']>; methods?: MergeMethods } | Refused

/**
 * Opens this release's pull request, or finds it by its marker. Safe to repeat. It belongs to this release alone: with
 * `pinned`, and where another pull request for the same branches is open, the source commit is first pushed to a branch
 * of ours, which nobody else moves.
 */
export async function openPullRequest(ports: WorkerPorts, opening: Opening): Promise<Opened> {
  const { app, plan, release, pinned } = opening
  const marker = pullRequestMarker(app, release)
  const found = await withRetry(() => ports.forge.findPullRequest(app, marker), ports)
  if (!found.ok) return forgeError(ports, found)
  const { source, target } = plan.bound
  const known = found.value
  if (known !== undefined) {
    if (known.source === source.branch && plan.bound.kind !== 'hotfix') return opened(known, undefined)
    return (await pinSource(ports, opening)) ?? opened(known, known.source)
  }
  if (pinned) return openPinned(ports, opening)
  const open = await withRetry(() => ports.forge.openPullRequests(app, target.branch), ports)
  if (!open.ok) return forgeError(ports, open)
  // The forge would give it back, or change it: then two releases, or a person and a release, would share it.
  if (open.value.some((each) => each.source === source.branch)) return openPinned(ports, opening)
  const made = await create(ports, opening, source.branch)
  if ('refused' in made) return made
  return made.is === "another's" ? openPinned(ports, opening) : opened(made.pullRequest, undefined)
}

async function openPinned(ports: WorkerPorts, opening: Opening): Promise<Opened> {
  const branch = branchOf(opening)
  const refused = await pinSource(ports, opening)
  if (refused !== undefined) return refused
  const made = await create(ports, opening, branch)
  if ('refused' in made) return made
  if (made.is === 'ours') return opened(made.pullRequest, branch)
  return forgeError(ports, { failure: 'wrong', detail: `another pull request from ${branch} is open` })
}

function opened({ id, url, methods }: PullRequest, branch: string | undefined): Opened {
  return { pullRequest: defined({ id, url, pinnedBranch: branch }), ...defined({ methods }) }
}

function branchOf({ environment, release, plan }: Opening): string {
  return ownBranch(environment, release.number, plan.bound.kind)
}

/** Pushes the source commit to this release's own branch, if it is not there. */
async function pinSource(ports: WorkerPorts, opening: Opening): Promise<Refused | undefined> {
  const { app, plan, signal } = opening
  const branch = branchOf(opening)
  const { commit } = plan.bound.source
  const there = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  if (!there.ok) return originError(ports, app, there)
  const left = there.value[branch]
  if (left === commit) return undefined
  signal.throwIfAborted()
  // Left by an earlier try, or by an earlier store's release of the same number. The name is ours, so delete it.
  if (left) await ports.git.deleteBranch(app, app.gitUrl, branch, left)
  const pushed = await ports.git.push(app, app.gitUrl, { commit, branch, expected: null }, { signal })
  if (pushed.push === 'moved' || pushed.push === 'already') return undefined
  if (pushed.push === 'not sent') return originError(ports, app, pushed)
  const again = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  if (!again.ok) return originError(ports, app, again)
  if (again.value[branch] === commit) return undefined
  const rule = `the branch ${branch} could not be created`
  return { refused: { gate: 'merge_not_allowed', branch, rule, about: 'own branch' } }
}

/**
 * Creates the pull request. After a lost or unusable answer it looks for it by its marker, and never creates a second one.
 * A forge that answers that it did nothing is asked again for some seconds.
 */
async function create(
  ports: WorkerPorts,
  { app, environment, plan, release, signal }: Opening,
  source: string,
): Promise<{ is: 'ours'; pullRequest: PullRequest } | { is: "another's" } | Refused> {
  const marker = pullRequestMarker(app, release)
  const request = {
    title: `${plan.bound.kind === 'hotfix' ? 'Hot-fix' : 'Release'} #${release.number}: ${app.name} → ${environment.name}`,
    description: description(app, plan, release),
    source,
    destination: plan.bound.target.branch,
  }
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted()
    const made = await ports.forge.createPullRequest(app, request)
    if (made.ok) return made.value === undefined ? { is: "another's" } : { is: 'ours', pullRequest: made.value }
    if (made.failure === 'refused') return forgeError(ports, made)
    const found = await withRetry(() => ports.forge.findPullRequest(app, marker), ports)
    if (!found.ok) return forgeError(ports, found)
    if (found.value !== undefined) return { is: 'ours', pullRequest: found.value }
    if (made.hadNoEffect !== true || tries === CREATE_TRIES) return forgeError(ports, made)
    await ports.clock.sleep(ports.times.pause, signal)
  }
}

/**
 * Declines an ended release's unmerged pull request and deletes its branch. Both are found by marker and name, because a
 * refused or interrupted planning stores no plan. Safe to repeat. Returns the error's detail, if any.
 */
export async function tidyPullRequest(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  release: Release,
): Promise<string | undefined> {
  if (release.kind !== 'hotfix' && promotedFrom(app, environment) === undefined) return undefined
  const known = release.plan?.pullRequest
  // By its marker, not by its number: a later release may have taken the pull request over.
  const look = () => withRetry(() => ports.forge.findPullRequest(app, pullRequestMarker(app, release)), ports)
  const found = await look()
  if (!found.ok) return found.detail
  if (found.value?.state === 'open' && !(await isNeeded(ports, release, found.value.id))) {
    const declined = await ports.forge.decline(app, found.value.id)
    // Another try may have declined it, or the answer was lost: look again.
    const now = declined.ok ? undefined : await look()
    if (!declined.ok && !(now?.ok && now.value?.state !== 'open')) return declined.detail
  }
  const branch = known?.pinnedBranch ?? ownBranch(environment, release.number, release.kind)
  const there = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  if (!there.ok) return there.detail
  const commit = there.value[branch]
  if (!commit) return undefined
  const gone = await withRetry(() => ports.git.deleteBranch(app, app.gitUrl, branch, commit), ports)
  return gone.ok ? undefined : gone.detail
}

/** Whether another release that has not ended merges this pull request: earlier versions let two share one. */
async function isNeeded({ store }: WorkerPorts, { app, number }: Release, pullRequest: number): Promise<boolean> {
  const states = RELEASE_STATES.filter((state) => !hasEnded(state))
  const underWay = await store.releases({ app, states, limit: 100 })
  return underWay.some((other) => other.number !== number && other.plan?.pullRequest?.id === pullRequest)
}
