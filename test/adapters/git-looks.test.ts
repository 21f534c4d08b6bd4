/** Looks at the branches of a remote over HTTP: asked in this process, and as strictly as git asks. */
import { request as askHttp, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import { createMirrors } from '../../src/adapters/git/mirror.ts'
import { createGitProcesses, type GitCall } from '../../src/adapters/git/process.ts'
import { createRemotes } from '../../src/adapters/git/remote.ts'
import { createGitRepositories, type GitRepository, serveGit } from '../support/git-repository.ts'

const CREDENTIALS = { username: 'releaser', password: 's3cr3t/p@ss word' }
const COMMIT = 'c'.repeat(40)
const ADVERTISEMENT = 'application/x-git-upload-pack-advertisement'
const RESULT = 'application/x-git-upload-pack-result'
const V2 = `${packet('version 2')}${packet('ls-refs=unborn')}${packet('object-format=sha1')}0000`

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let served: Awaited<ReturnType<typeof serveGit>>
let remote: GitRepository
let head: string

beforeAll(async () => {
  repositories = await createGitRepositories()
  remote = await repositories.repository('remote')
  head = await remote.commit('first')
  await remote.branch('release/1.0', head)
  const { username: user, password } = CREDENTIALS
  served = await serveGit({ directory: repositories.directory, user, password })
})
afterAll(async () => {
  await served.close()
  await repositories.close()
})

const git = () =>
  createGit({
    mirrors: join(repositories.directory, 'mirrors'),
    credentials: () => CREDENTIALS,
    timeouts: { otherMs: 1500, graceMs: 100 },
  })

function packet(text: string): string {
  return `${(Buffer.byteLength(text) + 5).toString(16).padStart(4, '0')}${text}\n`
}

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server that answers as the test says, and counts the requests. */
async function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; requests: { path: string; authorization: string | undefined }[] }> {
  const requests: { path: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization })
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/remote.git`, requests }
}

/** With nowhere to find git, a look that needs it fails. */
async function withoutGit<T>(work: () => Promise<T>): Promise<T> {
  const path = process.env.PATH
  process.env.PATH = '/nonexistent'
  try {
    return await work()
  } finally {
    process.env.PATH = path
  }
}

describe('a look over HTTP', () => {
  it('T14: starts no program, and sends the credentials with its first request', async () => {
    const { url, requests } = await answering((request, response) => {
      const isFirst = request.method === 'GET'
      const body = isFirst
        ? V2
        : `${packet(`${COMMIT} refs/heads/master`)}${packet(`${COMMIT} refs/heads/masters`)}0000`
      response.writeHead(200, { 'Content-Type': isFirst ? ADVERTISEMENT : RESULT }).end(body)
    })
    const seen = await withoutGit(() => git().heads(url, ['master', 'aster']))
    expect(seen).toEqual({ ok: true, value: { master: COMMIT, aster: null } })
    const basic = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString('base64')
    expect(requests).toEqual([
      { path: '/remote.git/info/refs?service=git-upload-pack', authorization: `Basic ${basic}` },
      { path: '/remote.git/git-upload-pack', authorization: `Basic ${basic}` },
    ])
  })

  it('T14: reads what git serves', async () => {
    const seen = await git().heads(`${served.origin}/remote.git`, ['master', 'release/1.0', 'aster', 'release'])
    expect(seen).toEqual({ ok: true, value: { master: head, 'release/1.0': head, aster: null, release: null } })
  })

  it('T14: reads the answer of a server that knows only the first version of the protocol', async () => {
    const first = `${COMMIT} HEAD\0multi_ack agent=git/1`
    const { url, requests } = await answering((_, response) => {
      const lines = [packet('# service=git-upload-pack'), '0000', packet(first), packet(`${COMMIT} refs/heads/master`)]
      response.writeHead(200, { 'Content-Type': ADVERTISEMENT }).end(`${lines.join('')}0000`)
    })
    const seen = await withoutGit(() => git().heads(url, ['master', 'gone']))
    expect(seen).toEqual({ ok: true, value: { master: COMMIT, gone: null } })
    expect(requests).toHaveLength(1)
  })

  it.each([
    ['no end', packet(`${COMMIT} refs/heads/other`)],
    ['half a line', packet(`${COMMIT} refs/heads/master`).slice(0, 30)],
    ['a line that is no reference', `${packet('ERR busy')}0000`],
    ['nothing', ''],
    ['a short id', `${packet(`${COMMIT.slice(1)} refs/heads/master`)}0000`],
  ])('T14: does not take %s for a list without the branch', async (_which, body) => {
    const { url } = await answering((request, response) => {
      const isFirst = request.method === 'GET'
      response.writeHead(200, { 'Content-Type': isFirst ? ADVERTISEMENT : RESULT }).end(isFirst ? V2 : body)
    })
    expect(await git().heads(url, ['master'])).toMatchObject({ ok: false })
  })

  it.each([
    ['a page', 'text/html', '<html>We are sorry</html>'],
    ['a page that says it is git', ADVERTISEMENT, '<html>We are sorry</html>'],
    ['the dumb protocol', 'text/plain', `${COMMIT}\trefs/heads/other\n`],
  ])('T14: takes %s for no answer', async (_which, type, body) => {
    const { url } = await answering((_, response) => {
      response.writeHead(200, { 'Content-Type': type }).end(body)
    })
    expect(await git().heads(url, ['master'])).toMatchObject({ ok: false, failure: 'wrong' })
  })

  it('T14: follows no redirect with its credentials', async () => {
    const elsewhere = await answering((_, response) => {
      response.writeHead(200, { 'Content-Type': ADVERTISEMENT }).end(V2)
    })
    const first = await answering((request, response) => {
      response.writeHead(302, { Location: elsewhere.url.replace('/remote.git', request.url ?? '') }).end()
    })
    expect(await git().heads(first.url, ['master'])).toMatchObject({ ok: false })
    expect(elsewhere.requests).toEqual([])
  })

  it.each([
    [401, { failure: 'refused' }],
    [403, { failure: 'refused', denied: 'no access' }],
    [404, { failure: 'wrong', denied: 'not found' }],
    [429, { failure: 'unreachable' }],
    [503, { failure: 'unreachable' }],
  ])('T14: is told of %i as by git, after one request', async (status, what) => {
    const { url, requests } = await answering((_, response) => void response.writeHead(status).end('No'))
    const seen = await withoutGit(() => git().heads(url, ['master']))
    expect(seen).toMatchObject({ ok: false, ...what })
    expect(JSON.stringify(seen)).not.toContain(CREDENTIALS.password)
    expect(requests).toHaveLength(1)
  })

  it('T14: ends in time when the server is silent, when its caller stops, and when git is closed', async () => {
    const { url, requests } = await answering(() => undefined)
    expect(await withoutGit(() => git().heads(url, ['master']))).toMatchObject({
      failure: 'unreachable',
      detail: 'git got no answer in time',
    })
    const stop = new AbortController()
    const stopped = git().heads(url, ['master'], stop.signal)
    await expect.poll(() => requests.length).toBe(2)
    stop.abort()
    expect(await stopped).toMatchObject({ failure: 'unreachable', detail: 'git was stopped before an answer came' })
    const closed = git()
    const ending = closed.heads(url, ['master'])
    await expect.poll(() => requests.length).toBe(3)
    await closed.close()
    expect(await ending).toMatchObject({ failure: 'unreachable', detail: 'git was stopped before an answer came' })
  })

  it('T14: is told of a server that closes the connection in its answer', async () => {
    const { url } = await answering((_, response) => {
      response.writeHead(200, { 'Content-Type': ADVERTISEMENT, 'Content-Length': 1000 }).write(V2)
      setImmediate(() => response.destroy())
    })
    expect(await withoutGit(() => git().heads(url, ['master']))).toMatchObject({ ok: false, failure: 'unreachable' })
  })
})

describe('what git does over HTTP', () => {
  const app = () => ({
    name: 'api',
    repository: 'team/api',
    gitUrl: `${served.origin}/remote.git`,
    environments: [],
  })

  it('T14: sends the credentials with the first request of a fetch and a push, and is refused none', async () => {
    const refused: string[] = []
    const upstream = new URL(served.origin)
    const through = await answering((request, response) => {
      const { method = 'GET', url: path = '', headers } = request
      const asking = askHttp({ host: upstream.hostname, port: upstream.port, method, path, headers }, (answer) => {
        if (answer.statusCode === 401) refused.push(path)
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      })
      request.pipe(asking)
    })
    const ours = git()
    const more = await remote.commit('more')
    expect(await ours.fetch(app(), through.url, ['master'])).toEqual({ ok: true, value: { master: more } })
    const pushed = await ours.push(app(), through.url, { commit: more, branch: 'new', expected: null })
    expect(pushed.push).toBe('moved')
    expect(through.requests.length).toBeGreaterThan(5)
    expect(refused).toEqual([])
    expect(through.requests.every(({ authorization }) => authorization?.startsWith('Basic '))).toBe(true)
  })

  it.each(['fetch', 'push'] as const)('T14: a %s takes its credentials to no other server', async (what) => {
    const elsewhere = await answering((_, response) => void response.writeHead(404).end())
    const first = await answering((request, response) => {
      // Looks are answered, so that git itself is what is sent away.
      const isLook = request.headers['user-agent'] === 'git/2.39.0'
      if (!isLook)
        return void response.writeHead(302, { Location: elsewhere.url.replace('/remote.git', request.url ?? '') }).end()
      const isFirst = request.method === 'GET'
      const body = isFirst ? V2 : `${packet(`${COMMIT} refs/heads/master`)}0000`
      response.writeHead(200, { 'Content-Type': isFirst ? ADVERTISEMENT : RESULT }).end(body)
    })
    const ours = git()
    await ours.fetch(app(), `${served.origin}/remote.git`, ['master'])
    const facts = { commit: head, branch: 'new', expected: null }
    const ended = await (what === 'fetch'
      ? ours.fetch(app(), first.url, ['master'])
      : ours.push(app(), first.url, facts))
    expect(JSON.stringify(ended)).toContain('error: 302')
    expect(elsewhere.requests).toEqual([])
  })

  it('T14: a hosted service that redirects is asked again, without the header, and only if nothing was sent', async () => {
    const calls: GitCall[] = []
    let said = "fatal: unable to access 'https://git.example.test/a.git/': The requested URL returned error: 301"
    const remotes = createRemotes({
      processes: {
        async run(call) {
          calls.push(call)
          return { exitCode: 128, stdout: '', stderr: [said] }
        },
        close: async () => undefined,
      },
      mirrors: createMirrors({
        directory: repositories.directory,
        processes: createGitProcesses({ graceMs: 1 }),
        timeoutMs: 1,
      }),
      credentials: () => CREDENTIALS,
      timeoutMs: 1000,
      fetchMs: 1000,
      closing: new AbortController().signal,
      log: () => undefined,
    })
    const at = remotes.at('https://git.example.test/a.git')
    await at.git(['push'], { directory: '/', timeoutMs: 1000 })
    const [first, again] = calls.map(({ environment }) => environment)
    const basic = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString('base64')
    expect(settingsOf(first)).toMatchObject({
      'http.https://git.example.test/a.git.extraHeader': `Authorization: Basic ${basic}`,
      'http.followRedirects': 'false',
    })
    expect(settingsOf(again)).toMatchObject({ 'http.followRedirects': 'initial' })
    expect(JSON.stringify(settingsOf(again))).not.toContain(basic)
    expect(again).toMatchObject({ SIGNOFF_GIT_HOST: 'git.example.test', GIT_ASKPASS: expect.any(String) })

    said = 'error: RPC failed; HTTP 301 curl 22 The requested URL returned error: 301'
    calls.length = 0
    await at.git(['push'], { directory: '/', timeoutMs: 1000 })
    expect(calls).toHaveLength(1)
  })
})

function settingsOf(environment: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const keys = Object.keys(environment).filter((name) => name.startsWith('GIT_CONFIG_KEY_'))
  return Object.fromEntries(keys.map((key) => [environment[key], environment[key.replace('KEY', 'VALUE')]]))
}
