import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** An answer of a REST API. Without a body, it has no content type either. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> }

/** `..._before`: the effect never happens. `..._after`: it happens, but the caller gets no answer. */
export type FaultKind =
  | 'reset_before'
  | 'reset_after'
  | 'http_500_before'
  | 'http_500_after'
  | 'http_429'
  | 'unauthorized'
  | 'forbidden'
  | 'delay'
  | 'delay_after'
  | 'hang'
  | 'hang_after'

export type Fault<Route extends string, Kind extends string = FaultKind> = {
  /** `any` matches every route. */
  route: Route | 'any'
  kind: Kind
  /** How many requests it affects; default 1. */
  times?: number
  /** How many matching requests pass first; default 0. */
  after?: number
  /** For kinds that wait: milliseconds, or a promise to wait for; default 1000 ms. */
  until?: number | Promise<unknown>
  /** `http_429`: seconds in Retry-After; default 1. */
  retryAfter?: number
}

export type Faults<F> = {
  add(fault: F): void
  /** Takes the fault for this request, if there is one. */
  take(route: string): F | undefined
  /** Resolves when the next request of that route arrives (`any`: of every route), before it is answered. */
  arrived(route: string): Promise<void>
  clear(): void
}

/** Holds the faults that a test has added, in order; the first match is used. */
export function createFaults<F extends { route: string; times?: number; after?: number }>(): Faults<F> {
  let planned: { fault: F; skip: number; left: number }[] = []
  let waiting: { route: string; resolve: () => void }[] = []
  return {
    add(fault) {
      planned.push({ fault, skip: fault.after ?? 0, left: fault.times ?? 1 })
    },
    take(route) {
      const reached = waiting.filter((one) => one.route === 'any' || one.route === route)
      waiting = waiting.filter((one) => !reached.includes(one))
      for (const one of reached) one.resolve()
      const hit = planned.find((one) => one.fault.route === 'any' || one.fault.route === route)
      if (hit === undefined) return undefined
      if (hit.skip > 0) {
        hit.skip -= 1
        return undefined
      }
      hit.left -= 1
      if (hit.left <= 0) planned = planned.filter((one) => one !== hit)
      return hit.fault
    },
    arrived: (route) => new Promise((resolve) => waiting.push({ route, resolve })),
    clear() {
      planned = []
    },
  }
}

export const waitUntil = async (until: number | Promise<unknown> = 1000): Promise<void> => {
  await (typeof until === 'number' ? wait(until, undefined, { ref: false }) : until)
}

/**
 * Answers a request under a fault: `perform` causes the effect, `refuse` builds the service's error. Returns 'reset' to break
 * the connection, 'hang' to never answer.
 */
export async function answerUnder(
  fault: Fault<string> | undefined,
  perform: () => Promise<Answer>,
  refuse: (status: 401 | 403 | 429 | 500) => Answer,
): Promise<Answer | 'reset' | 'hang'> {
  switch (fault?.kind) {
    case undefined:
      return perform()
    case 'reset_before':
      return 'reset'
    case 'reset_after':
      await perform()
      return 'reset'
    case 'http_500_before':
      return refuse(500)
    case 'http_500_after':
      await perform()
      return refuse(500)
    case 'http_429': {
      const answer = refuse(429)
      return { ...answer, headers: { ...answer.headers, 'Retry-After': String(fault.retryAfter ?? 1) } }
    }
    case 'unauthorized':
      return refuse(401)
    case 'forbidden':
      return refuse(403)
    case 'delay':
      await waitUntil(fault.until)
      return perform()
    case 'delay_after': {
      const answer = await perform()
      await waitUntil(fault.until)
      return answer
    }
    case 'hang':
      return 'hang'
    case 'hang_after':
      await perform()
      return 'hang'
  }
}

/** Sends an answer, breaks the connection, or leaves it waiting. */
export function send(response: ServerResponse, answer: Answer | 'reset' | 'hang'): void {
  if (answer === 'hang') return
  if (answer === 'reset') {
    response.socket?.destroy()
    return
  }
  if (answer.body === undefined) {
    response.writeHead(answer.status, { 'Content-Length': '0', ...answer.headers }).end()
    return
  }
  const text = JSON.stringify(answer.body)
  const headers = { 'Content-Type': 'application/json; charset=utf-8', ...answer.headers }
  response.writeHead(answer.status, { ...headers, 'Content-Length': Buffer.byteLength(text) }).end(text)
}

/** The body of a request as JSON: undefined if it is empty, 'malformed' if it isn't JSON. */
export async function readJson(request: IncomingMessage): Promise<{ json: unknown } | 'malformed'> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (text === '') return { json: undefined }
  try {
    return { json: JSON.parse(text) }
  } catch {
    return 'malformed'
  }
}

/** Name and password of a Basic Authorization header, or the token of a Bearer one. */
export function credentialsOf(
  request: IncomingMessage,
): { kind: 'basic'; user: string; password: string } | { kind: 'bearer'; token: string } | undefined {
  const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() === 'bearer' && value !== '') return { kind: 'bearer', token: value }
  if (scheme.toLowerCase() !== 'basic') return undefined
  const [user = '', ...password] = Buffer.from(value, 'base64').toString().split(':')
  return { kind: 'basic', user, password: password.join(':') }
}
