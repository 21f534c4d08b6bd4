import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BitbucketSettings, createBitbucket } from '../../src/adapters/bitbucket/bitbucket.ts'
import type { PullRequest } from '../../src/release/ports/forge.ts'
import type { App } from '../../src/release/settings.ts'
import { createAppRepository } from '../../src/sandbox/app-repository.ts'
import { branchHead } from '../../src/sandbox/bare-git.ts'
import { type Bitbucket, startBitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'

const app: App = { name: 'api', repository: 'jurispect/jurispect_api', gitUrl: 'unused', environments: [] }

let directory: string
let host: Bitbucket
let template: string
const repository = {
  async head(branch: string): Promise<string> {
    const sha = await branchHead(host.bare, branch)
    if (sha === undefined) throw new Error(`there is no branch ${branch}`)
    return sha
  },
}
const closing: (() => void)[] = []

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'signoff-bitbucket-'))
  await createAppRepository({ bare: join(template, `${app.repository}.git`) })
})

afterAll(() => rm(template, { recursive: true, force: true }))

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-bitbucket-'))
  await cp(template, directory, { recursive: true })
  host = await startBitbucket({ repository: app.repository, directory })
})

afterEach(async () => {
  for (const close of closing.splice(0)) close()
  await host.close()
  await rm(directory, { recursive: true, force: true })
})

const connect = (settings: Partial<BitbucketSettings> = {}) =>
  createBitbucket({
    apiUrl: host.apiUrl,
    credentials: { token: host.token },
    timeoutMs: 5000,
    pause: async () => undefined,
    ...settings,
  })

async function openPullRequest(description = 'For release #12. signoff:release:12'): Promise<PullRequest> {
  const request = { title: 'Release #12', description, source: 'master', destination: 'production' }
  const made = await connect().createPullRequest(app, request)
  if (!made.ok || made.value === undefined) throw new Error('it was not opened')
  return made.value
}

/** A server whose answers the test writes itself; gives its origin. */
async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const json = (response: ServerResponse, body: unknown) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))

describe('a pull request', () => {
  it('is opened, read and declined', async () => {
    const made = await openPullRequest()
    expect(made).toMatchObject({ state: 'open', source: 'master', destination: 'production' })
    expect(made.url).toContain(`/pull-requests/${made.id}`)
    expect(await connect().pullRequest(app, made.id)).toEqual({ ok: true, value: made })
    expect(await connect().decline(app, made.id)).toEqual({ ok: true, value: undefined })
    expect(await connect().pullRequest(app, made.id)).toMatchObject({ value: { state: 'declined' } })
  })

  it('is opened by a user with an API token too', async () => {
    const made = await connect({ credentials: { email: host.email, apiToken: host.apiToken } }).createPullRequest(app, {
      title: 'By a user',
      description: 'x',
      source: 'master',
      destination: 'production',
    })
    expect(made).toMatchObject({ ok: true, value: { state: 'open' } })
  })

  it('is found again by its marker in every state, and no other is taken for it', async () => {
    const made = await openPullRequest()
    const found = (marker: string) => connect().findPullRequest(app, marker)
    expect(await found('signoff:release:12')).toMatchObject({ value: { id: made.id, state: 'open' } })
    expect(await found('signoff:release:13')).toEqual({ ok: true, value: undefined })
    await connect().decline(app, made.id)
    expect(await found('signoff:release:12')).toMatchObject({ value: { id: made.id, state: 'declined' } })
    const again = await openPullRequest('another: signoff:release:14')
    await connect().merge(app, again.id, { message: 'Merged', method: 'merge commit' })
    expect(await found('signoff:release:14')).toMatchObject({ value: { id: again.id, state: 'merged' } })
  })

  it('is found on a later page, and looked for no further than releases live', async () => {
    const day = 86_400_000
    const listed = (id: number, description: string) => ({
      id,
      description,
      state: 'MERGED',
      created_on: new Date(Date.now() - id * day).toISOString(),
      links: { html: { href: `https://bitbucket.org/pull-requests/${id}` } },
      source: { branch: { name: 'master' } },
      destination: { branch: { name: 'production' } },
      merge_commit: { hash: 'abcdef012345' },
    })
    const pages = [
      [listed(1, 'x'), listed(2, 'x')],
      [listed(3, 'signoff:release:12')],
      [listed(70, 'x'), listed(80, 'x')],
    ]
    const asked: number[] = []
    const origin = await listen((request, response) => {
      const url = new URL(request.url ?? '/', origin)
      const at = Number(url.searchParams.get('page') ?? 0)
      asked.push(at)
      url.searchParams.set('page', String(at + 1))
      json(response, { values: pages[at] ?? [], next: url.href })
    })
    const bitbucket = connect({ apiUrl: origin })
    expect(await bitbucket.findPullRequest(app, 'signoff:release:12')).toMatchObject({
      value: { id: 3, mergeCommit: 'abcdef012345' },
    })
    expect(await bitbucket.findPullRequest(app, 'signoff:release:13')).toEqual({ ok: true, value: undefined })
    expect(asked).toEqual([0, 1, 0, 1, 2])
  })

  it('that is made and not told about is unreachable, and found by its marker', async () => {
    host.fault({ route: 'create', kind: 'reset_after' })
    const request = { title: 'x', description: 'signoff:release:12', source: 'master', destination: 'production' }
    expect(await connect().createPullRequest(app, request)).toMatchObject({ ok: false, failure: 'unreachable' })
    expect(await connect().findPullRequest(app, 'signoff:release:12')).toMatchObject({ value: { state: 'open' } })
    expect(host.pullRequests()).toHaveLength(1)
  })

  it('that Bitbucket does not want is a wrong answer in its own words', async () => {
    const request = { title: 'x', description: 'x', source: 'nowhere', destination: 'production' }
    const answer = await connect().createPullRequest(app, request)
    expect(answer).toMatchObject({ ok: false, failure: 'wrong', hadNoEffect: true })
    expect(!answer.ok && answer.detail).toMatch(/^Bitbucket answered 400: .*nowhere/)
  })
})

