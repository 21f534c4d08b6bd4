/** What is particular to a hot-fix: single commits that are picked onto an environment's branch, as the last resort. */

import { COMMIT_PATTERN, commitOf } from './command.ts'
import type { PlannedPick } from './plan.ts'
import type { Refusal } from './refusals.ts'
import { type Release, step } from './release.ts'
import { MIN_REASON_LENGTH, type ReleaseState } from './terms.ts'

/** More commits than this are a release, and not a hot-fix. */
export const MAX_PICKS = 10
/** How long a plan waits for **Go** where nobody signs: nothing starts by surprise. */
export const GO_EXPIRES_AFTER_MS = 60 * 60_000
/** When the thread tells that the promoting branch still lacks a picked commit. */
export const FOLLOW_UP_AFTER_MS = 24 * 60 * 60_000
/** After this nobody looks any more. */
export const FOLLOW_UP_UNTIL_MS = 8 * 24 * 60 * 60_000
/** States in which a release gives way to a hot-fix: nobody has let it go on yet. */
export const SUPERSEDED_BY_HOTFIX: readonly ReleaseState[] = ['planning', 'awaiting sign-off']

/**
 * The commits of the modal's field, in order, each once: 4 to 40 hex digits, or links that end in some. What is neither
 * is refused.
 */
export function readCommits(text: string): { commits: readonly string[] } | { refused: Refusal } {
  const words = text
    .slice(0, 5000)
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter((word) => word !== '')
    .map(commitOf)
  const wrong = words.find((word) => !COMMIT_PATTERN.test(word))
  if (wrong !== undefined || words.length === 0) {
    return { refused: { gate: 'unknown_commit', asked: (wrong ?? '').slice(0, 60), why: 'no commit', candidates: [] } }
  }
  return { commits: [...new Set(words)] }
}

/** What stands against a hot-fix before anything is looked up. */
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
 * A name that is no environment may be a branch that none follows: that is not ours, and the answer says how to do it by
 * hand. A branch that one follows is ours: there the environment has to be named.
 */
export function refuseUnfollowedBranch(refusal: Refusal, commits: readonly string[]): Refusal {
  if (refusal.gate !== 'unknown_environment' || refusal.followedBy !== undefined) return refusal
  const { asked, names } = refusal
  return { gate: 'not_followed_branch', asked, names, commits: commits.slice(0, MAX_PICKS) }
}

/** Whether the plan waits for its requester's Go, and nobody but them was told of it. */
export function awaitsGo(release: Release): boolean {
  return release.state === 'awaiting sign-off' && release.plan?.hotfix?.asksGo === true
}

/** The picks that the promoting branch lacked when the plan was made. */
export function missingPicks(release: Release): readonly PlannedPick[] {
  const hotfix = release.plan?.hotfix
  return hotfix?.promoting === undefined ? [] : hotfix.picks.filter(({ promoted }) => promoted !== true)
}

/** Whether origin's branch has the picks and the promoting branch had not: somebody has to carry them there. */
export function needsBackport(release: Release): boolean {
  return missingPicks(release).length > 0 && step(release, 'pick')?.state === 'done'
}
