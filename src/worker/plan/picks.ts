/** Plans a hot-fix: finds the requested commits, and makes the picks on top of the environment's branch. */

import { hotfixBranch, MAX_PICKS } from '../../release/hotfix.ts'
import type { BoundFacts, HotfixPlan, PlannedCommit, PlannedPick } from '../../release/plan.ts'
import type { LookedAt, NamedCommits } from '../../release/ports/git.ts'
import type { CommitFact, Refusal } from '../../release/refusals.ts'
import { type App, type Environment, promotedFrom } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { forgeError, originError, type Refused } from '../service-errors.ts'

const CANDIDATES = 5
const LISTED_ALSO = 10
const LISTED_FILES = 20
const LISTED_IN_MERGE = 10

export interface PickingRequest {
  readonly app: App
  readonly environment: Environment
  readonly picks: readonly string[]
  readonly number: number
  /** The environment's branch at origin. */
  readonly target: { readonly branch: string; readonly commit: string }
  /** The committer date of the picks: the request's, so that planning again makes the same commits. */
  readonly at: Date
  /** What the remote holds and what runs: they differ after a failed release phase, or after a manual rollback. */
  readonly holds: string | null
  readonly runs: string | null
  readonly signal: AbortSignal
}

export interface PicksPreview {
  readonly result: BoundFacts['result']
  /** The branch of the pull request, and the last pick; absent if the picks are pushed to the environment's branch. */
  readonly source?: BoundFacts['source']
  readonly hotfix: HotfixPlan
  readonly warnings: readonly string[]
}

/** The trailer of each commit that a release makes. It names the release. */
function pickTrailer(app: App, number: number): string {
  return `Signoff-Release: ${app.name} #${number}`
}

/** Makes the picked commits in the mirror, without any effect outside. Refuses with the first gate that does not hold. */
export async function previewPicks(ports: WorkerPorts, request: PickingRequest): Promise<PicksPreview | Refused> {
  const { app, environment, target, picks } = request
  if (picks.length > MAX_PICKS) return refused({ gate: 'too_many_commits', count: picks.length, most: MAX_PICKS })
  const found = await findCommits(ports, request)
  if ('refused' in found) return found
  const { commits, promoting } = found

  for (const commit of commits) {
    const refusal = (await mergeRefusal(ports, app, commit)) ?? (await appliedRefusal(ports, request, commit))
    if (refusal !== undefined) return refused(refusal)
  }
  const way = await wayToBranch(ports, app, environment)
  if (typeof way !== 'string') return way

  const { at } = request
  const shas = commits.map(({ sha }) => sha)
  const picked = await ports.git.pick(app, pickRequest(app, request.number, target, shas, at))
  if (picked.pick !== 'made') {
    const commit = factOf(commits.find(({ sha }) => sha === picked.commit) ?? { sha: picked.commit })
    const { branch } = target
    if (picked.pick === 'empty') return refused({ gate: 'already_applied', commit, branch, how: 'empty' })
    const { files, lines } = picked
    const gate = { gate: 'pick_conflict' as const, commit, branch, environment: environment.name }
    return refused({ ...gate, files, lines, commits: shas })
  }
  const last = picked.commits.at(-1)
  if (last === undefined) throw new Error('a hot-fix needs at least one commit')

  const planned: PlannedPick[] = []
  let before = target.commit
  for (const { from, made } of picked.commits) {
    const files = await ports.git.changedFiles(app, before, made, LISTED_FILES)
    before = made
    const promoted = promoting && (await ports.git.hasChange(app, from, promoting.commit)) !== undefined
    const { title, author } = commits.find(({ sha }) => sha === from) ?? { title: '', author: { name: '', email: '' } }
    planned.push({ from, made, title, author, files, ...(promoted !== undefined && { promoted }) })
  }
  const { holds, runs } = request
  // The platform may give only the first digits.
  const [running] = runs === null ? [] : await ports.git.commitsNamed(app, runs)
  const live = running ?? holds
  const notFrom = live === null ? [] : [live]
  const alsoGoes = await ports.git.commits(app, { from: [target.commit], notFrom, limit: LISTED_ALSO })
  return {
    ...(way === 'push'
      ? { result: { how: 'commit', commit: last.made, tree: last.tree } }
      : {
          // The picks are on top of the branch, so that merging them gives the last one's tree.
          result: { how: 'merge', parents: [target.commit, last.made], tree: last.tree },
          source: { branch: hotfixBranch(request.number), commit: last.made },
        }),
    hotfix: {
      picks: planned,
      at: at.toISOString(),
      alsoGoes: { count: alsoGoes.count, commits: alsoGoes.commits },
      ...(promoting && { promoting: { branch: promoting.branch, environment: promoting.environment } }),
      ...(environment.signOff === undefined && { asksGo: true as const }),
    },
    warnings: [...found.warnings, ...warningsOf(planned, alsoGoes.count, target.branch, promoting)],
  }
}

