import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { Answer } from '../../release/ports/answers.ts'
import { type AskHeroku, type Read, toServiceError } from './client.ts'

// Only the fields that are used. Heroku's reference: devcenter.heroku.com/articles/platform-api-reference.

export const releaseShape = z.object({
  id: z.string(),
  version: z.int(),
  status: z.enum(['succeeded', 'pending', 'failed', 'expired']),
  current: z.boolean(),
  description: z.string().nullish(),
  slug: z.object({ id: z.string() }).nullish(),
  artifacts: z.array(z.object({ id: z.string(), type: z.string() })).nullish(),
})

export type ReleaseRow = z.infer<typeof releaseShape>

const slugShape = z.object({ commit: z.string().nullish() })

const buildShape = z.object({
  release: z.object({ id: z.string() }).nullish(),
  slug: z.object({ id: z.string() }).nullish(),
  source_blob: z.object({ version: z.string().nullish() }).nullish(),
})

type Build = z.infer<typeof buildShape>

/** What a release runs. Nothing is known of its code if all are absent. */
export interface Code {
  /** 40 hex digits, or the first few of them. */
  readonly commit?: string
  /** The slug, unless it is gone; other stacks have none. */
  readonly slug?: string
  /** It has no code. */
  readonly isEmpty?: true
}

export interface Commits {
  /**
   * The code of each release, by its id. `rows` are consecutive and newest first. The slugs of `commit` are asked about even
   * if they are known, because they may be gone by now. Safe to repeat.
   */
  of(app: string, rows: readonly ReleaseRow[], commit?: string): Promise<Answer<ReadonlyMap<string, Code>>>
  /** The builds of an app, or undefined where the key can't read them. */
  builds(app: string): Promise<Answer<readonly Build[] | undefined>>
}

// Each slug is a request; one request gives a thousand builds.
const MOST_SLUGS = 10
const MOST_BUILD_PAGES = 5

/** A release of other code than the one before it names its commit so. */
const NAMES_COMMIT = /^(?:Deploy|Promote \S+ v\d+) ([0-9a-f]{7,40})\b/i
const IS_FIRST = /^(?:Initial release|Enable Logplex)\b/i
/** A release of other settings has the code of the one before it. */
const KEEPS_CODE = /\bconfig vars?\b|\badd-?on\b|completed provisioning|^(?:Attach|Detach|Update \S+ by)\b/i

/**
 * Finds the commits of releases: by the slug, by the build that made the release (`source_blob.version`), or by the release's
 * description. Apps on the container stack and on Fir have no slugs.
 */
export function createCommits(ask: AskHeroku): Commits {
  // The commit of a slug never changes.
  const ofSlugs = new Map<string, string>()
  // Heroku deletes slugs that are old.
  const gone = new Set<string>()

  /** Undefined: the slug has no commit, or is gone. */
  async function ofSlug(app: string, slug: string): Promise<Answer<string | undefined>> {
    const read = await ask(slugShape, `/apps/${encodeURIComponent(app)}/slugs/${encodeURIComponent(slug)}`)
    if (!read.ok && read.status !== 404) return toServiceError(read)
    if (!read.ok) {
      gone.add(slug)
      return { ok: true, value: undefined }
    }
    const commit = fullCommit(read.value.commit)
    if (commit !== undefined) ofSlugs.set(slug, commit)
    return { ok: true, value: commit }
  }

  async function builds(app: string): Promise<Answer<readonly Build[] | undefined>> {
    const all: Build[] = []
    // The only order that Heroku documents for builds is that of ids.
    let range: string | undefined = 'id ..; max=1000'
    for (let page = 0; page < MOST_BUILD_PAGES && range !== undefined; page += 1) {
      const read: Read<Build[]> = await ask(z.array(buildShape), `/apps/${encodeURIComponent(app)}/builds`, { range })
      if (!read.ok) return read.failure === 'unreachable' ? toServiceError(read) : { ok: true, value: undefined }
      all.push(...read.value)
      range = read.nextRange
    }
    return { ok: true, value: all }
  }

  return {
    builds,
    async of(app, rows, wanted) {
      const isKnown = (id: string) => ofSlugs.has(id) && (wanted === undefined || ofSlugs.get(id) !== wanted)
      const slugs = [...new Set(rows.flatMap(({ slug }) => (slug == null || isKnown(slug.id) ? [] : [slug.id])))]
      let built: readonly Build[] | undefined
      if (slugs.length > MOST_SLUGS) {
        const read = await builds(app)
        if (!read.ok) return read
        built = read.value ?? []
        for (const { slug, source_blob } of built) {
          const commit = fullCommit(source_blob?.version)
          if (slug != null && commit !== undefined) ofSlugs.set(slug.id, commit)
        }
      }
      const open = slugs.filter((slug) => !isKnown(slug))
      for (const told of await Promise.all(open.map((slug) => ofSlug(app, slug)))) if (!told.ok) return told
      const isOpen = rows.some(({ slug, description }) => {
        const isTold = slug == null ? IS_FIRST.test(description ?? '') : ofSlugs.has(slug.id)
        return !isTold
      })
      if (isOpen && built === undefined) {
        const read = await builds(app)
        if (!read.ok) return read
        built = read.value ?? []
      }
      return { ok: true, value: codes(rows, ofSlugs, built ?? [], gone) }
    },
  }
}

