/** Rollbacks: which release an environment goes back to, as far as the store knows. */
import { defined } from '../lib/defined.ts'
import type { Store } from './ports/store.ts'
import type { Refusal, Refused } from './refusals.ts'
import type { Deployed, Release } from './release.ts'
import type { PersonName } from './terms.ts'

const PAGE = 20
const MOST_CHOICES = 25
const MOST_BAD = 500

type Place = { readonly app: string; readonly environment: string }

/** What a person asks for. */
export interface RollbackCommand {
  readonly app: string
  readonly environment: string
  /** The release to go back to; absent: the newest good one before what runs. */
  readonly to?: number
  readonly reason: string
  /** Afterwards the environment is locked by the requester. */
  readonly lock: boolean
  /** Slack user id. */
  readonly by: string
  readonly key: string
  readonly responseUrl?: string
  /** In a freeze: it is planned, and only an emergency starts it. */
  readonly forEmergency?: true
  /** Releases that the person agreed to end; no other is ended. */
  readonly ends?: readonly number[]
}

/** The releases between which a rollback goes. */
export interface RollbackTarget {
  /** The first release, not a rollback, that proved what runs now; absent if no release of ours did. */
  readonly from?: Release
  /** The release that proved `commit`. */
  readonly to: Release
  readonly commit: string
}

/**
 * Finds the release to go back to. Without `to`, the newest before `from` that is no rollback, with another commit that no
 * release marked as bad has proven. `runs`: the commit that runs, in full or its first digits; undefined: it is not known.
 * Refuses a release that is bad or that never proved its commit there. Changes nothing.
 */
export async function rollbackTarget(
  store: Pick<Store, 'release' | 'releases'>,
  place: Place,
  { runs, to }: { readonly runs: string | undefined; readonly to?: number },
): Promise<RollbackTarget | Refused> {
  const from = runs === undefined ? undefined : await firstThatProved(store, place, runs)
  const nothing = (why: Extract<Refusal, { gate: 'nothing_to_roll_back' }>['why']): Refused => ({
    refused: { gate: 'nothing_to_roll_back', ...place, why, ...defined({ commit: runs, to }) },
  })
  if (to !== undefined) {
    const named = await namedTarget(store, place, to)
    if ('refused' in named) return named
    if (runs !== undefined && named.commit.startsWith(runs)) return nothing('runs already')
    return { ...named, ...defined({ from }) }
  }
  if (runs === undefined) return nothing('not known')
  if (from === undefined) return nothing('not ours')
  const found = await newestGoodBefore(store, place, from)
  return found === undefined ? nothing('no earlier release') : { from, ...found }
}

/** The release of that number, if an environment can be rolled back to it; else why not. */
export async function namedTarget(
  store: Pick<Store, 'release' | 'releases'>,
  { app, environment }: Place,
  number: number,
): Promise<{ to: Release; commit: string } | Refused> {
  const to = await store.release(number)
  if (to === undefined) return { refused: { gate: 'unknown_release', number } }
  if (to.app !== app || to.environment !== environment) {
    const { app, environment } = to
    return { refused: { gate: 'target_not_proven', number, app, environment, why: 'other environment' } }
  }
  const commit = to.provenCommit
  if (commit === undefined) {
    return { refused: { gate: 'target_not_proven', number, app, environment, why: 'not proven' } }
  }
  const bad = to.mark?.is === 'bad' ? to : await badOf(store, { app, environment }, commit)
  if (bad?.mark === undefined) return { to, commit }
  const { by, at, reason } = bad.mark
  return { refused: { gate: 'target_is_bad', number: bad.number, by, at: at.toISOString(), ...defined({ reason }) } }
}

/** The first release, not a rollback, that proved the commit in this environment. */
async function firstThatProved(
  store: Pick<Store, 'releases'>,
  place: Place,
  proved: string,
): Promise<Release | undefined> {
  let first: Release | undefined
  for (let before: number | undefined; ; ) {
    const page = await store.releases({ ...place, proved, limit: PAGE, ...defined({ before }) })
    first = page.findLast(({ kind }) => kind !== 'rollback') ?? first
    before = page.at(-1)?.number
    if (page.length < PAGE) return first
  }
}

