/** Rules of hot-fixes: single commits that are cherry-picked onto an environment's branch, as a last resort. */

import type { Plan, PlannedPick } from './plan.ts'
import type { Refusal } from './refusals.ts'
import { type Release, step } from './release.ts'
import { MIN_REASON_LENGTH, type ReleaseState } from './terms.ts'
import { readCommitWords } from './typed-words.ts'

/** More commits than this should be a normal release. */
export const MAX_PICKS = 10
/** How long a plan without sign-offs waits for **Go**, so that nothing starts long after it was requested. */
export const GO_EXPIRES_AFTER_MS = 60 * 60_000
/** When the thread reports that the promoted branch still lacks a picked commit. */
export const FOLLOW_UP_AFTER_MS = 24 * 60 * 60_000
/** When the follow-up stops checking. */
export const FOLLOW_UP_UNTIL_MS = 8 * 24 * 60 * 60_000
/** States in which a hot-fix or a rollback may end a release: it has not been approved yet. */
export const SUPERSEDED_BY_HOTFIX: readonly ReleaseState[] = ['planning', 'awaiting sign-off']

/** Parses the modal's commits, in order and without duplicates, as `readCommitWords` does. Refuses anything else. */
export function readCommits(text: string): { commits: readonly string[] } | { refused: Refusal } {
  const read = readCommitWords(text)
  if ('commits' in read) return read
  return { refused: { gate: 'unknown_commit', asked: read.wrong.slice(0, 60), why: 'no commit', candidates: [] } }
}

/** Returns why a hot-fix is refused before anything is looked up: too many commits, a short reason, or no confirmation. */
export function hotfixRefusal(asked: {
  readonly picks: readonly string[]
  readonly reason: string
  readonly sure: boolean
}): Refusal | undefined {
  if (asked.picks.length > MAX_PICKS) {
    return { gate: 'too_many_commits', count: asked.picks.length, most: MAX_PICKS }
  }
  if ([...asked.reason.trim()].length < MIN_REASON_LENGTH) {
    return { gate: 'reason_too_short', least: MIN_REASON_LENGTH }
  }
  return asked.sure ? undefined : { gate: 'not_sure' }
}

/**
 * Turns an unknown environment into `not_followed_branch`, whose message explains the manual way: the name may be a
 * branch that Signoff doesn't manage. Keeps the refusal when an environment follows that branch, since it can be named.
 */
export function refuseUnfollowedBranch(refusal: Refusal, commits: readonly string[]): Refusal {
  if (refusal.gate !== 'unknown_environment' || refusal.followedBy !== undefined) return refusal
  const { asked, names } = refusal
  return { gate: 'not_followed_branch', asked, names, commits: commits.slice(0, MAX_PICKS) }
}

/** Whether the plan waits for its requester's Go. Only the requester has seen it. */
export function awaitsGo(release: Release): boolean {
  return release.state === 'awaiting sign-off' && asksGo(release.plan)
}

/** Whether a plan that nobody signs starts only with its requester's Go. */
export function asksGo(plan: Plan | undefined): boolean {
  return plan?.hotfix?.asksGo === true || plan?.rollback?.asksGo === true
}

/** The picks that the promoted branch lacked at planning. */
export function missingPicks(release: Release): readonly PlannedPick[] {
  const hotfix = release.plan?.hotfix
  return hotfix?.promoting === undefined ? [] : hotfix.picks.filter(({ promoted }) => promoted !== true)
}

/** Whether picks reached the environment's branch that the promoted branch lacked, so that they need a backport. */
export function needsBackport(release: Release): boolean {
  const haveArrived = (['pick', 'merge'] as const).some((name) => step(release, name)?.state === 'done')
  return missingPicks(release).length > 0 && haveArrived
}

/** The last of the picks that reached the environment's branch, by a push or by a pull request; undefined if none did. */
export function pickedCommit(release: Release): string | undefined {
  if (step(release, 'merge')?.state === 'done') return release.plan?.hotfix?.picks.at(-1)?.made
  return step(release, 'pick')?.result?.commit
}

/** The branch of a hot-fix's pull request. Numbers are unique, so that no environment's branch has the same name. */
export function hotfixBranch(number: number): string {
  return `signoff/${number}-hotfix`
}
