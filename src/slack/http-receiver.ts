/**
 * Slack's requests over HTTP: checks that each comes from Slack and is recent, and reads its payload
 * (docs.slack.dev/authentication/verifying-requests-from-slack).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { SLACK_REQUEST_PATH } from './ids.ts'
import type { DeliveryLog } from './outbox/sending.ts'

/** Receives one payload from Slack. `acknowledge` answers the request, with a response for a submitted modal. */
export type Deliver = (payload: unknown, acknowledge: (response?: object) => Promise<void>) => Promise<void>

/** Requests further off than this, in either direction, are refused. */
const CLOCK_OFF_S = 5 * 60
const CLOCK_LOGGED_EVERY_MS = 60_000
/** Slack documents none; a view has up to 250 kB. */
const MOST_BYTES = 4 * 1024 * 1024

/**
 * Answers 404 elsewhere, 401 to what is not signed by Slack or not recent, 413 to what is too large, 400 to what can't be
 * read, and 500 where `deliver` fails before it acknowledges. Nothing of those reaches `deliver`.
 */
export function createHttpReceiver(signingSecret: string, log: DeliveryLog, deliver: Deliver): RequestListener {
  const isWrongTime = createTimeCheck(log)

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    if (body === 'too large') return answer(response, 413)
    if (!isSigned(signingSecret, request, body)) {
      log.warn({}, 'refused a request that Slack has not signed with our SLACK_SIGNING_SECRET')
      return answer(response, 401)
    }
    const payload = readPayload(request.headers['content-type'], body)
    if (payload === undefined) return answer(response, 400)
    // What Slack sends when the address is entered (docs.slack.dev/reference/events/url_verification), and to see whether
    // it has a valid certificate.
    if (payload.type === 'url_verification') return answer(response, 200, { challenge: payload.challenge })
    if (payload.ssl_check === '1') return answer(response, 200)
    await deliver(payload, async (given) => answer(response, 200, given))
  }

  return (request, response) => {
    if ((request.url ?? '').split('?', 1)[0] !== SLACK_REQUEST_PATH || request.method !== 'POST') {
      return answer(response, 404)
    }
    if (isWrongTime(request)) return answer(response, 401)
    receive(request, response).catch((err: unknown) => {
      // Who hangs up in the middle needs no answer.
      if (request.destroyed && !request.complete) return
      log.error({ err }, 'a delivery from Slack could not be handled')
      answer(response, 500)
    })
  }
}

function answer(response: ServerResponse, status: number, body?: object): void {
  if (response.headersSent) return
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, {
    ...(text !== '' && { 'content-type': 'application/json' }),
    'content-length': Buffer.byteLength(text),
    // A body that nobody reads would be taken for the next request.
    ...(status >= 400 && { connection: 'close' }),
  })
  response.end(text)
}

function createTimeCheck(log: DeliveryLog): (request: IncomingMessage) => boolean {
  let loggedAt = Number.NEGATIVE_INFINITY
  function warn(offS: number): void {
    if (loggedAt + CLOCK_LOGGED_EVERY_MS > performance.now()) return
    loggedAt = performance.now()
    const seconds = Math.round(Math.abs(offS))
    const message = `refused a request whose time is ${seconds} s ${offS > 0 ? 'behind' : 'ahead of'} this host's clock: set the clock by NTP`
    log.warn({ seconds: Math.round(offS) }, message)
  }
  return ({ headers }) => {
    const stamp = Number(headers['x-slack-request-timestamp'])
    const offS = Date.now() / 1_000 - stamp
    if (Math.abs(offS) <= CLOCK_OFF_S) return false
    // Anybody can send a wrong time: a signature says at least that it is meant as Slack's.
    if (headers['x-slack-signature'] !== undefined && Number.isFinite(offS) && stamp > 0) warn(offS)
    return true
  }
}

function readBody(request: IncomingMessage): Promise<Buffer | 'too large'> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | 'too large'>()
  const chunks: Buffer[] = []
  let bytes = 0
  request
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MOST_BYTES) resolve('too large')
      else chunks.push(chunk)
    })
    .once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    .once('error', reject)
    .once('close', () => reject(new Error('the request was cut off')))
  return promise
}

function isSigned(secret: string, { headers }: IncomingMessage, body: Buffer): boolean {
  const hmac = createHmac('sha256', secret).update(`v0:${headers['x-slack-request-timestamp']}:`).update(body)
  const expected = Buffer.from(`v0=${hmac.digest('hex')}`)
  const given = Buffer.from(String(headers['x-slack-signature']))
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** A command is a form; what people press comes as JSON in the form's `payload`, and an event as JSON. */
function readPayload(contentType = '', body: Buffer): Readonly<Record<string, unknown>> | undefined {
  const text = body.toString('utf8')
  try {
    if (!contentType.startsWith('application/x-www-form-urlencoded')) return objectIn(text)
    const form = Object.fromEntries(new URLSearchParams(text))
    return form.payload === undefined ? form : objectIn(form.payload)
  } catch {
    return undefined
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}
