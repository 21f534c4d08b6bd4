/** One signed request to a webhook's URL. */
import { lookup as resolve } from 'node:dns'
import { type ClientRequest, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { type Answer, readRetryAfter } from './retry.ts'

/** Standard Webhooks recommends 15 to 30 s. */
const ANSWERS_WITHIN_MS = 15_000
/** What is read of an answer's body before the connection is closed; nothing of it is looked at. */
const LONGEST_BODY = 64 * 1024

export interface PostOptions {
  readonly url: string
  /** `whsec_…`, the new one first; the request is signed with each. */
  readonly secrets: readonly string[]
  readonly id: string
  readonly body: string
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

/**
 * Makes one request with the headers of Standard Webhooks. Never throws, follows no redirect, and connects to no link-local
 * address, where clouds hand out credentials. Neither the address nor the answer's body is in what it returns.
 */
export async function post(options: PostOptions): Promise<Answer> {
  const { timeoutMs = ANSWERS_WITHIN_MS } = options
  const limit = AbortSignal.timeout(timeoutMs)
  const from = performance.now()
  try {
    const { status, retryAfter } = await send(options, AbortSignal.any([options.signal, limit]))
    const ms = Math.round(performance.now() - from)
    if (status >= 200 && status <= 299) return { ok: true, status, ms }
    const retryAfterMs = readRetryAfter(retryAfter, Date.now())
    const detail =
      status >= 300 && status <= 399 ? `it answered ${status}, and redirects are not followed` : `it answered ${status}`
    return { ok: false, status, detail, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  } catch (error) {
    const detail = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : failureInWords(error)
    return { ok: false, detail }
  }
}

/** The signatures with each secret, for the header `webhook-signature`. */
export function signatures(secrets: readonly string[], id: string, at: Date, body: string): string {
  return secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' ')
}

function send(
  { url, secrets, id, body }: PostOptions,
  signal: AbortSignal,
): Promise<{ status: number; retryAfter: string | undefined }> {
  const target = new URL(url)
  const at = new Date()
  return new Promise((done, failed) => {
    const host = target.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && isForbidden(host)) throw new ForbiddenAddress()
    const request: ClientRequest = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, {
      method: 'POST',
      // A connection of its own: one that the other side has just closed would make the try fail.
      agent: false,
      lookup: lookupAllowed,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'signoff',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signatures(secrets, id, at, body),
      },
    })
    request.on('error', failed)
    request.on('response', (response) => {
      const { statusCode = 0, headers } = response
      let read = 0
      response.on('error', () => undefined)
      response.on('data', (part: Buffer) => {
        read += part.length
        if (read > LONGEST_BODY) response.destroy()
      })
      done({ status: statusCode, retryAfter: headers['retry-after'] })
    })
    request.end(body)
  })
}

class ForbiddenAddress extends Error {
  readonly code = 'FORBIDDEN_ADDRESS'
}

/** Link-local, and the metadata service of a cloud that has an address of its own. */
const FORBIDDEN = new BlockList()
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4')
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6')
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6')

export function isForbidden(address: string): boolean {
  return FORBIDDEN.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** The connection is made to what was looked at here, so that a name can't change in between. */
export const lookupAllowed: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, [])
    const allowed = found.filter(({ address }) => !isForbidden(address))
    const [first] = allowed
    if (first === undefined) return callback(new ForbiddenAddress(), [])
    if (options.all === true) callback(null, allowed)
    else callback(null, first.address, first.family)
  })
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed without an answer',
  ENOTFOUND: 'the name of its host was not found',
  EAI_AGAIN: 'the name of its host could not be looked up',
  EHOSTUNREACH: 'its host can’t be reached',
  ENETUNREACH: 'its host can’t be reached',
  ETIMEDOUT: 'the connection took too long',
  ABORT_ERR: 'the try was broken off because this process stops',
  FORBIDDEN_ADDRESS: 'its host has a link-local address, which is never called',
}

/** By its code alone: messages of errors name addresses. */
export function failureInWords(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words = WORDS[code]
  if (words !== undefined) return words
  return /CERT|SSL|TLS|ALTNAME|SIGNATURE|SELF_SIGNED/.test(code)
    ? `its certificate was not accepted (${code})`
    : `the connection failed${code === '' ? '' : ` (${code})`}`
}
