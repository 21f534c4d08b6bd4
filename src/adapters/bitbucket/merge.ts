import { defined } from '../../lib/defined.ts'
import type { MergeAnswer, MergeMethod } from '../../release/ports/forge.ts'
import type { Client, Failed } from './client.ts'
import type { Pause } from './restricted-fetch.ts'
import { mergeTask, pullRequest } from './shapes.ts'

const STRATEGIES: Readonly<Record<MergeMethod, string>> = {
  'merge commit': 'merge_commit',
  'fast-forward': 'fast_forward',
}

/**
 * Merges a pull request by one strategy and keeps its source branch. After 202, Bitbucket
 * merges asynchronously: its task is polled until it ends, for at most `settleMs`, and only the task's own answer proves that
 * nothing was merged. Not safe to repeat after `unknown`: read the pull request.
 */
export async function mergePullRequest(
  client: Client,
  at: { workspace: string; repo_slug: string; pull_request_id: number },
  { message, method }: { readonly message: string; readonly method: MergeMethod },
  options: { settleMs: number; pause: Pause; now: () => number; signal?: AbortSignal },
): Promise<MergeAnswer> {
  const { signal } = options
  const request = signal === undefined ? {} : { request: { signal } }
  const reply = await client.call((api) =>
    api.pullrequests.merge({
      ...at,
      ...request,
      _body: {
        type: 'pullrequest_merge_parameters',
        message,
        close_source_branch: false,
        merge_strategy: STRATEGIES[method],
      },
    }),
  )
  if (!reply.ok) return mergeFailure(reply)
  if (reply.status !== 202) return merged(reply.data)

  const task = /\/merge\/task-status\/([\w{}%:.-]+)\/?$/.exec(reply.headers.get('location') ?? '')?.[1]
  if (task === undefined)
    return { merge: 'unknown', detail: 'Bitbucket accepted the merge without the address of its task' }
  const until = options.now() + options.settleMs
  for (let tries = 0; ; tries += 1) {
    const asked = await client.read(
      (api) => api.pullrequests.getMergeTaskStatus({ ...at, ...request, task_id: decodeURIComponent(task) }),
      mergeTask,
    )
    if (asked.ok && asked.value.task_status === 'SUCCESS') return merged(asked.value.merge_result)
    if (!asked.ok && (asked.status === 400 || asked.status === 409)) return mergeFailure(asked)
    if (!asked.ok && asked.failure !== 'unreachable') return { merge: 'unknown', detail: asked.detail }
    if (options.now() >= until || signal?.aborted === true) {
      return { merge: 'unknown', detail: asked.ok ? 'Bitbucket is still merging' : asked.detail }
    }
    try {
      await options.pause(Math.min(500 * 2 ** tries, 5000), signal)
    } catch {
      return { merge: 'unknown', detail: 'Bitbucket was still merging at the time limit' }
    }
  }
}

function merged(data: unknown): MergeAnswer {
  const read = pullRequest.safeParse(data)
  if (read.success && read.data.mergeCommit !== undefined) return { merge: 'merged', commit: read.data.mergeCommit }
  return { merge: 'unknown', detail: 'Bitbucket answered the merge without a merge commit' }
}

/** Bitbucket documents no codes for its refusals, so its sentences tell: the first are about checks that people can meet. */
const BY_RULES = /merge check|approv|review|task|build|draft|changes? requested|permission to merge/i
const NOT_BY_RULES = /conflict|strateg|already|closed|scope/i

/** Only an explicit answer proves that nothing was merged: 500 and above, and no answer, are unknown. */
function mergeFailure(failed: Failed): MergeAnswer {
  if (failed.status === 409) return { merge: 'moved' }
  const { status, detail } = failed
  if (status === undefined || status < 400 || status >= 500) return { merge: 'unknown', detail }
  const byRules = NOT_BY_RULES.test(detail) ? false : BY_RULES.test(detail) || undefined
  return { merge: 'refused', detail, ...defined({ byRules }) }
}
