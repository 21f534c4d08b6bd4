import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { git } from '../bare-git.ts'
import { createGitHttp } from '../git-http.ts'
import { createGitLfs, type GitLfs } from '../git-lfs.ts'
import {
  type Answer,
  answerUnder,
  createFaults,
  credentialsOf,
  type Fault,
  type FaultKind,
  readJson,
  send,
  waitUntil,
} from '../rest-faults.ts'
import { startSwitchableServer } from '../switchable-server.ts'
import { createDrawing } from './drawing.ts'
import { createReviews, type Reviews } from './merge-rules.ts'
import { createMergeTasks } from './merge-tasks.ts'
import { createPullRequests } from './pull-requests.ts'
import { installPushHooks, pushedRefs, restrictPushes } from './push-hooks.ts'
import { type Json, refusal } from './rest-call.ts'
import { type BitbucketRoute, bitbucketRoute, createRoutes } from './routes.ts'
import {
  type BitbucketEvent,
  type BitbucketState,
  type BranchRestriction,
  type Comment,
  type CommitStatus,
  type Identity,
  type MergeStrategy,
  now,
  openBitbucketStore,
  type PullRequest,
} from './state.ts'

export type { BitbucketEvent, BranchRestriction, Comment, CommitStatus, PullRequest } from './state.ts'

/**
 * In addition to the common faults: `merge_202` accepts a merge and performs it after the task or pull request was read
 * `looks` times (default 1; Infinity: only by `finishMerges()`). `conflict_409` and `too_slow_555` refuse without effect.
 * `branch_not_found` answers from a copy that lacks the branch. `too_slow_555_after` answers at once and takes effect at once, or at `until`.
 */
export type BitbucketFault = Fault<
  BitbucketRoute,
  FaultKind | 'merge_202' | 'branch_not_found' | 'conflict_409' | 'too_slow_555' | 'too_slow_555_after'
> & { looks?: number }