describe('a merge', () => {
  it('makes a merge commit and keeps the source branch', async () => {
    const [master, production] = [await repository.head('master'), await repository.head('production')]
    const made = await openPullRequest()
    const answer = await connect().merge(app, made.id, { message: 'Release #12', method: 'merge commit' })
    const head = await repository.head('production')
    expect(answer).toEqual({ merge: 'merged', commit: expect.stringMatching(/^[0-9a-f]{12,40}$/) })
    expect(answer.merge === 'merged' && head.startsWith(answer.commit)).toBe(true)
    const merged = (await host.log()).find((event) => event.kind === 'pull request merged')
    expect(merged).toMatchObject({ commit: head, parents: [production, master] })
    expect(await repository.head('master')).toBe(master)
  })

  it('that Bitbucket carries out behind its answer is asked after until it ends', async () => {
    const made = await openPullRequest()
    host.fault({ route: 'merge', kind: 'merge_202', looks: 3 })
    const pauses: number[] = []
    const pause = async (ms: number) => void pauses.push(ms)
    const answer = await connect({ pause }).merge(app, made.id, { message: 'Release #12', method: 'merge commit' })
    expect(answer).toMatchObject({ merge: 'merged' })
    expect(pauses).toEqual([500, 1000, 2000])
  })

  it('that lasts longer than we ask is unknown, and so is one that we stop asking about', async () => {
    const made = await openPullRequest()
    let now = 0
    const pass = (ms: number) => {
      now += ms
    }
    const settings = { now: () => now, settleMs: 10_000, pause: async (ms: number) => pass(ms) }
    host.fault({ route: 'merge', kind: 'merge_202', looks: Number.POSITIVE_INFINITY })
    expect(await connect(settings).merge(app, made.id, { message: 'x', method: 'merge commit' })).toMatchObject({
      merge: 'unknown',
    })
    const stop = new AbortController()
    stop.abort()
    expect(await connect().merge(app, made.id, { message: 'x', method: 'merge commit' }, stop.signal)).toMatchObject({
      merge: 'unknown',
    })
  })

  it('goes on being asked after when a look fails', async () => {
    const made = await openPullRequest()
    host.fault({ route: 'merge', kind: 'merge_202' })
    host.fault({ route: 'task_status', kind: 'http_500_before' })
    host.fault({ route: 'task_status', kind: 'reset_before' })
    expect(await connect().merge(app, made.id, { message: 'x', method: 'merge commit' })).toMatchObject({
      merge: 'merged',
    })
  })

  it('of branches that moved is `moved`, and merges nothing', async () => {
    const made = await openPullRequest()
    const before = await repository.head('production')
    host.fault({ route: 'merge', kind: 'conflict_409' })
    expect(await connect().merge(app, made.id, { message: 'x', method: 'merge commit' })).toEqual({ merge: 'moved' })
    expect(await repository.head('production')).toBe(before)
  })

  it.each(['reset_before', 'reset_after', 'http_500_before', 'http_500_after', 'hang_after', 'too_slow_555'] as const)(
    'is unknown after %s',
    async (kind) => {
      const made = await openPullRequest()
      host.fault({ route: 'merge', kind })
      expect(
        await connect({ mergeTimeoutMs: 1000 }).merge(app, made.id, { message: 'x', method: 'merge commit' }),
      ).toMatchObject({ merge: 'unknown' })
      const after = await connect().pullRequest(app, made.id)
      expect(after).toMatchObject({ value: { state: kind.endsWith('_after') ? 'merged' : 'open' } })
    },
  )

  it('is refused in the words of Bitbucket: merged already, forbidden, no permission', async () => {
    const made = await openPullRequest()
    const rule = await host.forbidMerge({ pattern: 'production' })
    const forbidden = await connect().merge(app, made.id, { message: 'x', method: 'merge commit' })
    expect(forbidden).toMatchObject({ merge: 'refused', detail: expect.stringMatching(/^Bitbucket answered 4\d\d: ./) })
    await host.allowMerge(rule)
    host.fault({ route: 'merge', kind: 'forbidden' })
    expect(await connect().merge(app, made.id, { message: 'x', method: 'merge commit' })).toMatchObject({
      merge: 'refused',
    })
    await connect().merge(app, made.id, { message: 'x', method: 'merge commit' })
    expect(await connect().merge(app, made.id, { message: 'x', method: 'merge commit' })).toMatchObject({
      merge: 'refused',
    })
  })

  it('waits when Bitbucket says that we ask too often', async () => {
    const made = await openPullRequest()
    host.fault({ route: 'merge', kind: 'http_429', retryAfter: 7 })
    const pauses: number[] = []
    const answer = await connect({ pause: async (ms) => void pauses.push(ms) }).merge(app, made.id, {
      message: 'x',
      method: 'merge commit',
    })
    expect(answer).toMatchObject({ merge: 'merged' })
    expect(pauses).toEqual([7000])
  })
})

