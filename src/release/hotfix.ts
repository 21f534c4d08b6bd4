/** What is particular to a hot-fix: single commits that are picked onto an environment's branch, as the last resort. */

import type { App } from './app.ts'
import { COMMIT_PATTERN, commitOf } from './command.ts'
import type { ChangedFile, PlannedCommit } from './plan.ts'
import type { Answer } from './ports/answers.ts'
import type { Refusal } from './refusals.ts'
import { type Release, type ReleaseState, SHORTEST_REASON, step } from './release.ts'

/** More commits than this are a release, and not a hot-fix. */
export const MOST_PICKS = 10
/** How long a plan waits for **Go** where nobody signs: nothing starts by surprise. */
export const GO_WITHIN_MS = 60 * 60_000
/** When the thread tells that the promoting branch still lacks a picked commit. */
export const FOLLOW_UP_AFTER_MS = 24 * 60 * 60_000
/** After this nobody looks any more. */
export const FOLLOW_UP_UNTIL_MS = 8 * 24 * 60 * 60_000

/** One commit of a hot-fix: what was asked for, and what the plan made of it in the mirror. */
export interface PlannedPick {
  /** The commit that was asked for, 40 hex digits. */
  readonly from: string
  /** The commit on top of the environment's branch. */
  readonly made: string
  readonly title: string
  readonly author: { readonly name: string; readonly email: string }
  readonly files: { readonly count: number; readonly list: readonly ChangedFile[] }
  /** Whether the branch that the environment is promoted from has it, by ancestry or as the same change. */
  readonly promoted?: boolean
}

/** What a hot-fix's plan shows beyond any plan. The picked commits themselves are bound by the plan's result. */
export interface HotfixPlan {
  /** In the order in which they are picked. */
  readonly picks: readonly PlannedPick[]
  /** The plan's time, which is the committer's date: with it the same commits can be made again. ISO 8601. */
  readonly at: string
  /** What the branch has and the remote lacks, and goes too; newest first. */
  readonly alsoGoes: { readonly count: number; readonly commits: readonly PlannedCommit[] }
  /** The branch that the environment is promoted from, and its environment; absent where it is promoted from none. */
  readonly promoting?: { readonly branch: string; readonly environment: string }
  /** Nobody signs in this environment, so that the requester sees the plan first and presses Go. */
  readonly asksGo?: true
}

// ------------------------------------------------------------------------------------------------ the port

export interface PickWanted {
  /** The commit to pick onto. */
  readonly onto: string
  /** In this order. Merge commits are not taken: throws. */
  readonly commits: readonly string[]
  /** The committer's date of every commit made. */
  readonly at: Date
  /** The last line of every message made, such as `Signoff-Release: 14`. */
  readonly trailer: string
  /** A name under which the mirror keeps the commits, such as the release's number. */
  readonly keepAs: string
  /** What the conflict's two sides are called. */
  readonly ontoName: string
}

export type Picked =
  | {
      readonly pick: 'made'
      readonly commits: readonly { readonly from: string; readonly made: string; readonly tree: string }[]
    }
  /** Nothing is left of the change on top of the others. */
  | { readonly pick: 'empty'; readonly commit: string }
  | {
      readonly pick: 'conflict'
      readonly commit: string
      /** `line`: where the first conflict begins in what git would leave in the file; absent where it has no lines. */
      readonly files: readonly { readonly path: string; readonly line?: number }[]
      /** The first conflicting lines with git's marks, or git's words where there are none. */
      readonly lines: readonly string[]
    }

/** Picking in the mirror, without a checkout. Nothing outside the mirror is touched; none of its branches moves. */
export interface GitPicks {
  /** Brings every branch of a remote into the mirror; gives their commits. */
  fetchAll(app: App, url: string, signal?: AbortSignal): Promise<Answer<Readonly<Record<string, string>>>>
  /** The commits of the mirror whose ids begin with 4 to 40 hex digits. */
  commitsNamed(app: App, prefix: string): Promise<readonly string[]>
  /** Whether any of `tips` is the commit or has it among its ancestors. */
  isReachable(app: App, commit: string, tips: readonly string[]): Promise<boolean>
  /** Whether `head` has the commit, or another that changes the same (by patch id). */
  hasChange(app: App, commit: string, head: string): Promise<'the commit' | 'the same change' | undefined>
  /** Makes the picks, or tells why they can't be made. The same request gives the same commits. */
  pick(app: App, wanted: PickWanted): Promise<Picked>
  /** The names under which the mirror keeps picks. */
  keptPicks(app: App): Promise<readonly string[]>
  /** Keeps them no longer. Repeatable. */
  forgetPicks(app: App, names: readonly string[]): Promise<void>
}

// ------------------------------------------------------------------------------------------------ asking

/** States in which a release gives way to a hot-fix: nobody has let it go on yet. */
export const GIVES_WAY: readonly ReleaseState[] = ['planning', 'awaiting sign-off']

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
  if (asked.picks.length > MOST_PICKS) {
    return { gate: 'too_many_commits', count: asked.picks.length, most: MOST_PICKS }
  }
  if ([...asked.reason.trim()].length < SHORTEST_REASON) {
    return { gate: 'reason_too_short', least: SHORTEST_REASON }
  }
  return asked.sure ? undefined : { gate: 'not_sure' }
}

/**
 * A name that is no environment may be a branch that none follows: that is not ours, and the answer says how to do it by
 * hand. A branch that one follows is ours: there the environment has to be named.
 */
export function asBranch(refusal: Refusal, commits: readonly string[]): Refusal {
  if (refusal.gate !== 'unknown_environment' || refusal.followedBy !== undefined) return refusal
  const { asked, names } = refusal
  return { gate: 'not_followed_branch', asked, names, commits: commits.slice(0, MOST_PICKS) }
}

// ------------------------------------------------------------------------------------------------ afterwards

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
export function mustBeCarried(release: Release): boolean {
  return missingPicks(release).length > 0 && step(release, 'pick')?.state === 'done'
}
