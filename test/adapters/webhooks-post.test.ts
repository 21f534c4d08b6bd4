import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { failureInWords, isForbidden, post } from '../../src/adapters/webhooks/post.ts'
import { reach } from '../../src/adapters/webhooks/reach.ts'
import { type Receiver, secretOf, startReceiver } from '../support/webhook-receiver.ts'

const run = promisify(execFile)
const NEW = secretOf('n')
const OLD = secretOf('o')
const OTHER = secretOf('x')
const never = new AbortController().signal

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver([NEW, OLD, OTHER], '/signoff?token=marker')
})
afterAll(() => receiver.close())

const send = (more: Partial<Parameters<typeof post>[0]> = {}) =>
  post({ url: receiver.url, secrets: [NEW], id: 'evt_1', body: '{"type":"x"}', signal: never, ...more })

describe('one request', () => {
  it('has the headers of Standard Webhooks, and is verified with its secret alone', async () => {
    receiver.answer = () => 200
    expect(await send()).toMatchObject({ ok: true, status: 200 })
    const last = receiver.received.at(-1)
    expect(last).toMatchObject({ path: '/signoff?token=marker', id: 'evt_1', raw: '{"type":"x"}', verifiedBy: [0] })
    expect(last?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'signoff' })
    expect(Math.abs(Number(last?.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(30)
  })

  it('is signed with both secrets while they are rotated, so that either verifies it', async () => {
    await send({ secrets: [NEW, OLD], body: '{"a":"ä–🚀"}' })
    expect(receiver.received.at(-1)).toMatchObject({ verifiedBy: [0, 1], body: { a: 'ä–🚀' } })
    expect(receiver.received.at(-1)?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/)
  })

  it.each([201, 202, 299])('%i is delivered', async (status) => {
    receiver.answer = () => status
    expect(await send()).toMatchObject({ ok: true, status })
  })

  it('follows no redirect', async () => {
    receiver.answer = (_, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end()
      return 'handled'
    }
    const before = receiver.received.length
    expect(await send()).toEqual({ ok: false, status: 307, detail: 'it answered 307, and redirects are not followed' })
    expect(receiver.received.length).toBe(before + 1)
  })

  it('tells what Retry-After asks for, and nothing of what else was answered', async () => {
    receiver.answer = (_, response) => {
      response.writeHead(503, { 'retry-after': '90' }).end('marker of the body')
      return 'handled'
    }
    const answer = await send()
    expect(answer).toEqual({ ok: false, status: 503, detail: 'it answered 503', retryAfterMs: 90_000 })
    expect(JSON.stringify(answer)).not.toContain('marker')
  })

  it('does not wait for the end of an answer’s body, however long it is', async () => {
    let written = 0
    let isOver = false
    receiver.answer = (_, response) => {
      response.writeHead(200)
      const more = setInterval(() => {
        written += 16_384
        response.write(Buffer.alloc(16_384))
      }, 5)
      response.on('close', () => {
        clearInterval(more)
        isOver = true
      })
      return 'handled'
    }
    expect(await send()).toMatchObject({ ok: true })
    await expect.poll(() => isOver, { timeout: 10_000 }).toBe(true)
    expect(written).toBeLessThan(10_000_000)
  })

  it('ends at its time limit without an answer', async () => {
    receiver.answer = () => new Promise(() => undefined)
    expect(await send({ timeoutMs: 200 })).toEqual({ ok: false, detail: 'no answer within 0.2 s' })
  })

  it('ends when it is broken off', async () => {
    receiver.answer = () => new Promise(() => undefined)
    const stop = new AbortController()
    const sent = send({ signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    expect(await sent).toMatchObject({ ok: false, detail: expect.stringContaining('broken off') })
  })

  it('names neither the address nor its token when nobody answers', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const url = `http://127.0.0.1:${port}/?token=marker`
    expect(await send({ url })).toEqual({ ok: false, detail: 'the connection was closed without an answer' })
    await new Promise((done) => server.close(done))
    expect(await send({ url })).toEqual({ ok: false, detail: 'the connection was refused' })
  })

  it.each(['http://169.254.169.254/latest', 'http://[fe80::1]/', 'http://[::ffff:169.254.169.254]/'])(
    'never goes to %s',
    async (url) => {
      expect(await send({ url })).toEqual({
        ok: false,
        detail: 'its host has a link-local address, which is never called',
      })
    },
  )

  it('goes to private networks, where a team’s own services are', () => {
    for (const address of ['10.1.2.3', '192.168.0.1', '172.16.0.1', '127.0.0.1', '::1', 'fd00::1']) {
      expect(isForbidden(address)).toBe(false)
    }
    for (const address of ['169.254.1.1', 'fe80::1', '::ffff:169.254.169.254', 'fd00:ec2::254']) {
      expect(isForbidden(address)).toBe(true)
    }
  })

  it('verifies the certificate, and the name in it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'signoff-certificate-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const files = ['-keyout', key, '-out', cert, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...files])
    const server = createHttps({ key: await readFile(key), cert: await readFile(cert) }, (_, response) => {
      response.writeHead(204).end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const url = `https://localhost:${port}/`
    const refused = { ok: false, detail: expect.stringMatching(/^its certificate was not accepted \(\w+\)$/) }
    expect(await send({ url })).toEqual(refused)
    expect(await reach(url, never)).toMatch(/^its certificate was not accepted/)
    // Trusted, as a private authority is, it is taken for its own name alone.
    const code = `
      import { post } from './src/adapters/webhooks/post.ts'
      import { reach } from './src/adapters/webhooks/reach.ts'
      const signal = new AbortController().signal
      const of = { secrets: ['${NEW}'], id: 'evt_1', body: '{}', signal }
      const answers = [await post({ ...of, url: '${url}' }), await post({ ...of, url: 'https://127.0.0.1:${port}/' })]
      console.log(JSON.stringify([...answers, (await reach('${url}', signal)) ?? 'reached']))`
    const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
      cwd: fileURLToPath(new URL('../../', import.meta.url)),
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: cert },
    })
    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ ok: true, status: 204 }), refused, 'reached'])
  })

  it('says what is wrong with a certificate by its code', () => {
    const error = Object.assign(new Error('at secret.example.com'), { code: 'CERT_HAS_EXPIRED' })
    expect(failureInWords(error)).toBe('its certificate was not accepted (CERT_HAS_EXPIRED)')
    expect(failureInWords(new Error('secret'))).toBe('the connection failed')
  })
})
