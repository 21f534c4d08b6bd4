import type { IncomingMessage } from 'node:http'
import { type Answer, credentialsOf, readJson } from '../rest-faults.ts'
import type { App, AppReleases, Build, Dyno, Release, Slug, Stack } from './app-releases.ts'

export type PlatformRoute = 'account' | 'app' | 'releases' | 'release' | 'slug' | 'builds' | 'dynos' | 'formation'

type Call = { method: string; path: string[]; request: IncomingMessage }

/** An error in the format of Heroku's Platform API. */
export function refusal(status: number, id: string, message: string, more: Record<string, string> = {}): Answer {
  return { status, body: { id, message, ...more } }
}

export const refusals = {
  401: refusal(401, 'unauthorized', 'Invalid credentials provided.'),
  403: refusal(403, 'forbidden', 'You do not have access to this app.'),
  429: refusal(
    429,
    'rate_limit',
    'Your account has reached the API limit. Please wait a few minutes before making new requests',
  ),
  500: refusal(500, 'internal_server_error', 'Internal server error.'),
} as const

/** The Platform API route of a request; `release` is the one that creates a release. */
export function platformRoute(method: string, path: readonly string[]): PlatformRoute {
  if (path[0] === 'account') return 'account'
  if (path.includes('slugs')) return 'slug'
  if (path[2] === 'builds' || path[2] === 'dynos' || path[2] === 'formation') return path[2]
  if (path[2] === 'releases') return method === 'POST' ? 'release' : 'releases'
  return 'app'
}

/**
 * The part of Heroku's Platform API v3 that concerns releases: account, apps, releases, slugs and builds, with its version
 * header, its Range lists and its errors. `forbidden` says which apps the key can't access.
 */
