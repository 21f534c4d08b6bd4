import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { git } from '../../src/sandbox/bare-git.ts'
import { type Bitbucket, startBitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'

const REPOSITORY = 'jurispect/jurispect_api'

type End = { commit: { hash: string } }

// The fields of Bitbucket's answers that these tests read.
type Body = {
  id: number
  hash: string
  path: string
  state: string
  display_name: string
  source: End
  destination: End
  target: { hash: string }
  error: { message: string }
  task_status: string
  merge_result: Body
  values: Body[]
  next: string
}

let directory: string
let bitbucket: Bitbucket
let app: AppRepository

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-bitbucket-'))
  bitbucket = await startBitbucket({ repository: REPOSITORY, directory: join(directory, 'bitbucket') })
  app = await createAppRepository({ bare: bitbucket.bare })
})
afterEach(async () => {
  await bitbucket.close()
  await rm(directory, { recursive: true, force: true })
})

const bearer = () => `Bearer ${bitbucket.token}`

async function rest(method: string, path: string, body?: unknown, authorization: string | null = bearer()) {
  const url = path.startsWith('http') ? path : `${bitbucket.apiUrl}/repositories/${REPOSITORY}${path}`
  const response = await fetch(url, {
    method,
    headers: authorization === null ? {} : { Authorization: authorization },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as Body }
}

const create = (more: Record<string, unknown> = {}) =>
  rest('POST', '/pullrequests', {
    title: 'Release of the week',
    source: { branch: { name: 'master' } },
    destination: { branch: { name: 'production' } },
    ...more,
  })

const parentsOf = async (sha: string) =>
  (await git(bitbucket.bare, ['log', '-1', '--format=%P', sha])).stdout.trim().split(' ')

const kinds = async () => (await bitbucket.log()).map((event) => event.kind)

describe('credentials', () => {
  it('are required, and both kinds work', async () => {
    expect(await rest('GET', '', undefined, null)).toMatchObject({ status: 401, body: { type: 'error' } })
    expect((await rest('GET', '', undefined, 'Bearer wrong')).status).toBe(401)
    const wrong = await rest('GET', '', undefined, `Basic ${btoa('rita@example.test:wrong')}`)
    expect([wrong.status, wrong.body, wrong.headers.get('content-type')]).toEqual([401, null, null])

    const user = `${bitbucket.apiUrl}/user`
    expect((await rest('GET', user)).body).toMatchObject({ display_name: 'signoff', type: 'app_user' })
    const basic = `Basic ${btoa(`${bitbucket.email}:${bitbucket.apiToken}`)}`
    expect((await rest('GET', user, undefined, basic)).body.display_name).toBe('Rita Release')
    expect((await rest('GET', '')).body).toMatchObject({ full_name: REPOSITORY, mainbranch: { name: 'master' } })
    const other = `${bitbucket.apiUrl}/repositories/jurispect/none`
    expect(await rest('GET', other)).toMatchObject({ status: 404, body: { type: 'error' } })
  })

  it('with only read access cannot write', async () => {
    await bitbucket.close()
    bitbucket = await startBitbucket({
      repository: REPOSITORY,
      directory: join(directory, 'bitbucket'),
      scopes: ['pullrequest'],
    })
    expect(await create()).toMatchObject({
      status: 403,
      body: { error: { detail: { required: ['pullrequest:write'] } } },
    })
  })

  it('work for git over HTTP too', async () => {
    const list = (user: string, password: string) =>
      git(directory, ['ls-remote', bitbucket.gitUrl.replace('://', `://${user}:${password}@`), 'refs/heads/*'], {
        accept: [0, 128],
      })
    const master = await app.head('master')
    expect((await list('x-token-auth', bitbucket.token)).stdout).toContain(`${master}\trefs/heads/master`)
    expect((await list('x-bitbucket-api-token-auth', bitbucket.apiToken)).code).toBe(0)
    expect(await list('x-token-auth', 'wrong')).toMatchObject({
      code: 128,
      stderr: expect.stringContaining('Authentication failed'),
    })
  })
})

it('lists branches over git as they are now, however they were moved', async () => {
  const url = bitbucket.gitUrl.replace('://', `://x-token-auth:${bitbucket.token}@`)
  const list = async () => (await git(directory, ['ls-remote', url, 'refs/heads/*'])).stdout
  const [first, second] = [await app.head('production'), await app.head('master')]
  await app.branch('moved', first)
  expect(await list()).toContain(`${first}\trefs/heads/moved`)
  await app.branch('moved', second)
  expect(await list()).toContain(`${second}\trefs/heads/moved`)
  await git(bitbucket.bare, ['pack-refs', '--all'])
  expect(await list()).toContain(`${second}\trefs/heads/moved`)
  await git(bitbucket.bare, ['update-ref', 'refs/heads/moved', first])
  expect(await list()).toContain(`${first}\trefs/heads/moved`)
  await app.delete('moved')
  expect(await list()).not.toContain('refs/heads/moved')
})

describe('a pull request', () => {
  it('is opened with its branches’ commits, and follows them', async () => {
    const { status, body } = await create({ description: 'QA: Ann' })
    const [master, production] = [await app.head('master'), await app.head('production')]
    expect([status, body.id, body.state]).toEqual([201, 1, 'OPEN'])
    expect(body.source).toMatchObject({ branch: { name: 'master' }, commit: { hash: master.slice(0, 12) } })
    expect(body.destination.commit.hash).toBe(production.slice(0, 12))
    const next = await app.commit({ files: { more: '1' }, message: 'More' })
    expect((await rest('GET', '/pullrequests/1')).body.source.commit.hash).toBe(next.slice(0, 12))
    expect((await rest('GET', '/pullrequests/1/commits')).body.values[0]?.hash).toBe(next)
  })

  it('is refused if something is missing or there is nothing to merge', async () => {
    expect(await create({ title: '' })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('title') } },
    })
    expect((await create({ source: { branch: { name: 'none' } } })).body.error.message).toContain('branch not found')
    expect((await create({ source: { branch: { name: 'production' } } })).body.error.message).toBe(
      'There are no changes to be pulled',
    )
    expect(bitbucket.pullRequests()).toEqual([])
  })

  it('of the same branches can be opened twice, so that duplicates are noticed', async () => {
    await create()
    expect(await create()).toMatchObject({ status: 201, body: { id: 2 } })
  })

  it('can be listed by state and query, with pages', async () => {
    await app.branch('topic', await app.head('master'))
    for (let number = 0; number < 3; number++) await create()
    await create({ source: { branch: { name: 'topic' } } })
    await rest('POST', '/pullrequests/2/decline')
    const ids = async (query: Record<string, string>) => {
      const { body } = await rest('GET', `/pullrequests?${new URLSearchParams(query)}`)
      return body.values?.map((one) => one.id)
    }
    expect(await ids({})).toEqual([1, 3, 4])
    expect(await ids({ state: 'DECLINED' })).toEqual([2])
    const ends = 'source.branch.name = "master" AND destination.branch.name = "production"'
    expect(await ids({ q: ends, state: 'OPEN' })).toEqual([1, 3])
    expect(await ids({ q: `${ends} AND (state = "OPEN" OR state = "DECLINED")`, sort: '-id' })).toEqual([3, 2, 1])
    expect((await rest('GET', '/pullrequests?q=source.branch.name+is+x')).status).toBe(400)
    const first = await rest('GET', '/pullrequests?pagelen=2')
    expect(first.body.values.map((one) => one.id)).toEqual([1, 3])
    expect((await rest('GET', first.body.next)).body.values.map((one) => one.id)).toEqual([4])
  })

  it('is merged once, by the caller, as a commit with both parents', async () => {
    const [master, production] = [await app.head('master'), await app.head('production')]
    await create()
    const merged = await rest('POST', '/pullrequests/1/merge', {
      type: 'pullrequest',
      merge_strategy: 'merge_commit',
      message: 'Release 12',
    })
    const head = await app.head('production')
    expect(merged).toMatchObject({ status: 200, body: { state: 'MERGED', merge_commit: { hash: head.slice(0, 12) } } })
    expect(await parentsOf(head)).toEqual([production, master])
    expect((await git(bitbucket.bare, ['log', '-1', '--format=%an|%s', head])).stdout.trim()).toBe('signoff|Release 12')

    expect(await rest('POST', '/pullrequests/1/merge', {})).toMatchObject({ status: 400, body: { type: 'error' } })
    expect(await app.head('production')).toBe(head)
    expect(await kinds()).toEqual(['pull request created', 'pull request merged'])
  })

  it('closes its source branch on request', async () => {
    await rest('POST', '/refs/branches', { name: 'signoff/12-production', target: { hash: await app.head('master') } })
    await create({ source: { branch: { name: 'signoff/12-production' } } })
    await rest('POST', '/pullrequests/1/merge', { close_source_branch: true })
    expect((await rest('GET', '/refs/branches/signoff/12-production')).status).toBe(404)
  })

  it('with conflicts or against a rule is not merged', async () => {
    const ours = await app.commit({ branch: 'production', files: { Procfile: 'web: a\n' }, message: 'One way' })
    await app.commit({ files: { Procfile: 'web: b\n' }, message: 'Another way' })
    await create()
    expect((await rest('GET', '/pullrequests/1/conflicts')).body.values.map((one) => one.path)).toEqual(['Procfile'])
    expect(await rest('POST', '/pullrequests/1/merge', {})).toMatchObject({ status: 400 })
    expect(await app.head('production')).toBe(ours)

    await app.commit({ files: { Procfile: 'web: a\n' }, message: 'The same way' })
    const rule = await bitbucket.forbidMerge({ pattern: 'prod*' })
    expect((await rest('POST', '/pullrequests/1/merge', {})).status).toBe(403)
    expect((await rest('GET', '/branch-restrictions')).body.values[0]).toMatchObject({
      kind: 'restrict_merges',
      pattern: 'prod*',
    })
    await bitbucket.allowMerge(rule)
    await bitbucket.forbidMerge({ kind: 'require_passing_builds_to_merge', pattern: 'production' })
    expect((await rest('POST', '/pullrequests/1/merge', {})).status).toBe(400)
    bitbucket.setStatus(await app.head('master'), { state: 'SUCCESSFUL' })
    expect((await rest('GET', '/pullrequests/1/statuses')).body.values[0]?.state).toBe('SUCCESSFUL')
    expect((await rest('POST', '/pullrequests/1/merge', {})).status).toBe(200)
  })

  it('is merged automatically when someone pushes its commits', async () => {
    await create()
    await app.branch('production', await app.head('master'))
    expect((await rest('GET', '/pullrequests/1')).body).toMatchObject({ state: 'MERGED', merge_commit: null })
  })
})