describe('a comment', () => {
  it('is written on a pull request and found by its marker', async () => {
    const { id } = await openPullRequest()
    const written = await connect().comment(app, { pullRequest: id }, 'QA: Ada. [](signoff:record:12)')
    expect(written).toMatchObject({ ok: true, value: expect.stringContaining('http') })
    const found = await connect().findComment(app, { pullRequest: id }, '[](signoff:record:12)')
    expect(found).toEqual(written)
    expect(await connect().findComment(app, { pullRequest: id }, 'signoff:record:1 ')).toEqual({
      ok: true,
      value: undefined,
    })
  })

  it('is written on a commit and found behind a hundred others', async () => {
    const commit = await repository.head('master')
    const written = await connect().comment(app, { commit }, 'signoff:record:12')
    for (let number = 0; number < 101; number += 1) await connect().comment(app, { commit }, `other ${number}`)
    expect(await connect().findComment(app, { commit }, 'signoff:record:12')).toEqual(written)
  })

  it('that is written and not told about is unreachable, and found', async () => {
    const commit = await repository.head('master')
    host.fault({ route: 'comment', kind: 'http_500_after' })
    const answer = await connect().comment(app, { commit }, 'signoff:record:12')
    expect(answer).toMatchObject({ ok: false, failure: 'unreachable' })
    expect(await connect().findComment(app, { commit }, 'signoff:record:12')).toMatchObject({
      ok: true,
      value: expect.stringContaining('http'),
    })
  })
})

