import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type HttpServer, startHttpServer } from '../../src/operations/http-server.ts'
import { createHttpReceiver } from '../../src/slack/http-receiver.ts'

const SECRET = 'a signing secret'
const FORM = 'application/x-www-form-urlencoded'

let server: HttpServer
let delivered: unknown[] = []
let logged: string[] = []
let reply: object | undefined
let failure: Error | undefined
beforeAll(async () => {
  const log = (_fields: object, message: string) => void logged.push(message)
  const receiver = createHttpReceiver(SECRET, { info: log, warn: log, error: log }, async (payload, acknowledge) => {
    if (failure) throw failure
    delivered.push(payload)
    await acknowledge(reply)
  })
  server = await startHttpServer(0, receiver)
})
afterAll(() => server.close())
beforeEach(() => {
  delivered = []
  logged = []
  reply = undefined
  failure = undefined
})

interface Sent {
  readonly type?: string
  readonly secret?: string
  readonly agoS?: number
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
}

async function send(
  body: string,
  { type = FORM, secret = SECRET, agoS = 0, path = '/slack/events', method = 'POST', headers }: Sent = {},
): Promise<{ status: number; text: string }> {
  const timestamp = String(Math.floor(Date.now() / 1_000) - agoS)
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`
  const signed = { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature }
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    method,
    headers: { 'content-type': type, ...(headers ?? signed) },
    ...(method === 'GET' ? {} : { body }),
  })
  return { status: answer.status, text: await answer.text() }
}

describe('T7: a request that Slack has signed', () => {
  it('is read as a form, as JSON in a form, or as JSON', async () => {
    expect(await send('command=%2Fdeploy&text=a+b%26c&__proto__=d')).toEqual({ status: 200, text: '' })
    await send(new URLSearchParams({ payload: JSON.stringify({ type: 'block_actions' }) }).toString())
    await send(JSON.stringify({ type: 'event_callback', text: 'ä €' }), { type: 'application/json; charset=utf-8' })
    expect(delivered).toEqual([
      Object.fromEntries([
        ['command', '/deploy'],
        ['text', 'a b&c'],
        ['__proto__', 'd'],
      ]),
      { type: 'block_actions' },
      { type: 'event_callback', text: 'ä €' },
    ])
  })

  it('is answered with what a modal shows', async () => {
    reply = { response_action: 'errors', errors: { reason: 'Too short' } }
    const { text } = await send(new URLSearchParams({ payload: '{"type":"view_submission"}' }).toString())
    expect(JSON.parse(text)).toEqual(reply)
  })

  it('is answered for Slack where the address is tried', async () => {
    const challenge = JSON.stringify({ type: 'url_verification', challenge: 'abc' })
    expect(await send(challenge, { type: 'application/json' })).toEqual({ status: 200, text: '{"challenge":"abc"}' })
    expect((await send('ssl_check=1&command=%2Fdeploy')).status).toBe(200)
    expect(delivered).toEqual([])
  })

  it('gets 500 where it is not acknowledged, and the next one is taken', async () => {
    failure = new Error('no')
    expect((await send('command=a')).status).toBe(500)
    expect(logged).toEqual(['a delivery from Slack could not be handled'])
    failure = undefined
    expect((await send('command=a')).status).toBe(200)
  })
})

describe('T7: what is not from Slack reaches nobody', () => {
  const unsigned = { 'x-slack-request-timestamp': String(Math.floor(Date.now() / 1_000)) }
  it.each<[string, number, string, Sent]>([
    ['another secret', 401, 'command=a', { secret: 'another' }],
    ['no signature', 401, 'command=a', { headers: unsigned }],
    ['a signature of another length', 401, 'command=a', { headers: { ...unsigned, 'x-slack-signature': 'v0=ab' } }],
    ['no time', 401, 'command=a', { headers: { 'x-slack-signature': 'v0=ab' } }],
    ['an old time', 401, 'command=a', { agoS: 301 }],
    ['a time to come', 401, 'command=a', { agoS: -301 }],
    ['no JSON', 400, '{"type":', { type: 'application/json' }],
    ['JSON that is no object', 400, '"text"', { type: 'application/json' }],
    ['a payload that is no JSON', 400, 'payload=%7B', {}],
    ['more than a request has', 413, `text=${'a'.repeat(4 * 1024 * 1024)}`, {}],
    ['another path', 404, 'command=a', { path: '/slack/install' }],
    ['another method', 404, '', { method: 'GET' }],
    ['an unsigned check of the certificate', 401, 'ssl_check=1&command=a', { secret: 'another' }],
  ])('%s', async (_which, status, body, sent) => {
    expect((await send(body, sent)).status).toBe(status)
    expect(delivered).toEqual([])
  })

  it('who hangs up in the middle of a request is not logged', async () => {
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    const head = [
      'POST /slack/events HTTP/1.1',
      'host: a',
      'content-length: 100',
      `x-slack-request-timestamp: ${Math.floor(Date.now() / 1_000)}`,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\ncommand=`)
    expect((await send('command=b')).status).toBe(200)
    socket.destroy()
    await once(socket, 'close')
    expect((await send('command=b')).status).toBe(200)
    expect(logged).toEqual([])
  })
})