describe('comments and statuses', () => {
  it('are kept on pull requests and on commits', async () => {
    await create()
    const sha = await app.head('master')
    const raw = 'QA: <Ann>\n\nsignoff:12'
    expect(await rest('POST', '/pullrequests/1/comments', { content: { raw } })).toMatchObject({
      status: 201,
      body: { content: { raw } },
    })
    expect((await rest('POST', `/commit/${sha}/comments`, { content: { raw } })).status).toBe(201)
    expect((await rest('POST', '/pullrequests/1/comments', { content: {} })).status).toBe(400)
    const found = await rest('GET', `/pullrequests/1/comments?q=${encodeURIComponent('content.raw ~ "signoff:12"')}`)
    expect(found.body.values).toHaveLength(1)
    expect([bitbucket.comments(1).length, bitbucket.commitComments(sha).length]).toEqual([1, 1])

    bitbucket.setStatus(sha, { state: 'INPROGRESS' })
    bitbucket.setStatus(sha, { state: 'FAILED' })
    expect((await rest('GET', `/commit/${sha}/statuses`)).body.values.map((one) => one.state)).toEqual(['FAILED'])
    expect((await rest('GET', `/commit/${'0'.repeat(40)}`)).status).toBe(404)
    expect((await rest('GET', `/commit/${sha.slice(0, 12)}`)).body.hash).toBe(sha)
  })
})

