import type { ChangedFile, PlannedCommit } from '../plan.ts'
import type { App } from '../settings.ts'
import type { Answer } from './answers.ts'

export type PushAnswer =
  /** The remote took it. `already`: it held the commit before us. */
  | { readonly push: 'moved' | 'already'; readonly output: readonly string[] }
  /** The remote's answer was no: `hook` (a build or a branch rule), `stale` (it is not where we expected), `not a fast-forward`. */
  | {
      readonly push: 'rejected'
      readonly why: 'hook' | 'stale' | 'not a fast-forward'
      readonly output: readonly string[]
    }
  | { readonly push: 'not allowed'; readonly output: readonly string[] }
  /** No answer: cut, killed, timed out. It may have moved, or move later. */
  | { readonly push: 'unknown'; readonly output: readonly string[] }

export type MergePreview =
  | { readonly clean: true; readonly tree: string }
  | { readonly clean: false; readonly files: readonly string[]; readonly messages: readonly string[] }

export interface CommitFacts {
  readonly sha: string
  readonly tree: string
  readonly parents: readonly string[]
}

/**
 * git over the worker's own bare mirror, one an app. Everything after `heads`, `fetch`, `push` and `deleteBranch` is
 * local and throws on surprises. Commits are 40 hex digits; branches are valid names; both are checked before git sees them.
 */
export interface Git extends GitPicks {
  /** Where the branches of a remote are, by ls-remote; null: not there. */
  heads(
    url: string,
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<Readonly<Record<string, string | null>>>>
  /** Brings branches of a remote into the mirror; gives their commits. Missing branches are null. Repeatable. */
  fetch(
    app: App,
    url: string,
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<Readonly<Record<string, string | null>>>>
  has(app: App, commit: string): Promise<boolean>
  commit(app: App, commit: string): Promise<CommitFacts>
  /** Reachable from any of `from`, from none of `notFrom`; newest first. */
  commits(
    app: App,
    range: { from: readonly string[]; notFrom: readonly string[]; limit: number },
  ): Promise<{ count: number; commits: readonly PlannedCommit[]; authors: readonly { name: string; email: string }[] }>
  isAncestor(app: App, ancestor: string, descendant: string): Promise<boolean>
  /** What merging `theirs` into `ours` would give, by git's own merge; not clean, without files, where they have no commit in common. */
  previewMerge(app: App, ours: string, theirs: string): Promise<MergePreview>
  /** Files that differ between two commits or trees; null: the empty tree. */
  changedFiles(
    app: App,
    from: string | null,
    to: string,
    limit: number,
  ): Promise<{ count: number; list: readonly ChangedFile[] }>
  /** The tree of a folder in a commit or tree; undefined: no such folder, or it leads elsewhere (a link, a submodule). */
  folderAt(app: App, commit: string, path: string): Promise<string | undefined>
  /** A file's text in a commit; undefined: no such file. */
  fileAt(app: App, commit: string, path: string): Promise<string | undefined>
  /** Who wrote the last change of a file on the way to any of these commits, merges aside; undefined: nobody did. */
  lastAuthor(app: App, commits: readonly string[], path: string): Promise<string | undefined>
  /** Writes the exact files of a commit into an empty directory. */
  checkout(app: App, commit: string, directory: string): Promise<void>
  /**
   * Pushes one commit to one branch, only if the branch is at `expected` (null: absent) and only forward.
   * Never forces. Its own process group; nothing of it is left running afterwards.
   */
  push(
    app: App,
    url: string,
    push: { commit: string; branch: string; expected: string | null },
    options?: { signal?: AbortSignal; onLine?: (line: string) => void },
  ): Promise<PushAnswer>
  /** Deletes a branch of ours at a remote, only if it is at `expected`. Gone already is good. */
  deleteBranch(app: App, url: string, branch: string, expected: string): Promise<Answer<void>>
}

export interface PickRequest {
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

export type PickResult =
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
  pick(app: App, wanted: PickRequest): Promise<PickResult>
  /** The names under which the mirror keeps picks. */
  keptPicks(app: App): Promise<readonly string[]>
  /** Keeps them no longer. Repeatable. */
  forgetPicks(app: App, names: readonly string[]): Promise<void>
}
