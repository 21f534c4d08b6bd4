/**
 * Stands between a real process and a stand-in of Slack, Bitbucket or Heroku, and spoils or holds requests on their way:
 * the process talks to it by the addresses of its configuration, so that production code holds no test switch.
 */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A request as it arrived. `body` is text with the escapes of forms undone; git's packs are in it as they are. */
export interface Arrived {
  readonly method: string
  readonly path: string
  readonly body: string
}

export type Match = (arrived: Arrived) => boolean

/** `before`: the stand-in never sees the request; `after`: it has done it, and the answer is spoiled. */
export const HARMS = [
  'reset before',
  'reset after',
  '500 before',
  '500 after',
  '429',
  '429 without Retry-After',
  'cut body',
  'HTML with 200',
  'delay',
] as const
export type Harm = (typeof HARMS)[number]

export interface Held {
  /** Resolves when the request is here; for `after`, when the stand-in has done it and the answer waits. */
  readonly arrived: Promise<void>
  /** It goes on, whether or not its sender still lives. */
  letGo(): void
  /** It is never seen again: the connection breaks. */
  drop(): void
}

export interface FaultProxy {
  /** The origin that stands for the stand-in's. */
  readonly origin: string
  /** Spoils the next `times` requests that match; default 1. */
  harm(match: Match, harm: Harm, times?: number): void
  /** Holds the next request that matches, before the stand-in sees it or after. */
  hold(match: Match, when: 'before' | 'after'): Held
  /** How many requests were spoiled so far. */
  spoiled(): number
  /** No fault that was asked for and did not come yet comes any more; what is held goes on. */
  calm(): void
  /** Connections are refused until `accept`. */
  refuse(): Promise<void>
  accept(): Promise<void>
  close(): Promise<void>
}

const DELAY_MS = 700

/** Starts one in front of an origin such as `http://127.0.0.1:4000`. Addresses of that origin in answers are made its own. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const harms: { match: Match; harm: Harm; left: number }[] = []
  const holds: Hold[] = []
  const sockets = new Set<Socket>()
  let spoiled = 0
  let origin = ''

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await read(incoming)
    const arrived = { method: incoming.method ?? '', path: incoming.url ?? '', body: words(bytes) }
    const hold = takeHold(arrived)
    if (hold?.when === 'before' && (await hold.waits()) === 'drop') return cut(response)
    const harm = takeHarm(arrived)
    if (harm === 'reset before') return cut(response)
    if (harm === '500 before') return send(response, 500, { 'content-type': 'text/html' }, '<html>Server Error</html>')
    if (harm === '429') return send(response, 429, { 'retry-after': '1' }, '')
    if (harm === '429 without Retry-After') return send(response, 429, {}, '')
    if (harm === 'delay') await delay(DELAY_MS)
    const answer = await forward(target, incoming, bytes)
    if (hold?.when === 'after' && (await hold.waits()) === 'drop') return cut(response)
    if (harm === 'reset after') return cut(response)
    if (harm === '500 after') return send(response, 500, { 'content-type': 'text/html' }, '<html>Server Error</html>')
    if (harm === 'HTML with 200') return send(response, 200, { 'content-type': 'text/html' }, '<html>Hello</html>')
    const body = isText(answer.headers) ? ours(answer.body) : answer.body
    const headers = { ...answer.headers, ...location(answer.headers), 'content-length': String(body.length) }
    delete headers['transfer-encoding']
    if (harm !== 'cut body') return send(response, answer.status, headers, body)
    response.writeHead(answer.status, headers)
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => cut(response))
  }

  function takeHold(arrived: Arrived): Hold | undefined {
    const at = holds.findIndex((hold) => hold.match(arrived))
    return at < 0 ? undefined : holds.splice(at, 1)[0]
  }

  function takeHarm(arrived: Arrived): Harm | undefined {
    const found = harms.find(({ match, left }) => left > 0 && match(arrived))
    if (found === undefined) return undefined
    found.left -= 1
    spoiled += 1
    return found.harm
  }

  const ours = (body: Buffer) => Buffer.from(body.toString('utf8').replaceAll(target, origin))
  const location = ({ location: to }: OutgoingHttpHeaders) =>
    typeof to === 'string' ? { location: to.replace(target, origin) } : {}

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => cut(response))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  origin = `http://127.0.0.1:${port}`

  const calm = () => {
    harms.length = 0
    for (const hold of held) hold.letGo()
    holds.length = 0
  }
  const held = new Set<Hold>()
  return {
    origin,
    harm: (match, harm, times = 1) => void harms.push({ match, harm, left: times }),
    hold(match, when) {
      const hold = createHold(match, when)
      holds.push(hold)
      held.add(hold)
      return hold
    },
    spoiled: () => spoiled,
    calm,
    refuse: stop,
    accept: () => listen(port),
    async close() {
      calm()
      await stop()
    },
  }
}

interface Hold extends Held {
  readonly match: Match
  readonly when: 'before' | 'after'
  /** Says that the request is here, and gives what becomes of it. */
  waits(): Promise<'go' | 'drop'>
}

function createHold(match: Match, when: 'before' | 'after'): Hold {
  const arrived = Promise.withResolvers<void>()
  const fate = Promise.withResolvers<'go' | 'drop'>()
  return {
    match,
    when,
    arrived: arrived.promise,
    letGo: () => fate.resolve('go'),
    drop: () => fate.resolve('drop'),
    waits() {
      arrived.resolve()
      return fate.promise
    },
  }
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function words(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** The whole answer of the stand-in, in its own bytes. */
function forward(
  target: string,
  incoming: IncomingMessage,
  bytes: Buffer,
): Promise<{ status: number; headers: OutgoingHttpHeaders; body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number
    headers: OutgoingHttpHeaders
    body: Buffer
  }>()
  const { 'transfer-encoding': _chunked, 'accept-encoding': _packed, ...headers } = incoming.headers
  const length = bytes.length > 0 || incoming.method === 'POST' ? { 'content-length': String(bytes.length) } : {}
  const outgoing = request(
    new URL(incoming.url ?? '/', target),
    { method: incoming.method, headers: { ...headers, ...length, host: new URL(target).host }, agent: false },
    (answer) => {
      read(answer).then((body) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body }), reject)
    },
  )
  outgoing.once('error', reject)
  outgoing.end(bytes)
  return promise
}

function isText(headers: OutgoingHttpHeaders): boolean {
  return String(headers['content-type'] ?? '').includes('json')
}

function send(response: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: string | Buffer): void {
  if (response.destroyed) return
  response.writeHead(status, headers).end(body)
}

function cut(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}