export type Bitbucket = {
  /** BITBUCKET_API_URL. */
  apiUrl: string
  gitUrl: string
  /** A repository access token: Bearer, and password of the git user `x-token-auth`. */
  token: string
  /** A user's e-mail address and API token: Basic, and password of the git user `x-bitbucket-api-token-auth`. */
  email: string
  apiToken: string
  /** The bare repository behind the API. */
  bare: string
  /** Everything that happened, in order, even if the caller got no answer; includes the branches that pushes moved. */
  log(): Promise<BitbucketEvent[]>

  pullRequests(): readonly PullRequest[]
  comments(pullRequest: number): Comment[]
  commitComments(sha: string): Comment[]
  /** Sets a build status on a commit; the same key replaces it. */
  setStatus(sha: string, status: { state: CommitStatus['state']; key?: string; name?: string; url?: string }): void
  /** Adds a branch restriction; `push` also refuses pushes over git. Returns its id. */
  forbidMerge(rule: {
    kind?: BranchRestriction['kind']
    pattern?: string
    branchType?: BranchRestriction['branchType']
    value?: number | null
    users?: string[]
  }): Promise<number>
  allowMerge(restriction: number): Promise<void>
  /** Sets how pull requests into a branch may be merged, the default first; otherwise as merge commits only. */
  allowStrategies(branch: string, strategies: readonly MergeStrategy[]): void
  /** Sets which branches the branching model calls its production and development branch. */
  setModel(model: BitbucketState['model']): void
  /** Sets what creating a pull request gives while one for the same branches is open; default `another`. */
  openTwice(gives: BitbucketState['sameBranches']): void
  /** Gives the repository another name: the old one answers 301 with the new address. */
  rename(to: string | null): void
  /** What people do at Bitbucket's own pages. */
  reviews: Reviews
  /** Performs all merges that were accepted with 202. */
  finishMerges(): Promise<void>

  fault(fault: BitbucketFault): void
  clearFaults(): void
  /** Resolves when the next request of that route arrives, before it is answered. */
  arrived(route: BitbucketRoute | 'any'): Promise<void>
  /** Files that Git LFS keeps beside the repository. */
  lfs: Pick<GitLfs, 'keep' | 'downloads'>
  cutNextPush(when: 'before' | 'after'): void
  /** Answers the next `times` pushes with an error when they ask for the branches, before anything is sent. */
  refuseNextPushes(error: { status: number; text?: string }, times: number): void
  hangNextPush(when?: 'before' | 'after'): void
  pushArrived(): Promise<void>
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

const bot: Identity = {
  uuid: '{8a0b8c60-6e0f-4d5c-9c3b-d0c1f2a7e901}',
  displayName: 'signoff',
  nickname: 'signoff',
  email: 'signoff@bots.bitbucket.test',
  kind: 'app_user',
}

const user: Identity = {
  uuid: '{5b3c1d2e-94a7-4c18-8f21-7e6d5c4b3a29}',
  displayName: 'Rita Release',
  nickname: 'rita',
  email: 'rita@example.test',
  kind: 'user',
}

/**
 * Starts a Bitbucket stand-in on 127.0.0.1 with one repository: REST 2.0 under `/2.0` and git over HTTP at
 * `/<workspace>/<slug>.git`, both over one real bare repository. `directory` keeps the repository and all
 * other state across restarts.
 */
export async function startBitbucket(options: {
  repository: string
  directory: string
  port?: number
  token?: string
  apiToken?: string
  /** The scopes of the credentials, in Bitbucket's names; writing without the scope gets 403. */
  scopes?: readonly string[]
}): Promise<Bitbucket> {
  const { repository, directory, token = 'sandbox-access-token', apiToken = 'sandbox-api-token' } = options
  const scopes = options.scopes ?? ['pullrequest:write', 'repository:write', 'repository:admin']
  const gitPath = `/${repository}.git`
  const bare = join(directory, gitPath.slice(1))
  await mkdir(bare, { recursive: true })
  await git(bare, ['init', '--quiet', '--bare', '.'])
  await installPushHooks(bare)

  const store = openBitbucketStore(join(directory, 'bitbucket.json'))
  const { state } = store
  const pullRequests = createPullRequests({ bare, store })
  const tasks = createMergeTasks()
  const faults = createFaults<BitbucketFault>()
  const draw = createDrawing({
    repository,
    apiOrigin: () => server.origin,
    gitUrl: () => `${server.origin}${gitPath}`,
    state,
  })
  const answer = createRoutes({ bare, store, pullRequests, tasks, draw })

  const lfs = createGitLfs(() => server.origin)
  const gitHttp = createGitHttp({
    lfs,
    realm: 'Bitbucket.org HTTP',
    repositoryAt: (path) => (path === gitPath ? bare : undefined),
    authorize(_bare, name, password, access) {
      const known =
        (name === 'x-token-auth' && password === token) ||
        ((name === 'x-bitbucket-api-token-auth' || name === user.nickname) && password === apiToken)
      if (!known) return 'unknown'
      return access === 'write' && !scopes.includes('repository:write') ? 'forbidden' : 'allowed'
    },
  })

  /** The caller's identity, or the refusal. As at Bitbucket, a wrong Basic credential gets an answer without a body. */
  function identify(request: IncomingMessage): Identity | Answer {
    const credentials = credentialsOf(request)
    if (credentials?.kind === 'bearer' && credentials.token === token) return bot
    if (credentials?.kind === 'basic' && credentials.user === user.email && credentials.password === apiToken)
      return user
    if (credentials?.kind === 'basic')
      return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="Bitbucket.org HTTP"' } }
    return refuse(401)
  }

  async function answerRest(
    request: IncomingMessage,
    read: Read,
    url: URL,
    later: { looks: number } | undefined,
  ): Promise<Answer> {
    const by = identify(request)
    if ('status' in by) return by
    const path = restPath(url)
    if (state.renamedTo !== null && `${path[1]}/${path[2]}` === repository) {
      const to = url.href.replace(`/repositories/${repository}`, `/repositories/${state.renamedTo}`)
      return { status: 301, headers: { Location: to } }
    }
    const method = request.method ?? 'GET'
    if (path[0] === 'user' && path.length === 1 && method === 'GET') return { status: 200, body: draw.identity(by) }
    const [first, workspace, slug, ...rest] = path
    if (first !== 'repositories' || `${workspace}/${slug}` !== repository) {
      return refusal(404, `Repository ${workspace}/${slug} not found`)
    }
    const required =
      rest[0] === 'branch-restrictions'
        ? 'repository:admin'
        : rest[0] === 'pullrequests'
          ? 'pullrequest:write'
          : 'repository:write'
    if ((method !== 'GET' || required === 'repository:admin') && !scopes.includes(required)) {
      return refusal(403, 'Your credentials lack one or more required privilege scopes.', {
        granted: scopes,
        required: [required],
      })
    }
    if (read === 'malformed' || !isObject(read.json ?? {})) return refusal(400, 'Bad request')
    const body = (read.json ?? {}) as Json
    return answer({ method, url, path: rest, body, by }, later)
  }

  async function withFault(fault: BitbucketFault | undefined, request: IncomingMessage, url: URL) {
    // Reads the body first, since it is gone once the answer is sent.
    const read = await readJson(request)
    switch (fault?.kind) {
      case 'merge_202':
        return answerRest(request, read, url, { looks: fault.looks ?? 1 })
      case 'conflict_409':
        return refusal(409, 'One of the refs involved changed while attempting to merge.')
      case 'too_slow_555':
        return tooSlow
      case 'branch_not_found':
        return refusal(400, 'source: branch not found')
      case 'too_slow_555_after': {
        const { until } = fault
        const effect = until === undefined ? Promise.resolve() : waitUntil(until)
        const performed = effect.then(() => answerRest(request, read, url, undefined))
        if (until === undefined) return performed.then(() => tooSlow)
        performed.catch(() => {})
        return tooSlow
      }
      default:
        return answerUnder(fault as Fault<string> | undefined, () => answerRest(request, read, url, undefined), refuse)
    }
  }

  const server = await startSwitchableServer((request, response) => {
    if (gitHttp.handle(request, response)) return
    const url = new URL(request.url ?? '/', server.origin)
    response.setHeader('X-OAuth-Scopes', scopes.join(', '))
    if (!url.pathname.startsWith('/2.0/')) return send(response, refusal(404, 'Resource not found'))
    const fault = faults.take(bitbucketRoute(request.method ?? 'GET', restPath(url).slice(3)))
    void withFault(fault, request, url)
      .catch(() => refuse(500))
      .then((given) => send(response, given))
  }, options.port)

  async function keepRestrictions(): Promise<void> {
    store.save()
    await restrictPushes(
      bare,
      state.restrictions
        .filter((rule) => rule.kind === 'push')
        .flatMap(({ branchType, pattern }) => (branchType === undefined ? pattern : (state.model[branchType] ?? []))),
    )
  }

  return {
    apiUrl: `${server.origin}/2.0`,
    gitUrl: `${server.origin}${gitPath}`,
    token,
    email: user.email,
    apiToken,
    bare,

    async log() {
      return [...store.log, ...(await pushedRefs(bare))].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    },
    pullRequests: () => state.pullRequests,
    comments: (id) =>
      state.comments.filter((one) => 'pullRequest' in one.on && one.on.pullRequest === id && !one.deleted),
    commitComments: (sha) =>
      state.comments.filter((one) => 'commit' in one.on && one.on.commit === sha && !one.deleted),

    setStatus(sha, { state: to, key = 'build', name = key, url = `https://ci.example.test/${randomUUID()}` }) {
      state.statuses = state.statuses.filter((one) => one.commit !== sha || one.key !== key)
      const times = { createdOn: now(), updatedOn: now() }
      state.statuses.push({ commit: sha, key, name, state: to, url, description: '', ...times })
      store.save()
    },
    async forbidMerge({ kind = 'restrict_merges', pattern = '', branchType, value = null, users = [] }) {
      state.lastRestrictionId += 1
      const rule = { id: state.lastRestrictionId, kind, pattern, value, users }
      state.restrictions.push(branchType === undefined ? rule : { ...rule, branchType })
      await keepRestrictions()
      return state.lastRestrictionId
    },
    async allowMerge(id) {
      state.restrictions = state.restrictions.filter((rule) => rule.id !== id)
      await keepRestrictions()
    },
    allowStrategies(branch, strategies) {
      state.strategies[branch] = [...strategies]
      store.save()
    },
    openTwice(gives) {
      state.sameBranches = gives
      store.save()
    },
    rename(to) {
      state.renamedTo = to
      store.save()
    },
    setModel(model) {
      state.model = model
      store.save()
    },
    reviews: createReviews(store),
    finishMerges: tasks.finishAll,

    fault: faults.add,
    clearFaults: faults.clear,
    arrived: faults.arrived,
    lfs,
    cutNextPush: gitHttp.cutNextPush,
    refuseNextPushes: gitHttp.refuseNextPushes,
    hangNextPush: gitHttp.hangNextPush,
    pushArrived: gitHttp.pushArrived,
    down: server.down,
    up: server.up,
    async close() {
      await server.down()
      await gitHttp.close()
    },
  }
}

type Read = Awaited<ReturnType<typeof readJson>>

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

const tooSlow = refusal(555, 'The merge took too long and was not completed in time. Try again later.')

const restPath = (url: URL): string[] =>
  url.pathname
    .slice('/2.0/'.length)
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)

function refuse(status: 401 | 403 | 429 | 500): Answer {
  switch (status) {
    case 401:
      return refusal(401, 'Token is invalid, expired, or not supported for this endpoint.')
    case 403:
      return refusal(403, 'Your credentials lack one or more required privilege scopes.')
    case 429:
      return refusal(429, 'Rate limit for this resource has been exceeded')
    case 500:
      return refusal(500, 'Something went wrong')
  }
}
