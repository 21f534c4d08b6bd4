/**
 * Asks a server for branches in this process, as git does it (gitprotocol-http(5), gitprotocol-v2(5)): a look costs two
 * requests and no program. It is as strict as git, because whatever is not the plain case is left to git.
 */
import { type Agent, request as askHttp, Agent as HttpAgent } from 'node:http'
import { request as askHttps, Agent as HttpsAgent } from 'node:https'
import { getCACertificates } from 'node:tls'
import type { Credentials } from './environment.ts'
import type { GitEnded } from './process.ts'
import type { GitAddress } from './values.ts'

export interface BranchQuestion {
  readonly address: GitAddress
  readonly credentials: Credentials | undefined
  /** Beginnings of full names, such as `refs/heads/master`. */
  readonly prefixes: readonly string[]
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * `listed`: names with their commits, and perhaps others. `failed`: what git would have ended with. `ask git`: a redirect, a
 * certificate that Node does not accept, or an answer that is not understood.
 */
export type BranchAnswer =
  | { readonly is: 'listed'; readonly commits: ReadonlyMap<string, string> }
  | { readonly is: 'failed'; readonly ended: GitEnded }
  | { readonly is: 'ask git' }

const ASK_GIT = { is: 'ask git' } as const
const LARGEST_ANSWER = 64 * 1024 * 1024
const UNREACHABLE = /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** Asks once. Follows no redirect, and sends the credentials to no address but this one. Does not throw. */
export async function askForBranches(question: BranchQuestion): Promise<BranchAnswer> {
  const { address, signal, timeoutMs } = question
  const agent = agentFor(address)
  if (agent === undefined) return ASK_GIT
  const late = AbortSignal.timeout(timeoutMs)
  try {
    return await ask(question, agent, AbortSignal.any([signal, late]))
  } catch (error) {
    if (signal.aborted) return failed({ stopped: 'aborted' })
    if (late.aborted) return failed({ stopped: 'timed out' })
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!UNREACHABLE.test(code)) return ASK_GIT
    return failed({ stderr: [`fatal: unable to access '${address.address}/': Failed to connect: ${code}`] })
  } finally {
    agent.destroy()
  }
}

async function ask(question: BranchQuestion, agent: Agent, signal: AbortSignal): Promise<BranchAnswer> {
  const { address, prefixes } = question
  const base = address.address.replace(/\/$/, '')
  const send = (path: string, body?: string) => exchange(question, { url: `${base}${path}`, body, agent, signal })
  const first = await send('/info/refs?service=git-upload-pack')
  const refused = refusalOf(first, question)
  if (refused !== undefined) return refused
  if (first.type !== 'application/x-git-upload-pack-advertisement') return ASK_GIT
  const said = linesOf(first.body)
  if (said === undefined) return ASK_GIT
  const opening = said[0]?.startsWith('# service=')
    ? said.slice(1).filter((line, at) => at > 0 || line !== FLUSH)
    : said
  if (opening[0] !== 'version 2') return opening[0]?.startsWith('version ') ? ASK_GIT : listedInFull(opening)
  if (!opening.some((line) => /^ls-refs(=|$)/.test(line))) return ASK_GIT
  const format = opening.find((line) => line.startsWith('object-format='))
  const asked = [
    packet('command=ls-refs'),
    ...(format === undefined ? [] : [packet(format)]),
    DELIMITER,
    ...prefixes.map((prefix) => packet(`ref-prefix ${prefix}`)),
    '0000',
  ].join('')
  const second = await send('/git-upload-pack', asked)
  const denied = refusalOf(second, question)
  if (denied !== undefined) return denied
  if (second.type !== 'application/x-git-upload-pack-result') return ASK_GIT
  const listed = linesOf(second.body)
  return listed === undefined ? ASK_GIT : commitsOf(listed)
}

/** The first version of the protocol lists all references at once, the abilities of the server behind the first of them. */
function listedInFull(lines: readonly string[]): BranchAnswer {
  const [first = '', ...more] = lines
  const [reference = ''] = first.split('\0')
  if (!first.includes('\0')) return ASK_GIT
  const isEmpty = /^0{40} capabilities\^\{\}$/.test(reference)
  return commitsOf([...(isEmpty ? [] : [reference]), ...more])
}