export function createPlatformApi(options: {
  origin: () => string
  apiKey: string
  email: string
  releases: AppReleases
  forbidden: ReadonlySet<string>
  /** What it tells of slugs and builds. */
  shown: { readonly slugCommits: boolean; readonly buildVersions: boolean }
  declaresReleasePhase: (app: App, commit: string) => Promise<boolean>
}): (call: Call) => Promise<Answer> {
  const { releases } = options
  const user = { id: '01234567-89ab-cdef-0123-456789abcdef', email: options.email }

  const drawApp = (app: App) => ({
    id: app.id,
    name: app.name,
    created_at: app.createdAt,
    updated_at: app.releases.at(-1)?.updatedAt ?? app.createdAt,
    released_at: app.releases.at(-1)?.createdAt ?? null,
    archived_at: null,
    git_url: `${options.origin()}/${app.name}.git`,
    web_url: `https://${app.name}.herokuapp.com/`,
    maintenance: app.maintenance ?? false,
    owner: user,
    region: { id: '59accabd-516d-4f0e-83e6-6e3757701145', name: 'us' },
    stack: { id: '7e04461d-ec81-4bdd-8b37-b69b320a9f83', name: stackOf(app) },
    generation: { name: stackOf(app) === 'cnb' ? 'fir' : 'cedar' },
    team: null,
  })

  /** A container app's releases show neither a slug nor an image; those of a Fir app have an OCI image. */
  const drawCode = (app: App, slugId: string | null) => ({
    artifacts: stackOf(app) === 'cnb' && slugId !== null ? [{ type: 'oci-image', id: slugId }] : [],
    slug: stackOf(app) === 'heroku-24' && slugId !== null ? { id: slugId } : null,
  })

  const drawDyno = (app: App, { type, state }: Dyno, index: number) => {
    const release = app.releases.find((one) => one.id === app.current)
    return {
      app: { id: app.id, name: app.name },
      command: `run ${type}`,
      created_at: release?.updatedAt ?? app.createdAt,
      id: `${app.id}-${type}-${index}`,
      name: `${type}.${index + 1}`,
      release: { id: release?.id, version: release?.version },
      size: 'Standard-1X',
      state,
      type,
      updated_at: release?.updatedAt ?? app.createdAt,
    }
  }

  /** Dynos are numbered by type. */
  const drawDynos = (app: App) =>
    dynosOf(app).map((dyno, at, all) => {
      const index = all.slice(0, at).filter(({ type }) => type === dyno.type).length
      return drawDyno(app, dyno, index)
    })

  const drawFormation = (app: App) =>
    [...new Set(['web', ...dynosOf(app).map(({ type }) => type)])].map((type) => ({
      app: { id: app.id, name: app.name },
      command: `run ${type}`,
      created_at: app.createdAt,
      id: `${app.id}-${type}`,
      quantity: dynosOf(app).filter((dyno) => dyno.type === type).length,
      size: 'Standard-1X',
      type,
      updated_at: app.createdAt,
    }))

  const drawRelease = (app: App, release: Release) => ({
    addon_plan_names: [],
    app: { id: app.id, name: app.name },
    ...drawCode(app, release.slugId),
    created_at: release.createdAt,
    current: release.id === app.current,
    description: release.description,
    eligible_for_rollback: release.slugId !== null && release.status === 'succeeded' && release.id !== app.current,
    id: release.id,
    output_stream_url: release.output === '' ? null : `${options.origin()}/streams/${release.id}`,
    status: release.status,
    updated_at: release.updatedAt,
    user,
    version: release.version,
  })

  const drawSlug = (slug: Slug) => ({
    blob: { method: 'get', url: `${options.origin()}/streams/${slug.id}` },
    buildpack_provided_description: 'Python',
    checksum: null,
    commit: options.shown.slugCommits ? slug.commit : null,
    commit_description: null,
    created_at: slug.createdAt,
    id: slug.id,
    process_types: { release: 'python -m api.release', web: 'gunicorn api.app:app' },
    size: 61_131_980,
    stack: { id: '7e04461d-ec81-4bdd-8b37-b69b320a9f83', name: 'heroku-24' },
    updated_at: slug.createdAt,
  })

  const drawBuild = (app: App, build: Build) => ({
    app: { id: app.id },
    buildpacks: [],
    created_at: build.createdAt,
    id: build.id,
    output_stream_url: `${options.origin()}/streams/${build.id}`,
    release: build.releaseId === null ? null : { id: build.releaseId },
    slug: drawCode(app, build.slugId).slug,
    source_blob: {
      checksum: null,
      url: `${options.origin()}/streams/${build.id}`,
      version: options.shown.buildVersions ? build.commit : null,
    },
    stack: stackOf(app),
    status: build.status,
    updated_at: build.createdAt,
    user,
  })

  async function makeRelease(app: App, request: IncomingMessage): Promise<Answer> {
    const body = await readJson(request)
    if (body === 'malformed' || typeof body.json !== 'object' || body.json === null) {
      return refusal(400, 'bad_request', 'Unable to parse the JSON request.')
    }
    const { slug: slugId, release: releaseId, description } = body.json as Record<string, unknown>
    const earlier = app.releases.find((one) => one.id === releaseId || `${one.version}` === `${releaseId}`)
    if (releaseId !== undefined && earlier === undefined) return notFound('release')
    if (earlier === undefined && slugId === undefined) return refusal(422, 'invalid_params', 'Require params: slug.')
    const slug = releases.slug(String(earlier === undefined ? slugId : earlier.slugId))
    if (slug === undefined || stackOf(app) !== 'heroku-24') return notFound('slug')
    const text = earlier === undefined ? `Deploy ${slug.commit.slice(0, 8)}` : `Rollback to v${earlier.version}`
    const made = releases.addRelease(app, {
      slug,
      description: typeof description === 'string' && description !== '' ? description : text,
      phase: await options.declaresReleasePhase(app, slug.commit),
      by: 'api',
    })
    return { status: 201, body: drawRelease(app, made.release) }
  }

  async function answerForApp(app: App, call: Call): Promise<Answer> {
    const [, , collection, id] = call.path
    const byId = (one: { id: string; version?: number }) => one.id === id || `${one.version}` === id
    if (collection === undefined && call.method === 'GET') return { status: 200, body: drawApp(app) }
    if (collection === 'releases' && id === undefined && call.method === 'POST') return makeRelease(app, call.request)
    if (collection === 'dynos' && call.method === 'GET') return { status: 200, body: drawDynos(app) }
    if (collection === 'formation' && call.method === 'GET') return { status: 200, body: drawFormation(app) }
    if (call.method !== 'GET') return notFound('endpoint')
    if (collection === 'releases' && id === undefined) {
      return list(
        call.request,
        app.releases.map((release) => drawRelease(app, release)),
        'version',
      )
    }
    if (collection === 'releases') {
      const release = app.releases.find(byId)
      return release === undefined ? notFound('release') : { status: 200, body: drawRelease(app, release) }
    }
    if (collection === 'slugs') {
      const slug = releases.slug(id ?? '')
      return slug === undefined ? notFound('slug') : { status: 200, body: drawSlug(slug) }
    }
    if (collection === 'builds' && id === undefined) {
      return list(
        call.request,
        app.builds.map((build) => drawBuild(app, build)),
        'created_at',
      )
    }
    const build = collection === 'builds' ? app.builds.find(byId) : undefined
    return build === undefined ? notFound('endpoint') : { status: 200, body: drawBuild(app, build) }
  }

  return async (call) => {
    if (!/^application\/vnd\.heroku\+json;\s*version=3(\.|$|;|,)/.test(call.request.headers.accept ?? '')) {
      return refusal(406, 'not_acceptable', 'Set `Accept: application/vnd.heroku+json; version=3` and try again.')
    }
    const credentials = credentialsOf(call.request)
    const key = credentials?.kind === 'bearer' ? credentials.token : credentials?.password
    if (key !== options.apiKey) return refusals[401]
    const [first, name = ''] = call.path
    if (first === 'account' && call.method === 'GET')
      return { status: 200, body: { ...user, name: null, verified: true } }
    if (first === 'slugs' && call.method === 'GET') {
      const slug = releases.slug(name)
      return slug === undefined ? notFound('slug') : { status: 200, body: drawSlug(slug) }
    }
    if (first !== 'apps') return notFound('endpoint')
    const app = releases.app(name)
    if (app === undefined) return notFound('app')
    if (options.forbidden.has(app.name)) return refusals[403]
    return answerForApp(app, call)
  }
}

