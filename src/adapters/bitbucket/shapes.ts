import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { CheckStatus } from '../../release/plan.ts'
import type { MergeMethods, PullRequest } from '../../release/ports/forge.ts'

// Only the fields that are used. Bitbucket's reference: developer.atlassian.com/cloud/bitbucket/rest.

/** The package's error for an answer of 400 and above. */
export const failure = z.object({ status: z.number(), message: z.string(), error: z.unknown().optional() })

const errorBody = z.object({
  error: z.object({
    message: z.string(),
    detail: z.unknown().optional(),
    fields: z.record(z.string(), z.array(z.string())).optional().catch(undefined),
  }),
})

/** The right that a 403 says our credential lacks. */
export function requiredRightOf(body: unknown): string | undefined {
  const parsed = missingRight.safeParse(body)
  return parsed.success ? parsed.data.error.detail.required.join(', ') : undefined
}

const missingRight = z.object({ error: z.object({ detail: z.object({ required: z.array(z.string()).min(1) }) }) })

/** Bitbucket's message in the body of an error. */
export function sentenceOf(body: unknown): string | undefined {
  const parsed = errorBody.safeParse(body)
  if (!parsed.success) return undefined
  const { message, detail, fields = {} } = parsed.data.error
  const more = typeof detail === 'string' && detail !== '' ? [detail] : []
  return [message, ...more, ...Object.values(fields).flat()].join(' ')
}

export const page = z.object({ values: z.array(z.unknown()), next: z.string().min(1).optional() })
export type Page = z.infer<typeof page>

const webLink = z.object({ html: z.object({ href: z.string() }).optional() }).optional()

const pullRequestStates = { OPEN: 'open', MERGED: 'merged', DECLINED: 'declined', SUPERSEDED: 'declined' } as const

const end = z.object({ branch: z.object({ name: z.string() }) })

export const branchMethods = z.object({
  merge_strategies: z.array(z.string()).nullish().catch(undefined),
  default_merge_strategy: z.string().nullish().catch(undefined),
})

/** How Bitbucket may merge into a branch; undefined if it does not say. */
export function methodsOf({
  merge_strategies: strategies,
  default_merge_strategy: preferred,
}: z.infer<typeof branchMethods>): MergeMethods | undefined {
  if (strategies === null || strategies === undefined || strategies.length === 0) return undefined
  const names = [...strategies].sort((a, b) => Number(b === preferred) - Number(a === preferred))
  return { mergeCommit: names.includes('merge_commit'), fastForward: names.includes('fast_forward'), names }
}

const wholePullRequest = z.object({
  id: z.int().positive(),
  state: z.enum(['OPEN', 'MERGED', 'DECLINED', 'SUPERSEDED']),
  links: webLink,
  source: end,
  destination: z.object({ branch: branchMethods.extend({ name: z.string() }) }),
  merge_commit: z.object({ hash: z.string().regex(/^[0-9a-f]{7,40}$/) }).nullish(),
  description: z.string().nullish().catch(undefined),
})

function toPullRequest(read: z.infer<typeof wholePullRequest>): PullRequest {
  const merge = read.state === 'MERGED' ? read.merge_commit?.hash : undefined
  return {
    id: read.id,
    url: read.links?.html?.href ?? '',
    state: pullRequestStates[read.state],
    source: read.source.branch.name,
    destination: read.destination.branch.name,
    ...defined({ mergeCommit: merge, methods: methodsOf(read.destination.branch) }),
  }
}

export const pullRequest = wholePullRequest.transform(toPullRequest)

/** The answer to creating one. Bitbucket may give back one that is already open, with its own description. */
export const createdPullRequest = wholePullRequest.transform((read) => ({
  description: read.description ?? undefined,
  pullRequest: toPullRequest(read),
}))

/** A pull request in a list, with the fields to find ours by. */
export const listedPullRequest = z.object({
  created_on: z.string().optional(),
  description: z.string().nullish(),
  summary: z.object({ raw: z.string().nullish() }).nullish(),
})

export const comment = z.object({ id: z.int().positive(), links: webLink })

export const listedComment = z.object({
  deleted: z.boolean().optional(),
  content: z.object({ raw: z.string().nullish() }).nullish(),
})

const checkStates = { SUCCESSFUL: 'passed', FAILED: 'failed', INPROGRESS: 'running', STOPPED: 'stopped' } as const

export const checkStatus = z
  .object({
    key: z.string(),
    name: z.string().nullish(),
    state: z.enum(['SUCCESSFUL', 'FAILED', 'INPROGRESS', 'STOPPED']),
    url: z.string().nullish(),
  })
  .transform(
    (read): CheckStatus => ({ name: read.name || read.key, state: checkStates[read.state], url: read.url ?? '' }),
  )

/** A rule of a branch. `users` and `groups` matter only for `push` and `restrict_merges`. */
export const branchRestriction = z.object({
  kind: z.string(),
  branch_match_kind: z.enum(['glob', 'branching_model']).nullish(),
  branch_type: z.string().nullish(),
  pattern: z.string().nullish(),
  value: z.number().nullish(),
  users: z.array(z.object({ uuid: z.string().optional() })).nullish(),
  groups: z.array(z.unknown()).nullish(),
})
export type BranchRestriction = z.infer<typeof branchRestriction>

const modelBranch = z.object({ name: z.string().nullish(), branch: z.object({ name: z.string() }).nullish() }).nullish()

/** Which branches a repository calls its development, production, feature, … branches. */
export const branchingModel = z.object({
  development: modelBranch,
  production: modelBranch,
  branch_types: z.array(z.object({ kind: z.string(), prefix: z.string() })).nullish(),
})
export type BranchingModel = z.infer<typeof branchingModel>

export const user = z.object({ uuid: z.string(), display_name: z.string().nullish() })

const participant = z.object({ user, approved: z.boolean().nullish(), state: z.string().nullish() })

const checkedEnd = end.extend({ commit: z.object({ hash: z.string() }).nullish() })

/** What merge checks ask of a pull request. */
export const checkedPullRequest = z.object({
  source: checkedEnd,
  destination: checkedEnd,
  author: user.nullish(),
  draft: z.boolean().nullish(),
  task_count: z.number().nullish(),
  participants: z.array(participant).nullish(),
})
export type CheckedPullRequest = z.infer<typeof checkedPullRequest>

export const listedCommit = z.object({ hash: z.string() })

export const pullRequestTask = z.object({ state: z.string() })

export const buildStatus = z
  .object({ key: z.string(), name: z.string().nullish(), state: z.string() })
  .transform(({ key, name, state }) => ({ name: name || key, state }))

/** A default reviewer of the repository or its project; older answers are the user alone. */
export const defaultReviewer = z
  .union([z.object({ user }).transform((read) => read.user), user])
  .transform(({ uuid, display_name: name }) => ({ id: uuid, name: name ?? 'somebody' }))

export const mergeTask = z.object({ task_status: z.enum(['PENDING', 'SUCCESS']), merge_result: z.unknown().optional() })
