/** Where an app's repository is: its pull requests, comments, builds and rules. */
import type { CheckStatus } from '../plan.ts'
import type { App } from '../settings.ts'
import type { ForgeUnreachable } from '../stored-names.ts'
import type { Answer } from './answers.ts'

/** The addresses that people open, each from `webUrl`, the repository's own address, which plans keep. */
export interface ForgePages {
  repository(repository: string): string
  commit(webUrl: string, commit: string): string
  /** What `to` has beyond `from`. */
  compare(webUrl: string, change: { readonly from: string; readonly to: string }): string
  /** A file as it is in a commit. */
  file(webUrl: string, commit: string, path: string): string
}

/** A forge in words, facts and links: pure, without secrets, so that the bot has it too. */
export interface ForgeWords {
  /** As people read it. */
  readonly name: string
  /** The settings that hold its credential, as refusals list them. */
  readonly settings: readonly string[]
  /** The same for a sentence of `signoff doctor`. */
  readonly credential: string
  /** The setting of its API's address. */
  readonly addressSetting: string
  /** The gate of an answer that can't be used. */
  readonly unreachable: ForgeUnreachable
  /** What else people should know of an answer that was not what was asked, in a sentence. */
  readonly oddAnswers?: string
  /** What it calls the page where people set who may push and merge. */
  readonly branchRules: string
  readonly pages: ForgePages
}

export interface ForgeLimits {
  /** How long after a merge without an answer it may still come. */
  readonly mergeArrivesWithinMs: number
  /** The same for a push to the repository. */
  readonly pushArrivesWithinMs: number
  /** The most characters that a comment may have. */
  readonly commentLength: number
}

export interface PullRequest {
  readonly id: number
  readonly url: string
  readonly state: 'open' | 'merged' | 'declined'
  readonly source: string
  readonly destination: string
  /** Set when merged; may be abbreviated (12 digits). */
  readonly mergeCommit?: string
}

export type MergeAnswer =
  | { readonly merge: 'merged'; readonly commit: string }
  | { readonly merge: 'refused'; readonly detail: string }
  /** 409: a branch moved while merging; nothing was merged. */
  | { readonly merge: 'moved' }
  | { readonly merge: 'unknown'; readonly detail: string }

/** One repository a call. A marker is a text of ours in a description or comment: how we find our own again. */
export interface Forge {
  readonly words: ForgeWords
  readonly limits: ForgeLimits
  /** Finds our pull request by its marker, in any state. */
  findPullRequest(app: App, marker: string): Promise<Answer<PullRequest | undefined>>
  createPullRequest(
    app: App,
    request: { title: string; description: string; source: string; destination: string },
  ): Promise<Answer<PullRequest>>
  pullRequest(app: App, id: number): Promise<Answer<PullRequest>>
  /** The open ones into a branch, from branches of the same repository. */
  openPullRequests(app: App, destination: string): Promise<Answer<readonly PullRequest[]>>
  /** As a merge commit; 202 is polled to its end. */
  merge(app: App, id: number, message: string, signal?: AbortSignal): Promise<MergeAnswer>
  decline(app: App, id: number): Promise<Answer<void>>
  /** Finds our comment by its marker; gives its web address. */
  findComment(
    app: App,
    on: { pullRequest: number } | { commit: string },
    marker: string,
  ): Promise<Answer<string | undefined>>
  comment(app: App, on: { pullRequest: number } | { commit: string }, markdown: string): Promise<Answer<string>>
  checks(app: App, commit: string): Promise<Answer<readonly CheckStatus[]>>
  /** A rule, in the forge's words, that forbids our merge into the branch; undefined: none that can be read. */
  mergeForbiddenBy(app: App, branch: string): Promise<Answer<string | undefined>>
  /** The same for our push to the branch. */
  pushForbiddenBy(app: App, branch: string): Promise<Answer<string | undefined>>
}
