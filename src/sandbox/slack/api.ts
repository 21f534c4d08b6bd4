import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, type Method, refuse, refuseArguments } from './answers.ts'
import { chatMethods } from './chat-methods.ts'
import { conversationMethods, conversationScopes } from './conversation-methods.ts'
import { directoryMethods } from './directory-methods.ts'
import type { createFaults, Fault, FaultKind } from './faults.ts'
import { createRateLimits, type RateLimiting } from './rate-limits.ts'
import { useResponseUrl } from './response-urls.ts'
import { isRecord, type Json, type State } from './state.ts'
import { viewMethods } from './view-methods.ts'

/** A call of the app as Slack received it, without tokens. */
export type ApiCall = {
  at: number
  method: string
  args: Json
  /** The answer; `status` 0 if nothing reached the app. */
  status: number
  ok: boolean
  error: string | undefined
  /** Whether the call took effect, independent of the answer. */
  isApplied: boolean
  /** The message or view that the call created or changed. */
  channel: string | undefined
  ts: string | undefined
  fault: FaultKind | undefined
}

const structured = ['blocks', 'attachments', 'metadata', 'view']

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Reads arguments from JSON, or from a form whose structures are JSON text. Text that isn't JSON stays text. */
function readArguments(body: string, type: string, query: URLSearchParams): Json {
  if (type.startsWith('application/json')) {
    const parsed: unknown = body === '' ? {} : JSON.parse(body)
    return isRecord(parsed) ? parsed : {}
  }
  const args: Json = Object.fromEntries([...query, ...new URLSearchParams(body)])
  for (const key of structured) {
    if (typeof args[key] !== 'string') continue
    try {
      args[key] = JSON.parse(args[key])
    } catch {
      // A method that expects a structure refuses text with its own error.
    }
  }
  return args
}

