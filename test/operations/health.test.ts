import { createServer } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { partsReady, startHealthServer } from '../../src/operations/health.ts'
import type { HttpServer } from '../../src/operations/http-server.ts'

const started: HttpServer[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()))
})

async function serve(options: Partial<Parameters<typeof startHealthServer>[0]> = {}): Promise<string> {
  const server = await startHealthServer({ port: 0, ready: async () => ({ store: true }), ...options })
  started.push(server)
  return `http://127.0.0.1:${server.port}`
}

const never = () => new Promise<never>(() => {})

describe('/healthz', () => {
  it('says that the process is alive, whatever else is not', async () => {
    const url = await serve({ ready: async () => ({ store: 'gone' }) })
    const answer = await fetch(`${url}/healthz?probe=1`)
    expect([answer.status, await answer.json()]).toEqual([200, { alive: true }])
  })

  it('answers HEAD without a body, and nothing else than GET and HEAD', async () => {
    const url = await serve()
    const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
    expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '15'])
    const posted = await fetch(`${url}/healthz`, { method: 'POST', body: 'x' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

describe('/readyz', () => {
  it('is 200 when every part is ready', async () => {
    const url = await serve({ ready: async () => ({ store: true, slack: true }) })
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([200, { ready: true, parts: { store: true, slack: true } }])
  })

  it('is 503, names the part that is not, and says in words what is missing', async () => {
    const url = await serve({ ready: async () => ({ store: true, slack: 'Slack refuses our token.' }) })
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { ready: false, parts: { store: true, slack: false }, missing: { slack: 'Slack refuses our token.' } },
    ])
  })

  it('S12: shows a closed channel beside them, and stays 200: other channels need the bot', async () => {
    const url = await serve({
      ready: async () => ({ store: true }),
      shown: async () => ({ channels: 'Slack closed one.' }),
    })
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { ready: true, parts: { store: true, channels: false }, missing: { channels: 'Slack closed one.' } },
    ])
  })

  it('answers within two seconds without what is only shown, where that hangs or fails', async () => {
    for (const shown of [never, () => Promise.reject(new Error('unheard'))]) {
      const url = await serve({ ready: async () => ({ store: true }), shown })
      const began = performance.now()
      const answer = await fetch(`${url}/readyz`)
      expect([answer.status, await answer.json()]).toEqual([200, { ready: true, parts: { store: true } }])
      expect(performance.now() - began).toBeLessThan(2_000)
    }
  })

  it('answers within two seconds while the store hangs, and says that it is the store', async () => {
    const url = await serve({ ready: partsReady({ store: never, slack: () => true }) })
    const began = performance.now()
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { ready: false, parts: { store: false, slack: true }, missing: { store: 'No answer within 1 s.' } },
    ])
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  it('answers within two seconds when nothing is said at all, and recovers', async () => {
    let hangs = true
    const url = await serve({ ready: () => (hangs ? never() : Promise.resolve({ store: true })) })
    const began = performance.now()
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, parts: {}, why: 'no answer in time' }])
    expect(performance.now() - began).toBeLessThan(2_000)
    hangs = false
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })

  it('tells no error', async () => {
    const url = await serve({
      ready: () => {
        throw new Error('postgres://app:unheard@db')
      },
    })
    const answer = await fetch(`${url}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.text()).not.toContain('unheard')
    const parts = await partsReady({
      store: async () => {
        throw new Error('no')
      },
    })()
    expect(parts).toEqual({ store: 'The check failed.' })
  })
})

describe('/metrics', () => {
  it('gives what is handed in', async () => {
    const url = await serve({ metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'a 1\n' }) })
    const answer = await fetch(`${url}/metrics`)
    expect(await answer.text()).toBe('a 1\n')
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4')
  })

  it('is not there without it, and 503 when it fails', async () => {
    expect((await fetch(`${await serve()}/metrics`)).status).toBe(404)
    const url = await serve({ metrics: async () => Promise.reject(new Error('no')) })
    expect((await fetch(`${url}/metrics`)).status).toBe(503)
  })
})

describe('other paths', () => {
  it('are not found without a fallback', async () => {
    expect((await fetch(`${await serve()}/slack/events`, { method: 'POST', body: 'x' })).status).toBe(404)
  })

  it('are the fallback’s, body and all', async () => {
    const url = await serve({
      fallback: async (request, response) => {
        let body = ''
        for await (const chunk of request) body += String(chunk)
        response.end(`${request.method} ${request.url} ${body}`)
      },
    })
    const answer = await fetch(`${url}/slack/events`, { method: 'POST', body: 'payload' })
    expect(await answer.text()).toBe('POST /slack/events payload')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('are not found when the fallback does not know them', async () => {
    const url = await serve({
      fallback: () => {
        throw new Error('Unhandled HTTP request')
      },
    })
    const answer = await fetch(`${url}/favicon.ico`)
    expect([answer.status, await answer.json()]).toEqual([404, { found: false }])
  })
})

describe('the server', () => {
  it('says when its port is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, resolve))
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(startHealthServer({ port, ready: async () => ({}) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise((resolve) => other.close(resolve))
  })

  it('closes while somebody holds a connection and a request hangs', async () => {
    const server = await startHealthServer({ port: 0, ready: async () => ({}), fallback: () => {} })
    const hanging = fetch(`http://127.0.0.1:${server.port}/hangs`).catch((error: unknown) => error)
    await fetch(`http://127.0.0.1:${server.port}/healthz`)
    await Promise.all([server.close(), server.close()])
    expect(await hanging).toBeInstanceOf(Error)
  })
})
