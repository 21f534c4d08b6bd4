import type { HistoryCommit } from '../changes.ts'
import type { ChangedFile, PlannedCommit } from '../plan.ts'
import type { App } from '../settings.ts'
import type { Answer, ServiceError } from './answers.ts'

export type PushAnswer =
  /** The remote accepted it. `already`: it had the commit before. */
  | { readonly push: 'moved' | 'already'; readonly output: readonly string[] }
  /** The remote rejected it. `hook`: a build or branch rule failed; `stale`: the branch is not at the expected commit. */
  | {
      readonly push: 'rejected'
      readonly why: 'hook' | 'stale' | 'not a fast-forward'
      readonly output: readonly string[]
    }
  | { readonly push: 'not allowed'; readonly output: readonly string[] }
  /** The remote gave an error or no answer before anything was sent, so that nothing can have changed there. */
  | ({ readonly push: 'not sent'; readonly output: readonly string[] } & ServiceError)
  /** No answer: disconnected, killed or timed out. The branch may have moved, or may still move. */
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
 * git on the worker's own bare mirror, one per app. Only `heads`, `fetch`, `fetchAll`, `fetchNamed`, `push` and
 * `deleteBranch` use the network; the others throw on unexpected errors. Commits (40 hex digits) and branch names are validated before git runs.
 */
