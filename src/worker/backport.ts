/**
 * After a hot-fix: a commit that is missing on the promoting branch may conflict with the next merge. A pull request
 * backports it there.
 */

import { type EventType, findEvent } from '../release/events.ts'
import { missingPicks, needsBackport, pickedCommit } from '../release/hotfix.ts'
import type { PlannedPick } from '../release/plan.ts'
import type { PullRequest } from '../release/ports/forge.ts'
import type { Claim } from '../release/ports/jobs.ts'
import type { Release } from '../release/release.ts'
import type { App } from '../release/settings.ts'
import { addThreadLine } from '../release/thread.ts'
import type { Place } from './place.ts'
import { type Named, plain } from './plan/pull-request.ts'
import type { WorkerPorts } from './ports.ts'
import { withRetry } from './retry.ts'

const MAX_PULL_REQUESTS = 100

/** The line of its description by which this hot-fix's pull request is found again; unique to it. */
function backportMarker(app: App, { number, requestedAt }: Named): string {
  return `Signoff hot-fix #${number} of ${app.name}, asked for at ${requestedAt.toISOString()}, carried on.`
}

/** The names of our branch at the picked commit. The second is used if a release of an earlier store left the first. */
function backportBranches(number: number, commit: string): readonly [string, string] {
  return [`signoff/hotfix-${number}`, `signoff/hotfix-${number}-${commit.slice(0, 12)}`]
}

/** The last of the picked commits. Throws if they did not reach the branch. */
export function backportedCommit(release: Release): string {
  const commit = pickedCommit(release)
  if (commit === undefined) throw new Error(`hot-fix #${release.number} has no picked commit`)
  return commit
}

/** Calls `work` with the lock of an environment's ended hot-fixes. False: another worker has the lock. */
export async function withHotfixLock(
  { lock }: WorkerPorts,
  { app, environment }: Place,
  work: (lost: AbortSignal) => Promise<void>,
): Promise<boolean> {
  return (await lock.withLock(app.name, `${environment.name} afterwards`, work)) !== 'held'
}

/** Opens the backport's pull request, or records an open one that has the commits. Safe to repeat; throws to be retried. */
export async function backportPicks(ports: WorkerPorts, place: Place, release: Release, claim?: Claim): Promise<void> {
  if (!needsBackport(release)) return
  const isHeld = await withHotfixLock(ports, place, async (lost) => {
    const signal = claim === undefined ? lost : AbortSignal.any([claim.signal, lost])
    if (await hasEvent(ports, release, 'hotfix_carried')) return
    await openBackport(ports, place.app, release, signal, claim)
  })
  if (!isHeld) throw new Error(`another worker holds the hot-fixes of ${place.environment.name}`)
}

async function openBackport(
  ports: WorkerPorts,
  app: App,
  release: Release,
  signal: AbortSignal,
  claim: Claim | undefined,
): Promise<void> {
  const branch = release.plan?.hotfix?.promoting?.branch
  if (branch === undefined) return
  const missing = await stillMissing(ports, app, release, branch)
  if (missing.length === 0) return
  // Ours first: an earlier try may have opened it without recording it.
  const before = await findOurs(ports, app, release)
  const theirs = before === undefined ? await findOpenBackport(ports, app, missing, branch) : undefined
  const found = before ?? theirs
  const { id, url, state, source } = found ?? (await openNew(ports, app, release, branch, signal))
  const isNew = theirs === undefined
  await ports.store.transaction(async (tx) => {
    tx.addEvent({
      release: release.number,
      type: 'hotfix_carried',
      actor: 'worker',
      data: { branch, pullRequest: id, isNew, ...(isNew && { source }) },
    })
    // Ours may have been declined before it was recorded.
    if (state === 'open') {
      await addThreadLine(tx, release.number, 'carried', { is: 'carried', branch, pullRequest: { id, url }, isNew })
    }
  }, claim && { as: claim })
}

/** The picks that the branch has in no form. Throws if origin does not answer. */
export async function stillMissing(
  ports: WorkerPorts,
  app: App,
  release: Release,
  branch: string,
): Promise<readonly PlannedPick[]> {
  const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [branch]), ports)
  if (!fetched.ok) throw new Error(`${branch} could not be fetched: ${fetched.detail}`)
  const head = fetched.value[branch]
  if (!head) return []
  const missing: PlannedPick[] = []
  for (const pick of missingPicks(release)) if (!(await hasPick(ports, app, pick, head))) missing.push(pick)
  return missing
}

/** Whether a branch has a pick: the requested commit, the picked one, or the same change. */
async function hasPick({ git }: WorkerPorts, app: App, { from, made }: PlannedPick, head: string): Promise<boolean> {
  for (const commit of [made, from]) {
    if ((await git.has(app, commit)) && (await git.hasChange(app, commit, head)) !== undefined) return true
  }
  return false
}

