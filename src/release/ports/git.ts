/** git over the worker's own mirror. */
import type { App } from '../app.ts'
import type { GitPicks } from '../hotfix.ts'
import type { ChangedFile, PlannedCommit } from '../plan.ts'
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

export type MergeForeseen =
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
  foreseeMerge(app: App, ours: string, theirs: string): Promise<MergeForeseen>
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
