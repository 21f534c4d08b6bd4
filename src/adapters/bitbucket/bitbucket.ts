import { defined } from '../../lib/defined.ts'
import type { CheckStatus } from '../../release/plan.ts'
import type { Answer } from '../../release/ports/answers.ts'
import type { Forge, ForgeLimits, PullRequest } from '../../release/ports/forge.ts'
import type { App } from '../../release/settings.ts'
import { readBranchRules } from './branch-rules.ts'
import { type BitbucketCredentials, createClient, toServiceError } from './client.ts'
import { mergePullRequest } from './merge.ts'
import { readMergeRequirements } from './merge-checks.ts'
import { type Pause, pauseFor } from './restricted-fetch.ts'
import {
  checkStatus,
  comment,
  createdPullRequest,
  listedComment,
  listedPullRequest,
  type Page,
  pullRequest,
} from './shapes.ts'
import { bitbucketLimits, bitbucketPages, bitbucketWords } from './words.ts'

const DAY_MS = 86_400_000

export interface BitbucketSettings {
  /** Such as https://api.bitbucket.org/2.0; the credential goes to this origin only. */
  readonly apiUrl: string
  /** An access token (Bearer), or a user's e-mail address with an API token (Basic). */
  readonly credentials: BitbucketCredentials
  /** For one request and its answer; default 15 s. */
  readonly timeoutMs?: number
  /** For a merge request, which may be slow; default 60 s. */
  readonly mergeTimeoutMs?: number
  /** How long an asynchronous merge (202) is polled; default 5 minutes. */
  readonly settleMs?: number
  readonly pause?: Pause
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Shorter limits, for tests and demonstrations. */
  readonly limits?: Partial<ForgeLimits>
}

/**
 * Bitbucket Cloud's REST interface 2.0 through the `bitbucket` package. Nothing of the package leaves this folder,
 * because its errors contain the credential. Creating a pull request or comment is not safe to repeat: after `unreachable`
 * it may exist, so look for the marker first. After a rate limit (429) it waits, up to 30 s each time.
 *
 * `findPullRequest` reads the pull requests of every state from the last 60 days, newest first: no release lives longer.
 * `merge` returns the commit as Bitbucket names it, possibly abbreviated.
 */