describe('build statuses', () => {
  it('are passed, failed, running and stopped, over all pages', async () => {
    const commit = await repository.head('master')
    const states = ['SUCCESSFUL', 'FAILED', 'INPROGRESS', 'STOPPED'] as const
    for (const state of states) host.setStatus(commit, { state, key: state, url: `https://ci.test/${state}` })
    for (let number = 0; number < 100; number += 1) host.setStatus(commit, { state: 'FAILED', key: `more-${number}` })
    const answer = await connect().checks(app, commit)
    if (!answer.ok) throw new Error(answer.detail)
    expect(answer.value).toHaveLength(104)
    expect(answer.value.slice(0, 4)).toEqual([
      { name: 'SUCCESSFUL', state: 'passed', url: 'https://ci.test/SUCCESSFUL' },
      { name: 'FAILED', state: 'failed', url: 'https://ci.test/FAILED' },
      { name: 'INPROGRESS', state: 'running', url: 'https://ci.test/INPROGRESS' },
      { name: 'STOPPED', state: 'stopped', url: 'https://ci.test/STOPPED' },
    ])
  })

  it('are none where nothing was built', async () => {
    expect(await connect().checks(app, await repository.head('master'))).toEqual({ ok: true, value: [] })
  })
})

describe('what a hot-fix asks about', () => {
  it('names a rule that lets nobody push to the branch', async () => {
    await host.forbidMerge({ pattern: 'production', kind: 'push' })
    expect(await rulesOf('production')).toMatchObject({
      push: { is: 'forbidden', rule: 'push on production: nobody may push' },
      merge: { is: 'allowed' },
    })
    expect(await rulesOf('master')).toMatchObject({ push: { is: 'allowed' } })
  })

  it('lists the open pull requests into a branch, and no other', async () => {
    const open = await openPullRequest()
    expect(await connect().openPullRequests(app, 'production')).toEqual({ ok: true, value: [open] })
    expect(await connect().openPullRequests(app, 'master')).toEqual({ ok: true, value: [] })
    await connect().decline(app, open.id)
    expect(await connect().openPullRequests(app, 'production')).toEqual({ ok: true, value: [] })
  })
})

const rulesOf = async (branch: string, settings: Partial<BitbucketSettings> = {}) => {
  const answer = await connect(settings).branchRules(app, branch)
  if (!answer.ok) throw new Error(answer.detail)
  return answer.value
}