/** A person's open pull request whose branch has all missing picks. */
async function findOpenBackport(
  ports: WorkerPorts,
  app: App,
  missing: readonly PlannedPick[],
  branch: string,
): Promise<PullRequest | undefined> {
  const listed = await withRetry(() => ports.forge.openPullRequests(app, branch), ports)
  if (!listed.ok) throw new Error(`the pull requests could not be listed: ${listed.detail}`)
  const looked = listed.value.slice(0, MAX_PULL_REQUESTS)
  if (looked.length === 0) return undefined
  const all = await withRetry(() => ports.git.fetchAll(app, app.gitUrl), ports)
  if (!all.ok) throw new Error(`the branches could not be fetched: ${all.detail}`)
  for (const pullRequest of looked) {
    const head = all.value[pullRequest.source] ?? (await fetchHead(ports, app, pullRequest.source))
    if (head !== undefined && (await hasAll(head))) return pullRequest
  }
  return undefined

  async function hasAll(head: string): Promise<boolean> {
    for (const pick of missing) if (!(await hasPick(ports, app, pick, head))) return false
    return true
  }
}

/** The head of a branch that is not among those that are fetched together; undefined if git can't be given its name. */
async function fetchHead(ports: WorkerPorts, app: App, branch: string): Promise<string | undefined> {
  try {
    const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [branch]), ports)
    if (fetched.ok) return fetched.value[branch] ?? undefined
    throw new Error(`${branch} could not be fetched: ${fetched.detail}`)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

async function findOurs(ports: WorkerPorts, app: App, release: Release): Promise<PullRequest | undefined> {
  const found = await withRetry(() => ports.forge.findPullRequest(app, backportMarker(app, release)), ports)
  if (!found.ok) throw new Error(`our pull request could not be looked up: ${found.detail}`)
  return found.value
}

async function openNew(
  ports: WorkerPorts,
  app: App,
  release: Release,
  destination: string,
  signal: AbortSignal,
): Promise<PullRequest> {
  const source = await pushSource(ports, app, release, signal)
  signal.throwIfAborted()
  const made = await ports.forge.createPullRequest(app, {
    title: `Backport hot-fix #${release.number} to ${destination}`,
    description: description(app, release, destination),
    source,
    destination,
  })
  if (made.ok && made.value !== undefined) return made.value
  // It may exist although its answer was lost.
  const after = await findOurs(ports, app, release)
  if (after !== undefined) return after
  const why = made.ok ? `another one from ${source} is open` : made.detail
  throw new Error(`the pull request to ${destination} could not be opened: ${why}`)
}

/** Pushes our branch at the picked commit unless it exists. Returns its name. */
async function pushSource(ports: WorkerPorts, app: App, release: Release, signal: AbortSignal): Promise<string> {
  const commit = backportedCommit(release)
  const names = backportBranches(release.number, commit)
  const there = await withRetry(() => ports.git.heads(app.gitUrl, names), ports)
  if (!there.ok) throw new Error(`origin did not answer: ${there.detail}`)
  const ready = names.find((name) => there.value[name] === commit)
  if (ready !== undefined) return ready
  // A branch at another commit may hold a person's work: it stays, and ours gets the longer name.
  const source = names.find((name) => there.value[name] === null)
  if (source === undefined) throw new Error(`${names.join(' and ')} are at commits that are not ours`)
  if (!(await ports.git.has(app, commit))) {
    const target = release.plan?.bound.target.branch ?? ''
    await withRetry(() => ports.git.fetch(app, app.gitUrl, [target]), ports)
  }
  signal.throwIfAborted()
  const pushed = await ports.git.push(app, app.gitUrl, { commit, branch: source, expected: null }, { signal })
  if (pushed.push !== 'moved' && pushed.push !== 'already') throw new Error(`the branch ${source} could not be created`)
  return source
}

function description(app: App, release: Release, destination: string): string {
  const commits = missingPicks(release).map(({ from, title }) => `* ${from.slice(0, 7)} ${plain(title)}`)
  return [
    backportMarker(app, release),
    '',
    `Deployed to ${release.environment} without regular review, requested by ${plain(release.requester.name)}. Missing on ${plain(destination)}:`,
    '',
    ...commits,
    '',
    `* Why it couldn't wait: ${plain(release.reason ?? '')}`,
  ].join('\n')
}

export async function hasEvent({ store }: WorkerPorts, { number }: Release, type: EventType): Promise<boolean> {
  return findEvent(await store.events(number), type) !== undefined
}
