import { branchHead, branchHeads, commitOf, deleteBranch, git, mergeTree, moveBranch } from '../bare-git.ts'
import type { Answer } from '../rest-faults.ts'
import { createCommentRoutes } from './comment-routes.ts'
import { commitsOf } from './commits.ts'
import type { Drawing } from './drawing.ts'
import type { createMergeTasks } from './merge-tasks.ts'
import { createPullRequestRoutes } from './pull-request-routes.ts'
import type { PullRequests } from './pull-requests.ts'
import {
  COMMIT_PAGES,
  type Json,
  notAllowed,
  notFound,
  PAGES,
  page,
  type RestCall,
  refusal,
  textAt,
} from './rest-call.ts'
import type { BitbucketStore } from './state.ts'

export type BitbucketRoute =
  | 'create'
  | 'update'
  | 'merge'
  | 'task_status'
  | 'decline'
  | 'comment'
  | 'branch'
  | 'pull_requests'
  | 'pull_request'
  | 'comments'
  | 'read'

/** The route of a request; `path` starts after the repository's name. Reads without a route of their own are `read`. */
export function bitbucketRoute(method: string, path: readonly string[]): BitbucketRoute {
  const isRead = method === 'GET'
  const [collection, id, part, more] = path
  if (path.includes('comments')) return isRead ? 'comments' : 'comment'
  if (collection === 'refs') return isRead ? 'read' : 'branch'
  if (collection !== 'pullrequests') return 'read'
  if (id === undefined) return isRead ? 'pull_requests' : 'create'
  if (part === undefined) return isRead ? 'pull_request' : 'update'
  if (part === 'merge') return more === undefined ? 'merge' : 'task_status'
  return part === 'decline' ? 'decline' : isRead ? 'read' : 'update'
}

