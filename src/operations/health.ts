/** What monitoring asks of a process: whether it lives, whether it is ready and what is missing, and its metrics. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { defined } from '../lib/defined.ts'
import { runWithTimeout } from '../lib/timeout.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'

const READY_LIMIT_MS = 1_500
const METRICS_LIMIT_MS = 5_000

/** Whether a part works: true, or what is missing, as a sentence for an operator. */
export type Works = true | string

export interface HealthOptions {
  readonly ready: () => Promise<Readonly<Record<string, Works>>>
  readonly shown?: () => Promise<Readonly<Record<string, Works>>>
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly body: string }>
  readonly fallback?: RequestListener
}

/**
 * Starts a server with:
 * - `/healthz`: 200 while the process runs, whatever its parts do.
 * - `/readyz`: 200 when every part of `ready` works, else 503, with JSON `{ ready, parts, missing }`. Answers within two
 *   seconds, with 503 when `ready` throws or takes longer. The parts of `shown` stand beside them and decide nothing: what
 *   they are about is for people to fix, and traffic must not stop for it. They are left out when `shown` throws or takes
 *   longer.
 * - `/metrics`: the result of `metrics`. 404 without it, 503 when it throws or takes longer than five seconds.
 * - Everything else goes to `fallback` (Slack's requests in HTTP mode). 404 without one, and when it throws before
 *   answering.
 *
 * Its own paths allow only GET and HEAD. Answers contain no error details. Rejects when it can't listen.
 */
export function startHealthServer(options: HealthOptions & { readonly port: number }): Promise<HttpServer> {
  return startHttpServer(options.port, healthListener(options))
}

/** A listener for Slack's requests alone. 404 where it throws before answering. */
export function requestsOnly(fallback: RequestListener): RequestListener {
  return (request, response) => pass(fallback, request, response)
}

function healthListener({ ready, shown = async () => ({}), metrics, fallback }: HealthOptions): RequestListener {
  const answer = async (path: string): Promise<Page | undefined> => {
    if (path === '/healthz') return page(200, { alive: true })
    if (path === '/readyz') {
      const showing = runWithTimeout(READY_LIMIT_MS, shown)
      const result = await runWithTimeout(READY_LIMIT_MS, ready)
      const beside = await showing
      return readiness(result, beside.ok ? beside.value : {})
    }
    if (path !== '/metrics' || metrics === undefined) return undefined
    const counted = await runWithTimeout(METRICS_LIMIT_MS, metrics)
    return counted.ok ? { status: 200, ...counted.value } : page(503, { metrics: false })
  }
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    if (!OWN_PATHS.includes(path)) pass(fallback, request, response)
    else if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(request, response, page(405, { only: 'GET, HEAD' }), { allow: 'GET, HEAD' })
    } else {
      answer(path).then(
        (found) => send(request, response, found ?? NOT_FOUND),
        () => send(request, response, page(500, {})),
      )
    }
  }
}

const OWN_PATHS = ['/healthz', '/readyz', '/metrics']

interface Page {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

function page(status: number, content: object): Page {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(content)}\n` }
}

const NOT_FOUND = page(404, { found: false })

function readiness(
  result: { ok: true; value: Readonly<Record<string, Works>> } | { ok: false; late: boolean },
  shown: Readonly<Record<string, Works>>,
): Page {
  if (!result.ok)
    return page(503, { ready: false, parts: {}, why: result.late ? 'no answer in time' : 'the check failed' })
  const isReady = Object.values(result.value).every((part) => part === true)
  const all = { ...result.value, ...shown }
  const parts = Object.fromEntries(Object.entries(all).map(([name, works]) => [name, works === true]))
  const missing = Object.fromEntries(Object.entries(all).filter(([, works]) => works !== true))
  return page(isReady ? 200 : 503, {
    ready: isReady,
    parts,
    ...(Object.keys(missing).length > 0 && { missing }),
  })
}

function pass(fallback: RequestListener | undefined, request: IncomingMessage, response: ServerResponse): void {
  try {
    if (fallback === undefined) send(request, response, NOT_FOUND)
    else fallback(request, response)
  } catch {
    // Slack's receiver throws on paths that are not its own.
    if (response.headersSent) response.destroy()
    else send(request, response, NOT_FOUND)
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, body }: Page,
  headers: Readonly<Record<string, string>> = {},
): void {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    // An unread body would be parsed as the next request.
    ...defined({ connection: hasBody ? 'close' : undefined }),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/**
 * Checks all parts at once, each with its own timeout, so that `/readyz` can name the part that hangs. A part that times
 * out or throws is not ready.
 */
export function partsReady(
  parts: Readonly<Record<string, () => Works | Promise<Works>>>,
  limitMs = 1_000,
): () => Promise<Record<string, Works>> {
  return async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(parts).map(async ([name, check]): Promise<[string, Works]> => {
          const answer = await runWithTimeout(limitMs, async () => check())
          if (answer.ok) return [name, answer.value]
          return [name, answer.late ? `No answer within ${limitMs / 1_000} s.` : 'The check failed.']
        }),
      ),
    )
}