describe("a branch's rules", () => {
  it('name one that lets nobody merge into the branch', async () => {
    await host.forbidMerge({ pattern: 'prod*' })
    expect(await rulesOf('production')).toMatchObject({
      merge: { is: 'forbidden', rule: 'restrict_merges on prod*: nobody may merge' },
      push: { is: 'allowed' },
    })
    expect(await rulesOf('master')).toMatchObject({ merge: { is: 'allowed' } })
  })

  it('are not known to forbid when only others are named, and allow when we are', async () => {
    await host.forbidMerge({ pattern: 'production', users: ['{a-user}'] })
    await host.forbidMerge({ pattern: 'production', kind: 'require_approvals_to_merge', value: 2 })
    expect(await rulesOf('production')).toMatchObject({
      merge: { is: 'unknown', rule: 'restrict_merges on production: only some may merge' },
      push: { is: 'allowed' },
      asks: ['require_approvals_to_merge (2)'],
    })
    const me = '{8a0b8c60-6e0f-4d5c-9c3b-d0c1f2a7e901}'
    await host.forbidMerge({ pattern: 'master', kind: 'push', users: ['{a-user}', me] })
    expect(await rulesOf('master')).toMatchObject({ push: { is: 'allowed' } })
  })

  it('do not forbid what another rule of the same kind may allow', async () => {
    await host.forbidMerge({ pattern: '*', kind: 'push' })
    await host.forbidMerge({ pattern: 'production', kind: 'push', users: ['{a-user}'] })
    expect(await rulesOf('production')).toMatchObject({ push: { is: 'unknown' } })
    expect(await rulesOf('master')).toMatchObject({ push: { is: 'forbidden' } })
  })

  it('are found on every page of the list, and by the branching model', async () => {
    for (let index = 0; index < 130; index += 1) await host.forbidMerge({ pattern: `feature/${index}` })
    await host.forbidMerge({ branchType: 'production', kind: 'push' })
    host.setModel({ production: 'production', development: 'master' })
    expect(await rulesOf('production')).toMatchObject({
      push: { is: 'forbidden', rule: 'push on production branches: nobody may push' },
    })
    expect(await rulesOf('master')).toMatchObject({ push: { is: 'allowed' } })
  })

  it('say how a branch may be merged into, the default first', async () => {
    expect((await rulesOf('production')).methods).toEqual({
      mergeCommit: true,
      fastForward: false,
      names: ['merge_commit'],
    })
    host.allowStrategies('production', ['squash', 'fast_forward'])
    expect((await rulesOf('production')).methods).toEqual({
      mergeCommit: false,
      fastForward: true,
      names: ['squash', 'fast_forward'],
    })
  })

  it('name the right that the token lacks to read them; only a refused token is an error', async () => {
    const limited = await startBitbucket({
      repository: app.repository,
      directory,
      scopes: ['pullrequest:write', 'repository:write'],
    })
    try {
      await limited.forbidMerge({ pattern: 'production' })
      expect(await rulesOf('production', { apiUrl: limited.apiUrl })).toMatchObject({
        merge: { is: 'allowed' },
        unreadable: 'repository:admin',
        methods: { mergeCommit: true },
      })
    } finally {
      await limited.close()
    }
    host.fault({ route: 'read', kind: 'unauthorized', times: 2 })
    expect(await connect().branchRules(app, 'production')).toMatchObject({ ok: false, failure: 'refused' })
  })
})

