/** What a pull request still needs before Bitbucket merges it: its merge checks, compared with the pull request. */
import type { MergeRequirement } from '../../release/plan.ts'
import type { Answer } from '../../release/ports/answers.ts'
import type { MergeRequirements } from '../../release/ports/forge.ts'
import { isMergeCheck, type Restrictions, readRestrictions } from './branch-rules.ts'
import { type Client, toServiceError } from './client.ts'
import {
  type BranchRestriction,
  buildStatus,
  type CheckedPullRequest,
  checkedPullRequest,
  defaultReviewer,
  listedCommit,
  pullRequestTask,
} from './shapes.ts'

/** Longer lists are cut: more than that is too much, or not enough, for any check. */
const MOST_ITEMS = 500

type Place = { readonly workspace: string; readonly repo_slug: string }

/** A person at Bitbucket. */
export interface Named {
  readonly id: string
  readonly name: string
}

/** The facts of a pull request that merge checks ask about. What no check asks about need not be read. */
export interface PullRequestFacts {
  readonly author: string | undefined
  readonly isDraft: boolean
  readonly approvedBy: readonly string[]
  readonly changesRequestedBy: readonly Named[]
  readonly openTasks: number
  readonly builds: readonly { readonly name: string; readonly state: string }[]
  /** Undefined: they can't be read. */
  readonly defaultReviewers: readonly Named[] | undefined
  /** How many commits of the destination the source lacks, at least; undefined: it can't be read. */
  readonly behind: number | undefined
  readonly source: string
  readonly destination: string
}

/**
 * Reads what a pull request still needs. Each check is read by itself: what our credential may not read is left out. No
 * answer is an error.
 */
export async function readMergeRequirements(client: Client, at: Place, id: number): Promise<Answer<MergeRequirements>> {
  const here = { ...at, pull_request_id: id }
  const read = await client.read((api) => api.pullrequests.get(here), checkedPullRequest)
  if (!read.ok) return toServiceError(read)
  const restrictions = await readRestrictions(client, at, read.value.destination.branch.name)
  if (!restrictions.ok) return toServiceError(restrictions)
  const rules = rulesOf(restrictions.value)
  const asks = (kind: string) => rules.some((rule) => rule.kind === kind)

  const [tasks, builds, reviewers, behind] = await Promise.all([
    asks('require_tasks_to_be_completed') ? list('pullrequests/{pull_request_id}/tasks', pullRequestTask) : undefined,
    asks('require_passing_builds_to_merge') ? list('pullrequests/{pull_request_id}/statuses', buildStatus) : undefined,
    asks('require_default_reviewer_approvals_to_merge')
      ? list('effective-default-reviewers', defaultReviewer)
      : undefined,
    asks('require_commits_behind') ? lacking(read.value) : undefined,
  ])
  return {
    ok: true,
    value: missingOf(rules, {
      ...peopleOf(read.value),
      isDraft: read.value.draft === true,
      openTasks: tasks?.filter((task) => task.state !== 'RESOLVED').length ?? read.value.task_count ?? 0,
      builds: builds ?? [],
      defaultReviewers: reviewers,
      behind,
      source: read.value.source.branch.name,
      destination: read.value.destination.branch.name,
    }),
  }

  /** How many commits of the destination the source lacks, at least. */
  async function lacking({ source, destination }: CheckedPullRequest): Promise<number | undefined> {
    const [from, into] = [source.commit?.hash, destination.commit?.hash]
    if (from === undefined || into === undefined) return undefined
    return (await list(`commits/${encodeURIComponent(into)}`, listedCommit, { exclude: from }))?.length
  }

  /** The items of a list; undefined if it can't be read. */
  async function list<T>(
    path: string,
    shape: { safeParse(value: unknown): { success: boolean; data?: T } },
    query: object = {},
  ) {
    const items: T[] = []
    const found = await client.look(
      (api) => api.request(`GET /repositories/{workspace}/{repo_slug}/${path}`, { ...here, pagelen: 100, ...query }),
      (page) => {
        for (const value of page.values) {
          const item = shape.safeParse(value)
          if (item.data !== undefined) items.push(item.data)
        }
        return items.length >= MOST_ITEMS ? 'enough' : undefined
      },
    )
    return found.ok ? items : undefined
  }
}

function rulesOf(restrictions: Restrictions): readonly BranchRestriction[] {
  return 'rules' in restrictions ? restrictions.rules : []
}

function peopleOf({ author, participants }: CheckedPullRequest) {
  const people = participants ?? []
  return {
    author: author?.uuid,
    approvedBy: people.filter(({ approved }) => approved === true).map(({ user }) => user.uuid),
    changesRequestedBy: people
      .filter(({ state }) => state === 'changes_requested')
      .map(({ user }) => ({ id: user.uuid, name: user.display_name ?? 'somebody' })),
  }
}

