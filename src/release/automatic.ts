/**
 * Automatic deploys: what is known of the head of a followed branch, and what a look makes of it. No I/O. The worker
 * looks and notes the head in the store (worker/watch/heads.ts); the bot makes the release (deploy-heads.ts).
 */

import { defined } from '../lib/defined.ts'
import type { CheckStatus } from './plan.ts'
import type { Person } from './policy.ts'
import type { Gate, Problem } from './refusals.ts'
import type { Release } from './release.ts'
import type { App, Environment } from './settings.ts'

/** Requests what is deployed automatically. It is no Slack user: nothing mentions it, looks it up or writes to it. */
export const SIGNOFF: Person = { id: 'signoff', name: 'Signoff', groups: [] }

/** The permission of an automatic request, as events store it. */
export const AUTOMATICALLY = 'deployed automatically'

/** Whether Signoff itself requested the release. */
export function isAutomatic({ requester }: Pick<Release, 'requester'>): boolean {
  return requester.id === SIGNOFF.id
}

/** Whether the environment deploys its branch's new heads by itself. */
export function deploysAutomatically({ deploys }: Pick<Environment, 'deploys'>): boolean {
  return deploys !== undefined
}

/** Gates that hold a release back before it begins, and that end by themselves: its head is deployed after that. */
const HELD_BACK_BY: ReadonlySet<string> = new Set<Gate>([
  'environment_locked',
  'environment_frozen',
  'hotfix_goes_first',
])

/** Whether nobody is told that an automatic release was refused: there was nothing to deploy, or it is deployed later. */
export function isQuietRefusal(problem: Problem | undefined): boolean {
  return problem?.because.gate === 'nothing_to_release' || isHeldBack(defined({ problem }))
}

/** Whether an automatic release ended before it began, and its head is to be deployed later. */
export function isHeldBack({ problem }: Pick<Release, 'problem'>): boolean {
  return problem !== undefined && HELD_BACK_BY.has(problem.because.gate)
}

/** Whether any environment is deployed automatically; without one, nothing is looked at. */
export function anyDeploysAutomatically(apps: readonly App[]): boolean {
  return apps.some(({ environments }) => environments.some(deploysAutomatically))
}

/** What the builds of a commit say, all together. `none`: there is no build. */
export type BuildsState = 'passed' | 'pending' | 'failed' | 'none'

/** Why the channel is told that a head is not deployed. `unfinished`: its builds did not end in time. */
export type NotDeployedBecause = 'failed' | 'none' | 'unfinished'

/**
 * Where a head stands. `remembered`: it was there at the first look, and is not deployed by itself. `builds`: it waits for
 * its builds. `due`: a bot makes its release as soon as the environment is free. `done`: its release was made, or nothing
 * is to be deployed. `given up`: its builds are not looked at any more.
 */
export type HeadState = 'remembered' | 'builds' | 'due' | 'done' | 'given up'

/** The head of the branch that an environment with automatic deploys follows, as it was noted last. */
export interface Head {
  readonly app: string
  readonly environment: string
  /** The digest of the entry (form 2) under which it was noted. */
  readonly configuration: string
  readonly commit: string
  readonly state: HeadState
  /** When this commit was first seen. */
  readonly seenAt: Date
  /** What the channel was told about its builds. */
  readonly told?: NotDeployedBecause
  /** The release that was made for it, or for the one before it. */
  readonly release?: number
  /** The release of this commit that was held back before it began; it gets another. */
  readonly heldBack?: number
  /** The workers that have looked at least once under this entry. */
  readonly watchers: readonly string[]
}

/** Whether the head, or a newer one in its place, is still to be deployed. */
export function isOwed({ state }: Pick<Head, 'state'>): boolean {
  return state === 'due' || state === 'builds'
}