describe('faults', () => {
  const merge = (path = '') => rest('POST', `/pullrequests/1/merge${path}`, {})
  beforeEach(() => create())

  it('accept a merge and perform it later', async () => {
    bitbucket.fault({ route: 'merge', kind: 'merge_202', looks: 2 })
    const accepted = await merge()
    expect([accepted.status, accepted.body, accepted.headers.get('content-type')]).toEqual([202, null, null])
    const task = accepted.headers.get('location') ?? ''
    for (const state of ['PENDING', 'PENDING', 'SUCCESS'])
      expect((await rest('GET', task)).body.task_status).toBe(state)
    expect((await rest('GET', task)).body.merge_result.state).toBe('MERGED')
    const basic = `Basic ${btoa(`${bitbucket.email}:${bitbucket.apiToken}`)}`
    expect((await rest('GET', task, undefined, basic)).status).toBe(403)
  })

  it('finish an accepted merge only when the test says so', async () => {
    bitbucket.fault({ route: 'merge', kind: 'merge_202', looks: Number.POSITIVE_INFINITY })
    await merge()
    expect((await rest('GET', '/pullrequests/1')).body.state).toBe('OPEN')
    await bitbucket.finishMerges()
    expect((await rest('GET', '/pullrequests/1')).body.state).toBe('MERGED')
  })

  it.each(['conflict_409', 'too_slow_555', 'http_500_before', 'http_429', 'unauthorized', 'forbidden'] as const)(
    '%s leaves everything as it was',
    async (kind) => {
      const before = await app.head('production')
      bitbucket.fault({ route: 'merge', kind })
      expect((await merge()).status).toBeGreaterThanOrEqual(400)
      expect([await app.head('production'), bitbucket.pullRequests()[0]?.state]).toEqual([before, 'OPEN'])
      expect((await merge()).status).toBe(200)
    },
  )

  it('hide that a merge was performed', async () => {
    bitbucket.fault({ route: 'merge', kind: 'reset_before' })
    bitbucket.fault({ route: 'merge', kind: 'http_500_after' })
    await expect(merge()).rejects.toThrow()
    expect(bitbucket.pullRequests()[0]?.state).toBe('OPEN')
    expect((await merge()).status).toBe(500)
    expect(bitbucket.pullRequests()[0]?.state).toBe('MERGED')
  })

  it('perform a merge after an answer that it was too slow', async () => {
    const gate = Promise.withResolvers<void>()
    bitbucket.fault({ route: 'merge', kind: 'too_slow_555_after', until: gate.promise })
    const answered = await rest('POST', '/pullrequests/1/merge', { message: 'Late' })
    expect(answered.status).toBe(555)
    expect((await rest('GET', '/pullrequests/1')).body.state).toBe('OPEN')
    gate.resolve()
    while (bitbucket.pullRequests()[0]?.state !== 'MERGED') await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await git(bitbucket.bare, ['log', '-1', '--format=%s', 'production'])).stdout.trim()).toBe('Late')
  })

  it('lose the answers to comments and new pull requests', async () => {
    bitbucket.fault({ route: 'comment', kind: 'reset_after', after: 1 })
    bitbucket.fault({ route: 'create', kind: 'reset_after' })
    const comment = () => rest('POST', '/pullrequests/1/comments', { content: { raw: 'x' } })
    expect((await comment()).status).toBe(201)
    await expect(comment()).rejects.toThrow()
    expect(bitbucket.comments(1)).toHaveLength(2)
    await expect(create()).rejects.toThrow()
    expect(bitbucket.pullRequests()).toHaveLength(2)
  })

  it('hold an answer back until the test releases it', async () => {
    const gate = Promise.withResolvers<void>()
    bitbucket.fault({ route: 'merge', kind: 'delay', until: gate.promise })
    const arrived = bitbucket.arrived('merge')
    const merging = merge()
    await arrived
    expect((await rest('GET', '/pullrequests/1')).body.state).toBe('OPEN')
    gate.resolve()
    expect((await merging).status).toBe(200)
  })

  it('never answer', async () => {
    bitbucket.fault({ route: 'pull_request', kind: 'hang' })
    const url = `${bitbucket.apiUrl}/repositories/${REPOSITORY}/pullrequests/1`
    const asked = fetch(url, { headers: { Authorization: bearer() }, signal: AbortSignal.timeout(100) })
    await expect(asked).rejects.toThrow()
  })

  it('take the whole service down', async () => {
    await bitbucket.down()
    await expect(merge()).rejects.toThrow()
    await bitbucket.up()
    expect((await merge()).status).toBe(200)
  })
})

