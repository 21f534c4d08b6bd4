import { setTimeout as wait } from 'node:timers/promises'
import { defined } from '../../lib/defined.ts'

/** The start of the error's message for a request that was not sent, or an answer that was not followed. */
export const NOT_FOLLOWED = 'not followed: '

/** The start of the error's message for an answer with an unreadable body. */
export const NOT_READ = "Bitbucket's answer can't be read: "

/** In the error's message for a repository or workspace that has another name now. */
export const RENAMED = ' is now called '
export const RENAMED_SOMEHOW = ' has another name now'

class Unreadable extends Error {}

export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>

export const pauseFor: Pause = async (ms, signal) => {
  await wait(ms, undefined, signal === undefined ? {} : { signal })
}

/** How often a rate-limited request (429) is sent again; it had no effect. */
const TRIES_WHEN_LIMITED = 3
const LONGEST_WAIT_WHEN_LIMITED_MS = 30_000

/** The part of a request that the `bitbucket` package passes to `fetch` beside its own options. */
interface PackageRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly signal?: AbortSignal
}

/**
 * A `fetch` for the `bitbucket` package. The package would follow a `next` address to any host with our credential, so
 * this refuses redirects and all origins but `apiUrl`'s. The package fails on answers without a content type (202 to a
 * merge, 204), so this adds one. Each request, including its body, has `timeoutMs`. Errors say in one sentence, without a
 * credential, why there is no answer: the package passes on only that sentence.
 */
export function createRestrictedFetch(options: { apiUrl: string; timeoutMs: number; pause: Pause }) {
  const origin = new URL(options.apiUrl).origin

  async function once(url: string, request: PackageRequest): Promise<Response> {
    const limit = AbortSignal.timeout(options.timeoutMs)
    try {
      const answer = await fetch(url, {
        method: request.method ?? 'GET',
        redirect: 'manual',
        signal: request.signal === undefined ? limit : AbortSignal.any([request.signal, limit]),
        ...defined({ headers: request.headers, body: request.body }),
      })
      // Read here, so that a truncated answer counts as none.
      const body = await answer.arrayBuffer()
      const headers = new Headers(answer.headers)
      if (!headers.has('content-type')) headers.set('content-type', 'text/plain')
      if (headers.get('content-type')?.includes('json') && !isJson(body)) {
        if (answer.ok) throw new Unreadable(`${NOT_READ}${answer.status} with truncated or invalid JSON`)
        headers.set('content-type', 'text/plain')
      }
      const empty = [204, 205, 304].includes(answer.status)
      return new Response(empty ? null : body, { status: answer.status, statusText: answer.statusText, headers })
    } catch (error) {
      if (error instanceof Unreadable) throw error
      if (limit.aborted) throw new Error(`no answer within ${options.timeoutMs / 1000} s`)
      if (request.signal?.aborted === true) throw new Error('the request was cancelled')
      throw new Error(`the connection failed (${connectionCode(error)})`)
    }
  }

  return async (url: string, request: PackageRequest): Promise<Response> => {
    const to = new URL(url).origin
    if (to !== origin) throw new Error(`${NOT_FOLLOWED}an address at ${to}`)
    for (let tries = 1; ; tries += 1) {
      const answer = await once(url, request)
      if (answer.status >= 300 && answer.status < 400) {
        throw new Error(redirected(url, answer))
      }
      if (answer.status !== 429 || tries === TRIES_WHEN_LIMITED) return answer
      const seconds = Number(answer.headers.get('retry-after') ?? '1')
      const ms = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : 1000
      if (ms > LONGEST_WAIT_WHEN_LIMITED_MS) return answer
      await options.pause(ms, request.signal)
    }
  }
}

/** What a redirect says. A renamed workspace or repository answers 301 with its new address. */
function redirected(url: string, answer: Response): string {
  const to = repositoryIn(answer.headers.get('location') ?? '', url)
  const from = repositoryIn(url, url)
  if (from === undefined || to === undefined || to === from) return `${NOT_FOLLOWED}a redirect (${answer.status})`
  const advice = `(${answer.status}). Change repository and git_url in releases.yml`
  // Bitbucket may give ids in braces instead of names.
  return to.includes('{') ? `${from}${RENAMED_SOMEHOW} ${advice}` : `${from}${RENAMED}${to} ${advice}`
}

/** The repository that an address of the API is about, as `workspace/slug`. */
function repositoryIn(address: string, base: string): string | undefined {
  if (!URL.canParse(address, base)) return undefined
  const [, workspace, slug] = /\/repositories\/([\w.%{}-]+)\/([\w.%{}-]+)/.exec(new URL(address, base).pathname) ?? []
  if (workspace === undefined || slug === undefined) return undefined
  return `${workspace}/${slug}`.replaceAll('%7B', '{').replaceAll('%7D', '}')
}

function isJson(body: ArrayBuffer): boolean {
  if (body.byteLength === 0) return true
  try {
    JSON.parse(new TextDecoder().decode(body))
    return true
  } catch {
    return false
  }
}

/** Such as ECONNREFUSED. Never the error's text, which may contain secrets. */
function connectionCode(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z0-9_]{1,40}$/.test(at.code)) return at.code
  }
  return 'no reason given'
}
