import { createHmac, randomBytes } from 'node:crypto'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { isRecord, type Json, type State } from './state.ts'

/** A payload that Slack delivers to the app: a slash command, an interaction or an event. */
export type Delivery = {
  type: 'slash_commands' | 'interactive' | 'events_api'
  payload: Json
  /** The envelope's id in Socket Mode. */
  envelopeId: string
  acceptsResponsePayload: boolean
}

export type DeliverOptions = {
  /** How many times to deliver it; default 1. */
  repeat?: number
  /** Whether repetitions are identical (the default), or have their own envelope and trigger ids. */
  sameId?: boolean
  /** Whether each repetition waits for the answer to the previous one. Otherwise all go at once. */
  inTurn?: boolean
  /** HTTP mode: the signed time, in seconds since 1970. */
  timestamp?: number
  /** HTTP mode: the secret to sign with instead of the signing secret. */
  secret?: string
  retry?: { attempt: number; reason: string }
}

export type Receipt =
  | { seen: 'acknowledged'; afterMs: number; body: Json | string | undefined }
  | { seen: 'operation_timeout'; afterMs: number }
  | { seen: 'dispatch_failed'; afterMs: number; why: string }

const mostSockets = 10

/** Delivers payloads to the app, over one of its sockets or as signed requests, and returns its acknowledgement. */
export function createCourier(given: {
  state: State
  signingSecret: string
  acknowledgeWithinMs: number
  retryUnacknowledged: { attempts: number; afterMs: number } | undefined
  wait: (ms: number) => Promise<void>
}) {
  const { state, wait } = given
  const server = new WebSocketServer({ noServer: true })
  const sockets: WebSocket[] = []
  const retiring = new Set<WebSocket>()
  const tickets = new Set<string>()
  const waiting = new Map<string, ((body: Json | undefined) => void)[]>()
  let requestUrl: string | undefined
  const requests = new Set<ClientRequest>()
  let turn = 0
  let isClosed = false
  const pings = setInterval(() => {
    for (const socket of sockets) socket.ping()
  }, 10_000)
  pings.unref()

  function greet(socket: WebSocket): void {
    sockets.push(socket)
    const { appId } = state.identity
    const debug = { host: 'applink-sandbox', started: new Date(state.now()).toISOString(), build_number: 1 }
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      sockets.splice(sockets.indexOf(socket), 1)
      retiring.delete(socket)
      state.changed()
    })
    socket.on('message', (data) => {
      let parsed: unknown
      try {
        parsed = JSON.parse(String(data))
      } catch {
        // Anything but an envelope acknowledges nothing.
      }
      if (!isRecord(parsed) || typeof parsed.envelope_id !== 'string') return
      const listening = waiting.get(parsed.envelope_id) ?? []
      listening.shift()?.(isRecord(parsed.payload) ? parsed.payload : undefined)
      if (listening.length === 0) waiting.delete(parsed.envelope_id)
    })
    if (sockets.length > mostSockets) {
      socket.send(JSON.stringify({ type: 'disconnect', reason: 'too_many_websockets', debug_info: debug }))
      socket.close()
      return
    }
    socket.send(
      JSON.stringify({
        type: 'hello',
        num_connections: sockets.length,
        debug_info: { ...debug, approximate_connection_time: 18_060 },
        connection_info: { app_id: appId },
      }),
    )
    state.changed()
  }

  async function overSocket(delivery: Delivery, retry: DeliverOptions['retry']): Promise<Receipt> {
    const open = sockets.filter((socket) => socket.readyState === socket.OPEN && !retiring.has(socket))
    turn += 1
    const socket = open[turn % Math.max(open.length, 1)]
    if (!socket) return { seen: 'dispatch_failed', afterMs: 0, why: 'no socket is connected' }
    const started = performance.now()
    const answered = new Promise<Json | undefined>((resolve) => {
      waiting.set(delivery.envelopeId, [...(waiting.get(delivery.envelopeId) ?? []), resolve])
    })
    socket.send(
      JSON.stringify({
        envelope_id: delivery.envelopeId,
        type: delivery.type,
        accepts_response_payload: delivery.acceptsResponsePayload,
        payload: delivery.payload,
        ...(retry ? { retry_attempt: retry.attempt, retry_reason: retry.reason } : {}),
      }),
    )
    const late = Symbol('late')
    const body = await Promise.race([answered, wait(given.acknowledgeWithinMs).then(() => late)])
    const afterMs = performance.now() - started
    if (typeof body === 'symbol') return { seen: 'operation_timeout', afterMs }
    return { seen: 'acknowledged', afterMs, body: body && Object.keys(body).length > 0 ? body : undefined }
  }

  function overHttp(url: string, delivery: Delivery, options: DeliverOptions): Promise<Receipt> {
    const { promise, resolve } = Promise.withResolvers<Receipt>()
    const started = performance.now()
    const after = () => performance.now() - started
    const isEvent = delivery.type === 'events_api'
    const form =
      delivery.type === 'slash_commands'
        ? new URLSearchParams(
            Object.fromEntries(Object.entries(delivery.payload).map(([key, value]) => [key, String(value)])),
          )
        : new URLSearchParams({ payload: JSON.stringify(delivery.payload) })
    const body = isEvent ? JSON.stringify(delivery.payload) : form.toString()
    const timestamp = String(options.timestamp ?? Math.floor(state.now() / 1000))
    const hmac = createHmac('sha256', options.secret ?? given.signingSecret).update(`v0:${timestamp}:${body}`)
    const request = httpRequest(url, {
      method: 'POST',
      agent: false,
      headers: {
        'content-type': isEvent ? 'application/json' : 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${hmac.digest('hex')}`,
        ...(options.retry
          ? { 'x-slack-retry-num': String(options.retry.attempt), 'x-slack-retry-reason': options.retry.reason }
          : {}),
      },
    })
    requests.add(request)
    request.on('close', () => requests.delete(request))
    const timer = setTimeout(() => {
      resolve({ seen: 'operation_timeout', afterMs: after() })
      request.destroy()
    }, given.acknowledgeWithinMs)
    request.on('error', (error) => {
      clearTimeout(timer)
      resolve({ seen: 'dispatch_failed', afterMs: after(), why: error.message })
    })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        clearTimeout(timer)
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode !== 200) {
          resolve({ seen: 'dispatch_failed', afterMs: after(), why: `HTTP ${response.statusCode}` })
          return
        }
        const isJson = (response.headers['content-type'] ?? '').startsWith('application/json')
        const parsed: unknown = isJson && text !== '' ? JSON.parse(text) : text
        resolve({ seen: 'acknowledged', afterMs: after(), body: isRecord(parsed) ? parsed : text || undefined })
      })
    })
    request.end(body)
    return promise
  }

  async function once(delivery: Delivery, options: DeliverOptions): Promise<Receipt> {
    const trigger = state.triggers.get(String(delivery.payload.trigger_id))
    if (trigger) trigger.issuedAt ??= state.now()
    return requestUrl ? overHttp(requestUrl, delivery, options) : overSocket(delivery, options.retry)
  }

  async function retryLater(delivery: Delivery, options: DeliverOptions, attempt = 1): Promise<void> {
    const plan = given.retryUnacknowledged
    if (!plan || attempt > plan.attempts) return
    await wait(plan.afterMs)
    if (isClosed) return
    const receipt = await once(delivery, { ...options, retry: { attempt, reason: 'timeout' } })
    if (receipt.seen !== 'acknowledged') await retryLater(delivery, options, attempt + 1)
  }

  return {
    get sockets() {
      return sockets.filter((socket) => socket.readyState === socket.OPEN && !retiring.has(socket)).length
    },
    useHttp(url: string | undefined): void {
      requestUrl = url
    },
    openTicket(): string {
      const ticket = randomBytes(16).toString('hex')
      tickets.add(ticket)
      return ticket
    },
    /** Accepts a WebSocket upgrade if its ticket is unused. */
    accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      const ticket = new URL(request.url ?? '/', 'http://localhost').searchParams.get('ticket') ?? ''
      if (!tickets.delete(ticket)) {
        socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n')
        return
      }
      server.handleUpgrade(request, socket, head, greet)
    },
    /** Asks the app to reconnect, as Slack does every few hours; closes remaining sockets after ten seconds. `nth`: one only. */
    refreshSockets(reason = 'refresh_requested', nth?: number): void {
      for (const socket of nth === undefined ? [...sockets] : sockets.slice(nth, nth + 1)) {
        retiring.add(socket)
        socket.send(JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'applink-sandbox' } }))
        void wait(10_000).then(() => socket.close())
      }
    },
    /** Breaks every connection without a close message. */
    dropSockets(): void {
      for (const socket of [...sockets]) socket.terminate()
    },
    async deliver(delivery: Delivery, options: DeliverOptions = {}): Promise<Receipt[]> {
      const copies = Array.from({ length: options.repeat ?? 1 }, (_, index) => {
        if (index === 0 || options.sameId !== false) return delivery
        const copy = structuredClone(delivery)
        copy.envelopeId = crypto.randomUUID()
        const trigger = state.triggers.get(String(delivery.payload.trigger_id))
        if (trigger) {
          copy.payload.trigger_id = `${delivery.payload.trigger_id}${index}`
          state.triggers.set(String(copy.payload.trigger_id), { ...trigger })
        }
        return copy
      })
      const signed = { timestamp: Math.floor(state.now() / 1000), ...options }
      const receipts: Receipt[] = []
      if (options.inTurn) for (const copy of copies) receipts.push(await once(copy, signed))
      else receipts.push(...(await Promise.all(copies.map((copy) => once(copy, signed)))))
      for (const [index, receipt] of receipts.entries()) {
        const copy = copies[index]
        if (copy && receipt.seen === 'operation_timeout') void retryLater(copy, options)
      }
      return receipts
    },
    /** Closes the sockets, and breaks those that don't answer soon. */
    async close(): Promise<void> {
      isClosed = true
      clearInterval(pings)
      for (const request of requests) request.destroy()
      const closed = sockets.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())))
      for (const socket of sockets) socket.close(1001)
      const hurry = setTimeout(() => {
        for (const socket of [...sockets]) socket.terminate()
      }, 250)
      await Promise.all(closed)
      clearTimeout(hurry)
      server.close()
    },
  }
}
