import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { git, gitEnvironment } from './bare-git.ts'
import type { GitLfs } from './git-lfs.ts'
import { credentialsOf } from './rest-faults.ts'

type Verdict = 'allowed' | 'unknown' | 'forbidden'

type PushFault = { kind: 'cut' | 'hang'; when: 'before' | 'after' } | { kind: 'status'; when: 'after'; status: number }

/** An error of the server, as text/plain: git shows such a text to the person who pushes. */
type ServerError = { readonly status: number; readonly text?: string }

/** A push before it reaches git: the environment for its hooks, and what to do after git has ended. */
export type PushHandling = { environment?: Record<string, string>; ended?: () => Promise<void> }

export type GitHttp = {
  /** Answers a git request. Returns false and doesn't touch the request if it is not one. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  /** Breaks the connection of the next push: before git receives it, or after git has finished and before the answer. */
  cutNextPush(when: 'before' | 'after'): void
  /** Never answers the next push; with `after`, the push still takes effect. */
  hangNextPush(when?: 'before' | 'after'): void
  /** Answers the next `times` pushes with an error when they ask for the branches, before anything is sent. */
  refuseNextPushes(error: ServerError, times: number): void
  /** Answers the next push with an error after it has taken effect. */
  failNextPush(status: number): void
  /** Answers the next requests for a repository's references with this status, before anything is exchanged. */
  refuseReferences(status: number, text: string, times?: number): void
  /** Resolves when the next push arrives, before git receives it. */
  pushArrived(): Promise<void>
  /** Kills all running git processes with their children. */
  close(): Promise<void>
}

// The packet that asks for the branches, and the maximum length of a request that is checked for it.
const LS_REFS = '0014command=ls-refs'
const LONGEST_LS_REFS = 4_096

// A push larger than http.postBuffer first sends only this flush packet, to check its permission.
const PROBE_LENGTH = 4

const LFS_BATCH = '/info/lfs/objects/batch'

/**
 * Serves bare repositories over smart HTTP by git's own http-backend (git-http-backend(1), called by the rules of CGI,
 * RFC 3875): git handles every protocol version, gzip bodies and streaming.
 *
 * `repositoryAt` maps a path such as `/app.git` to a bare repository; `authorize` checks Basic credentials.
 */
