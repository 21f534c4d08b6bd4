/** The HTTP server for health checks, readiness checks and metrics. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { defined } from '../lib/defined.ts'
import { runWithTimeout } from '../lib/timeout.ts'

const READY_LIMIT_MS = 1_500
const METRICS_LIMIT_MS = 5_000
const CLOSE_GRACE_MS = 2_000

export interface HealthServer {
  /** The port that the server listens on: the requested one, or a free one for 0. */
  readonly port: number
  /** Accepts no more connections, and gives current requests up to two seconds. Safe to repeat. */
  close(): Promise<void>
}

/**
 * Starts the server on all addresses of this machine:
 * - `/healthz`: 200 while the process runs.
 * - `/readyz`: 200 when every part of `ready` is true, else 503, with JSON `{ ready, parts }`. Answers within two seconds,
 *   with 503 when `ready` throws or takes longer. The parts of `shown` stand beside them and decide nothing: what they are
 *   about is for people to fix, and traffic must not stop for it.
 * - `/metrics`: the result of `metrics`. 404 without it, 503 when it throws or takes longer than five seconds.
 * - Everything else goes to `fallback` (Slack's requests in HTTP mode). 404 without one, and when it throws before
 *   answering.
 *
 * Its own paths allow only GET and HEAD. Answers contain no error details. Slow, silent, broken and idle connections are
 * closed, and their number is limited. Rejects when it can't listen (such as EADDRINUSE).
 */
export async function startHealthServer(options: {
  readonly port: number
  readonly ready: () => Promise<Readonly<Record<string, boolean>>>
  readonly shown?: () => Readonly<Record<string, boolean>>
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly body: string }>
  readonly fallback?: RequestListener
}): Promise<HealthServer> {
  const { ready, shown = () => ({}), metrics, fallback } = options

  const answer = async (path: string): Promise<Page | undefined> => {
    if (path === '/healthz') return page(200, { alive: true })
    if (path === '/readyz') return readiness(await runWithTimeout(READY_LIMIT_MS, ready), shown())
    if (path !== '/metrics' || metrics === undefined) return undefined
    const counted = await runWithTimeout(METRICS_LIMIT_MS, metrics)
    return counted.ok ? { status: 200, ...counted.value } : page(503, { metrics: false })
  }

  const server = createServer(LIMITS, (request, response) => {
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
  })
  server.maxConnections = 512
  server.maxRequestsPerSocket = 1_000
  // No data in either direction.
  server.setTimeout(30_000, (socket) => socket.destroy())
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })

  await listen(server, options.port)
  const address = server.address()
  let closed: Promise<void> | undefined
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () => {
      closed ??= close(server)
      return closed
    },
  }
}

const OWN_PATHS = ['/healthz', '/readyz', '/metrics']

const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
}

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
  result: { ok: true; value: Readonly<Record<string, boolean>> } | { ok: false; late: boolean },
  shown: Readonly<Record<string, boolean>>,
): Page {
  if (!result.ok)
    return page(503, { ready: false, parts: {}, why: result.late ? 'no answer in time' : 'the check failed' })
  const isReady = Object.values(result.value).every((part) => part)
  return page(isReady ? 200 : 503, { ready: isReady, parts: { ...result.value, ...shown } })
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

function listen(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

async function close(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()))
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
  await ended
  clearTimeout(late)
}

/**
 * Checks all parts at once, each with its own timeout, so that `/readyz` can name the part that hangs. A part that times
 * out or throws is not ready.
 */
export function partsReady(
  parts: Readonly<Record<string, () => boolean | Promise<boolean>>>,
  limitMs = 1_000,
): () => Promise<Record<string, boolean>> {
  return async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(parts).map(async ([name, check]): Promise<[string, boolean]> => {
          const answer = await runWithTimeout(limitMs, async () => check())
          return [name, answer.ok && answer.value]
        }),
      ),
    )
}