const stackOf = (app: App): Stack => app.stack ?? 'heroku-24'

const dynosOf = (app: App): readonly Dyno[] => app.dynos ?? [{ type: 'web', state: 'up' }]

const notFound = (resource: string) =>
  resource === 'endpoint'
    ? refusal(404, 'not_found', 'The requested API endpoint was not found. Are you using the right HTTP verb?')
    : refusal(404, 'not_found', `Couldn't find that ${resource}.`, { resource })

const MAX_RANGE = 1000

/** A list cut by the Range header: `<field> [from]..[to][; order=asc|desc][, max=n]`; 206 if there is more. */
function list(request: IncomingMessage, rows: Record<string, unknown>[], field: string): Answer {
  const header = String(request.headers.range ?? `${field} ..`)
  const match = /^(\w+) (\]?)([^.\]]*)\.\.([^.;[]*)(?:;\s*(.*))?$/.exec(header)
  const accepted = { 'Accept-Ranges': `id, ${field}` }
  if (match === null || !(match[1] === field || match[1] === 'id')) {
    return refusal(416, 'requested_range_not_satisfiable', `Invalid range: "${header}".`)
  }
  const [, by = field, exclusive, from = '', to = '', settings = ''] = match
  const setting = new Map(settings.split(',').map((one) => one.trim().split('=') as [string, string]))
  const max = Math.min(Number(setting.get('max') ?? 200), MAX_RANGE)
  const direction = setting.get('order') === 'desc' ? -1 : 1
  const compare = (a: unknown, b: unknown) =>
    typeof a === 'number' ? a - Number(b) : `${a}` < `${b}` ? -1 : `${a}` > `${b}` ? 1 : 0
  const inRange = rows
    .filter((row) => to === '' || compare(row[by], to) * direction <= 0)
    .filter((row) => from === '' || compare(row[by], from) * direction >= (exclusive === ']' ? 1 : 0))
    .sort((a, b) => compare(a[by], b[by]) * direction)
  const page = inRange.slice(0, max)
  const [first, last] = [page[0], page.at(-1)]
  if (first === undefined || last === undefined) return { status: 200, body: [], headers: accepted }
  const headers = { ...accepted, 'Content-Range': `${by} ${first[by]}..${last[by]}` }
  if (page.length === inRange.length) return { status: 200, body: page, headers }
  const order = direction === -1 ? ', order=desc' : ''
  return {
    status: 206,
    body: page,
    headers: { ...headers, 'Next-Range': `${by} ]${last[by]}..${to}; max=${max}${order}` },
  }
}
