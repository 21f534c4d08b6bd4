import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { type ApiAnswer, createApi } from './api.ts'
import { createDrawing, drawingStyles } from './drawing.ts'
import { readJson } from './rest-faults.ts'
import type { Sandbox } from './sandbox.ts'
import type { World } from './world.ts'

export type Page = { url: string; port: number; close(): Promise<void> }

const LOOK_EVERY_MS = 800
const TELL_AFTER_MS = 40

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  ts: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/**
 * Serves the page and its API on the loopback. Pages are told of every change by Server-Sent Events; while one is open, the world
 * is looked at about once a second.
 */
export async function startPage(sandbox: Sandbox, port: number): Promise<Page> {
  const drawing = createDrawing(sandbox.slack)
  const styles = await drawingStyles()
  const listening = new Set<ServerResponse>()
  const files = new Map<string, string>()
  let world: World | undefined
  let telling: NodeJS.Timeout | undefined

  async function readWorld(): Promise<World> {
    world = await sandbox.world.read()
    return world
  }

  function tell(): void {
    telling ??= setTimeout(() => {
      telling = undefined
      for (const response of listening) response.write('data: changed\n\n')
    }, TELL_AFTER_MS)
  }

  let isLooking = false
  const looking = setInterval(async () => {
    if (listening.size === 0 || isLooking) return
    isLooking = true
    const before = JSON.stringify(world)
    const now = await readWorld().catch(() => world)
    isLooking = false
    if (JSON.stringify(now) !== before) tell()
  }, LOOK_EVERY_MS)
  const unsubscribe = sandbox.onChange(tell)
  const api = createApi(sandbox, drawing, {
    read: readWorld,
    // An open page shows the last look, and is told of the next. How the service is costs nothing to look at, and may be over then.
    async last() {
      const seen = world === undefined || listening.size === 0 ? await readWorld() : world
      return { ...seen, ...sandbox.world.service() }
    },
  })

  async function file(name: string): Promise<{ text: string; type: string } | undefined> {
    const type = TYPES[name.split('.').at(-1) ?? '']
    if (!/^[a-z-]+\.[a-z]+$/.test(name) || type === undefined) return undefined
    if (name === 'drawing.css') return { text: styles, type }
    const before = files.get(name)
    if (before !== undefined) return { text: before, type }
    const read = await readFile(new URL(`./page/${name}`, import.meta.url), 'utf8').catch(() => undefined)
    if (read === undefined) return undefined
    const text = name.endsWith('.ts') ? stripTypeScriptTypes(read) : read
    files.set(name, text)
    return { text, type }
  }

  function subscribe(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write('retry: 500\n\ndata: changed\n\n')
    listening.add(response)
    request.once('close', () => listening.delete(response))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const [, first = '', name = ''] = url.pathname.split('/')
    if (first === 'events') return subscribe(request, response)
    if (first === 'api') {
      if (request.method === 'GET') return send(response, await api.read(name, url.searchParams))
      // A page of another site can send a form here, and no JSON.
      if (!request.headers['content-type']?.startsWith('application/json')) {
        return send(response, { status: 415, body: { error: 'Send application/json.' } })
      }
      const body = await readJson(request)
      const answered = await api.act(name, body === 'malformed' ? undefined : (body.json ?? {}))
      tell()
      return send(response, answered)
    }
    const found = await file(first === '' ? 'index.html' : name || first)
    if (found === undefined) return send(response, { status: 404, body: { error: 'There is nothing here.' } })
    response.writeHead(200, {
      'content-type': found.type,
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
      'x-content-type-options': 'nosniff',
    })
    response.end(found.text)
  }

  const server = createServer((request, response) => {
    if (!isOurs(request)) return send(response, { status: 403, body: { error: 'The sandbox is for this machine.' } })
    handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://localhost:${bound}`,
    port: bound,
    async close() {
      clearInterval(looking)
      clearTimeout(telling)
      unsubscribe()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Names that only this machine has: a foreign name that resolves to the loopback is not answered. */
const isOurs = (request: IncomingMessage) =>
  /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')

function send(response: ServerResponse, { status, body }: ApiAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body ?? {}))
}
