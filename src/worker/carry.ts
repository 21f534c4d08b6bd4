/**
 * After a hot-fix: a commit that is not on the branch that the environment is promoted from would be missing there, and
 * the next merge may conflict with it. A pull request carries it there.
 */
import type { App, Environment } from '../release/app.ts'
import { say } from '../release/course.ts'
import { FOLLOW_UP_AFTER_MS, FOLLOW_UP_UNTIL_MS, missingPicks, mustBeCarried } from '../release/hotfix.ts'
import type { Claim, PullRequest } from '../release/ports.ts'
import { type Release, step } from '../release/release.ts'
import { patiently } from './patience.ts'
import type { WorkerPorts } from './ports.ts'
import { type Named, plain } from './pull-request.ts'

const MOST_LOOKED_AT = 100

interface Place {
  readonly app: App
  readonly environment: Environment
}

/** How this hot-fix's pull request is found again: a line of its description that no other one has. */
export function carryMarker(app: App, { number, requestedAt }: Named): string {
  return `Signoff hot-fix #${number} of ${app.name}, asked for at ${requestedAt.toISOString()}, carried on.`
}

/** A branch of ours, at the picked commit. */
export function carryBranch(number: number): string {
  return `signoff/hotfix-${number}`
}

/** Opens the pull request, or tells which one carries the commits already. Safe to repeat; throws to be taken up again. */
export async function carryPicks(ports: WorkerPorts, { app }: Place, release: Release, claim?: Claim): Promise<void> {
  const promoting = release.plan?.hotfix?.promoting
  if (promoting === undefined || !mustBeCarried(release)) return
  const missing = await stillMissing(ports, app, release, promoting.branch)
  if (missing.length === 0) return
  const open = await openAlready(ports, app, missing, promoting.branch)
  const pullRequest = open ?? (await openNew(ports, app, release, promoting.branch, claim?.signal))
  await ports.store.transaction(async (tx) => {
    const { id, url } = pullRequest
    const line = {
      is: 'carried',
      branch: promoting.branch,
      pullRequest: { id, url },
      isNew: open === undefined,
    } as const
    tx.addEvent({
      release: release.number,
      type: 'hotfix_carried',
      actor: 'worker',
      data: { branch: promoting.branch, pullRequest: id, isNew: open === undefined },
    })
    await say(tx, release.number, 'carried', line)
  }, claim && { as: claim })
}

/** The asked-for commits that the branch has neither themselves, nor as picked, nor as the same change. Throws without an answer. */
async function stillMissing(
  ports: WorkerPorts,
  app: App,
  release: Release,
  branch: string,
): Promise<readonly string[]> {
  const fetched = await patiently(() => ports.git.fetch(app, app.gitUrl, [branch]), ports)
  if (!fetched.ok) throw new Error(`${branch} could not be fetched: ${fetched.detail}`)
  const head = fetched.value[branch]
  if (!head) return []
  const missing: string[] = []
  for (const { from, made } of missingPicks(release)) {
    const hasMade = (await ports.git.has(app, made)) && (await ports.git.isAncestor(app, made, head))
    const known =
      hasMade || ((await ports.git.has(app, from)) && (await ports.git.hasChange(app, from, head)) !== undefined)
    if (!known) missing.push(from)
  }
  return missing
}

/** Somebody's open pull request whose branch has every commit that is missing. */
async function openAlready(
  ports: WorkerPorts,
  app: App,
  missing: readonly string[],
  branch: string,
): Promise<PullRequest | undefined> {
  const listed = await patiently(() => ports.bitbucket.openPullRequests(app, branch), ports)
  if (!listed.ok) throw new Error(`the pull requests could not be listed: ${listed.detail}`)
  const looked = listed.value.slice(0, MOST_LOOKED_AT)
  if (looked.length === 0) return undefined
  const all = await patiently(() => ports.git.fetchAll(app, app.gitUrl), ports)
  if (!all.ok) throw new Error(`the branches could not be fetched: ${all.detail}`)
  for (const pullRequest of looked) {
    const head = all.value[pullRequest.source]
    if (head === undefined) continue
    const has = await Promise.all(missing.map((commit) => ports.git.isReachable(app, commit, [head])))
    if (has.every(Boolean)) return pullRequest
  }
  return undefined
}

