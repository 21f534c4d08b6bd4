/** Bitbucket Cloud. */
import type { CheckStatus } from '../plan.ts'
import type { App } from '../settings.ts'
import type { Answer } from './answers.ts'

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

/** Bitbucket Cloud, for one repository a call. A marker is a text of ours in a description or comment: how we find our own again. */
export interface Bitbucket {
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
  /** A rule, in Bitbucket's words, that forbids our merge into the branch; undefined: none that can be read. */
  mergeForbiddenBy(app: App, branch: string): Promise<Answer<string | undefined>>
  /** The same for our push to the branch. */
  pushForbiddenBy(app: App, branch: string): Promise<Answer<string | undefined>>
}