/** What is missing by these rules, which all match the branch. Bitbucket only warns unless it is set to enforce the checks. */
function missingOf(rules: readonly BranchRestriction[], facts: PullRequestFacts): MergeRequirements {
  const isEnforced = rules.some(({ kind }) => kind === 'enforce_merge_checks')
  const strict = byKind(rules)
  const missing: MergeRequirement[] = facts.isDraft ? [{ needs: 'its draft status removed' }] : []
  let never: string | undefined
  for (const [kind, count] of strict) {
    const found = CHECKS[kind]?.(facts, count) ?? unknownCheck(kind)
    if (found === 'met') continue
    if (found.never !== undefined && isEnforced) never ??= found.never
    missing.push({
      needs: found.needs,
      ...(!isEnforced && { advisory: true as const }),
      ...(found.unsure === true && { unsure: true as const }),
    })
  }
  return { missing, ...(never !== undefined && { never }) }
}

/** Each kind of check once, with its highest number: where several rules match, all must hold. */
function byKind(rules: readonly BranchRestriction[]): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>()
  for (const { kind, value } of rules.filter(isMergeCheck)) {
    kinds.set(kind, Math.max(kinds.get(kind) ?? 0, value ?? 1))
  }
  return kinds
}

type Found = 'met' | { readonly needs: string; readonly never?: string; readonly unsure?: true }

const CHECKS: Readonly<Record<string, (facts: PullRequestFacts, count: number) => Found>> = {
  require_approvals_to_merge: ({ approvedBy }, count) => {
    const left = count - approvedBy.length
    return left <= 0 ? 'met' : { needs: counted(left, approvedBy.length > 0, 'approval') }
  },

  require_default_reviewer_approvals_to_merge: ({ approvedBy, author, defaultReviewers }, count) => {
    if (defaultReviewers === undefined)
      return { needs: counted(count, false, 'approval by default reviewers'), unsure: true }
    const given = defaultReviewers.filter(({ id }) => approvedBy.includes(id)).length
    if (given >= count) return 'met'
    // The author of a pull request can't approve it.
    const may = defaultReviewers.filter(({ id }) => id !== author && !approvedBy.includes(id))
    const left = count - given
    const who = may.length === 0 ? '' : ` (${someOf(may.map(({ name }) => name))})`
    const needs = `${counted(left, given > 0, 'approval')} by ${left === 1 ? 'a default reviewer' : 'default reviewers'}${who}`
    if (may.length >= left) return { needs }
    const have = given + may.length
    const never = `require_default_reviewer_approvals_to_merge: ${count} needed, and only ${have} of the default reviewers can approve`
    return { needs, never }
  },

  require_no_changes_requested: ({ changesRequestedBy }) =>
    changesRequestedBy.length === 0
      ? 'met'
      : { needs: `the changes that ${someOf(changesRequestedBy.map(({ name }) => name))} requested` },

  require_tasks_to_be_completed: ({ openTasks }) =>
    openTasks === 0 ? 'met' : { needs: `${openTasks} ${openTasks === 1 ? 'task' : 'tasks'} completed` },

  require_commits_behind: ({ behind, source, destination }, count) => {
    if (behind === undefined) return unknownCheck('require_commits_behind')
    if (behind <= count) return 'met'
    const never = `require_commits_behind: ${source} may lack ${count} commits of ${destination}, and lacks ${behind}. Merge ${destination} into ${source} first`
    return { needs: `${destination} merged into ${source}, which lacks ${behind} of its commits`, never }
  },

  require_passing_builds_to_merge: ({ builds }, count) => {
    const bad = builds.filter(({ state }) => state !== 'SUCCESSFUL')
    const passed = builds.length - bad.length
    if (bad.length > 0) {
      const states = bad.map(({ name, state }) => `${name} (${BUILD_WORDS[state] ?? 'not passed'})`)
      return { needs: `${bad.length === 1 ? 'this build' : 'these builds'} to pass: ${someOf(states)}` }
    }
    return passed >= count ? 'met' : { needs: counted(count - passed, passed > 0, 'passed build') }
  },
}

const BUILD_WORDS: Readonly<Record<string, string>> = { FAILED: 'failed', INPROGRESS: 'running', STOPPED: 'stopped' }

function unknownCheck(kind: string): Found {
  return { needs: `what the merge check ${kind} asks for`, unsure: true }
}

function counted(count: number, isMore: boolean, what: string): string {
  const plural = count === 1 ? what : what.replace(/^(passed build|approval)/, '$1s')
  return `${count} ${isMore ? 'more ' : ''}${plural}`
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 3)
  const left = names.length - shown.length
  return `${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`
}
