/** An HTTP server whose connections are limited in number and in time, so that nobody can take it away. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'

const MOST_CONNECTIONS = 512
const FIRST_BYTE_MS = 5_000
const CLOSE_GRACE_MS = 2_000

export interface HttpServer {
  /** The port that the server listens on: the requested one, or a free one for 0. */
  readonly port: number
  /** Accepts no more connections, and gives current requests up to two seconds. Safe to repeat. */
  close(): Promise<void>
}

/**
 * Listens on all addresses of this machine. Closes slow, silent, broken and idle connections. Where too many are open, the
 * oldest that has not sent a request yet makes room. Rejects when it can't listen (such as EADDRINUSE).
 */
export async function startHttpServer(
  port: number,
  listener: RequestListener,
  { mostConnections = MOST_CONNECTIONS } = {},
): Promise<HttpServer> {
  const server = createServer(LIMITS, listener)
  server.maxRequestsPerSocket = 1_000
  // No data in either direction.
  server.setTimeout(30_000, (socket) => socket.destroy())
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  limitConnections(server, mostConnections)

  await listen(server, port)
  const address = server.address()
  let closed: Promise<void> | undefined
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => {
      closed ??= close(server)
      return closed
    },
  }
}

const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
}

/** Node's `headersTimeout` begins with the first byte, and its `maxConnections` refuses the newest. */
function limitConnections(server: Server, most: number): void {
  const open = new Set<Socket>()
  /** Without a request yet, the oldest first. */
  const silent = new Set<Socket>()
  server.on('connection', (socket) => {
    const late = setTimeout(() => socket.bytesRead === 0 && socket.destroy(), FIRST_BYTE_MS)
    open.add(socket)
    silent.add(socket)
    socket.once('close', () => {
      clearTimeout(late)
      open.delete(socket)
      silent.delete(socket)
    })
    if (open.size <= most) return
    // The new one is the last of them, and goes where every other has a request.
    const [oldest = socket] = silent
    open.delete(oldest)
    silent.delete(oldest)
    oldest.destroy()
  })
  server.prependListener('request', ({ socket }) => silent.delete(socket))
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
