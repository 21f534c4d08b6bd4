import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { type ApiAnswer, createApi } from './api.ts'
import { createDrawing, drawingStyles } from './drawing.ts'
import { readJson } from './rest-faults.ts'
import type { Sandbox } from './sandbox.ts'
import type { Systems } from './systems.ts'

export type Page = { url: string; port: number; close(): Promise<void> }

const READ_EVERY_MS = 800
const NOTIFY_AFTER_MS = 40

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  ts: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/**
 * Serves the page and its API on the loopback. Pages hear of every change by Server-Sent Events. While a page is open, the
 * systems are read about once a second.
 */
export async function startPage(sandbox: Sandbox, port: number): Promise<Page> {
  const drawing = createDrawing(sandbox.slack, sandbox.now)
  const styles = await drawingStyles()
  const listening = new Set<ServerResponse>()
  const files = new Map<string, string>()
  let systems: Systems | undefined
  let notifying: NodeJS.Timeout | undefined

  async function readSystems(): Promise<Systems> {
    systems = await sandbox.systems.read()
    return systems
  }

  function notify(): void {
    notifying ??= setTimeout(() => {
      notifying = undefined
      for (const response of listening) response.write('data: changed\n\n')
    }, NOTIFY_AFTER_MS)
  }

  let isReading = false
  const reading = setInterval(async () => {
    if (listening.size === 0 || isReading) return
    isReading = true
    const before = JSON.stringify(systems)
    const now = await readSystems().catch(() => systems)
    isReading = false
    if (JSON.stringify(now) !== before) notify()
  }, READ_EVERY_MS)
  const unsubscribe = sandbox.onChange(notify)
  const api = createApi(sandbox, drawing, {
    read: readSystems,
    // An open page shows the last reading and hears of the next. Process states are read now: they are cheap and change fast.
    async last() {
      const seen = systems === undefined || listening.size === 0 ? await readSystems() : systems
      return { ...seen, ...sandbox.systems.service() }
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
      // Another site's page can send a form here, but not JSON.
      if (!request.headers['content-type']?.startsWith('application/json')) {
        return send(response, { status: 415, body: { error: 'Send application/json.' } })
      }
      const body = await readJson(request)
      const answered = await api.act(name, body === 'malformed' ? undefined : (body.json ?? {}))
      notify()
      return send(response, answered)
    }
    const found = await file(first === '' ? 'index.html' : name || first)
    if (found === undefined) return send(response, { status: 404, body: { error: 'Not found.' } })
    response.writeHead(200, {
      'content-type': found.type,
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
      'x-content-type-options': 'nosniff',
    })
    response.end(found.text)
  }

  const server = createServer((request, response) => {
    if (!isOurs(request))
      return send(response, { status: 403, body: { error: 'The sandbox only answers this machine.' } })
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
      clearInterval(reading)
      clearTimeout(notifying)
      unsubscribe()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Accepts only this machine's own names, so that a foreign name that resolves to the loopback is refused (DNS rebinding). */
const isOurs = (request: IncomingMessage) =>
  /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')

function send(response: ServerResponse, { status, body }: ApiAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body ?? {}))
}
