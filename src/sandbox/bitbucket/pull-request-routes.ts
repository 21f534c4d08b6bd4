import type { Answer } from '../rest-faults.ts'
import { type createCommentRoutes, isOn } from './comment-routes.ts'
import { commitsOf } from './commits.ts'
import type { Drawing } from './drawing.ts'
import { listTasks } from './merge-rules.ts'
import type { createMergeTasks } from './merge-tasks.ts'
import type { Done, PullRequests } from './pull-requests.ts'
import {
  COMMIT_PAGES,
  type Json,
  notAllowed,
  notFound,
  PAGES,
  PULL_REQUEST_PAGES,
  page,
  type RestCall,
  refusal,
  textAt,
} from './rest-call.ts'
import { type BitbucketStore, type Identity, now, type PullRequest } from './state.ts'

/** The routes below `/pullrequests`. With `mergeLater`, a merge is accepted with 202 and performed after that many reads. */
export function createPullRequestRoutes(options: {
  bare: string
  store: BitbucketStore
  pullRequests: PullRequests
  tasks: ReturnType<typeof createMergeTasks>
  draw: Drawing
  comments: ReturnType<typeof createCommentRoutes>
  fileConflicts: (call: RestCall, spec: string) => Promise<Answer>
}): (call: RestCall, mergeLater: { looks: number } | undefined) => Promise<Answer> {
  const { bare, store, pullRequests, tasks, draw, comments, fileConflicts } = options
  const { state } = store

  const drawPullRequest = (one: PullRequest): Json =>
    draw.pullRequest(
      one,
      state.comments.filter((comment) => !comment.deleted && isOn(comment, { pullRequest: one.id })).length,
    )

  const outcome = (done: Done<PullRequest>, status = 200): Answer =>
    done.kind === 'refused' ? refusal(done.status, done.message) : { status, body: drawPullRequest(done.value) }

  async function createPullRequest(call: RestCall): Promise<Answer> {
    const { body } = call
    const title = textAt(body, 'title')
    const source = textAt(body, 'source', 'branch', 'name')
    if (title === undefined || title.trim() === '') return refusal(400, 'title: required key not provided')
    if (source === undefined) return refusal(400, 'source: required key not provided')
    const created = await pullRequests.create(call.by, {
      title,
      source,
      destination: textAt(body, 'destination', 'branch', 'name') ?? 'master',
      description: textAt(body, 'description') ?? textAt(body, 'summary', 'raw') ?? '',
      closeSourceBranch: body.close_source_branch === true,
      draft: body.draft === true,
    })
    return outcome(created, 201)
  }

  function listPullRequests(call: RestCall): Answer {
    const states = call.url.searchParams.getAll('state').flatMap((value) => value.split(','))
    // Only open ones, unless a parameter or the query names the state.
    const asksForState = states.length > 0 || /\bstate\b/.test(call.url.searchParams.get('q') ?? '')
    const rows = state.pullRequests.filter((one) =>
      states.length > 0 ? states.includes(one.state) : asksForState || one.state === 'OPEN',
    )
    return page(call, rows.map(drawPullRequest), PULL_REQUEST_PAGES)
  }

  async function mergePullRequest(
    call: RestCall,
    one: PullRequest,
    later: { looks: number } | undefined,
  ): Promise<Answer> {
    const { body } = call
    const [message, strategy] = [textAt(body, 'message'), textAt(body, 'merge_strategy')]
    const close = body.close_source_branch
    const merge = () =>
      pullRequests.merge(one, call.by, {
        ...(message === undefined ? {} : { message }),
        ...(strategy === undefined ? {} : { strategy }),
        ...(typeof close === 'boolean' ? { closeSourceBranch: close } : {}),
      })
    if (later === undefined && call.url.searchParams.get('async') !== 'true') return outcome(await merge())
    if (one.state !== 'OPEN') return outcome(await merge())
    const task = tasks.begin(one.id, call.by, later?.looks ?? 0, merge)
    return { status: 202, headers: { Location: draw.task(one.id, task.id).href } }
  }

  async function taskStatus(call: RestCall, one: PullRequest, id: string): Promise<Answer> {
    const task = tasks.find(one.id, id)
    if (task === undefined) return refusal(404, 'No such merge task')
    if (task.by.uuid !== call.by.uuid) return refusal(403, 'Only the user who began the merge may see its task.')
    await tasks.look(one.id)
    if (task.result === undefined) {
      return { status: 200, body: { task_status: 'PENDING', links: { self: draw.task(one.id, id) } } }
    }
    const done = await task.result
    if (done.kind === 'refused') return refusal(done.status, done.message)
    return { status: 200, body: { task_status: 'SUCCESS', merge_result: drawPullRequest(done.value) } }
  }

  async function onePullRequest(call: RestCall, later: { looks: number } | undefined): Promise<Answer> {
    const [, number = '', part, id, task] = call.path
    const one = pullRequests.find(Number(number))
    if (one === undefined) return refusal(404, `Pull request ${number} not found`)
    if (part === 'comments') return comments(call, { pullRequest: one.id }, id)
    if (part === 'merge' && id === 'task-status' && call.method === 'GET') return taskStatus(call, one, task ?? '')
    if (part === 'merge' && id === undefined && call.method === 'POST') return mergePullRequest(call, one, later)
    if (part === 'decline' && call.method === 'POST') {
      return outcome(await pullRequests.decline(one, call.by, textAt(call.body, 'reason') ?? ''))
    }
    if (part === 'approve') return approve(call, one)
    if (part === undefined && call.method === 'PUT') return updatePullRequest(call, one)
    if (call.method !== 'GET') return notAllowed
    switch (part) {
      case undefined:
        await tasks.look(one.id)
        return { status: 200, body: drawPullRequest(one) }
      case 'commits': {
        const found = await commitsOf(bare, [one.source.sha, `^${one.destination.sha}`])
        return page(call, found.map(draw.commit), COMMIT_PAGES)
      }
      case 'statuses':
        return page(call, state.statuses.filter((status) => status.commit === one.source.sha).map(draw.status), PAGES)
      case 'tasks':
        return listTasks(call, one)
      case 'conflicts':
        return fileConflicts(call, `${one.source.sha}..${one.destination.sha}`)
      default:
        return notFound
    }
  }

  async function updatePullRequest(call: RestCall, one: PullRequest): Promise<Answer> {
    const { body } = call
    if (one.state !== 'OPEN') return refusal(400, 'This pull request is already closed.')
    one.title = textAt(body, 'title') ?? one.title
    one.description = textAt(body, 'description') ?? textAt(body, 'summary', 'raw') ?? one.description
    if (typeof body.draft === 'boolean') one.draft = body.draft
    if (typeof body.close_source_branch === 'boolean') one.closeSourceBranch = body.close_source_branch
    one.updatedOn = now()
    store.record({ kind: 'pull request updated', pullRequest: one.id, by: call.by.displayName })
    return { status: 200, body: drawPullRequest(one) }
  }

  function approve(call: RestCall, one: PullRequest): Answer {
    if (call.method !== 'POST' && call.method !== 'DELETE') return notAllowed
    const isMine = (other: Identity) => other.uuid === call.by.uuid
    if (call.method === 'POST' && one.approvedBy.some(isMine))
      return refusal(409, 'You already approved this pull request.')
    one.approvedBy = one.approvedBy.filter((other) => !isMine(other))
    if (call.method === 'POST') one.approvedBy.push(call.by)
    store.save()
    if (call.method === 'DELETE') return { status: 204 }
    return {
      status: 200,
      body: { type: 'participant', user: draw.identity(call.by), approved: true, state: 'approved' },
    }
  }

  return async (call, mergeLater) => {
    await pullRequests.refresh()
    if (call.path[1] !== undefined) return onePullRequest(call, mergeLater)
    if (call.method === 'POST') return createPullRequest(call)
    return call.method === 'GET' ? listPullRequests(call) : notAllowed
  }
}