export function createApi(given: {
  state: State
  origin: string
  botToken: string
  appToken: string
  scopes: string[]
  enforceRateLimits: boolean | RateLimiting
  faults: ReturnType<typeof createFaults>
  openSocketUrl: () => string
  wait: (ms: number) => Promise<void>
}) {
  const { state, scopes, faults } = given
  const log: ApiCall[] = []
  const rateLimits = createRateLimits(state.now, given.enforceRateLimits === 'strict' ? 'strict' : 'bursts')
  const methods: Record<string, Method> = {
    ...chatMethods,
    ...conversationMethods,
    ...viewMethods,
    ...directoryMethods({ origin: given.origin, scopes }),
  }

  function perform(method: string, args: Json, token: string): Answer {
    if (!/^xox|^xapp/.test(token)) return refuse(token === '' ? 'not_authed' : 'invalid_auth')
    const botToken = state.reissuedToken ?? given.botToken
    if (token === given.botToken && token !== botToken) return refuse('token_revoked')
    if (token !== botToken && token !== given.appToken) return refuse('invalid_auth')
    if (method === 'apps.connections.open') {
      return token === given.appToken ? { ok: true, url: given.openSocketUrl() } : refuse('not_allowed_token_type')
    }
    const known = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (method === 'api.test') return { ok: true, args }
    if (!known) return refuse('unknown_method', { req_method: method })
    if (token !== botToken) return refuse('not_allowed_token_type')
    if (state.tokenRefusedBy !== undefined) return refuse(state.tokenRefusedBy)
    const missing = (known.required ?? []).filter((name) => args[name] === undefined || args[name] === '')
    const needed =
      /^conversations\.|^users\.conversations$/.test(method) && !known.scope
        ? conversationScopes(method, args, state)
        : known.scope
    const lacking = (needed ?? []).filter((scope) => !scopes.includes(scope))
    if (lacking.length > 0) return refuse('missing_scope', { needed: lacking.join(','), provided: scopes.join(',') })
    if (missing.length > 0) return refuseArguments(missing.map((name) => `missing required field: ${name}`))
    if (state.refusesMessages !== undefined && /^chat\.(postMessage|update|delete|postEphemeral)$/.test(method))
      return refuse(state.refusesMessages)
    return known.run(args, state)
  }

  /** Answers a call, or fails it as the fault says. `work` causes the effect and is called at most once. */
  async function answer(
    response: ServerResponse,
    call: { method: string; args: Json },
    work: () => Answer,
    statusOf: (answer: Answer) => number,
  ): Promise<void> {
    const fault: Fault | undefined = faults.take(call.method, call.args)
    const kind = fault?.kind
    const entry: ApiCall = {
      at: state.now(),
      method: call.method,
      args: call.args,
      status: 0,
      ok: false,
      error: undefined,
      isApplied: false,
      channel: undefined,
      ts: undefined,
      fault: kind,
    }
    log.push(entry)
    const apply = () => {
      const result = work()
      entry.isApplied = result.ok
      entry.error = result.ok ? undefined : String(result.error)
      if (typeof result.channel === 'string') entry.channel = result.channel
      const ts = result.ts ?? result.message_ts
      if (typeof ts === 'string') entry.ts = ts
      return result
    }
    const send = (status: number, body: string, headers: Record<string, string> = {}) => {
      if (response.destroyed) return
      entry.status = status
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(body)
    }
    const sendAnswer = (result: Answer) => {
      entry.ok = result.ok
      send(statusOf(result), JSON.stringify(result), {
        'x-oauth-scopes': scopes.join(','),
        'x-slack-req-id': state.newId('r'),
      })
    }
    const limited = (seconds: number | undefined) => {
      entry.error = 'ratelimited'
      send(429, JSON.stringify(refuse('ratelimited')), seconds === undefined ? {} : { 'retry-after': String(seconds) })
    }

    const wait = given.enforceRateLimits ? rateLimits.take(call.method, call.args) : 0
    if (kind === 'rate_limited' || wait > 0) limited(wait || (fault?.retryAfter ?? 1))
    else if (kind === 'rate_limited_bare') limited(undefined)
    else if (kind === 'error') {
      entry.error = fault?.error ?? 'internal_error'
      sendAnswer(refuse(entry.error))
    } else if (kind === 'http_500_before' || kind === 'http_500_after') {
      if (kind === 'http_500_after') apply()
      send(500, '<html>Server Error</html>', { 'content-type': 'text/html' })
    } else if (kind === 'reset_before' || kind === 'reset_after') {
      if (kind === 'reset_after') apply()
      response.socket?.resetAndDestroy()
    } else if (kind === 'hang' || kind === 'hang_after') {
      if (kind === 'hang_after') apply()
    } else if (kind === 'cut_body') {
      const body = JSON.stringify(apply())
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) })
      response.write(body.slice(0, Math.floor(body.length / 2)), () => response.socket?.destroy())
    } else if (kind === 'delay') {
      await given.wait(fault?.ms ?? 1000)
      sendAnswer(apply())
    } else if (kind === 'delay_answer') {
      const result = apply()
      state.changed()
      await given.wait(fault?.ms ?? 1000)
      sendAnswer(result)
    } else sendAnswer(apply())
    state.changed()
  }

  return {
    log: log as readonly ApiCall[],
    async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const url = new URL(request.url ?? '/', given.origin)
      const body = await readBody(request)
      let args: Json
      try {
        args = readArguments(body, request.headers['content-type'] ?? '', url.searchParams)
      } catch {
        args = {}
      }
      const { token: tokenArgument, ...rest } = args
      const token = (request.headers.authorization ?? '').replace(/^Bearer /, '') || String(tokenArgument ?? '')
      if (url.pathname.startsWith('/api/')) {
        const method = url.pathname.slice('/api/'.length)
        return answer(
          response,
          { method, args: rest },
          () => perform(method, rest, token),
          () => 200,
        )
      }
      if (url.pathname.startsWith('/response/')) {
        const one = state.responseUrls.get(url.pathname)
        const work = () => useResponseUrl(state, one, rest)
        const call = { method: 'response_url', args: { ...rest, channel: one?.channel, user: one?.user } }
        return answer(response, call, work, (result) => {
          if (result.ok) return 200
          return result.error === 'expired_url' || result.error === 'used_url' ? 404 : 400
        })
      }
      response.writeHead(404).end()
    },
  }
}