export function createBitbucket(settings: BitbucketSettings): Forge {
  const { pause = pauseFor, now = Date.now, timeoutMs = 15_000 } = settings
  const common = { apiUrl: settings.apiUrl, credentials: settings.credentials, pause }
  const client = createClient({ ...common, timeoutMs })
  const mergeClient = createClient({ ...common, timeoutMs: settings.mergeTimeoutMs ?? 60_000 })

  return {
    words: bitbucketWords,
    limits: { ...bitbucketLimits, ...settings.limits },

    async findPullRequest(app, marker) {
      const oldest = now() - 60 * DAY_MS
      const found = await client.look(
        (api) =>
          // The package's own method accepts only one state.
          api.request('GET /repositories/{workspace}/{repo_slug}/pullrequests', {
            ...repositoryOf(app),
            state: ['OPEN', 'MERGED', 'DECLINED', 'SUPERSEDED'],
            sort: '-created_on',
            pagelen: 50,
          }),
        (page): Answer<PullRequest | undefined> | undefined => {
          const ours = page.values.find((value) => {
            const read = listedPullRequest.safeParse(value)
            if (!read.success) return false
            return [read.data.description, read.data.summary?.raw].some((text) => text?.includes(marker))
          })
          if (ours !== undefined) {
            const read = pullRequest.safeParse(ours)
            if (read.success) return { ok: true, value: withPage(app, read.data) }
            return { ok: false, failure: 'wrong', detail: "Bitbucket's answer about our pull request can't be read" }
          }
          return endsBefore(page, oldest) ? { ok: true, value: undefined } : undefined
        },
      )
      return found.ok ? (found.value ?? { ok: true, value: undefined }) : toServiceError(found)
    },

    async createPullRequest(app, request) {
      const made = await client.read(
        (api) =>
          api.pullrequests.create({
            ...repositoryOf(app),
            _body: {
              type: 'pullrequest',
              title: request.title,
              description: request.description,
              source: { branch: { name: request.source } },
              destination: { branch: { name: request.destination } },
              close_source_branch: false,
            },
          }),
        createdPullRequest,
      )
      // A copy of Bitbucket's that is behind says 400 about a branch that it does not know yet.
      if (!made.ok) return { ...toServiceError(made), ...(made.status === 400 && { hadNoEffect: true as const }) }
      const { description, pullRequest: created } = made.value
      // Every description that we write begins with a line of its own.
      const [ours = ''] = request.description.split('\n', 1)
      const isAnothers = description !== undefined && !description.includes(ours)
      return { ok: true, value: isAnothers ? undefined : withPage(app, created) }
    },

    async pullRequest(app, id) {
      const read = await client.read(
        (api) => api.pullrequests.get({ ...repositoryOf(app), pull_request_id: id }),
        pullRequest,
      )
      return read.ok ? { ok: true, value: withPage(app, read.value) } : toServiceError(read)
    },

    merge: (app, id, request, signal) =>
      mergePullRequest(mergeClient, { ...repositoryOf(app), pull_request_id: id }, request, {
        settleMs: settings.settleMs ?? 300_000,
        pause,
        now,
        ...defined({ signal }),
      }),

    async decline(app, id) {
      const read = await client.read(
        (api) => api.pullrequests.decline({ ...repositoryOf(app), pull_request_id: id }),
        pullRequest,
      )
      if (!read.ok) return toServiceError(read)
      if (read.value.state === 'declined') return { ok: true, value: undefined }
      return { ok: false, failure: 'wrong', detail: `Bitbucket says that PR #${id} is ${read.value.state}` }
    },

    async findComment(app, on, marker) {
      const found = await client.look(
        (api) => {
          const list = { ...repositoryOf(app), pagelen: 100, sort: '-created_on' }
          return 'pullRequest' in on
            ? api.pullrequests.listComments({ ...list, pull_request_id: on.pullRequest })
            : api.repositories.listCommitComments({ ...list, commit: on.commit })
        },
        (page): Answer<string> | undefined => {
          const ours = page.values.find((value) => {
            const read = listedComment.safeParse(value)
            return read.success && read.data.deleted !== true && read.data.content?.raw?.includes(marker) === true
          })
          if (ours === undefined) return undefined
          const read = comment.safeParse(ours)
          if (read.success) return { ok: true, value: read.data.links?.html?.href ?? pageOf(app, on) }
          return { ok: false, failure: 'wrong', detail: "Bitbucket's answer about our comment can't be read" }
        },
      )
      return found.ok ? (found.value ?? { ok: true, value: undefined }) : toServiceError(found)
    },

    async comment(app, on, markdown) {
      const content = { content: { raw: markdown } }
      const made = await client.read(
        (api) =>
          'pullRequest' in on
            ? api.pullrequests.createComment({
                ...repositoryOf(app),
                pull_request_id: on.pullRequest,
                _body: { type: 'pullrequest_comment', ...content },
              })
            : api.repositories.createCommitComment({
                ...repositoryOf(app),
                commit: on.commit,
                _body: { type: 'commit_comment', ...content },
              }),
        comment,
      )
      return made.ok ? { ok: true, value: made.value.links?.html?.href ?? pageOf(app, on) } : toServiceError(made)
    },

    async checks(app, commit) {
      const checks: CheckStatus[] = []
      const read = await client.look(
        (api) => api.commitstatuses.list({ ...repositoryOf(app), commit, pagelen: 100 }),
        (page) => {
          const parsed = page.values.map((value) => checkStatus.safeParse(value))
          for (const one of parsed) if (one.success) checks.push(one.data)
          return parsed.every((one) => one.success) ? undefined : 'unreadable'
        },
      )
      if (!read.ok) return toServiceError(read)
      if (read.value === undefined) return { ok: true, value: checks }
      return { ok: false, failure: 'wrong', detail: "Bitbucket's build statuses can't be read" }
    },

    async openPullRequests(app, destination) {
      const open: PullRequest[] = []
      const read = await client.look(
        (api) =>
          api.request('GET /repositories/{workspace}/{repo_slug}/pullrequests', {
            ...repositoryOf(app),
            state: ['OPEN'],
            sort: '-created_on',
            pagelen: 50,
          }),
        (page) => {
          for (const value of page.values) {
            const one = pullRequest.safeParse(value)
            if (one.success && one.data.destination === destination) open.push(withPage(app, one.data))
          }
          return undefined
        },
      )
      return read.ok ? { ok: true, value: open } : toServiceError(read)
    },

    branchRules: (app, branch) => readBranchRules(client, repositoryOf(app), branch),
    mergeRequirements: (app, id) => readMergeRequirements(client, repositoryOf(app), id),
  }
}

/** The web address for people, if Bitbucket's answer has none. */
function pageOf({ repository }: App, on: { pullRequest: number } | { commit: string }): string {
  const page = 'pullRequest' in on ? `pull-requests/${on.pullRequest}` : `commits/${on.commit}`
  return `${bitbucketPages.repository(repository)}/${page}`
}

function withPage(app: App, read: PullRequest): PullRequest {
  return read.url === '' ? { ...read, url: pageOf(app, { pullRequest: read.id }) } : read
}

function repositoryOf(app: App): { workspace: string; repo_slug: string } {
  const [workspace = '', slug = ''] = app.repository.split('/')
  return { workspace, repo_slug: slug }
}

/** Whether a page is sorted newest first, as requested, and its last item is older than `oldest`. */
function endsBefore(page: Page, oldest: number): boolean {
  const created = page.values.map((value) => {
    const read = listedPullRequest.safeParse(value)
    return read.success && read.data.created_on !== undefined ? Date.parse(read.data.created_on) : Number.NaN
  })
  const newestFirst = created.every((at, index) => index === 0 || at <= (created[index - 1] ?? Number.NaN))
  return newestFirst && created.length > 1 && (created.at(-1) ?? Number.NaN) < oldest
}
