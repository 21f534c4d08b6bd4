import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { ServiceError } from '../../release/ports/answers.ts'

const errorShape = z.object({ message: z.string() })

export type Read<T> =
  | { readonly ok: true; readonly value: T; readonly nextRange?: string }
  | (ServiceError & { readonly ok: false; readonly status?: number })

export interface HerokuApiSettings {
  /** Such as https://api.heroku.com; the key goes to this origin only. */
  readonly apiUrl: string
  readonly apiKey: string
  /** For one request and its answer; default 15 s. */
  readonly timeoutMs?: number
}

/** Asks the Platform API v3 once. A redirect is not followed, so that the key stays with its host. */
export type AskHeroku = <T>(
  schema: z.ZodType<T>,
  path: string,
  request?: { readonly method?: 'POST'; readonly range?: string; readonly body?: unknown },
) => Promise<Read<T>>

export function createHerokuClient(settings: HerokuApiSettings): AskHeroku {
  const { apiKey, timeoutMs = 15_000 } = settings
  if (apiKey === '') throw new Error("Heroku's API key is empty")
  const apiUrl = settings.apiUrl.replace(/\/+$/, '')

  const oneLine = (text: string) => text.replaceAll(apiKey, '…').replaceAll(/\s+/g, ' ').trim().slice(0, 300)

  return async (schema, path, request = {}) => {
    const limit = AbortSignal.timeout(timeoutMs)
    let status: number
    let text: string
    let nextRange: string | undefined
    try {
      const answer = await fetch(`${apiUrl}${path}`, {
        method: request.method ?? 'GET',
        redirect: 'manual',
        signal: limit,
        headers: {
          accept: 'application/vnd.heroku+json; version=3',
          authorization: `Bearer ${apiKey}`,
          ...defined({
            range: request.range,
            'content-type': request.body === undefined ? undefined : 'application/json',
          }),
        },
        ...defined({ body: request.body === undefined ? undefined : JSON.stringify(request.body) }),
      })
      status = answer.status
      nextRange = answer.headers.get('next-range') ?? undefined
      text = await answer.text()
    } catch (error) {
      const why = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : `the connection failed (${codeOf(error)})`
      return { ok: false, failure: 'unreachable', detail: why }
    }
    const body = jsonOf(text)
    if (status < 200 || status >= 300) {
      const problem = errorShape.safeParse(body)
      const detail = oneLine(`Heroku answered ${status}${problem.success ? `: ${problem.data.message}` : ''}`)
      const failure =
        status === 401 || status === 403 ? 'refused' : status === 429 || status >= 500 ? 'unreachable' : 'wrong'
      // Without Heroku's own words the address of its API may be wrong.
      const denied = !problem.success
        ? undefined
        : status === 404
          ? 'not found'
          : status === 403
            ? 'no access'
            : undefined
      return { ok: false, failure, status, detail, ...defined({ denied }) }
    }
    const parsed = schema.safeParse(body)
    if (parsed.success) return { ok: true, value: parsed.data, ...defined({ nextRange }) }
    const where = parsed.error.issues[0]?.path.map(String).join('.') ?? ''
    const detail = oneLine(`Heroku's answer can't be read at ${where || 'all'}`)
    return { ok: false, failure: 'wrong', status, detail }
  }
}

export function toServiceError(read: ServiceError & { readonly ok: false }): { ok: false } & ServiceError {
  return { ok: false, failure: read.failure, detail: read.detail, ...defined({ denied: read.denied }) }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Such as ECONNREFUSED. Never the error's text, which may contain secrets. */
function codeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z0-9_]{1,40}$/.test(at.code)) return at.code
  }
  return 'no reason given'
}