/** One look of one worker. */
export interface Look {
  readonly app: string
  readonly environment: string
  readonly configuration: string
  readonly commit: string
  readonly worker: string
  /** The head at the worker's first look, if that look could not yet tell whether another worker is alive. */
  readonly atStart?: string
  /** Whether this worker has looked before since its start. */
  readonly isFirst: boolean
  /** Other workers that are alive: seen since this one started, or only lately. */
  readonly alive: readonly { readonly id: string; readonly sinceStart: boolean }[]
  /** Whether a new head waits for builds first. */
  readonly afterChecks: boolean
  readonly now: Date
}

/**
 * What a look makes of the head that is noted. `same`: nothing is to be written. `later`: whether another worker has looked
 * all the time can't be told yet; the next look can. The first look after a start, or under a changed entry, only remembers
 * the head, unless another worker has looked all the time. A head that was already owed gives its place to the newest.
 */
export function headAfterLook(noted: Head | undefined, look: Look): Head | 'same' | 'later' {
  const { app, environment, configuration, commit, worker, now, alive } = look
  const remembered: Head = {
    ...{ app, environment, configuration, commit, state: 'remembered', seenAt: now, watchers: [worker] },
  }
  if (noted === undefined) return remembered
  const others = alive.filter(({ id }) => id !== worker && noted.watchers.includes(id))
  if (noted.configuration !== configuration) return look.isFirst || others.length === 0 ? remembered : 'same'

  const isWatcher = noted.watchers.includes(worker)
  const watchers = isWatcher ? noted.watchers : [...others.map(({ id }) => id), worker]
  if (noted.commit === commit) return isWatcher ? 'same' : { ...noted, watchers }
  const isWatched = isWatcher || others.some(({ sinceStart }) => sinceStart)
  if (!isWatched && !isOwed(noted)) {
    if (others.length > 0) return 'later'
    // Nobody has looked since the last head was noted: what was there at the start is only remembered.
    if ((look.atStart ?? commit) === commit) return { ...remembered, watchers }
  }
  const { release } = noted
  const state = look.afterChecks ? 'builds' : 'due'
  return { ...{ app, environment, configuration, commit, state, seenAt: now, watchers }, ...defined({ release }) }
}

/** What the builds say all together. A stopped build counts as failed. */
export function buildsState(checks: readonly CheckStatus[]): BuildsState {
  const has = (...states: CheckStatus['state'][]) => checks.some(({ state }) => states.includes(state))
  if (checks.length === 0) return 'none'
  if (has('failed', 'stopped')) return 'failed'
  return has('running') ? 'pending' : 'passed'
}

/** Builds may start late: so long a commit without any counts as one whose builds have not begun. */
export const BUILDS_BEGIN_WITHIN_MS = 30 * 60_000
/** So long the builds of a head are looked at. A failed build may be run again and pass. */
export const BUILDS_WATCHED_MS = 24 * 60 * 60_000

/**
 * What the builds of a head that waits for them change. `same`: nothing. Without any build nothing is deployed: the channel
 * is told so after half an hour, and at once where a build has failed, once for each commit.
 */
export function headAfterBuilds(head: Head, builds: BuildsState, now: Date): Head | 'same' {
  if (head.state !== 'builds') return 'same'
  if (builds === 'passed') return { ...head, state: 'due' }
  const age = now.getTime() - head.seenAt.getTime()
  const isOver = age >= BUILDS_WATCHED_MS
  const why = whyNotDeployed(builds, age)
  const told = head.told ?? why
  if (isOver) return { ...head, state: 'given up', ...defined({ told }) }
  return told === head.told ? 'same' : { ...head, ...defined({ told }) }
}

function whyNotDeployed(builds: BuildsState, age: number): NotDeployedBecause | undefined {
  if (builds === 'failed') return 'failed'
  if (builds === 'none') return age >= BUILDS_BEGIN_WITHIN_MS ? 'none' : undefined
  return age >= BUILDS_WATCHED_MS ? 'unfinished' : undefined
}