/** The REST 2.0 routes below one repository, over its bare repository and the store's other state. */
export function createRoutes(options: {
  bare: string
  store: BitbucketStore
  pullRequests: PullRequests
  tasks: ReturnType<typeof createMergeTasks>
  draw: Drawing
}): (call: RestCall, mergeLater: { looks: number } | undefined) => Promise<Answer> {
  const { bare, store, draw } = options
  const { state } = store
  const comments = createCommentRoutes({ store, draw })
  const pullRequestRoutes = createPullRequestRoutes({ ...options, comments, fileConflicts })

  async function branches(call: RestCall): Promise<Answer> {
    const name = call.path.slice(2).join('/')
    if (call.method === 'POST' && name === '') {
      const { body } = call
      const [wanted, target] = [textAt(body, 'name'), textAt(body, 'target', 'hash')]
      if (wanted === undefined || target === undefined)
        return refusal(400, 'name and target.hash: required key not provided')
      const valid = await git(bare, ['check-ref-format', `refs/heads/${wanted}`], { accept: [0, 1] })
      if (valid.code !== 0) return refusal(400, `Invalid branch name "${wanted}"`)
      const sha = /^[0-9a-f]{7,40}$/.test(target) ? await commitOf(bare, target) : await branchHead(bare, target)
      if (sha === undefined) return refusal(400, `target.hash: no such commit: ${target}`)
      if (!(await moveBranch(bare, wanted, sha, undefined))) return refusal(400, `Branch "${wanted}" already exists.`)
      store.record({ kind: 'branch created', branch: wanted, sha, by: call.by.displayName })
      return drawnBranch(wanted, sha, 201)
    }
    if (call.method === 'GET' && name === '') {
      const heads = [...(await branchHeads(bare))]
      const rows = heads.map(async ([branch, sha]) => (await drawnBranch(branch, sha, 200)).body as Json)
      return page(call, await Promise.all(rows), PAGES)
    }
    const sha = await branchHead(bare, name)
    if (sha === undefined) return refusal(404, `Branch "${name}" does not exist.`)
    if (call.method === 'GET') return drawnBranch(name, sha, 200)
    if (call.method !== 'DELETE') return notAllowed
    await deleteBranch(bare, name)
    store.record({ kind: 'branch deleted', branch: name, sha, by: call.by.displayName })
    return { status: 204 }
  }

  async function drawnBranch(name: string, sha: string, status: number): Promise<Answer> {
    const [facts] = await commitsOf(bare, [sha], 1)
    return facts === undefined ? refusal(404, 'Commit not found') : { status, body: draw.branch(name, facts) }
  }

  async function commit(call: RestCall): Promise<Answer> {
    const [, revision = '', part, id] = call.path
    const sha = /^[0-9a-f]{7,40}$/.test(revision) ? await commitOf(bare, revision) : undefined
    if (sha === undefined) return refusal(404, 'Commit not found', { shas: [revision] })
    if (part === 'comments') return comments(call, { commit: sha }, id)
    if (call.method !== 'GET') return notAllowed
    if (part === 'statuses') {
      return page(call, state.statuses.filter((status) => status.commit === sha).map(draw.status), PAGES)
    }
    const [facts] = await commitsOf(bare, [sha], 1)
    return part !== undefined || facts === undefined ? notFound : { status: 200, body: draw.commit(facts) }
  }

  async function commits(call: RestCall, revision: string): Promise<Answer> {
    const exclude = call.url.searchParams.getAll('exclude')
    const named = await Promise.all([revision, ...exclude].map((each) => commitOf(bare, each)))
    const [from, ...without] = named.filter((sha) => sha !== undefined)
    if (from === undefined || named.includes(undefined)) return refusal(404, 'Commit not found')
    const found = await commitsOf(bare, [from, ...without.map((sha) => `^${sha}`)], 1_000)
    return page(call, found.map(draw.commit), COMMIT_PAGES)
  }

  async function fileConflicts(call: RestCall, spec: string): Promise<Answer> {
    const [from = '', into = ''] = spec.split('..')
    const [source, destination] = [await commitOf(bare, from), await commitOf(bare, into)]
    if (source === undefined || destination === undefined) return notFound
    const merged = await mergeTree(bare, destination, source)
    const paths = merged.kind === 'conflicts' ? merged.paths : []
    return page(
      call,
      paths.map((path) => ({ type: 'file_conflict', path, scenario: 'CONTENT', message: 'Merge conflict' })),
      PAGES,
    )
  }

  async function mergeBase(spec: string): Promise<Answer> {
    const [left = '', right = ''] = spec.split('..')
    const ends = [await commitOf(bare, left), await commitOf(bare, right)] as const
    if (ends[0] === undefined || ends[1] === undefined) return notFound
    const base = (await git(bare, ['merge-base', ends[0], ends[1]], { accept: [0, 1] })).stdout.trim()
    const [facts] = base === '' ? [] : await commitsOf(bare, [base], 1)
    return facts === undefined ? notFound : { status: 200, body: draw.commit(facts) }
  }

  return async (call, mergeLater) => {
    const [collection, id] = call.path
    if (collection === undefined) return call.method === 'GET' ? { status: 200, body: draw.repository() } : notAllowed
    if (collection === 'refs' && id === 'branches') return branches(call)
    if (collection === 'commit') return commit(call)
    if (collection === 'pullrequests') return pullRequestRoutes(call, mergeLater)
    if (call.method !== 'GET') return notAllowed
    if (collection === 'branch-restrictions') return page(call, state.restrictions.map(draw.restriction), PAGES)
    if (collection === 'effective-default-reviewers') {
      return page(call, state.defaultReviewers.map(draw.defaultReviewer), PAGES)
    }
    if (collection === 'effective-branching-model') return { status: 200, body: draw.model() }
    if (collection === 'commits') return commits(call, id ?? '')
    if (collection === 'file-conflicts') return fileConflicts(call, id ?? '')
    return collection === 'merge-base' ? mergeBase(id ?? '') : notFound
  }
}
