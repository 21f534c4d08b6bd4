import type { Answer } from '../rest-faults.ts'
import { notFound, PAGES, page, type RestCall } from './rest-call.ts'
import { type BitbucketStore, type Identity, type PullRequest, restricts } from './state.ts'

export type Refused = { kind: 'refused'; status: 400 | 403 | 409; message: string }

const refused = (message: string, status: 400 | 403 = 400): Refused => ({ kind: 'refused', status, message })

/** Why the rules of its destination refuse to merge a pull request; undefined if they allow it. */
export function brokenMergeRule(
  { state }: Pick<BitbucketStore, 'state'>,
  one: PullRequest,
  by: Identity,
  /** How many commits of the destination the source lacks. */
  behind: number,
): Refused | undefined {
  if (one.draft) return refused('This pull request is a draft and cannot be merged.')
  const rules = state.restrictions.filter((rule) => restricts(rule, one.destination.branch, state.model))
  if (rules.some((rule) => rule.kind === 'restrict_merges' && !rule.users.includes(by.uuid))) {
    return refused(`You do not have permission to merge into ${one.destination.branch}.`, 403)
  }
  const reviewers = state.defaultReviewers.map(({ uuid }) => uuid)
  const approvals = one.approvedBy.filter(({ uuid }) => uuid !== one.author.uuid)
  const broken = rules.flatMap(({ kind, value }): string[] => {
    const least = value ?? 1
    switch (kind) {
      case 'require_approvals_to_merge':
        return approvals.length < least ? [`at least ${least} approvals`] : []
      case 'require_default_reviewer_approvals_to_merge': {
        const given = approvals.filter(({ uuid }) => reviewers.includes(uuid)).length
        return given < least ? [`at least ${least} approvals from default reviewers`] : []
      }
      case 'require_no_changes_requested':
        return (one.changesRequestedBy ?? []).length > 0 ? ['no requested changes'] : []
      case 'require_tasks_to_be_completed':
        return openTasks(one) > 0 ? ['no unresolved tasks'] : []
      case 'require_passing_builds_to_merge': {
        const builds = state.statuses.filter((status) => status.commit === one.source.sha)
        const passed = builds.filter((build) => build.state === 'SUCCESSFUL').length
        return passed < builds.length || passed < least
          ? [`at least ${least} successful builds and no failed ones`]
          : []
      }
      case 'require_commits_behind':
        return behind > (value ?? 0) ? [`at most ${value ?? 0} commits behind ${one.destination.branch}`] : []
      default:
        return []
    }
  })
  return broken.length === 0 ? undefined : refused(`Merge checks have failed: ${broken.join('; ')}.`)
}

export const openTasks = ({ tasks = [] }: PullRequest): number => tasks.filter(({ isResolved }) => !isResolved).length

export type Reviews = ReturnType<typeof createReviews>

/** What people do at Bitbucket's own pages: reviewers, approvals, requested changes, tasks, drafts. */
export function createReviews({ state, save }: BitbucketStore) {
  const person = (name: string): Identity => ({
    uuid: `{${Buffer.from(name.padEnd(16, '-')).toString('hex').slice(0, 32)}}`,
    displayName: name,
    nickname: name.toLowerCase(),
    email: `${name.toLowerCase()}@example.test`,
    kind: 'user',
  })
  function change(id: number, apply: (one: PullRequest) => void): void {
    const one = state.pullRequests.find((each) => each.id === id)
    if (one === undefined) throw new Error(`there is no pull request ${id}`)
    apply(one)
    save()
  }
  const without = (list: readonly Identity[] = [], { uuid }: Identity) => list.filter((each) => each.uuid !== uuid)

  return {
    person,
    setDefaultReviewers(...names: readonly string[]): void {
      state.defaultReviewers = names.map(person)
      save()
    },
    approve: (id: number, name: string): void =>
      change(id, (one) => {
        one.approvedBy = [...without(one.approvedBy, person(name)), person(name)]
        one.changesRequestedBy = without(one.changesRequestedBy, person(name))
      }),
    requestChanges: (id: number, name: string): void =>
      change(id, (one) => {
        one.approvedBy = without(one.approvedBy, person(name))
        one.changesRequestedBy = [...without(one.changesRequestedBy, person(name)), person(name)]
      }),
    addTask: (id: number): void =>
      change(id, (one) => {
        one.tasks = [...(one.tasks ?? []), { isResolved: false }]
      }),
    completeTasks: (id: number): void =>
      change(id, (one) => {
        one.tasks = (one.tasks ?? []).map(() => ({ isResolved: true }))
      }),
    setDraft: (id: number, draft: boolean): void =>
      change(id, (one) => {
        one.draft = draft
      }),
  }
}

/** The tasks of a pull request, as its route lists them. */
export function listTasks(call: RestCall, one: PullRequest): Answer {
  const rows = (one.tasks ?? []).map(({ isResolved }, index) => ({
    id: index + 1,
    state: isResolved ? 'RESOLVED' : 'UNRESOLVED',
    content: { raw: `Task ${index + 1}` },
  }))
  return call.method === 'GET' ? page(call, rows, PAGES) : notFound
}
