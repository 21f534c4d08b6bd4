/**
 * Sends signed requests of Slack to a server, as a process of its own, so that the loop that is measured is the server's:
 * answers `ask` with what came back. Written on bare sockets: a client that is slower than the server would measure itself.
 */
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from '../statistics.ts'

export interface Load {
  readonly url: string
  readonly secret: string
  /** A file with a JSON list of bodies, each of which is sent once, from this index on. */
  readonly bodies: string
  readonly from: number
  /** As fast as answers come over so many connections, for so long; or so many a second, whether answers come or not. */
  readonly how:
    | { readonly connections: number; readonly seconds: number }
    | { readonly rate: number; readonly seconds: number }
}

export interface LoadResult {
  readonly acknowledged: number
  /** Answered with anything but 200, or not at all. */
  readonly failed: number
  readonly sent: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
}

process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
console.log('ready')

async function run({ url, secret, bodies, from, how }: Load): Promise<LoadResult> {
  const all = (JSON.parse(await readFile(bodies, 'utf8')) as string[]).slice(from)
  const to = new URL(url)
  // Signed before the time runs: Slack's signatures hold for five minutes.
  const requests = all.map((body) => requestOf(to, secret, body))
  const open = 'connections' in how ? how.connections : 64
  const connections = await Promise.all(Array.from({ length: open }, () => openConnection(to)))
  const times: number[] = []
  let [acknowledged, failed, sent] = [0, 0, 0]
  const began = performance.now()
  const isOver = () => performance.now() - began > how.seconds * 1_000

  async function send(connection: Connection, request: Buffer, since: number): Promise<void> {
    sent += 1
    const status = await connection.exchange(request).catch(() => 0)
    times.push(performance.now() - since)
    if (status === 200) acknowledged += 1
    else failed += 1
  }
  async function asFastAsItGoes(connection: Connection): Promise<void> {
    for (let next = requests[sent]; next !== undefined && !isOver(); next = requests[sent]) {
      await send(connection, next, performance.now())
    }
  }
  /** None waits for the answer to another, so that a server that is late does not look quicker for it. */
  async function atRate(rate: number): Promise<void> {
    const free = [...connections]
    const underWay = new Set<Promise<void>>()
    const due = Math.min(requests.length, Math.floor(rate * how.seconds))
    for (let at = 0; at < due; at += 1) {
      const moment = began + (at / rate) * 1_000
      while (performance.now() < moment) await delay(1)
      const request = requests[at]
      if (request === undefined) break
      const sending = sendOn(free.shift(), request).finally(() => underWay.delete(sending))
      underWay.add(sending)
    }
    await Promise.all(underWay)

    /** A server that is late is asked all the same, on one connection more. */
    async function sendOn(idle: Connection | undefined, request: Buffer): Promise<void> {
      const since = performance.now()
      const connection = idle ?? (await openConnection(to))
      if (idle === undefined) connections.push(connection)
      await send(connection, request, since)
      free.push(connection)
    }
  }

  if ('rate' in how) await atRate(how.rate)
  else await Promise.all(connections.map(asFastAsItGoes))
  const seconds = (performance.now() - began) / 1_000
  for (const connection of connections) connection.close()
  return { acknowledged, failed, sent, seconds, p50: percentile(times, 50), p99: percentile(times, 99) }
}

function requestOf(to: URL, secret: string, body: string): Buffer {
  const timestamp = Math.floor(Date.now() / 1_000)
  const signature = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')
  return Buffer.from(
    [
      `POST ${to.pathname} HTTP/1.1`,
      `host: ${to.host}`,
      'content-type: application/x-www-form-urlencoded',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-slack-request-timestamp: ${timestamp}`,
      `x-slack-signature: v0=${signature}`,
      '',
      body,
    ].join('\r\n'),
  )
}

interface Connection {
  /** Gives the status of the answer. One exchange at a time. */
  exchange(request: Buffer): Promise<number>
  close(): void
}

async function openConnection(to: URL): Promise<Connection> {
  let socket = await open(to)
  return {
    async exchange(request) {
      if (socket.destroyed) socket = await open(to)
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      let seen = ''
      const look = (chunk: string) => {
        seen += chunk
        if (isWhole(seen)) resolve(Number(seen.slice(9, 12)))
      }
      const lost = () => reject(new Error('the connection was lost'))
      socket.on('data', look).once('close', lost)
      socket.write(request)
      try {
        return await promise
      } finally {
        socket.off('data', look).off('close', lost)
        if (/\r\nconnection: close\r\n/i.test(seen)) socket.destroy()
      }
    },
    close: () => socket.destroy(),
  }
}

function open(to: URL): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect(Number(to.port), to.hostname, () => resolve(socket))
  socket.setNoDelay(true).setEncoding('latin1').on('error', reject)
  return promise
}

/** Whether this is all of an answer. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = answer.slice(0, end)
  if (/\r\ntransfer-encoding: chunked/i.test(head)) return answer.endsWith('0\r\n\r\n')
  return answer.length - end - 4 >= Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
}
