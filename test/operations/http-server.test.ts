import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startListening } from '../../src/cli/listen.ts'
import { type HttpServer, startHttpServer } from '../../src/operations/http-server.ts'

const started: { close(): Promise<void> }[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(started.splice(0).map((server) => server.close()))
})

async function serve(options: { mostConnections?: number } = {}): Promise<HttpServer> {
  const server = await startHttpServer(0, (_request, response) => void response.end('here'), options)
  started.push(server)
  return server
}

const get = (port: number, path = '/') => fetch(`http://127.0.0.1:${port}${path}`)

interface Opened {
  readonly socket: Socket
  /** How long it was open, once it is closed. */
  readonly closed: Promise<number>
}

/** Connects, and says this much. */
async function open(port: number, says = ''): Promise<Opened> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  socket.resume()
  const began = performance.now()
  const closed = new Promise<number>((resolve) => socket.once('close', () => resolve(performance.now() - began)))
  await new Promise((resolve) => socket.once('connect', resolve))
  if (says !== '') socket.write(says)
  return { socket, closed }
}

describe('O13: the server', () => {
  it('ends a connection without a first byte after 5 s, and no sooner', async () => {
    const { port } = await serve()
    const ms = await (await open(port)).closed
    expect(ms).toBeGreaterThan(4_900)
    expect(ms).toBeLessThan(9_000)
  })

  it('answers while somebody holds every connection open: the oldest silent one makes room', async () => {
    const { port } = await serve({ mostConnections: 20 })
    const silent: Opened[] = []
    for (let n = 0; n < 20; n++) silent.push(await open(port))
    expect(await (await get(port)).text()).toBe('here')
    await silent[0]?.closed
    expect(silent.filter(({ socket }) => socket.closed)).toHaveLength(1)
  })

  it('counts as silent who never finishes a request, and leaves alone who has made one', async () => {
    const { port } = await serve({ mostConnections: 3 })
    const used = await open(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => used.socket.once('data', resolve))
    const drips = await open(port, 'G')
    await open(port)
    expect(await (await get(port)).text()).toBe('here')
    await drips.closed
    expect(used.socket.closed).toBe(false)
  })

  it('refuses the newest where every other has made a request', async () => {
    const { port } = await serve({ mostConnections: 1 })
    const used = await open(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => used.socket.once('data', resolve))
    await (await open(port)).closed
    expect(used.socket.closed).toBe(false)
  })

  it('answers broken requests with 400 and goes on', async () => {
    const { port } = await serve()
    const socket = connect(port, '127.0.0.1')
    socket.end('NOT HTTP\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect((await get(port)).status).toBe(200)
  })

  it('ends a connection that never finishes its headers', async () => {
    const { port } = await serve()
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n')
    const began = performance.now()
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
    expect(performance.now() - began).toBeLessThan(9_000)
  })
})

describe('O13: HEALTH_PORT', () => {
  const health = {
    ready: async () => ({ store: true as const }),
    metrics: async () => ({ contentType: 'text/plain', body: 'a 1' }),
  }
  async function listening(requests: boolean) {
    const [port, healthPort] = await Promise.all([freePort(), freePort()])
    const answer = { requests: (_request: unknown, response: { end(text: string): void }) => response.end('for Slack') }
    const opened = await startListening({ port, healthPort }, { ...health, ...(requests && answer) })
    started.push(opened)
    return { ...opened, written: port }
  }
  async function freePort(): Promise<number> {
    const server = await startHttpServer(0, () => undefined)
    await server.close()
    return server.port
  }

  it('has health and metrics alone; PORT has Slack’s requests alone', async () => {
    const { port, healthPort } = await listening(true)
    expect(port).not.toBe(healthPort)
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await get(healthPort, path)).status).toBe(200)
      expect(await (await get(port, path)).text()).toBe('for Slack')
    }
    expect((await get(healthPort, '/slack/events')).status).toBe(404)
    expect(await (await get(port, '/slack/events')).text()).toBe('for Slack')
  })

  it('leaves PORT closed where Slack sends nothing to it', async () => {
    const { port, healthPort, written } = await listening(false)
    expect(port).toBe(healthPort)
    await expect(get(written)).rejects.toThrow()
  })

  it('O5: says which port is taken, by its number, and leaves none open', async () => {
    const { port } = await serve()
    await expect(startListening({ port }, health)).rejects.toThrow(
      `PORT ${port} is used by another program. Check whether Signoff already runs here, or set another PORT.`,
    )
    const free = await freePort()
    await expect(startListening({ port: free, healthPort: port }, health)).rejects.toThrow(
      `HEALTH_PORT ${port} is used`,
    )
    await expect(startListening({ port, healthPort: free }, { ...health, requests: () => undefined })).rejects.toThrow(
      `PORT ${port} is used`,
    )
    await expect(get(free)).rejects.toThrow()
  })
})