describe('W7: what a pull request still needs', () => {
  const needs = async (id: number, settings: Partial<BitbucketSettings> = {}) => {
    const answer = await connect(settings).mergeRequirements(app, id)
    if (!answer.ok) throw new Error(answer.detail)
    return answer.value
  }
  const words = async (id: number) => (await needs(id)).missing.map((one) => one.needs)
  const enforced = () => host.forbidMerge({ kind: 'enforce_merge_checks', pattern: 'production' })

  it('is nothing where no rule asks for anything', async () => {
    const { id } = await openPullRequest()
    expect(await needs(id)).toEqual({ missing: [] })
  })

  it('is approvals, until they are given', async () => {
    await enforced()
    await host.forbidMerge({ kind: 'require_approvals_to_merge', pattern: 'production', value: 2 })
    const { id } = await openPullRequest()
    expect(await needs(id)).toEqual({ missing: [{ needs: '2 approvals' }] })
    host.reviews.approve(id, 'Lin')
    expect(await words(id)).toEqual(['1 more approval'])
    host.reviews.approve(id, 'Tom')
    expect(await words(id)).toEqual([])
  })

  it('is an approval by one of the default reviewers, whose names are told', async () => {
    await enforced()
    await host.forbidMerge({ kind: 'require_default_reviewer_approvals_to_merge', pattern: 'production', value: 1 })
    host.reviews.setDefaultReviewers('Lin', 'Tom')
    const { id } = await openPullRequest()
    host.reviews.approve(id, 'Ada')
    expect(await words(id)).toEqual(['1 approval by a default reviewer (Lin, Tom)'])
    host.reviews.approve(id, 'Tom')
    expect(await words(id)).toEqual([])
  })

  it('can never be given where there are too few default reviewers', async () => {
    await enforced()
    await host.forbidMerge({ kind: 'require_default_reviewer_approvals_to_merge', pattern: 'production', value: 2 })
    host.reviews.setDefaultReviewers('Lin')
    const { id } = await openPullRequest()
    expect((await needs(id)).never).toContain('2 needed, and only 1')
  })

  it('is tasks, requested changes, builds and the end of the draft', async () => {
    await enforced()
    for (const kind of [
      'require_tasks_to_be_completed',
      'require_no_changes_requested',
      'require_passing_builds_to_merge',
    ] as const) {
      await host.forbidMerge({ kind, pattern: 'prod*', value: kind === 'require_passing_builds_to_merge' ? 1 : null })
    }
    const { id } = await openPullRequest()
    host.reviews.addTask(id)
    host.reviews.addTask(id)
    host.reviews.requestChanges(id, 'Lin')
    host.reviews.setDraft(id, true)
    expect((await words(id)).toSorted()).toEqual([
      '1 passed build',
      '2 tasks completed',
      'its draft status removed',
      'the changes that Lin requested',
    ])
    const head = await repository.head('master')
    host.setStatus(head, { state: 'FAILED', key: 'ci', name: 'CI' })
    expect(await words(id)).toContain('this build to pass: CI (failed)')
    host.setStatus(head, { state: 'SUCCESSFUL', key: 'ci', name: 'CI' })
    host.reviews.completeTasks(id)
    host.reviews.approve(id, 'Lin')
    host.reviews.setDraft(id, false)
    expect(await words(id)).toEqual([])
  })

  it('is the destination merged into a source that lacks too many of its commits, which no press can give', async () => {
    await enforced()
    const rule = await host.forbidMerge({ kind: 'require_commits_behind', pattern: 'production', value: 0 })
    const { id } = await openPullRequest()
    const { missing, never } = await needs(id)
    expect(missing).toEqual([
      { needs: expect.stringMatching(/^production merged into master, which lacks \d+ of its commits$/) },
    ])
    expect(never).toContain('Merge production into master first')
    await host.allowMerge(rule)
    await host.forbidMerge({ kind: 'require_commits_behind', pattern: 'production', value: 50 })
    expect(await needs(id)).toEqual({ missing: [] })
  })

  it('says where Bitbucket only warns, and where it can’t be told', async () => {
    await host.forbidMerge({ kind: 'require_approvals_to_merge', pattern: 'production', value: 1 })
    await host.forbidMerge({ kind: 'require_all_dependencies_merged', pattern: 'production' })
    const { id } = await openPullRequest()
    expect(await needs(id)).toEqual({
      missing: [
        { needs: '1 approval', advisory: true },
        { needs: 'what the merge check require_all_dependencies_merged asks for', advisory: true, unsure: true },
      ],
    })
  })

  it('is only the draft where our token may not read the rules, and an error where nobody answers', async () => {
    await host.forbidMerge({ kind: 'require_approvals_to_merge', pattern: 'production', value: 1 })
    const { id } = await openPullRequest()
    host.reviews.setDraft(id, true)
    const scopes = ['pullrequest:write', 'repository:write']
    const limited = await startBitbucket({ repository: app.repository, directory, scopes })
    try {
      const { missing } = await needs(id, { apiUrl: limited.apiUrl })
      expect(missing).toEqual([{ needs: 'its draft status removed' }])
    } finally {
      await limited.close()
    }
    host.fault({ route: 'pull_request', kind: 'http_500_before' })
    expect(await connect().mergeRequirements(app, id)).toMatchObject({ ok: false, failure: 'unreachable' })
  })
})

describe('W7: a refused merge', () => {
  const merge = (id: number) => connect().merge(app, id, { message: 'm', method: 'merge commit' })

  it('is told apart: by rules that people can meet, or by something else', async () => {
    const { id } = await openPullRequest()
    const rule = await host.forbidMerge({ kind: 'require_approvals_to_merge', pattern: 'production', value: 1 })
    expect(await merge(id)).toMatchObject({ merge: 'refused', byRules: true })
    await host.allowMerge(rule)
    await host.forbidMerge({ pattern: 'production' })
    expect(await merge(id)).toMatchObject({ merge: 'refused', byRules: true })
  })

  it.each([
    ['1 failed merge check', { merge_checks: ['At least 1 approval'] }, true],
    ['This pull request is already closed.', undefined, false],
    ["You can't merge until you resolve all merge conflicts.", undefined, false],
    ['Something else', undefined, undefined],
  ])('%s', async (message, fields, byRules) => {
    const origin = await listen((_request, response) =>
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ type: 'error', error: { message, ...(fields && { fields }) } })),
    )
    const answer = await connect({ apiUrl: origin }).merge(app, 7, { message: 'm', method: 'merge commit' })
    expect(answer).toMatchObject({ merge: 'refused', detail: expect.stringContaining(message) })
    expect('byRules' in answer ? answer.byRules : undefined).toBe(byRules)
    if (fields) expect(answer).toMatchObject({ detail: expect.stringContaining('At least 1 approval') })
  })
})

