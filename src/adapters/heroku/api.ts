import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { Answer } from '../../release/ports/answers.ts'
import { isOf, type PlatformRelease } from '../../release/ports/platform.ts'
import { createHerokuClient, type HerokuApiSettings, toServiceError } from './client.ts'
import { type Code, createCommits, type ReleaseRow, releaseShape } from './commits.ts'

export type { HerokuApiSettings } from './client.ts'

const appShape = z.object({
  maintenance: z.boolean().nullish(),
  stack: z.object({ name: z.string() }).nullish(),
  build_stack: z.object({ name: z.string() }).nullish(),
  generation: z.object({ name: z.string().nullish() }).nullish(),
})

const dynoShape = z.object({
  name: z.string(),
  type: z.string(),
  state: z.string(),
  release: z.object({ version: z.int() }).nullish(),
})

const formationShape = z.object({ type: z.string(), quantity: z.int() })

/** What an app is, beside its releases. */
export interface AppFacts {
  readonly isInMaintenance: boolean
  /** Its releases have slugs. */
  readonly hasSlugs: boolean
  /** For people, such as `the container stack`. */
  readonly stack: string
  /** It builds images from a manifest in the repository. */
  readonly buildsContainers: boolean
}

export type Dyno = z.infer<typeof dynoShape>

export interface HerokuApi {
  /**
   * The last releases of an app, newest first: `limit` of them, then further back to the current one with its code and, if
   * `commit` is given, to the newest of that commit. At most `MOST_RELEASES`.
   */
  releases(app: string, limit: number, commit?: string): Promise<Answer<readonly PlatformRelease[]>>
  /** Makes a new release from a slug. */
  releaseSlug(app: string, slug: string): Promise<Answer<PlatformRelease>>
  app(app: string): Promise<Answer<AppFacts>>
  /** One-off dynos are left out. */
  dynos(app: string): Promise<Answer<readonly Dyno[]>>
  /** How many dynos its formation has. */
  formation(app: string): Promise<Answer<number>>
  /** Whether builds can be read, and whether any of the last ones names a commit; undefined: there is none. */
  buildsNameCommits(app: string): Promise<Answer<boolean | undefined>>
}

const MOST_RELEASES = 1_000
/** Of each page after the first. */
const PAGE = 200

/**
 * Heroku's Platform API v3. Everything but `releaseSlug` is safe to repeat: after `unreachable`, which includes unreadable
 * answers, its release may exist, so read `releases` first; after `wrong` it does not.
 */
export function createHerokuApi(settings: HerokuApiSettings): HerokuApi {
  const ask = createHerokuClient(settings)
  const commits = createCommits(ask)
  const at = (app: string, path = '') => `/apps/${encodeURIComponent(app)}${path}`

  return {
    async releases(app, limit, commit) {
      let rows: readonly ReleaseRow[] = []
      let range = `version ..; order=desc, max=${limit}`
      for (;;) {
        const read = await ask(z.array(releaseShape), at(app, '/releases'), { range })
        if (!read.ok) return toServiceError(read)
        const known = new Set(rows.map(({ id }) => id))
        const more = read.value.filter(({ id }) => !known.has(id))
        rows = [...rows, ...more].toSorted((a, b) => b.version - a.version).slice(0, MOST_RELEASES)
        const found = await commits.of(app, rows, commit)
        if (!found.ok) return found
        const releases = rows.map((row) => toRelease(row, found.value.get(row.id) ?? {}))
        const current = releases.findIndex((release) => release.current && hasCode(release))
        const ours = commit === undefined ? 0 : releases.findIndex((release) => isOf(release, commit))
        const isLast = read.nextRange === undefined || more.length === 0 || rows.length >= MOST_RELEASES
        if (isLast || (current !== -1 && ours !== -1)) {
          return { ok: true, value: releases.slice(0, Math.max(limit, current + 1, ours + 1)) }
        }
        range = read.nextRange.replace(/\bmax=\d+/, `max=${PAGE}`)
      }
    },

    async releaseSlug(app, slug) {
      const made = await ask(releaseShape, at(app, '/releases'), { method: 'POST', body: { slug } })
      if (!made.ok) {
        const { status = 0 } = made
        if (status >= 200 && status < 300) return toServiceError({ ...made, failure: 'unreachable' })
        return toServiceError(status === 429 ? { ...made, failure: 'wrong' } : made)
      }
      const found = await commits.of(app, [made.value])
      return { ok: true, value: toRelease(made.value, (found.ok && found.value.get(made.value.id)) || { slug }) }
    },

    async app(app) {
      const read = await ask(appShape, at(app))
      if (!read.ok) return toServiceError(read)
      const { maintenance, stack, build_stack, generation } = read.value
      const isFir = generation?.name === 'fir'
      const name = build_stack?.name ?? stack?.name ?? ''
      const hasSlugs = !isFir && name !== 'container' && name !== 'cnb'
      const called = isFir ? 'Fir' : name === 'container' ? 'the container stack' : name
      const buildsContainers = name === 'container'
      return { ok: true, value: { isInMaintenance: maintenance === true, hasSlugs, stack: called, buildsContainers } }
    },

    async dynos(app) {
      const read = await ask(z.array(dynoShape), at(app, '/dynos'))
      if (!read.ok) return toServiceError(read)
      return { ok: true, value: read.value.filter(({ type }) => !/^(?:run|scheduler|release)$/.test(type)) }
    },

    async formation(app) {
      const read = await ask(z.array(formationShape), at(app, '/formation'))
      if (!read.ok) return toServiceError(read)
      const running = read.value.filter(({ type }) => type !== 'release')
      return { ok: true, value: running.reduce((sum, { quantity }) => sum + quantity, 0) }
    },

    async buildsNameCommits(app) {
      const read = await commits.builds(app)
      if (!read.ok) return read
      if (read.value === undefined) return { ok: true, value: false }
      const made = read.value.filter(({ release }) => release != null)
      if (made.length === 0) return { ok: true, value: undefined }
      return { ok: true, value: made.some((build) => /^[0-9a-f]{40}$/i.test(build.source_blob?.version ?? '')) }
    },
  }
}

function toRelease({ id, version, status, current }: ReleaseRow, { commit, slug, isEmpty }: Code): PlatformRelease {
  return { id, version, status, current, ...defined({ commit, artifact: slug, isEmpty }) }
}

function hasCode({ commit, isEmpty }: PlatformRelease): boolean {
  return commit !== undefined || isEmpty === true
}