async function openNew(
  ports: WorkerPorts,
  app: App,
  release: Release,
  destination: string,
  signal: AbortSignal | undefined,
): Promise<PullRequest> {
  const marker = carryMarker(app, release)
  const find = () => patiently(() => ports.bitbucket.findPullRequest(app, marker), ports)
  const before = await find()
  if (!before.ok) throw new Error(`our pull request could not be looked for: ${before.detail}`)
  if (before.value !== undefined) return before.value

  const commit = step(release, 'pick')?.result?.commit
  if (commit === undefined) throw new Error('a pick that is done has its commit')
  const source = carryBranch(release.number)
  const there = await patiently(() => ports.git.heads(app.gitUrl, [source]), ports)
  if (!there.ok) throw new Error(`origin did not answer: ${there.detail}`)
  if (there.value[source] !== commit) {
    if (!(await ports.git.has(app, commit))) {
      const target = release.plan?.bound.target.branch ?? ''
      await patiently(() => ports.git.fetch(app, app.gitUrl, [target]), ports)
    }
    signal?.throwIfAborted()
    const pushed = await ports.git.push(
      app,
      app.gitUrl,
      { commit, branch: source, expected: null },
      signal && { signal },
    )
    if (pushed.push !== 'moved' && pushed.push !== 'already') throw new Error(`${source} could not be made`)
  }
  signal?.throwIfAborted()
  const made = await ports.bitbucket.createPullRequest(app, {
    title: `Hot-fix #${release.number}: carry it to ${destination}`,
    description: description(app, release, destination),
    source,
    destination,
  })
  if (made.ok) return made.value
  // A lost answer may have made it.
  const after = await find()
  if (after.ok && after.value !== undefined) return after.value
  throw new Error(`the pull request to ${destination} could not be opened: ${made.detail}`)
}

function description(app: App, release: Release, destination: string): string {
  const commits = missingPicks(release).map(({ from, title }) => `* ${from.slice(0, 7)} ${plain(title)}`)
  return [
    carryMarker(app, release),
    '',
    `It went to ${release.environment} without regular review, asked for by ${plain(release.requester.name)}, and ${plain(destination)} lacks it:`,
    '',
    ...commits,
    '',
    `* Why it could not wait: ${plain(release.reason ?? '')}`,
  ].join('\n')
}

/** A day after each hot-fix: the thread says which commits the promoting branch still lacks, once. */
export async function lookAfterHotfixes(
  ports: WorkerPorts,
  placeOf: (release: Release) => Place | undefined,
): Promise<void> {
  const now = (await ports.store.now()).getTime()
  const ended = await ports.store.releases({ states: ['succeeded', 'closed', 'cancelled'], limit: 200 })
  for (const release of ended) {
    const age = now - (release.endedAt?.getTime() ?? now)
    if (age < FOLLOW_UP_AFTER_MS || age > FOLLOW_UP_UNTIL_MS || !mustBeCarried(release)) continue
    const where = placeOf(release)
    const promoting = release.plan?.hotfix?.promoting
    if (where === undefined || promoting === undefined || (await happened(ports, release, 'hotfix_followed_up')))
      continue
    // The job that should have carried it may have met a Bitbucket that was down until it was given up.
    if (!(await happened(ports, release, 'hotfix_carried'))) await carryPicks(ports, where, release)
    const missing = await stillMissing(ports, where.app, release, promoting.branch)
    await ports.store.transaction(async (tx) => {
      tx.addEvent({
        release: release.number,
        type: 'hotfix_followed_up',
        actor: 'worker',
        data: { branch: promoting.branch, missing },
      })
      if (missing.length === 0) return
      const { branch, environment } = promoting
      await say(tx, release.number, 'still-missing', { is: 'still missing', branch, environment, commits: missing })
    })
  }
}

async function happened({ store }: WorkerPorts, { number }: Release, event: string): Promise<boolean> {
  return (await store.events(number)).some(({ type }) => type === event)
}