export function createGitHttp(options: {
  repositoryAt: (path: string) => string | undefined
  authorize: (repository: string, user: string, password: string, access: 'read' | 'write') => Verdict
  realm: string
  onPush?: (repository: string) => Promise<PushHandling>
  lfs?: GitLfs
}): GitHttp {
  const running = new Set<ChildProcess>()
  let pushFaults: PushFault[] = []
  let refusals: ServerError[] = []
  let awaitingPush: (() => void)[] = []
  let refusedReferences: { status: number; text: string }[] = []
  let capabilities: string | undefined
  /** Git's answers by repository and question, valid while the references are unchanged. */
  const listed = new Map<string, { readonly references: string; readonly answer: string }>()

  const refuse = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'Content-Type': 'text/plain', ...headers }).end(`${text}\n`)
  }

  async function serve(request: IncomingMessage, response: ServerResponse, url: URL, repository: string, rest: string) {
    const write = rest === '/git-receive-pack' || url.searchParams.get('service') === 'git-receive-pack'
    const credentials = credentialsOf(request)
    const demand = { 'WWW-Authenticate': `Basic realm="${options.realm}"` }
    if (credentials?.kind !== 'basic') return refuse(response, 401, 'Authentication required', demand)
    const verdict = options.authorize(repository, credentials.user, credentials.password, write ? 'write' : 'read')
    if (verdict === 'unknown') return refuse(response, 401, 'Invalid credentials', demand)
    if (verdict === 'forbidden') return refuse(response, 403, 'Access denied')

    if (rest === '/info/refs' && write) {
      const error = refusals.shift()
      if (error !== undefined) return refuse(response, error.status, error.text ?? 'No')
    }
    if (rest === LFS_BATCH) return options.lfs?.batch(request, response) ?? refuse(response, 404, 'No Git LFS')
    const refusal = rest === '/info/refs' ? refusedReferences.shift() : undefined
    if (refusal !== undefined) return refuse(response, refusal.status, refusal.text)

    const isFirst = rest === '/info/refs' && url.search === '?service=git-upload-pack'
    if (isFirst && request.headers['git-protocol'] === 'version=2') {
      capabilities ??= await capabilitiesOf(repository)
      const type = 'application/x-git-upload-pack-advertisement'
      response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' }).end(capabilities)
      return
    }

    const isPush = rest === '/git-receive-pack' && Number(request.headers['content-length'] ?? -1) !== PROBE_LENGTH
    let fault: PushFault | undefined
    if (isPush) {
      for (const resolve of awaitingPush) resolve()
      awaitingPush = []
      fault = pushFaults.shift()
    }
    if (fault?.when === 'before') {
      request.resume()
      if (fault.kind === 'cut') cut(response)
      return
    }
    const handling = isPush ? await options.onPush?.(repository) : undefined
    const call = { repository, rest, user: credentials.user, fault, handling }
    if (rest !== '/git-upload-pack' || Number(request.headers['content-length'] ?? Infinity) > LONGEST_LS_REFS) {
      return runBackend(request, response, url, call)
    }
    const body = await buffer(request)
    const question = body.toString()
    if (!question.startsWith(LS_REFS)) return runBackend(request, response, url, { ...call, body })
    const answer = await listBranches(repository, question)
    const type = 'application/x-git-upload-pack-result'
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' }).end(answer)
  }

  /** Git's answer, cached until a reference moves: more than half of all git processes would answer this. */
  async function listBranches(repository: string, question: string): Promise<string> {
    const key = `${repository} ${question}`
    const references = await referencesOf(repository)
    const known = listed.get(key)
    if (known?.references === references) return known.answer
    const asked = { input: question, environment: { GIT_PROTOCOL: 'version=2' } }
    const { stdout: answer } = await git(repository, ['upload-pack', '--stateless-rpc', '.'], asked)
    if (references === (await referencesOf(repository))) listed.set(key, { references, answer })
    return answer
  }

  function runBackend(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    call: {
      repository: string
      rest: string
      user: string
      fault: PushFault | undefined
      handling: PushHandling | undefined
      /** The body, if it has been read already. */
      body?: Buffer
    },
  ): void {
    const child = spawn('git', ['http-backend'], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: gitEnvironment({
        GIT_PROJECT_ROOT: call.repository,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        PATH_INFO: call.rest,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        REMOTE_USER: call.user,
        REMOTE_ADDR: '127.0.0.1',
        ...(request.headers['content-length'] === undefined
          ? {}
          : { CONTENT_LENGTH: request.headers['content-length'] }),
        ...call.handling?.environment,
      }),
    })
    running.add(child)
    child.stdin.on('error', () => {})
    child.once('error', () => response.destroy())
    if (call.body === undefined) request.pipe(child.stdin)
    else child.stdin.end(call.body)
    // If the caller dies while it sends, the push ends: http-backend would wait for the rest of the body forever, at full
    // load. If it dies later, the push continues, as on a real server.
    request.once('close', () => {
      if (!request.complete) endGroup(child, 'SIGTERM')
    })

    const silent = call.fault !== undefined
    let head: Buffer | undefined = Buffer.alloc(0)
    child.stdout.on('data', (chunk: Buffer) => {
      if (silent || response.destroyed) return
      if (head !== undefined) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        writeCgiHead(response, head.subarray(0, end).toString())
        chunk = head.subarray(end + 4)
        head = undefined
      }
      if (chunk.length > 0 && !response.write(chunk)) {
        child.stdout.pause()
      }
    })
    // One listener for a whole answer, however often a large one has to wait.
    for (const event of ['drain', 'close']) response.on(event, () => child.stdout.resume())
    child.once('close', async () => {
      running.delete(child)
      await call.handling?.ended?.()
      if (call.fault?.kind === 'hang') return
      if (call.fault?.kind === 'cut') {
        cut(response)
        return
      }
      if (call.fault?.kind === 'status') return refuse(response, call.fault.status, 'Something went wrong')
      if (head !== undefined && !response.headersSent) response.writeHead(500)
      response.end()
    })
  }

  return {
    handle(request, response) {
      if (options.lfs?.download(request, response)) return true
      const url = new URL(request.url ?? '/', 'http://127.0.0.1')
      const match =
        /^(\/.+?\.git)(\/(?:info\/refs|git-upload-pack|git-receive-pack|HEAD|objects\/.*|info\/lfs\/objects\/batch))$/.exec(
          url.pathname,
        )
      if (match === null) return false
      const repository = options.repositoryAt(match[1] ?? '')
      if (repository === undefined) refuse(response, 404, 'Repository not found')
      else void serve(request, response, url, repository, match[2] ?? '').catch(() => response.destroy())
      return true
    },
    cutNextPush(when) {
      pushFaults.push({ kind: 'cut', when })
    },
    hangNextPush(when = 'before') {
      pushFaults.push({ kind: 'hang', when })
    },
    refuseNextPushes(error, times) {
      refusals.push(...Array.from({ length: times }, () => error))
    },
    failNextPush(status) {
      pushFaults.push({ kind: 'status', when: 'after', status })
    },
    refuseReferences(status, text, times = 1) {
      refusedReferences = [...refusedReferences, ...Array.from({ length: times }, () => ({ status, text }))]
    },
    pushArrived: () => new Promise((resolve) => awaitingPush.push(resolve)),
    async close() {
      pushFaults = []
      refusals = []
      const ended = [...running].map((child) => new Promise<void>((resolve) => child.once('close', () => resolve())))
      for (const child of running) endGroup(child, 'SIGKILL')
      await Promise.all(ended)
    },
  }
}

/**
 * Git's capability advertisement. In protocol version 2 it contains no ref (gitprotocol-v2(5)), so it is the same for every
 * repository and is read from git once. Half of the requests of a release ask for it.
 */
async function capabilitiesOf(repository: string): Promise<string> {
  const asked = ['upload-pack', '--http-backend-info-refs', '.']
  return (await git(repository, asked, { environment: { GIT_PROTOCOL: 'version=2' } })).stdout
}

/** All references of a repository, read without git. */
async function referencesOf(repository: string): Promise<string> {
  const loose = (await readdir(join(repository, 'refs'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  const paths = [join(repository, 'HEAD'), join(repository, 'packed-refs'), ...loose.sort()]
  const contents = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => 'not there')))
  return paths.map((path, index) => `${path} ${contents[index]}`).join('\n')
}

// Cuts in the middle of an answer: if the connection ends before the answer starts, curl repeats the request.
function cut(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/x-git-receive-pack-result' })
  response.write('00', () => response.destroy())
}

function endGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group has already ended.
  }
}

function writeCgiHead(response: ServerResponse, head: string): void {
  let status = 200
  for (const line of head.split('\r\n')) {
    const [name = '', ...rest] = line.split(':')
    const value = rest.join(':').trim()
    if (name.toLowerCase() === 'status') status = Number(value.split(' ')[0])
    else if (name !== '') response.setHeader(name, value)
  }
  response.writeHead(status)
}