async function newestGoodBefore(
  store: Pick<Store, 'releases'>,
  place: Place,
  from: Release,
): Promise<{ to: Release; commit: string } | undefined> {
  for (let before = from.number; ; ) {
    const page = await store.releases({ ...place, states: ['succeeded'], limit: PAGE, before })
    for (const to of page) {
      const commit = to.provenCommit
      if (to.kind === 'rollback' || commit === undefined || commit === from.provenCommit) continue
      if ((await badOf(store, place, commit)) === undefined) return { to, commit }
    }
    const last = page.at(-1)
    if (page.length < PAGE || last === undefined) return undefined
    before = last.number
  }
}

/** A release of this commit that is marked as bad. */
async function badOf(store: Pick<Store, 'releases'>, place: Place, proved: string): Promise<Release | undefined> {
  const [bad] = await store.releases({ ...place, proved, marked: 'bad', limit: 1 })
  return bad
}

/** A release that an environment can be rolled back to. */
export interface RollbackChoice {
  readonly number: number
  readonly commit: string
  /** The title of its newest commit, where its plan has it. */
  readonly title?: string
  readonly requester: PersonName
  /** Who wrote its commits; the first few. */
  readonly authors: readonly string[]
  readonly at: Date
}

/** What the store knows before a rollback is requested. */
export interface RollbackChoices extends Place {
  /** What runs, as far as stored releases prove it; absent if no release has looked yet. */
  readonly live?: Deployed
  /** Newest first; at most 25. */
  readonly choices: readonly RollbackChoice[]
  /** The number that would be chosen if none is named, unless the platform tells that something else runs. */
  readonly standard?: number
  /** Why there is no `standard`. */
  readonly nothing?: Refusal
  /** The release that is under way there. */
  readonly underWay?: Release
}

/** What a person can choose from. Changes nothing. */
export async function rollbackChoices(
  store: Pick<Store, 'release' | 'releases' | 'current'>,
  place: Place,
  live: Deployed | undefined,
): Promise<RollbackChoices> {
  const runs = live === undefined || live.is === 'not known' ? undefined : (live.commit ?? undefined)
  const [target, bad, underWay] = await Promise.all([
    rollbackTarget(store, place, { runs }),
    store.releases({ ...place, marked: 'bad', limit: MOST_BAD }),
    store.current(place.app, place.environment),
  ])
  const excluded = new Set([runs, ...bad.map(({ provenCommit }) => provenCommit)])
  const choices: RollbackChoice[] = []
  for (let before: number | undefined; ; ) {
    const page = await store.releases({ ...place, states: ['succeeded'], limit: PAGE, ...defined({ before }) })
    for (const release of page) {
      const commit = release.provenCommit
      if (release.kind === 'rollback' || commit === undefined || excluded.has(commit)) continue
      excluded.add(commit)
      choices.push(choiceOf(release, commit))
    }
    before = page.at(-1)?.number
    if (page.length < PAGE || choices.length >= MOST_CHOICES) break
  }
  return {
    ...place,
    choices: choices.slice(0, MOST_CHOICES),
    ...('refused' in target ? { nothing: target.refused } : { standard: target.to.number }),
    ...defined({ live, underWay }),
  }
}

/** A release as a person chooses it. */
export function choiceOf({ number, plan, requester, requestedAt, endedAt }: Release, commit: string): RollbackChoice {
  const names = [...new Set((plan?.authors ?? []).map(({ name }) => name))]
  const title = plan?.commits.find(({ sha, isMerge }) => sha === commit || !isMerge)?.title
  return {
    number,
    commit,
    requester,
    authors: names.slice(0, 3),
    at: endedAt ?? requestedAt,
    ...defined({ title }),
  }
}