export interface Git extends GitPicks {
  /** The commits of a remote's branches, asked as git ls-remote asks; null if a branch is missing. */
  heads(
    url: string,
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<Readonly<Record<string, string | null>>>>
  /** Fetches branches of a remote into the mirror and returns their commits; null if one is missing. Safe to repeat. */
  fetch(
    app: App,
    url: string,
    branches: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<Readonly<Record<string, string | null>>>>
  has(app: App, commit: string): Promise<boolean>
  commit(app: App, commit: string): Promise<CommitFacts>
  /** The commits reachable from any of `from` and from none of `notFrom`; newest first. */
  commits(
    app: App,
    range: { from: readonly string[]; notFrom: readonly string[]; limit: number },
  ): Promise<{ count: number; commits: readonly PlannedCommit[]; authors: readonly { name: string; email: string }[] }>
  /** The same commits with their parents and messages, at most `limit` of them; `isAll`: there are no more. */
  history(
    app: App,
    range: { from: readonly string[]; notFrom: readonly string[]; limit: number },
  ): Promise<{ commits: readonly HistoryCommit[]; isAll: boolean }>
  isAncestor(app: App, ancestor: string, descendant: string): Promise<boolean>
  /** The result of merging `theirs` into `ours`. Without a common commit: not clean, and no files. */
  previewMerge(app: App, ours: string, theirs: string): Promise<MergePreview>
  /**
   * The range's commits whose change is in the tree of `from` and not in `tree`, because the other side of a merge has
   * undone it. Merge commits are left out; of many commits only the newest are compared.
   */
  undoneChanges(app: App, range: UndoneRange): Promise<readonly string[]>
  /** The files that differ between two commits or trees. null: the empty tree. */
  changedFiles(
    app: App,
    from: string | null,
    to: string,
    limit: number,
  ): Promise<{ count: number; list: readonly ChangedFile[] }>
  /** The tree of a folder in a commit or tree; undefined if there is none, or it is a link or submodule. */
  folderAt(app: App, commit: string, path: string): Promise<string | undefined>
  /** A file's text in a commit; undefined if there is no such file. */
  fileAt(app: App, commit: string, path: string): Promise<string | undefined>
  /** The author of the last non-merge commit before any of these that changed a file; undefined if there is none. */
  lastAuthor(app: App, commits: readonly string[], path: string): Promise<string | undefined>
  /**
   * Writes the exact files of a commit into a directory that is empty, or that `prepareCheckout` prepared. Returns the paths
   * of those that git itself does not have.
   */
  checkout(app: App, commit: string, directory: string): Promise<NotInGit>
  /**
   * Writes a commit's files into an empty directory so that a `checkout` of any commit of the app there writes only what
   * differs. Keeps its notes in `<directory>.index`. What else was changed there by then is found and undone.
   */
  prepareCheckout(app: App, commit: string, directory: string): Promise<void>
  /**
   * Pushes one commit to one branch if the branch is at `expected` (null: absent) and the push is a fast-forward, which
   * `setsBack` waives: then the commits between may be dropped from the branch, and still only if it is there. Runs in its own process group, of which nothing is left running.
   */
  push(
    app: App,
    url: string,
    push: { commit: string; branch: string; expected: string | null; setsBack?: boolean },
    options?: { signal?: AbortSignal; onLine?: (line: string) => void },
  ): Promise<PushAnswer>
  /** Deletes a branch at a remote if it is at `expected`. Succeeds if it is already gone. */
  deleteBranch(app: App, url: string, branch: string, expected: string): Promise<Answer<void>>
}

export interface UndoneRange {
  readonly from: string
  readonly notFrom: readonly string[]
  /** The tree to deploy: of a merge of `from`, or of a commit that has it. */
  readonly tree: string
}

export interface PickRequest {
  /** The commit to pick onto. */
  readonly onto: string
  /** In the order in which they are picked. Merge commits make `pick` throw. */
  readonly commits: readonly string[]
  /** The committer date of every created commit. */
  readonly at: Date
  /** The last line of every created message, such as `Signoff-Release: 14`. */
  readonly trailer: string
  /** A name under which the mirror keeps the commits, such as the release's number. */
  readonly keepAs: string
  /** The name of the `onto` side in conflict markers. */
  readonly ontoName: string
}

export type PickResult =
  | {
      readonly pick: 'made'
      readonly commits: readonly { readonly from: string; readonly made: string; readonly tree: string }[]
    }
  /** The commit changes nothing on top of the others. */
  | { readonly pick: 'empty'; readonly commit: string }
  | {
      readonly pick: 'conflict'
      readonly commit: string
      /** `line`: where the first conflict starts in the file with markers; absent if the conflict has no lines. */
      readonly files: readonly { readonly path: string; readonly line?: number }[]
      /** The first conflicting lines with git's markers, or git's message if there are none. */
      readonly lines: readonly string[]
    }

/** What `fetchNamed` has fetched. */
export interface NamedCommits {
  readonly commits: readonly string[]
  /** `head of a branch`, or `its id`: the remote has the commit, and perhaps no branch. Absent: nothing was found. */
  readonly foundBy?: 'head of a branch' | 'its id'
  readonly branches: LookedAt
}

/** What a commit only refers to. A checkout lacks these files, and has empty folders for submodules. */
export interface NotInGit {
  /** Kept by Git LFS. */
  readonly lfs: readonly string[]
  readonly submodules: readonly string[]
}

/** How many of a repository's branches were searched for a commit. */
export interface LookedAt {
  readonly searched: number
  readonly count: number
}

/** Cherry-picks in the mirror, without a checkout. Nothing outside the mirror changes, and none of its branches moves. */
export interface GitPicks {
  /** Fetches the branches of a remote into the mirror, at most 2,000 of them, and returns their commits. */
  fetchAll(app: App, url: string, signal?: AbortSignal): Promise<Answer<Readonly<Record<string, string>>>>
  /**
   * Looks for commits whose ids begin with `prefix` beyond the branches that `fetchAll` fetches: at the heads of the
   * remote's other branches and, for a full id, by asking the remote for that commit. Does nothing if there are no others.
   */
  fetchNamed(app: App, url: string, prefix: string, signal?: AbortSignal): Promise<Answer<NamedCommits>>
  /** The mirror's commits whose ids begin with `prefix`, 4 to 40 hex digits. */
  commitsNamed(app: App, prefix: string): Promise<readonly string[]>
  /** Whether any of `tips` is the commit or has it among its ancestors. */
  isReachable(app: App, commit: string, tips: readonly string[]): Promise<boolean>
  /** Whether `head` has the commit, or another with the same patch id. */
  hasChange(app: App, commit: string, head: string): Promise<'the commit' | 'the same change' | undefined>
  /** Creates the picks, or returns why they can't be created. The same request gives the same commits. */
  pick(app: App, wanted: PickRequest): Promise<PickResult>
  /** The names under which the mirror keeps picks. */
  keptPicks(app: App): Promise<readonly string[]>
  /** Drops kept picks. Safe to repeat. */
  forgetPicks(app: App, names: readonly string[]): Promise<void>
}