describe('pushes', () => {
  const push = async (sha: string, branch: string) => {
    const url = bitbucket.gitUrl.replace('://', `://x-token-auth:${bitbucket.token}@`)
    return git(bitbucket.bare, ['push', '--porcelain', url, `${sha}:refs/heads/${branch}`], { accept: [0, 1, 128] })
  }

  it('are logged, can lose their answer, and are refused by branch restrictions', async () => {
    const [sha, base] = [await app.head('master'), await app.head('production')]
    expect((await push(sha, 'signoff/1-production')).code).toBe(0)
    expect(await bitbucket.log()).toMatchObject([
      { kind: 'ref pushed', ref: 'refs/heads/signoff/1-production', to: sha },
    ])

    bitbucket.cutNextPush('before')
    expect((await push(base, 'topic')).code).not.toBe(0)
    expect((await rest('GET', '/refs/branches/topic')).status).toBe(404)
    bitbucket.cutNextPush('after')
    expect((await push(base, 'topic')).code).not.toBe(0)
    expect((await rest('GET', '/refs/branches/topic')).body.target.hash).toBe(base)

    await bitbucket.forbidMerge({ kind: 'push', pattern: 'prod*' })
    const forward = await app.commit({ branch: 'topic', files: { fix: '1' }, message: 'Fix' })
    const refused = await push(forward, 'production')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('branch permissions')])
    expect(await app.head('production')).toBe(base)
  })

  it('and pull requests are kept across restarts', async () => {
    await create()
    await bitbucket.close()
    bitbucket = await startBitbucket({ repository: REPOSITORY, directory: join(directory, 'bitbucket') })
    expect((await rest('GET', '/pullrequests/1')).body.state).toBe('OPEN')
    expect((await create()).body.id).toBe(2)
  })
})