/** How the picks reach the branch; refuses if its rules don't allow it. */
export async function wayToBranch(
  ports: WorkerPorts,
  app: App,
  environment: Environment,
): Promise<'push' | 'pull request' | Refused> {
  const { branch, hotfix: wanted, signOff } = environment
  if (wanted === 'pull_request') return 'pull request'
  const read = await withRetry(() => ports.forge.branchRules(app, branch), ports)
  // Without sign-offs the forge is not required: the push's own answer then shows a rule.
  if (!read.ok) return signOff === undefined ? 'push' : forgeError(ports, read)
  const { push, merge } = read.value
  // A push that may be forbidden is not tried where a merge is sure to be allowed.
  const isSafer = push.is === 'forbidden' || (push.is === 'unknown' && merge.is === 'allowed')
  if (wanted === undefined && isSafer) return 'pull request'
  return push.is === 'forbidden' ? refused({ gate: 'pick_not_allowed', branch, rule: push.rule }) : 'push'
}

/** The request to the mirror. The same plan gives the same commits. */
export function pickRequest(
  app: App,
  number: number,
  target: { readonly branch: string; readonly commit: string },
  commits: readonly string[],
  at: Date,
) {
  const keepAs = String(number)
  return { onto: target.commit, commits, at, trailer: pickTrailer(app, number), keepAs, ontoName: target.branch }
}

function refused(refusal: Refusal): Refused {
  return { refused: refusal }
}

function factOf({ sha, title = '', author }: { sha: string } & Partial<PlannedCommit>): CommitFact {
  return { sha, title, author: author?.name ?? '' }
}

interface Promoting {
  readonly branch: string
  readonly environment: string
  readonly commit: string
}

/**
 * Resolves the commit ids that people typed: first on the branches that environments follow, then, after fetching every
 * branch, on all of origin's.
 */
async function findCommits(
  ports: WorkerPorts,
  { app, environment, picks, target, signal }: PickingRequest,
): Promise<{ commits: readonly PlannedCommit[]; promoting?: Promoting; warnings: readonly string[] } | Refused> {
  const followed = [...new Set(app.environments.map(({ branch }) => branch))]
  const near = await withRetry(() => ports.git.fetch(app, app.gitUrl, followed, signal), ports)
  if (!near.ok) return originError(ports, app, near)
  const from = promotedFrom(app, environment)
  const head = from && near.value[from.branch]
  const promoting = from && head ? { branch: from.branch, environment: from.name, commit: head } : undefined

  let tips = Object.values(near.value).filter((commit) => commit !== null)
  let found = await resolveAll(ports, app, picks, tips)
  if (found.some(({ reachable }) => reachable.length !== 1)) {
    const all = await withRetry(() => ports.git.fetchAll(app, app.gitUrl, signal), ports)
    if (!all.ok) return originError(ports, app, all)
    tips = Object.values(all.value)
    found = await resolveAll(ports, app, picks, tips)
  }
  const beyond = new Map<string, NamedCommits>()
  for (const { asked, reachable } of found) {
    if (reachable.length > 0) continue
    const named = await withRetry(() => ports.git.fetchNamed(app, app.gitUrl, asked, signal), ports)
    if (!named.ok) return originError(ports, app, named)
    beyond.set(asked, named.value)
    tips = [...tips, ...named.value.commits]
  }
  if (beyond.size > 0) found = await resolveAll(ports, app, picks, tips)
  const commits: PlannedCommit[] = []
  for (const { asked, reachable, elsewhere } of found) {
    const [only, ...others] = reachable
    if (only === undefined) {
      const candidates = promoting ? await candidatesOf(ports, app, promoting.commit, target.commit) : []
      const branches = beyond.get(asked)?.branches
      const isPartly = branches !== undefined && branches.searched < branches.count
      const why = elsewhere ? 'on no branch' : 'not there'
      return refused({ gate: 'unknown_commit', asked, why, ...(isPartly && { branches }), candidates })
    }
    if (others.length > 0) {
      const candidates = await Promise.all(reachable.slice(0, 10).map((sha) => describe(ports, app, sha)))
      return refused({ gate: 'ambiguous_commit', asked, candidates: candidates.map(factOf) })
    }
    if (!commits.some(({ sha }) => sha === only)) commits.push(await describe(ports, app, only))
  }
  const warnings = [...beyond].flatMap(([asked, { foundBy, branches }]) =>
    foundBy === 'its id' ? [byIdWarning(asked, branches)] : [],
  )
  return { commits, ...(promoting && { promoting }), warnings }
}

