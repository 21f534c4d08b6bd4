import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { respond } from '../../src/slack/response-url.ts'
import type { Drawn } from '../../src/slack/views/parts/blocks.ts'

const SECTION = { type: 'section' as const, text: { type: 'mrkdwn' as const, text: 'ä “quoted”' } }
const DRAWN: Drawn = { text: 'ä “quoted”', blocks: [SECTION] }
const NEWER: Drawn = { ...DRAWN, withoutNewer: [{ type: 'divider' }] }

let server: Server
let address: string
let connections: Set<Socket>
let posted: { path: string | undefined; type: string | undefined; body: unknown }[]
/** What the server does with each request, in turn; the last for all others. */
let answers: RequestListener[]

beforeEach(async () => {
  connections = new Set()
  posted = []
  answers = [(_request, response) => void response.end('ok')]
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    posted.push({ path: request.url, type: request.headers['content-type'], body })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.(request, response)
  })
  server.on('connection', (socket) => connections.add(socket))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/commands/T1/1/secret`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const status =
  (code: number, headers = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(code, headers).end()
const last = () => posted.at(-1)

describe('An answer at a response URL', () => {
  it('is for the one person, beside the message that was there', async () => {
    expect(await respond(address, DRAWN)).toBe(true)
    expect(posted).toEqual([
      {
        path: '/commands/T1/1/secret',
        type: 'application/json',
        body: {
          response_type: 'ephemeral',
          replace_original: false,
          unfurl_links: false,
          unfurl_media: false,
          text: 'ä “quoted”',
          blocks: [SECTION],
        },
      },
    ])
  })

  it('has no blocks where nothing but text is drawn', async () => {
    await respond(address, { text: 'short' })
    expect(last()?.body).not.toHaveProperty('blocks')
  })

  it('uses the connection of the answer before', async () => {
    for (let at = 0; at < 5; at += 1) expect(await respond(address, DRAWN)).toBe(true)
    expect(posted).toHaveLength(5)
    expect(connections.size).toBe(1)
  })

  it('is not taken when Slack refuses it, and then has no second try without newer blocks', async () => {
    answers = [status(404)]
    expect(await respond(address, DRAWN)).toBe(false)
    expect(posted).toHaveLength(1)
  })

  it('goes a second time without newer blocks when Slack refuses them', async () => {
    answers = [status(400), status(200)]
    expect(await respond(address, NEWER)).toBe(true)
    expect(posted).toHaveLength(2)
    expect(last()?.body).toMatchObject({ text: 'ä “quoted”', blocks: [{ type: 'divider' }] })
  })

  it('goes once when Slack takes newer blocks', async () => {
    expect(await respond(address, NEWER)).toBe(true)
    expect(posted).toHaveLength(1)
  })

  it.each([301, 302, 307, 308])('follows no redirect (%i)', async (code) => {
    answers = [status(code, { location: `${address}/elsewhere` }), status(200)]
    expect(await respond(address, NEWER)).toBe(false)
    expect(posted.map(({ path }) => path)).toEqual(['/commands/T1/1/secret'])
  })

  it('is given up when no answer comes in time', async () => {
    answers = [() => undefined]
    expect(await respond(address, DRAWN, 100)).toBe(false)
    expect(posted).toHaveLength(1)
  })

  it('is given up when the connection breaks', async () => {
    answers = [(request) => void request.socket.destroy()]
    expect(await respond(address, DRAWN)).toBe(false)
  })

  it('reads no endless body', async () => {
    const closed = Promise.withResolvers<void>()
    answers = [
      (_request, response) => {
        response.once('close', closed.resolve)
        const more = () => {
          while (response.write('x'.repeat(10_000)) && !response.destroyed);
          response.once('drain', more)
        }
        more()
      },
    ]
    expect(await respond(address, DRAWN)).toBe(true)
    await closed.promise
  })

  it.each(['0.0.0.0', '[::ffff:127.0.0.1]'])('never goes to another address without TLS (%s)', async (host) => {
    expect(await respond(address.replace('127.0.0.1', host), DRAWN)).toBe(false)
    expect(posted).toEqual([])
  })

  it.each(['no address', 'file:///etc/hostname', 'http://localhost.example.test/x'])(
    'goes to no other kind of address (%s)',
    async (url) => {
      expect(await respond(url, DRAWN)).toBe(false)
    },
  )
})
