import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { Answer, ServiceError } from '../../release/ports/answers.ts'
import type { PlatformRelease } from '../../release/ports/platform.ts'

// Only the fields that are used. Heroku's reference: devcenter.heroku.com/articles/platform-api-reference.

const releaseShape = z.object({
  id: z.string(),
  version: z.int(),
  status: z.enum(['succeeded', 'pending', 'failed', 'expired']),
  current: z.boolean(),
  description: z.string().nullish(),
  slug: z.object({ id: z.string() }).nullish(),
})

const slugShape = z.object({ commit: z.string().nullable() })

const errorShape = z.object({ message: z.string() })

type Read<T> =
  | { readonly ok: true; readonly value: T }
  | (ServiceError & { readonly ok: false; readonly status?: number })

export interface HerokuApi {
  /** The last releases of an app, newest first, with the commits of their slugs. */
  releases(app: string, limit: number): Promise<Answer<readonly PlatformRelease[]>>
  /** Makes a new release from a slug. */
  releaseSlug(app: string, slug: string): Promise<Answer<PlatformRelease>>
}

export interface HerokuApiSettings {
  /** Such as https://api.heroku.com; the key goes to this origin only. */
  readonly apiUrl: string
  readonly apiKey: string
  /** For one request and its answer; default 15 s. */
  readonly timeoutMs?: number
}

/**
 * Heroku's Platform API v3. `releases` is safe to repeat; `commit` is the slug's or, without that, the 8 hex digits in the
 * release's description. `releaseSlug` is not safe to repeat: after `unreachable`, which includes unreadable answers, the
 * release may exist, so read `releases` first; after `wrong` it does not.
 */
export function createHerokuApi(settings: HerokuApiSettings): HerokuApi {
  const { apiKey, timeoutMs = 15_000 } = settings
  if (apiKey === '') throw new Error("Heroku's API key is empty")
  const apiUrl = settings.apiUrl.replace(/\/+$/, '')
  // A slug's commit never changes.
  const commits = new Map<string, string>()

  const oneLine = (text: string) => text.replaceAll(apiKey, '…').replaceAll(/\s+/g, ' ').trim().slice(0, 300)

  async function ask<T>(
    schema: z.ZodType<T>,
    path: string,
    request: { method?: 'POST'; range?: string; body?: unknown } = {},
  ): Promise<Read<T>> {
    const limit = AbortSignal.timeout(timeoutMs)
    let status: number
    let text: string
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
      return { ok: false, failure, status, detail }
    }
    const parsed = schema.safeParse(body)
    if (parsed.success) return { ok: true, value: parsed.data }
    const where = parsed.error.issues[0]?.path.map(String).join('.') ?? ''
    return {
      ok: false,
      failure: 'wrong',
      status,
      detail: oneLine(`Heroku's answer can't be read at ${where || 'all'}`),
    }
  }

  /** Undefined: the slug has no commit, or is gone. */
  async function commitOfSlug(app: string, slug: string): Promise<Answer<string | undefined>> {
    const known = commits.get(slug)
    if (known !== undefined) return { ok: true, value: known }
    const read = await ask(slugShape, `/apps/${encodeURIComponent(app)}/slugs/${encodeURIComponent(slug)}`)
    if (!read.ok) return read.status === 404 ? { ok: true, value: undefined } : toServiceError(read)
    const commit = read.value.commit?.toLowerCase() ?? ''
    if (!/^[0-9a-f]{40}$/.test(commit)) return { ok: true, value: undefined }
    commits.set(slug, commit)
    return { ok: true, value: commit }
  }

  async function withCommit(app: string, release: z.infer<typeof releaseShape>): Promise<Answer<PlatformRelease>> {
    const { id, version, status, current } = release
    const facts = { id, version, status, current }
    if (release.slug == null) return { ok: true, value: facts }
    const slug = release.slug.id
    const told = await commitOfSlug(app, slug)
    if (!told.ok) return told
    const commit = told.value ?? /^Deploy ([0-9a-f]{8})\b/.exec(release.description ?? '')?.[1]
    return { ok: true, value: { ...facts, artifact: slug, ...defined({ commit }) } }
  }

  return {
    async releases(app, limit) {
      const read = await ask(z.array(releaseShape), `/apps/${encodeURIComponent(app)}/releases`, {
        range: `version ..; order=desc, max=${limit}`,
      })
      if (!read.ok) return toServiceError(read)
      const last = read.value.toSorted((a, b) => b.version - a.version).slice(0, limit)
      const releases: PlatformRelease[] = []
      for (const known of await Promise.all(last.map((release) => withCommit(app, release)))) {
        if (!known.ok) return known
        releases.push(known.value)
      }
      return { ok: true, value: releases }
    },

    async releaseSlug(app, slug) {
      const made = await ask(releaseShape, `/apps/${encodeURIComponent(app)}/releases`, {
        method: 'POST',
        body: { slug },
      })
      if (!made.ok) {
        const { status = 0 } = made
        if (status >= 200 && status < 300) return toServiceError({ ...made, failure: 'unreachable' })
        return toServiceError(status === 429 ? { ...made, failure: 'wrong' } : made)
      }
      const known = await withCommit(app, made.value)
      if (known.ok) return known
      const { id, version, status, current } = made.value
      return { ok: true, value: { id, version, status, current, artifact: slug } }
    },
  }
}

function toServiceError(read: ServiceError & { readonly ok: false }): { ok: false } & ServiceError {
  return { ok: false, failure: read.failure, detail: read.detail }
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
