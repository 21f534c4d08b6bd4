import type { Plan } from '../../release/plan.ts'
import type { Release } from '../../release/release.ts'
import { type App, type Environment, isPinned, promotedFrom } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { forgeError, originError, type Refused } from '../service-errors.ts'

const LISTED_COMMITS = 50

/** What names a release beyond its number, which a new store counts from 1 again. */
export type Named = Pick<Release, 'number' | 'requestedAt'>

/** How this release's pull request is found again: a line of its description that no other one has. */
export function pullRequestMarker(app: App, { number, requestedAt }: Named): string {
  return `Signoff release #${number} of ${app.name}, asked for at ${requestedAt.toISOString()}.`
}

export function pinnedBranch(environment: Environment, number: number): string {
  return `signoff/${number}-${environment.name}`
}

/** What the pull request says: our marker, who asks, and the commits, with markdown's marks made harmless. */
function description(app: App, plan: Plan, release: Named & Pick<Release, 'requester'>): string {
  const commits = plan.commits
    .slice(0, LISTED_COMMITS)
    .map(({ sha, title, author }) => `* ${sha.slice(0, 7)} ${plain(title)} (${plain(author.name)})`)
  const more = plan.commitCount - commits.length
  return [
    pullRequestMarker(app, release),
    '',
    `Asked for by ${plain(release.requester.name)}. It is signed off in Slack, and Signoff merges it then.`,
    '',
    `${plan.commitCount} ${plan.commitCount === 1 ? 'commit' : 'commits'}:`,
    '',
    ...commits,
    ...(more > 0 ? [`* and ${more} more`] : []),
  ].join('\n')
}

/** Text of people's, so that a forge's markdown neither formats it nor mentions anyone. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&')
    .replace(/@/g, '@\u200b')
}

/**
 * Opens this release's pull request, or finds it again by its marker: safe to repeat. With `pinned` the source commit
 * is first pushed to a branch of ours, which nobody else moves.
 */
export async function openPullRequest(
  ports: WorkerPorts,
  asked: {
    app: App
    environment: Environment
    plan: Plan
    release: Named & Pick<Release, 'requester'>
    pinned: boolean
    /** Looked at before each effect: once it has aborted, nothing more is pushed or opened. */
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
      // Left by an earlier try at this plan, or by an earlier store's release of the same number: the name is ours.
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
          return { refused: { gate: 'merge_not_allowed', branch, rule: `the branch ${branch} could not be made` } }
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
      // A lost answer, or one that can't be read, may have made it: look before giving up, and never create a second one.
      if (made.failure === 'refused') return forgeError(ports, made)
      found = await find()
      if (!found.ok) return forgeError(ports, found)
      if (found.value === undefined) return forgeError(ports, made)
    } else {
      found = { ok: true, value: made.value }
    }
  }
  const { value } = found
  if (value === undefined) return forgeError(ports, { failure: 'wrong', detail: 'no pull request was made' })
  return { pullRequest: { id: value.id, url: value.url, ...(pinned && { pinnedBranch: branch }) } }
}

/**
 * After a release has ended: its unmerged pull request is declined, its branch deleted. What planning had opened before
 * it was refused or cut off is in no plan, so both are found again by marker and name. Safe to repeat; gives what failed.
 */
export async function tidyPullRequest(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
  release: Release,
): Promise<string | undefined> {
  if (promotedFrom(app, environment) === undefined) return undefined
  const known = release.plan?.pullRequest
  // By its marker, not by its number: one that a later release's words stand in now is not this one's any more.
  const look = () => withRetry(() => ports.forge.findPullRequest(app, pullRequestMarker(app, release)), ports)
  const found = await look()
  if (!found.ok) return found.detail
  if (found.value?.state === 'open') {
    const declined = await ports.forge.decline(app, found.value.id)
    // Declined by another try, or its answer was lost: looked at again.
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