describe('W8: a branch that takes fast-forwards only', () => {
  it('is moved to the source, and the answer names the source as the merge', async () => {
    host.allowStrategies('production', ['fast_forward'])
    const { id } = await openPullRequest()
    const refused = await connect().merge(app, id, { message: 'm', method: 'merge commit' })
    expect(refused).toMatchObject({ merge: 'refused', byRules: false })
    const answer = await connect().merge(app, id, { message: 'm', method: 'fast-forward' })
    // The sample's production has a merge commit that its master lacks.
    expect(answer).toMatchObject({ merge: 'refused', detail: expect.stringContaining('fast forward') })
  })

  it('is told by the answer about the pull request too', async () => {
    host.allowStrategies('production', ['squash', 'fast_forward'])
    expect((await openPullRequest()).methods).toEqual({
      mergeCommit: false,
      fastForward: true,
      names: ['squash', 'fast_forward'],
    })
  })
})

describe('our credential', () => {
  const secret = 'ATCT-very-secret-token'

  it('is in no answer, nor in anything printed, when it is refused', async () => {
    const printed = [vi.spyOn(console, 'log'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')]
    const answers = [
      await connect({ credentials: { token: secret } }).pullRequest(app, 1),
      await connect({ credentials: { email: 'a@b.test', apiToken: secret } }).pullRequest(app, 1),
    ]
    expect(answers).toMatchObject([
      { ok: false, failure: 'refused' },
      { ok: false, failure: 'refused' },
    ])
    expect(JSON.stringify(answers)).not.toContain(secret)
    for (const print of printed) {
      expect(print).not.toHaveBeenCalled()
      print.mockRestore()
    }
  })

  it('is taken out when a server says it back', async () => {
    const origin = await listen((request, response) => {
      const body = { type: 'error', error: { message: `You sent ${request.headers.authorization}` } }
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    const said = (credentials: BitbucketSettings['credentials']) =>
      connect({ apiUrl: `${origin}/2.0`, credentials }).pullRequest(app, 1)
    const expected = (detail: string) => ({ ok: false, failure: 'wrong', detail: `Bitbucket answered 400: ${detail}` })
    expect(await said({ token: secret })).toEqual(expected('You sent Bearer …'))
    expect(await said({ email: 'a@b.test', apiToken: secret })).toEqual(expected('You sent Basic …'))
    expect(() => connect({ credentials: { email: '', apiToken: secret } })).toThrow("Bitbucket's credentials are empty")
  })

  it('does not follow a next page or a redirect to another host', async () => {
    const seen: unknown[] = []
    const elsewhere = await listen((request, response) => {
      seen.push(request.headers.authorization)
      json(response, { values: [] })
    })
    const paged = await listen((_request, response) => json(response, { values: [], next: `${elsewhere}/2.0/more` }))
    const redirecting = await listen((_request, response) => response.writeHead(302, { location: elsewhere }).end())
    expect(await connect({ apiUrl: `${paged}/2.0` }).findPullRequest(app, 'x')).toEqual({
      ok: false,
      failure: 'wrong',
      detail: `not followed: an address at ${elsewhere}`,
    })
    expect(await connect({ apiUrl: `${redirecting}/2.0` }).findPullRequest(app, 'x')).toEqual({
      ok: false,
      failure: 'wrong',
      detail: 'not followed: a redirect (302)',
    })
    expect(seen).toEqual([])
  })
})

describe('Bitbucket', () => {
  it('is unreachable when it is down, too slow, or answers half', async () => {
    host.fault({ route: 'pull_request', kind: 'hang' })
    expect(await connect({ timeoutMs: 200 }).pullRequest(app, 1)).toEqual({
      ok: false,
      failure: 'unreachable',
      detail: 'no answer within 0.2 s',
    })
    const half = await listen((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"id":')
      response.socket?.end()
    })
    expect(await connect({ apiUrl: half }).pullRequest(app, 1)).toMatchObject({ ok: false, failure: 'unreachable' })
    await host.down()
    expect(await connect().checks(app, 'a'.repeat(40))).toEqual({
      ok: false,
      failure: 'unreachable',
      detail: 'the connection failed (ECONNREFUSED)',
    })
  })

  it('that leaves out an address gets the one that people know', async () => {
    const ends = { source: { branch: { name: 'master' } }, destination: { branch: { name: 'production' } } }
    const origin = await listen((_request, response) => json(response, { id: 7, state: 'OPEN', ...ends }))
    expect(await connect({ apiUrl: origin }).pullRequest(app, 7)).toMatchObject({
      ok: true,
      value: { url: `https://bitbucket.org/${app.repository}/pull-requests/7` },
    })
  })

  it('W21: that gives the repository another name says which, whatever was asked', async () => {
    host.rename('jurispect/api_of_today')
    const now = 'jurispect/jurispect_api is now called jurispect/api_of_today'
    for (const answer of [
      await connect().findPullRequest(app, 'x'),
      await connect().checks(app, await repository.head('master')),
      await connect().createPullRequest(app, { title: 't', description: 'd', source: 'a', destination: 'b' }),
    ]) {
      expect(answer).toMatchObject({ ok: false, failure: 'wrong', detail: expect.stringContaining(now) })
    }
    host.rename('{5b3c1d2e}/{94a7c118}')
    expect(await connect().findPullRequest(app, 'x')).toMatchObject({
      detail: expect.stringContaining('jurispect/jurispect_api has another name now (301)'),
    })
    host.rename('elsewhere/jurispect_api')
    expect(await connect().findPullRequest(app, 'x')).toMatchObject({
      detail: expect.stringContaining('is now called elsewhere/jurispect_api'),
    })
  })

  it('that knows no branch rules forbids nothing', async () => {
    const origin = await listen((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"type":"error"}')
    })
    expect(await connect({ apiUrl: origin }).branchRules(app, 'production')).toMatchObject({
      ok: true,
      value: { merge: { is: 'allowed' }, push: { is: 'allowed' } },
    })
  })

  it('has declined or written nothing where a web page, an empty object or an open pull request is all that it answers', async () => {
    const answers = [
      '<html>Sign in</html>',
      '{}',
      '{"id":7,"state":"OPEN","source":{"branch":{"name":"a"}},"destination":{"branch":{"name":"b"}}}',
    ]
    for (const text of answers) {
      const origin = await listen((_request, response) => {
        response.writeHead(200, { 'content-type': text.startsWith('<') ? 'text/html' : 'application/json' }).end(text)
      })
      const odd = connect({ apiUrl: origin })
      expect(await odd.decline(app, 7)).toMatchObject({ ok: false, failure: 'wrong' })
      if (text.includes('"id"')) continue
      expect(await odd.comment(app, { pullRequest: 7 }, 'x')).toMatchObject({ ok: false, failure: 'wrong' })
      expect(
        await odd.createPullRequest(app, { title: 'x', description: 'x', source: 'a', destination: 'b' }),
      ).toMatchObject({ ok: false, failure: 'wrong' })
      expect(await odd.merge(app, 7, { message: 'x', method: 'merge commit' })).toMatchObject({ merge: 'unknown' })
    }
  })

  it('that answers something else is wrong, and says where', async () => {
    const origin = await listen((_request, response) => json(response, { id: 1, state: 'OPEN', links: {} }))
    expect(await connect({ apiUrl: origin }).pullRequest(app, 1)).toEqual({
      ok: false,
      failure: 'wrong',
      detail: "Bitbucket's answer can't be read at source",
    })
  })
})