function codes(
  rows: readonly ReleaseRow[],
  ofSlugs: ReadonlyMap<string, string>,
  builds: readonly Build[],
  gone: ReadonlySet<string>,
): ReadonlyMap<string, Code> {
  const ofBuilds = new Map(builds.map(({ release, source_blob }) => [release?.id, fullCommit(source_blob?.version)]))
  const named = (row: ReleaseRow) =>
    ofBuilds.get(row.id) ?? NAMES_COMMIT.exec(row.description ?? '')?.[1]?.toLowerCase()
  const artifactOf = ({ slug, artifacts }: ReleaseRow) =>
    slug?.id ?? artifacts?.find(({ type }) => type === 'oci-image')?.id
  // A release of settings or a rollback shares its slug or image with the release that names the commit.
  const ofArtifacts = new Map<string, string>()
  for (const row of rows) {
    const [artifact, commit] = [artifactOf(row), named(row)]
    if (artifact !== undefined && commit !== undefined) ofArtifacts.set(artifact, commit)
  }

  const found = new Map<string, Code>()
  const earlier = new Map<number, ReleaseRow>()
  const codeAt = (version: number): Code => found.get(earlier.get(version)?.id ?? '') ?? {}
  for (const row of rows.toSorted((a, b) => a.version - b.version)) {
    found.set(row.id, codeOf(row))
    earlier.set(row.version, row)
  }
  return found

  function codeOf(row: ReleaseRow): Code {
    const { slug, description } = row
    const artifact = artifactOf(row)
    const commit =
      (slug == null ? undefined : ofSlugs.get(slug.id)) ??
      named(row) ??
      (artifact === undefined ? undefined : ofArtifacts.get(artifact))
    // The slug of a promoted release is the other app's: it can't be looked up here, and may be there.
    const isGone = slug != null && gone.has(slug.id) && !/^Promote\b/i.test(description ?? '')
    if (slug != null) return defined({ slug: isGone ? undefined : slug.id, commit })
    if (commit !== undefined) return { commit }
    if (artifact !== undefined) return {}
    const [, back] = /^Rollback to v(\d+)\b/i.exec(description ?? '') ?? []
    if (back !== undefined) return codeAt(Number(back))
    if (IS_FIRST.test(description ?? '')) return { isEmpty: true }
    // After a release that failed it is not said which code the next one has.
    const before = earlier.get(row.version - 1)
    return KEEPS_CODE.test(description ?? '') && before?.status === 'succeeded' ? codeAt(before.version) : {}
  }
}

function fullCommit(text: string | null | undefined): string | undefined {
  const commit = text?.toLowerCase() ?? ''
  return /^[0-9a-f]{40}$/.test(commit) ? commit : undefined
}
