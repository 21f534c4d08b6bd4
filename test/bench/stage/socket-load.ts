/**
 * Slack's side of Socket Mode, as a process of its own: gives out sockets, sends envelopes over the newest and measures until
 * each is acknowledged. All other calls go on to the Slack stand-in: socket-load.ts <the stand-in's API>.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import { percentile } from '../statistics.ts'

export interface SocketLoad {
  /** A file with a JSON list of payloads of slash commands, each of which is sent once. */
  readonly payloads: string
  /** Those that are sent first and not counted. */
  readonly warmUp: number
}

export interface SocketLoadResult {
  readonly count: number
  readonly p50: number
  readonly p99: number
}

const [target = ''] = process.argv.slice(2)
const sockets: WebSocket[] = []
const acknowledged = new Map<string, () => void>()
const accepting = new WebSocketServer({ noServer: true })

const server = createServer((incoming, response) => {
  if (incoming.url?.startsWith('/api/apps.connections.open')) {
    incoming.resume()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ ok: true, url: `ws://127.0.0.1:${port()}/link` }))
  } else passOn(incoming, response)
})
const port = () => (server.address() as AddressInfo).port
server.on('upgrade', (incoming, socket, head) => {
  accepting.handleUpgrade(incoming, socket, head, (accepted) => {
    sockets.push(accepted)
    accepted.on('error', () => undefined)
    accepted.on('message', (data) => {
      const { envelope_id: id } = JSON.parse(String(data)) as { envelope_id?: string }
      if (id !== undefined) acknowledged.get(id)?.()
    })
    const info = { app_id: 'A0SIGNOFF' }
    accepted.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: info, debug_info: {} }))
  })
})
server.listen(0, '127.0.0.1', () => console.log(`listening on ${port()}`))

process.on('message', (load: SocketLoad) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))

/** As people press: what the one before caused is mostly done. */
const PAUSE_MS = 25

/** One after another, with a pause after each acknowledgement. */
async function run({ payloads, warmUp }: SocketLoad): Promise<SocketLoadResult> {
  const socket = sockets.findLast(({ readyState, OPEN }) => readyState === OPEN)
  if (socket === undefined) throw new Error('nobody is connected')
  const times: number[] = []
  for (const payload of JSON.parse(await readFile(payloads, 'utf8')) as object[]) {
    const id = randomUUID()
    const { promise, resolve } = Promise.withResolvers<void>()
    acknowledged.set(id, resolve)
    const envelope = { envelope_id: id, type: 'slash_commands', accepts_response_payload: true, payload }
    const text = JSON.stringify(envelope)
    const began = performance.now()
    socket.send(text)
    await promise
    times.push(performance.now() - began)
    acknowledged.delete(id)
    await delay(PAUSE_MS)
  }
  const counted = times.slice(warmUp)
  return { count: counted.length, p50: percentile(counted, 50), p99: percentile(counted, 99) }
}

function passOn(incoming: IncomingMessage, response: ServerResponse): void {
  const headers = { ...incoming.headers, host: new URL(target).host }
  const to = new URL(incoming.url ?? '/', target)
  const outgoing = request(to, { method: incoming.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  outgoing.once('error', () => response.destroy())
  incoming.pipe(outgoing)
}
