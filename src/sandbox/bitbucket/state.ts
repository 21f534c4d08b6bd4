import { readFileSync, renameSync, writeFileSync } from 'node:fs'

export type Identity = { uuid: string; displayName: string; nickname: string; email: string; kind: 'user' | 'app_user' }

export type PullRequest = {
  id: number
  title: string
  description: string
  state: 'OPEN' | 'MERGED' | 'DECLINED'
  source: { branch: string; sha: string }
  destination: { branch: string; sha: string }
  author: Identity
  closedBy: Identity | null
  mergeCommit: string | null
  closeSourceBranch: boolean
  approvedBy: Identity[]
  changesRequestedBy?: Identity[]
  tasks?: { isResolved: boolean }[]
  draft: boolean
  reason: string
  createdOn: string
  updatedOn: string
}

export type Comment = {
  id: number
  on: { pullRequest: number } | { commit: string }
  raw: string
  user: Identity
  createdOn: string
  updatedOn: string
  deleted: boolean
}

export type CommitStatus = {
  commit: string
  key: string
  name: string
  state: 'SUCCESSFUL' | 'FAILED' | 'INPROGRESS' | 'STOPPED'
  url: string
  description: string
  createdOn: string
  updatedOn: string
}

export type BranchRestriction = {
  id: number
  kind: RestrictionKind
  /** A branch name in which `*` matches anything; empty if the rule is for a type of branch. */
  pattern: string
  /** `production` or `development` of the branching model. */
  branchType?: 'production' | 'development'
  value: number | null
  /** For `push` and `restrict_merges`: UUIDs of the people who are exempt. */
  users: string[]
}

export type RestrictionKind =
  | 'push'
  | 'restrict_merges'
  | 'enforce_merge_checks'
  | 'require_all_dependencies_merged'
  | 'require_approvals_to_merge'
  | 'require_commits_behind'
  | 'require_default_reviewer_approvals_to_merge'
  | 'require_no_changes_requested'
  | 'require_passing_builds_to_merge'
  | 'require_tasks_to_be_completed'

export type MergeStrategy = 'merge_commit' | 'squash' | 'fast_forward' | 'rebase_fast_forward' | 'squash_fast_forward'

export type BitbucketState = {
  pullRequests: PullRequest[]
  comments: Comment[]
  statuses: CommitStatus[]
  restrictions: BranchRestriction[]
  /** What a branch allows, the default first; every other branch allows merge commits only. */
  strategies: Record<string, MergeStrategy[]>
  /** Branches of the branching model. */
  model: Partial<Record<'production' | 'development', string>>
  defaultReviewers: Identity[]
  /** What creating a pull request gives while one for the same branches is open. */
  sameBranches: 'another' | 'the open one' | 'the open one, changed'
  /** The name that the repository has now, if it was renamed. */
  renamedTo: string | null
  lastCommentId: number
  lastRestrictionId: number
}

/** Everything that happened, in order, even if the caller got no answer. */
export type BitbucketEvent = { at: string } & (
  | { kind: 'pull request created'; pullRequest: number; source: string; destination: string; by: string }
  | { kind: 'pull request updated'; pullRequest: number; by: string }
  | { kind: 'pull request declined'; pullRequest: number; by: string }
  | { kind: 'pull request merged'; pullRequest: number; commit: string; parents: string[]; by: string }
  | { kind: 'pull request merged by a push'; pullRequest: number; commit: string }
  | {
      kind: 'comment created'
      comment: number
      on: { pullRequest: number } | { commit: string }
      raw: string
      by: string
    }
  | { kind: 'comment changed'; comment: number; by: string }
  | { kind: 'branch created' | 'branch deleted'; branch: string; sha: string; by: string }
  | { kind: 'ref pushed'; ref: string; from: string; to: string }
)

type EventWithoutTime<E> = E extends { at: string } ? Omit<E, 'at'> : never

export type BitbucketStore = {
  state: BitbucketState
  log: BitbucketEvent[]
  /** Adds to the log and saves the state to the file. */
  record(event: EventWithoutTime<BitbucketEvent>): void
  save(): void
}

/** Opens Bitbucket's state outside git, kept in a JSON file across restarts. */
export function openBitbucketStore(file: string): BitbucketStore {
  const state = readState(file)
  const log: BitbucketEvent[] = []
  function save() {
    // Atomic: a kill during the write leaves the previous file.
    writeFileSync(`${file}.part`, JSON.stringify(state))
    renameSync(`${file}.part`, file)
  }
  return {
    state,
    log,
    save,
    record(event) {
      log.push({ at: now(), ...event })
      save()
    },
  }
}

const LATER = (): Pick<BitbucketState, 'strategies' | 'model' | 'defaultReviewers' | 'sameBranches' | 'renamedTo'> => ({
  strategies: {},
  model: {},
  defaultReviewers: [],
  sameBranches: 'another',
  renamedTo: null,
})

function readState(file: string): BitbucketState {
  try {
    // A file of an earlier version lacks the later keys.
    return { ...LATER(), ...JSON.parse(readFileSync(file, 'utf8')) } as BitbucketState
  } catch {
    return {
      pullRequests: [],
      comments: [],
      statuses: [],
      restrictions: [],
      ...LATER(),
      lastCommentId: 0,
      lastRestrictionId: 0,
    }
  }
}

/** The time in Bitbucket's format, with microseconds and an offset. */
export const now = (): string => new Date().toISOString().replace('Z', '000+00:00')

/** Whether a branch restriction's pattern matches a branch. */
export function matchesPattern(pattern: string, branch: string): boolean {
  const literal = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
  return new RegExp(`^${literal}$`).test(branch)
}

/** Whether a rule is for a branch, by its pattern or the branching model. */
export function restricts({ pattern, branchType }: BranchRestriction, branch: string, model: BitbucketState['model']) {
  return branchType === undefined ? matchesPattern(pattern, branch) : model[branchType] === branch
}
