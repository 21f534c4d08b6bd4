/** The forge that hosts an app's repository: pull requests, comments, checks and branch rules. */
import type { ReadMerge } from '../changes.ts'
import type { CheckStatus, MergeRequirement } from '../plan.ts'
import type { App } from '../settings.ts'
import type { ForgeUnreachable } from '../stored-names.ts'
import type { Answer } from './answers.ts'

/** Web addresses for people, each from `webUrl`, the repository's own address, which plans store. */
export interface ForgePages {
  repository(repository: string): string
  commit(webUrl: string, commit: string): string
  /** The changes in `to` that `from` lacks. */
  compare(webUrl: string, change: { readonly from: string; readonly to: string }): string
  /** A file as it is in a commit. */
  file(webUrl: string, commit: string, path: string): string
}

/** A forge's names, facts and links for messages. Pure and without secrets, so the bot has it too. */
export interface ForgeWords {
  /** Display name. */
  readonly name: string
  /** The settings with its credential, as refusals list them. */
  readonly settings: readonly string[]
  /** The same settings, for a sentence of `signoff doctor`. */
  readonly credential: string
  /** The setting with its API's address. */
  readonly addressSetting: string
  /** The gate for an unusable answer. */
  readonly unreachable: ForgeUnreachable
  /** A sentence that explains an unusual answer. */
  readonly oddAnswers?: string
  /** The forge's name for the page that sets who may push and merge. */
  readonly branchRules: string
  /** The forge's name for the page that sets how pull requests may be merged. */
  readonly mergeSettings: string
  readonly pages: ForgePages
  /** Reads the number and title of a pull request from the message of the commit that merged it, however it was merged. */
  readonly readMerge: ReadMerge
}

export interface ForgeLimits {
  /** How long after a merge request without an answer the merge may still happen. */
  readonly mergeArrivesWithinMs: number
  /** The same for a push to the repository without an answer. */
  readonly pushArrivesWithinMs: number
  /** The maximum length of a comment, in characters. */
  readonly commentLength: number
}

export interface PullRequest {
  readonly id: number
  readonly url: string
  readonly state: 'open' | 'merged' | 'declined'
  readonly source: string
  readonly destination: string
  /** Set if merged; may be abbreviated (12 digits). */
  readonly mergeCommit?: string
  /** How it may be merged, if the forge says so. */
  readonly methods?: MergeMethods
}

export type MergeAnswer =
  | { readonly merge: 'merged'; readonly commit: string }
  /** `byRules`: by rules of the branch that people can still meet; false: by something else; absent: the forge does not say. */
  | { readonly merge: 'refused'; readonly detail: string; readonly byRules?: boolean }
  /** A branch moved during the merge (409); nothing was merged. */
  | { readonly merge: 'moved' }
  | { readonly merge: 'unknown'; readonly detail: string }

/** Whether our credential may do something to a branch. A rule is in the forge's words. */
export type Permission =
  | { readonly is: 'allowed' }
  | { readonly is: 'forbidden'; readonly rule: string }
  /** The rule names people, and it can't be told whether we are one of them. */
  | { readonly is: 'unknown'; readonly rule: string }

/** The methods of a merge whose result Signoff can preview. */
export type MergeMethod = 'merge commit' | 'fast-forward'

/** How the forge may merge into a branch. Signoff can preview a merge commit and a fast-forward, and nothing else. */
export interface MergeMethods {
  readonly mergeCommit: boolean
  readonly fastForward: boolean
  /** All that it allows, in the forge's words, its default first. */
  readonly names: readonly string[]
}

/** A branch's rules at the forge, as far as our credential may read them. */
export interface BranchRules {
  /** `allowed` also if no rule is visible. */
  readonly push: Permission
  readonly merge: Permission
  /** Absent if the forge does not say. */
  readonly methods?: MergeMethods
  /** What every merge into the branch needs, in the forge's words; absent if nothing. */
  readonly asks?: readonly string[]
  /** The right that our credential lacks to read the rules, in the forge's words; absent if they were read. */
  readonly unreadable?: string
}

export interface MergeRequirements {
  readonly missing: readonly MergeRequirement[]
  /** Why the forge will never merge it, whatever people do at the pull request; in the forge's words. */
  readonly never?: string
}

/** A forge. A marker is a text that we put into a description or comment to find it again. */
export interface Forge {
  readonly words: ForgeWords
  readonly limits: ForgeLimits
  /** Finds our pull request by its marker, in any state. */
  findPullRequest(app: App, marker: string): Promise<Answer<PullRequest | undefined>>
  /**
   * Opens a pull request. Undefined if the forge gave back one that was already open for these branches and that has
   * another description. A forge that changes the open one instead can't be told apart: look at the open ones first.
   */
  createPullRequest(
    app: App,
    request: { title: string; description: string; source: string; destination: string },
  ): Promise<Answer<PullRequest | undefined>>
  pullRequest(app: App, id: number): Promise<Answer<PullRequest>>
  /** The open pull requests into a branch, from branches of the same repository. */
  openPullRequests(app: App, destination: string): Promise<Answer<readonly PullRequest[]>>
  /** Merges by exactly this method, and waits for a merge that the forge performs asynchronously (202). */
  merge(
    app: App,
    id: number,
    request: { readonly message: string; readonly method: MergeMethod },
    signal?: AbortSignal,
  ): Promise<MergeAnswer>
  decline(app: App, id: number): Promise<Answer<void>>
  /** The web address of our comment with this marker. */
  findComment(
    app: App,
    on: { pullRequest: number } | { commit: string },
    marker: string,
  ): Promise<Answer<string | undefined>>
  comment(app: App, on: { pullRequest: number } | { commit: string }, markdown: string): Promise<Answer<string>>
  checks(app: App, commit: string): Promise<Answer<readonly CheckStatus[]>>
  /** Who may push to a branch and merge into it, and how. Rules that we may not read are no error. */
  branchRules(app: App, branch: string): Promise<Answer<BranchRules>>
  /** What a pull request still needs before the forge merges it. Rules that we may not read are left out. */
  mergeRequirements(app: App, id: number): Promise<Answer<MergeRequirements>>
}