async function resolveAll(ports: WorkerPorts, app: App, picks: readonly string[], tips: readonly string[]) {
  return Promise.all(
    picks.map(async (asked) => {
      const named = await ports.git.commitsNamed(app, asked)
      const there = await Promise.all(named.map((sha) => ports.git.isReachable(app, sha, tips)))
      const reachable = named.filter((_, index) => there[index] === true)
      return { asked, reachable, elsewhere: named.length > reachable.length }
    }),
  )
}

async function describe(ports: WorkerPorts, app: App, sha: string): Promise<PlannedCommit> {
  const { parents } = await ports.git.commit(app, sha)
  const { commits } = await ports.git.commits(app, { from: [sha], notFrom: parents, limit: 1 })
  const [only] = commits
  if (only === undefined) throw new Error(`the commit ${sha} can't be read`)
  return only
}

/** Commits that the promoting branch has and the target lacks: most likely one of these was meant. */
async function candidatesOf(
  ports: WorkerPorts,
  app: App,
  head: string,
  target: string,
): Promise<readonly CommitFact[]> {
  const { commits } = await ports.git.commits(app, { from: [head], notFrom: [target], limit: CANDIDATES })
  return commits.map(factOf)
}

async function mergeRefusal(ports: WorkerPorts, app: App, commit: PlannedCommit): Promise<Refusal | undefined> {
  const { parents } = await ports.git.commit(app, commit.sha)
  const [mainline, ...merged] = parents
  if (mainline === undefined || merged.length === 0) return undefined
  const range = { from: merged, notFrom: [mainline], limit: LISTED_IN_MERGE }
  const { count, commits } = await ports.git.commits(app, range)
  return { gate: 'merge_commit', commit: factOf(commit), mainline, count, commits: commits.map(factOf) }
}

async function appliedRefusal(
  ports: WorkerPorts,
  { app, target }: PickingRequest,
  commit: PlannedCommit,
): Promise<Refusal | undefined> {
  const how = await ports.git.hasChange(app, commit.sha, target.commit)
  return how && { gate: 'already_applied', commit: factOf(commit), branch: target.branch, how }
}

/** The commit is in the repository, but it may be on none of its branches. */
function byIdWarning(asked: string, { searched, count }: LookedAt): string {
  return `${asked.slice(0, 7)} was fetched by its id: it is on none of the ${inWords(searched)} branches that were searched, of ${inWords(count)}`
}

const inWords = (count: number) => count.toLocaleString('en-US')

function warningsOf(
  picks: readonly PlannedPick[],
  alsoGoes: number,
  branch: string,
  promoting: Promoting | undefined,
): readonly string[] {
  const missing = picks.filter(({ promoted }) => promoted === false).map(({ from }) => from.slice(0, 7))
  const are = missing.length === 1 ? 'is' : 'are'
  return [
    ...(alsoGoes > 0
      ? [
          `${branch} is ahead of what runs: ${alsoGoes} more ${alsoGoes === 1 ? 'commit is' : 'commits are'} deployed too`,
        ]
      : []),
    ...(picks.length > 1 ? [`A hot-fix should have one commit; this one has ${picks.length}`] : []),
    ...(promoting !== undefined && missing.length > 0
      ? [
          `${missing.join(', ')} ${are} not on ${promoting.branch}: ${promoting.environment} is tested without ${missing.length === 1 ? 'it' : 'them'}, and the next merge may conflict. Signoff will open a backport pull request`,
        ]
      : []),
  ]
}

/** Warns that a hot-fix has migrations, which change the database before the code. */
export function migrationWarning(hotfix: HotfixPlan, pending: number): readonly string[] {
  if (pending === 0) return []
  const count = pending === 1 ? '1 migration is' : `${pending} migrations are`
  const among = hotfix.picks.length === 1 ? 'the commit' : 'the commits'
  return [`${count} deployed with ${among}: the database changes before the code`]
}
