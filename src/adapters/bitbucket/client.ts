import type { APIClient } from 'bitbucket'
import type { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { ServiceError } from '../../release/ports/answers.ts'
import {
  createRestrictedFetch,
  NOT_FOLLOWED,
  NOT_READ,
  type Pause,
  RENAMED,
  RENAMED_SOMEHOW,
} from './restricted-fetch.ts'
import { failure, type Page, page, requiredRightOf, sentenceOf } from './shapes.ts'

export type BitbucketCredentials = { readonly token: string } | { readonly email: string; readonly apiToken: string }

/** A failed request. `status` is absent if no answer came, or one that we did not follow. */
export type Failed = ServiceError & {
  readonly ok: false
  readonly status?: number
  /** The right that a 403 says our credential lacks. */
  readonly lacks?: string
}
export type Reply = { readonly ok: true; readonly status: number; readonly data: unknown; readonly headers: Headers }

export type Found<T> = { readonly ok: true; readonly value: T }

type Call = (api: APIClient) => Promise<{ data: unknown; status: number; headers: Record<string, string | undefined> }>

export interface Client {
  /** Makes one call of the package. Returns its errors as values, because they contain the credential. */
  call(make: Call): Promise<Reply | Failed>
  /** The same, with the body read by a schema. */
  read<T>(make: Call, schema: z.ZodType<T>): Promise<Found<T> | Failed>
  /** Calls `look` with each page of a list until it returns a value or the list ends. */
  look<T>(make: Call, look: (page: Page) => T | undefined): Promise<Found<T | undefined> | Failed>
}

/** In the messages of our fetch for requests that did get an answer. */
const ANSWERED = [NOT_FOLLOWED, NOT_READ, RENAMED, RENAMED_SOMEHOW]

/** Longer lists are an error. */
const MOST_PAGES = 400

export function createClient(options: {
  apiUrl: string
  credentials: BitbucketCredentials
  timeoutMs: number
  pause: Pause
}): Client {
  const { credentials } = options
  const secrets = secretsOf(credentials)
  // The package would say the credentials back.
  if (secrets.includes('')) throw new Error("Bitbucket's credentials are empty")
  const apiUrl = options.apiUrl.replace(/\/+$/, '')
  let made: Promise<APIClient> | undefined

  /** The package makes a function for each of Bitbucket's addresses, which costs a start a fifth of its time. */
  async function makeApi(): Promise<APIClient> {
    const { default: bitbucketPackage } = await import('bitbucket')
    return new bitbucketPackage.Bitbucket({
      baseUrl: apiUrl,
      notice: false,
      auth:
        'token' in credentials
          ? { token: credentials.token }
          : { username: credentials.email, password: credentials.apiToken },
      request: { fetch: createRestrictedFetch({ apiUrl, timeoutMs: options.timeoutMs, pause: options.pause }) },
    })
  }

  function oneLine(text: string): string {
    let clean = text
    for (const secret of secrets) clean = clean.replaceAll(secret, '…')
    return clean.replaceAll(/\s+/g, ' ').trim().slice(0, 300)
  }

  // The package reports everything that our fetch throws, and unreadable JSON, as a 500 without a body.
  function failureOf(error: unknown): Failed {
    const facts = failure.safeParse(error)
    if (!facts.success) return { ok: false, failure: 'wrong', detail: 'the request could not be made' }
    const { status, message, error: body } = facts.data
    if (status === 500 && body === undefined) {
      return {
        ok: false,
        failure: ANSWERED.some((part) => message.includes(part)) ? 'wrong' : 'unreachable',
        detail: oneLine(message),
      }
    }
    const sentence = sentenceOf(body)
    const detail = oneLine(`Bitbucket answered ${status}${sentence === undefined ? '' : `: ${sentence}`}`)
    if (status === 401 || status === 403) {
      return { ok: false, failure: 'refused', status, detail, ...defined({ lacks: requiredRightOf(body) }) }
    }
    if (status === 429 || status >= 500) return { ok: false, failure: 'unreachable', status, detail }
    return { ok: false, failure: 'wrong', status, detail }
  }

  const client: Client = {
    async call(make) {
      try {
        made ??= makeApi()
        const answer = await make(await made)
        const headers = new Headers()
        for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers.set(name, value)
        return { ok: true, status: answer.status, data: answer.data, headers }
      } catch (error) {
        return failureOf(error)
      }
    },

    async read(make, schema) {
      const reply = await client.call(make)
      if (!reply.ok) return reply
      const parsed = schema.safeParse(reply.data)
      if (parsed.success) return { ok: true, value: parsed.data }
      const where = parsed.error.issues[0]?.path.map(String).join('.') ?? ''
      return {
        ok: false,
        failure: 'wrong',
        status: reply.status,
        detail: `Bitbucket's answer can't be read${where === '' ? '' : ` at ${oneLine(where)}`}`,
      }
    },

    async look(make, look) {
      let next: Call = make
      for (let pages = 1; pages <= MOST_PAGES; pages += 1) {
        const read = await client.read(next, page)
        if (!read.ok) return read
        const found = look(read.value)
        if (found !== undefined) return { ok: true, value: found }
        if (read.value.next === undefined) return { ok: true, value: undefined }
        const url = read.value.next
        next = (api) => api.request({ method: 'GET', url })
      }
      return { ok: false, failure: 'wrong', detail: `the list has over ${MOST_PAGES} pages` }
    },
  }
  return client
}

function secretsOf(credentials: BitbucketCredentials): string[] {
  if ('token' in credentials) return [credentials.token]
  const { email, apiToken } = credentials
  return email === '' ? [''] : [apiToken, Buffer.from(`${email}:${apiToken}`).toString('base64')]
}

/** A failure in the ports' form. */
export function toServiceError(failed: Failed): { ok: false } & ServiceError {
  const { failure, detail, status } = failed
  // A pull request or a branch may be missing, too.
  const isRepository = status === 404 && /repository/i.test(detail)
  return { ok: false, failure, detail, ...(isRepository && { denied: 'not found' as const }) }
}
