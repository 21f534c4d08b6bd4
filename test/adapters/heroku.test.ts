import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHerokuApi } from '../../src/adapters/heroku/api.ts'
import { createAppRepository } from '../../src/sandbox/app-repository.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'

const NAME = 'api-production'

let directory: string
let platform: Heroku
let older: string
let newer: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-heroku-'))
  platform = await startHeroku({ directory: join(directory, 'heroku'), apps: [NAME, 'api-empty'] })
  const bare = join(directory, 'origin.git')
  const repository = await createAppRepository({ bare })
  older = await repository.head('production')
  newer = await repository.head('master')
  await platform.pushBehind(NAME, older, bare)
  await platform.pushBehind(NAME, newer, bare)
})

afterEach(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

const connect = (settings: Partial<Parameters<typeof createHerokuApi>[0]> = {}) =>
  createHerokuApi({ apiUrl: platform.apiUrl, apiKey: platform.apiKey, timeoutMs: 5000, ...settings })

async function lastReleases(limit = 5) {
  const answer = await connect().releases(NAME, limit)
  if (!answer.ok) throw new Error(answer.detail)
  return answer.value
}

describe("Heroku's releases", () => {
  it('come newest first, with the commits of their slugs', async () => {
    const releases = await lastReleases()
    const versions = releases.map((release) => release.version)
    expect(versions).toEqual(versions.toSorted((a, b) => b - a))
    expect(releases.filter((release) => release.commit !== undefined).map((release) => release.commit)).toEqual([
      newer,
      older,
    ])
    expect(releases[0]).toMatchObject({ status: 'succeeded', current: true, commit: newer })
    expect(releases[1]?.current).toBe(false)
  })

  it('are no more than were asked for', async () => {
    const releases = await lastReleases(1)
    expect(releases.map((release) => release.commit)).toEqual([newer])
  })

  it('show an earlier commit again after a rollback by hand', async () => {
    const first = (await lastReleases()).find((release) => release.commit === older)
    platform.rollback(NAME, first?.version ?? 0)
    expect((await lastReleases())[0]).toMatchObject({ current: true, commit: older })
  })

  it("fall back to the build when a slug does not tell its commit, and to the description's eight digits", async () => {
    platform.hideSlugCommits()
    expect((await lastReleases())[0]?.commit).toBe(newer)
    platform.hideBuildVersions()
    expect((await lastReleases())[0]?.commit).toBe(newer.slice(0, 8))
  })

  it('are none of an app with no code', async () => {
    const answer = await connect().releases('api-empty', 5)
    expect(answer.ok && answer.value.filter((release) => release.artifact !== undefined)).toEqual([])
  })

  it('are refused to a wrong key, which no answer repeats', async () => {
    const answer = await connect({ apiKey: 'HRKU-not-this-one' }).releases(NAME, 5)
    expect(answer).toMatchObject({ ok: false, failure: 'refused' })
    expect(JSON.stringify(answer)).not.toContain('HRKU')
  })

  it('are refused where the key has no access', async () => {
    platform.forbid(NAME)
    expect(await connect().releases(NAME, 5)).toMatchObject({ ok: false, failure: 'refused' })
  })

  it('of an app that is not there are a wrong answer, in the words of Heroku', async () => {
    expect(await connect().releases('api-elsewhere', 5)).toEqual({
      ok: false,
      failure: 'wrong',
      detail: "Heroku answered 404: Couldn't find that app.",
      denied: 'not found',
    })
  })

  it('are unreachable when the connection breaks, Heroku fails, is down, or does not answer in time', async () => {
    platform.fault({ route: 'releases', kind: 'reset_before' })
    expect(await connect().releases(NAME, 5)).toMatchObject({ ok: false, failure: 'unreachable' })
    platform.fault({ route: 'slug', kind: 'http_500_before' })
    expect(await connect().releases(NAME, 5)).toMatchObject({ ok: false, failure: 'unreachable' })
    platform.fault({ route: 'releases', kind: 'hang' })
    expect(await connect({ timeoutMs: 100 }).releases(NAME, 5)).toEqual({
      ok: false,
      failure: 'unreachable',
      detail: 'no answer within 0.1 s',
    })
    await platform.down()
    expect(await connect().releases(NAME, 5)).toEqual({
      ok: false,
      failure: 'unreachable',
      detail: 'the connection failed (ECONNREFUSED)',
    })
  })

  it('are not fetched by a redirect, so that the key stays with its host', async () => {
    const seen: string[] = []
    const elsewhere = createServer((request, response) => {
      seen.push(request.url ?? '')
      response.end('[]')
    })
    const redirecting = createServer((_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/x` }).end()
    })
    for (const server of [elsewhere, redirecting]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    }
    try {
      const apiUrl = `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`
      expect(await connect({ apiUrl }).releases(NAME, 5)).toMatchObject({ ok: false, failure: 'wrong' })
      expect(seen).toEqual([])
    } finally {
      for (const server of [elsewhere, redirecting]) {
        server.closeAllConnections()
        server.close()
      }
    }
  })
})

describe('a new Heroku release of a slug', () => {
  it('runs the commit of that slug', async () => {
    const slug = (await lastReleases()).find((release) => release.commit === older)?.artifact ?? ''
    const made = await connect().releaseSlug(NAME, slug)
    expect(made).toMatchObject({ ok: true, value: { artifact: slug, commit: older } })
    expect(platform.releases(NAME)[0]).toMatchObject({ commit: older })
  })

  it('of a slug that is not there is a wrong answer', async () => {
    expect(await connect().releaseSlug(NAME, 'no-such-slug')).toMatchObject({ ok: false, failure: 'wrong' })
  })

  it.each(['reset_after', 'http_500_after', 'hang_after'] as const)(
    'is made and not told after %s: unreachable, once',
    async (kind) => {
      const slug = (await lastReleases()).find((release) => release.commit === older)?.artifact ?? ''
      const before = platform.releases(NAME).length
      platform.fault({ route: 'release', kind })
      expect(await connect({ timeoutMs: 500 }).releaseSlug(NAME, slug)).toMatchObject({
        ok: false,
        failure: 'unreachable',
      })
      expect(platform.releases(NAME).length).toBe(before + 1)
    },
  )

  it.each([
    ['was taken, in an answer that is a web page', 200, 'unreachable'],
    ['was turned away as one request too many', 429, 'wrong'],
    ['was not followed elsewhere', 302, 'wrong'],
  ])('%s', async (_what, status, failure) => {
    const server = createServer((_request, response) =>
      response.writeHead(status, { 'content-type': 'text/html', location: 'https://example.com' }).end('<html>'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await connect({ apiUrl }).releaseSlug(NAME, 'slug')).toMatchObject({ ok: false, failure })
    server.close()
  })

  it('is good also when its commit cannot be looked up', async () => {
    const slug = (await lastReleases()).find((release) => release.commit === older)?.artifact ?? ''
    platform.fault({ route: 'slug', kind: 'http_500_before' })
    expect(await connect().releaseSlug(NAME, slug)).toMatchObject({ ok: true, value: { artifact: slug } })
  })
})