/** The answer ends with a flush: one that was cut off must not be taken for a list without some branch. */
function commitsOf(lines: readonly string[]): BranchAnswer {
  if (lines.at(-1) !== FLUSH) return ASK_GIT
  const commits = new Map<string, string>()
  for (const line of lines.slice(0, -1)) {
    const [, commit, name] = /^([0-9a-f]{40}) ([^\s\0]+)$/.exec(line) ?? []
    if (commit === undefined || name === undefined) return ASK_GIT
    commits.set(name, commit)
  }
  return { is: 'listed', commits }
}

interface Exchanged {
  readonly status: number
  readonly type: string | undefined
  readonly body: Buffer
}

function exchange(
  { address, credentials }: BranchQuestion,
  call: {
    readonly url: string
    readonly body: string | undefined
    readonly agent: Agent
    readonly signal: AbortSignal
  },
): Promise<Exchanged> {
  const { url, body, agent, signal } = call
  const basic = credentials && Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  const headers = {
    // Hosts serve git by this name alone.
    'User-Agent': 'git/2.39.0',
    Accept: body === undefined ? '*/*' : 'application/x-git-upload-pack-result',
    'Accept-Encoding': 'identity',
    Pragma: 'no-cache',
    'Git-Protocol': 'version=2',
    ...(basic !== undefined && { Authorization: `Basic ${basic}` }),
    ...(body !== undefined && {
      'Content-Type': 'application/x-git-upload-pack-request',
      'Content-Length': Buffer.byteLength(body),
    }),
  }
  const send = address.protocol === 'https' ? askHttps : askHttp
  return new Promise((resolve, reject) => {
    const asking = send(url, { method: body === undefined ? 'GET' : 'POST', headers, agent, signal }, (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size > LARGEST_ANSWER) asking.destroy(new Error('the list of branches is too large'))
        parts.push(part)
      })
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-encoding'] === undefined ? response.headers['content-type'] : undefined,
          body: Buffer.concat(parts),
        }),
      )
    })
    asking.once('error', reject)
    asking.end(body)
  })
}

/** In git's own words (remote-curl.c, discover_refs). Undefined: it was answered. */
function refusalOf({ status }: Exchanged, { address, credentials }: BranchQuestion): BranchAnswer | undefined {
  const at = `'${address.address.replace(/\/?$/, '/')}'`
  if (status === 200) return undefined
  // git has its own rules for redirects.
  if (status < 400) return ASK_GIT
  if (status === 404) return failed({ stderr: [`fatal: repository ${at} not found`] })
  if (status !== 401)
    return failed({ stderr: [`fatal: unable to access ${at}: The requested URL returned error: ${status}`] })
  const refused = credentials === undefined ? 'could not read Username' : 'Authentication failed'
  return failed({ stderr: [`fatal: ${refused} for ${at}`] })
}

function failed(how: {
  readonly stderr?: readonly string[]
  readonly stopped?: 'aborted' | 'timed out'
}): BranchAnswer {
  const { stopped, stderr = [] } = how
  return {
    is: 'failed',
    ended: { exitCode: stopped === undefined ? 128 : undefined, stdout: '', stderr, ...(stopped && { stopped }) },
  }
}

const FLUSH = '\0flush'
const DELIMITER = '0001'

function packet(text: string): string {
  return `${(Buffer.byteLength(text) + 5).toString(16).padStart(4, '0')}${text}\n`
}

/** The packets of an answer without their line ends (gitprotocol-common(5)). Undefined: it is cut off, or none. */
function linesOf(bytes: Buffer): readonly string[] | undefined {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const head = bytes.toString('latin1', at, at + 4)
    if (!/^[0-9a-f]{4}$/.test(head)) return undefined
    const length = Number.parseInt(head, 16)
    if (length === 0) lines.push(FLUSH)
    if (length > 0 && (length < 4 || at + length > bytes.length)) return undefined
    if (length >= 4) lines.push(bytes.toString('utf8', at + 4, at + length).replace(/\n$/, ''))
    at += Math.max(length, 4)
  }
  return lines
}

/** One for each look: the two requests share a connection, and none is left that the server may have closed since. */
function agentFor({ protocol }: GitAddress): Agent | undefined {
  if (protocol === 'http') return new HttpAgent({ keepAlive: true })
  const ca = systemCertificates()
  return ca.length === 0 ? undefined : new HttpsAgent({ keepAlive: true, ca: [...ca], rejectUnauthorized: true })
}

let certificates: readonly string[] | undefined

/** What git trusts: the system's, and not those that come with Node. */
function systemCertificates(): readonly string[] {
  certificates ??= [...new Set(getCACertificates('system'))]
  return certificates
}
