import { defined } from '../../lib/defined.ts'
import type { Plan } from '../../release/plan.ts'
import type { Release } from '../../release/release.ts'
import { type App, type Environment, isPinned, promotedFrom } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { forgeError, originError, type Refused } from '../service-errors.ts'

const LISTED_COMMITS = 50

/** Identifies a release. Its number alone does not: a new store starts again at 1. */
export type Named = Pick<Release, 'number' | 'requestedAt'>

/** The line of its description by which this release's pull request is found again; unique to it. */
export function pullRequestMarker(app: App, { number, requestedAt }: Named): string {
  return `Signoff release #${number} of ${app.name}, asked for at ${requestedAt.toISOString()}.`
}

export function pinnedBranch(environment: Environment, number: number): string {
  return `signoff/${number}-${environment.name}`
}

/** The pull request's description: our marker, the requester and the commits, with markdown escaped. */
function description(app: App, plan: Plan, release: Named & Pick<Release, 'requester'>): string {
  const commits = plan.commits
    .slice(0, LISTED_COMMITS)
    .map(({ sha, title, author }) => `* ${sha.slice(0, 7)} ${plain(title)} (${plain(author.name)})`)
  const more = plan.commitCount - commits.length
  return [
    pullRequestMarker(app, release),
    '',
    `Requested by ${plain(release.requester.name)}. Signoff merges it after it is signed off in Slack.`,
    '',
    `${plan.commitCount} ${plan.commitCount === 1 ? 'commit' : 'commits'}:`,
    '',
    ...commits,
    ...(more > 0 ? [`* and ${more} more`] : []),
  ].join('\n')
}

/** Escapes people's text, so that a forge's markdown neither formats it nor mentions anyone. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&')
    .replace(/@/g, '@\u200b')
}

/**
 * Opens this release's pull request, or finds it by its marker. Safe to repeat. With `pinned`, the source commit is first
 * pushed to a branch of ours, which nobody else moves.
 */
export async function openPullRequest(
  ports: WorkerPorts,
  asked: {
    app: App
    environment: Environment
    plan: Plan
    release: Named & Pick<Release, 'requester'>
    pinned: boolean
    /** Checked before each effect: after it aborts, nothing is pushed or opened. */
    signal: AbortSignal
  },
): Promise<{ pullRequest: NonNullable<Plan['pullRequest']> } | Refused> {
  const { app, environment, plan, release, pinned, signal } = asked
  const { number } = release
  const { source, target } = plan.bound
  const branch = pinned ? pinnedBranch(environment, number) : source.branch
  if (pinned) {
    const there = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
    if (!there.ok) return originError(ports, app, there)
    const left = there.value[branch]
    if (left !== source.commit) {
      signal.throwIfAborted()
      // Left by an earlier try, or by an earlier store's release of the same number. The name is ours, so delete it.
      if (left) await ports.git.deleteBranch(app, app.gitUrl, branch, left)
      const pushed = await ports.git.push(
        app,
        app.gitUrl,
        { commit: source.commit, branch, expected: null },
        { signal },
      )
      if (pushed.push !== 'moved' && pushed.push !== 'already') {
        const again = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
        if (!again.ok) return originError(ports, app, again)
        if (again.value[branch] !== source.commit) {
          return { refused: { gate: 'merge_not_allowed', branch, rule: `the branch ${branch} could not be created` } }
        }
      }
    }
  }
  const marker = pullRequestMarker(app, release)
  const find = () => withRetry(() => ports.forge.findPullRequest(app, marker), ports)
  let found = await find()
  if (!found.ok) return forgeError(ports, found)
  if (found.value === undefined) {
    const title = `Release #${number}: ${app.name} → ${environment.name}`
    const text = description(app, plan, release)
    signal.throwIfAborted()
    const made = await ports.forge.createPullRequest(app, {
      title,
      description: text,
      source: branch,
      destination: target.branch,
    })
    if (!made.ok) {
      // It may exist although its answer was lost or unreadable: look it up, and never create a second one.
      if (made.failure === 'refused') return forgeError(ports, made)
      found = await find()
      if (!found.ok) return forgeError(ports, found)
      if (found.value === undefined) return forgeError(ports, made)
    } else {
      found = { ok: true, value: made.value }
    }
  }
  const { value } = found
  if (value === undefined) return forgeError(ports, { failure: 'wrong', detail: 'no pull request was created' })
  return { pullRequest: defined({ id: value.id, url: value.url, pinnedBranch: pinned ? branch : undefined }) }
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
  if (promotedFrom(app, environment) === undefined) return undefined
  const known = release.plan?.pullRequest
  // By its marker, not by its number: a later release may have taken the pull request over.
  const look = () => withRetry(() => ports.forge.findPullRequest(app, pullRequestMarker(app, release)), ports)
  const found = await look()
  if (!found.ok) return found.detail
  if (found.value?.state === 'open') {
    const declined = await ports.forge.decline(app, found.value.id)
    // Another try may have declined it, or the answer was lost: look again.
    const now = declined.ok ? undefined : await look()
    if (!declined.ok && !(now?.ok && now.value?.state !== 'open')) return declined.detail
  }
  if (!isPinned(app, environment) && known?.pinnedBranch === undefined) return undefined
  const branch = known?.pinnedBranch ?? pinnedBranch(environment, release.number)
  const there = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  if (!there.ok) return there.detail
  const commit = there.value[branch]
  if (!commit) return undefined
  const gone = await withRetry(() => ports.git.deleteBranch(app, app.gitUrl, branch, commit), ports)
  return gone.ok ? undefined : gone.detail
}
