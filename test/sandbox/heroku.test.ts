import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { git } from '../../src/sandbox/bare-git.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'

const APP = 'complianceai-api-integration'

let directory: string
let source: AppRepository
let heroku: Heroku

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-heroku-'))
  source = await createAppRepository({ bare: join(directory, 'source.git') })
  heroku = await startHeroku({ directory: join(directory, 'heroku'), apps: [APP, 'other-app'] })
})
afterEach(async () => {
  await heroku.close()
  await rm(directory, { recursive: true, force: true })
})

const withPassword = (url: string, password = heroku.apiKey) => url.replace('http://', `http://heroku:${password}@`)

const push = (sha: string, options: { to?: string; app?: string; password?: string } = {}) =>
  git(
    source.bare,
    [
      'push',
      '--porcelain',
      withPassword(heroku.gitUrl(options.app ?? APP), options.password),
      `${sha}:refs/heads/${options.to ?? 'master'}`,
    ],
    { accept: [0, 1, 128] },
  )

const api = async (path: string, init: { method?: string; body?: unknown; headers?: Record<string, string> } = {}) => {
  const response = await fetch(`${heroku.apiUrl}${path}`, {
    method: init.method ?? 'GET',
    headers: {
      Accept: 'application/vnd.heroku+json; version=3',
      Authorization: `Bearer ${heroku.apiKey}`,
      ...init.headers,
    },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown> & Record<string, unknown>[],
  }
}

// The server's processes: they have its directory in their environment.
const processesWith = async (path: string) => {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environment.includes(path)) found.push(pid)
  }
  return found
}

const newest = async () =>
  (await api(`/apps/${APP}/releases`, { headers: { Range: 'version ..; order=desc, max=1' } })).body[0] ?? {}

const released = async (version: number) => {
  for (;;) {
    const release = (await api(`/apps/${APP}/releases/${version}`)).body
    if (release.status !== 'pending') return release.status
  }
}

describe('a push to Heroku', () => {
  it('builds, prints `remote:` lines, and creates a current release of the commit', async () => {
    const sha = await source.head('master')
    const pushed = await push(sha)
    expect(pushed.code).toBe(0)
    expect(pushed.stderr).toMatch(/^remote: -----> Python app detected/m)
    expect(pushed.stderr).toMatch(/^remote: +Released v2/m)
    expect(pushed.stderr).toMatch(/^remote: Waiting for release\.\.\.\. done\./m)
    expect([await heroku.holds(APP), heroku.runs(APP)]).toEqual([sha, sha])

    const release = await newest()
    expect(release).toMatchObject({
      version: 2,
      status: 'succeeded',
      current: true,
      description: `Deploy ${sha.slice(0, 8)}`,
    })
    const slug = release.slug as { id: string }
    expect((await api(`/slugs/${slug.id}`)).body.commit).toBe(sha)
    expect((await api(`/apps/${APP}/slugs/${slug.id}`)).body.commit).toBe(sha)
    expect((await api(`/apps/${APP}/builds`)).body[0]).toMatchObject({
      status: 'succeeded',
      source_blob: { version: sha },
    })
    expect(heroku.log[0]).toMatchObject({ kind: 'ref moved', from: '0'.repeat(40), to: sha, by: 'push' })
  })

  it('does nothing if the commit was already pushed', async () => {
    const sha = await source.head('master')
    await push(sha)
    const again = await push(sha)
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('[up to date]')])
    expect(heroku.releases(APP)).toHaveLength(2)
  })

  it('of another branch is kept, but builds nothing', async () => {
    const pushed = await push(await source.head('master'), { to: 'topic' })
    expect([pushed.code, pushed.stderr]).toEqual([0, expect.stringContaining('skipping build')])
    expect([await heroku.holds(APP), heroku.runs(APP)]).toEqual([undefined, undefined])
  })

  it('whose build fails is refused and moves nothing', async () => {
    heroku.failNextBuild('       error: no such package')
    const pushed = await push(await source.head('master'))
    expect(pushed.code).toBe(1)
    expect(pushed.stdout).toContain('[remote rejected] (pre-receive hook declined)')
    expect(pushed.stderr).toContain('Push rejected, failed to compile Python app.')
    expect(pushed.stderr).toContain('error: no such package')
    expect(await heroku.holds(APP)).toBeUndefined()
    expect((await api(`/apps/${APP}/builds`)).body[0]).toMatchObject({ status: 'failed', release: null })
  })

  it('whose release phase fails exits with 0 and keeps the commit, while the previous release keeps running', async () => {
    const [before, after] = [await source.head('production'), await source.head('master')]
    await heroku.pushBehind(APP, before, source.bare)
    heroku.failNextReleasePhase()
    const pushed = await push(await source.merge({ from: 'production', into: 'master' }))
    expect(pushed.code).toBe(0)
    expect(pushed.stderr).toContain('Waiting for release.... failed.')
    expect(await heroku.holds(APP)).not.toBe(after)
    expect(heroku.runs(APP)).toBe(before)
    expect(heroku.releases(APP)[0]).toMatchObject({ version: 3, status: 'failed', current: false })

    const failed = await newest()
    const retried = await api(`/apps/${APP}/releases`, {
      method: 'POST',
      body: { slug: (failed.slug as { id: string }).id },
    })
    expect(retried).toMatchObject({ status: 201, body: { version: 4, status: 'pending', current: false } })
    expect(await released(4)).toBe('succeeded')
    expect(heroku.runs(APP)).toBe(await heroku.holds(APP))
  })

  it('can return while its release is pending', async () => {
    const gate = Promise.withResolvers<void>()
    heroku.slowRelease(gate.promise)
    const sha = await source.head('master')
    expect((await push(sha)).code).toBe(0)
    expect(await newest()).toMatchObject({ status: 'pending', current: false })
    expect(heroku.runs(APP)).toBeUndefined()
    gate.resolve()
    expect(await released(2)).toBe('succeeded')
    expect(heroku.runs(APP)).toBe(sha)
  })

  it('that waits for its release prints how the phase ended', async () => {
    const gate = Promise.withResolvers<void>()
    heroku.slowRelease(gate.promise, { pushWaits: true })
    const pushing = push(await source.head('master'))
    await heroku.pushArrived()
    while (heroku.releases(APP).length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    gate.resolve()
    expect((await pushing).stderr).toContain('Waiting for release.... done.')
  })

  it('cut before it arrives changes nothing; cut after, it takes full effect', async () => {
    const sha = await source.head('master')
    heroku.cutNextPush('before')
    expect((await push(sha)).code).not.toBe(0)
    expect([await heroku.holds(APP), heroku.log.length]).toEqual([undefined, 0])

    heroku.cutNextPush('after')
    expect((await push(sha)).code).not.toBe(0)
    expect([await heroku.holds(APP), heroku.runs(APP)]).toEqual([sha, sha])
  })

  it('with credentials that are wrong, or to an unknown app, is refused', async () => {
    const sha = await source.head('master')
    expect(await push(sha, { password: 'wrong' })).toMatchObject({
      code: 128,
      stderr: expect.stringContaining('Authentication failed'),
    })
    expect(await push(sha, { app: 'no-such-app' })).toMatchObject({
      code: 128,
      stderr: expect.stringContaining('not found'),
    })
    heroku.forbid('other-app')
    expect((await push(sha, { app: 'other-app' })).code).toBe(128)
  })

  it('that is large, gzipped and chunked arrives complete, and can be fetched by protocol 2', async () => {
    const lines = Array.from({ length: 60_000 }, (_, line) => `${line} ${(line * 7919) % 104_729} ${(line * 31) % 977}`)
    const sha = await source.commit({ files: { 'data.txt': lines.join('\n') }, message: 'Data' })
    expect((await push(sha)).code).toBe(0)
    const fetched = await createEmpty()
    await git(fetched, ['-c', 'protocol.version=2', 'fetch', '--quiet', withPassword(heroku.gitUrl(APP)), sha])
    expect((await git(fetched, ['rev-parse', 'FETCH_HEAD'])).stdout.trim()).toBe(sha)
    await source.push(sha, { bare: fetched, branch: 'copy' })
    expect((await git(fetched, ['fsck', '--strict'])).code).toBe(0)
  })

  it('made twice at once succeeds once', async () => {
    await heroku.pushBehind(APP, await source.head('production'), source.bare)
    const base = await source.head('production')
    await source.branch('left', base)
    await source.branch('right', base)
    const left = await source.commit({ branch: 'left', files: { a: 'a' }, message: 'Left' })
    const right = await source.commit({ branch: 'right', files: { b: 'b' }, message: 'Right' })
    const ends = await Promise.all([push(left), push(right)])
    expect(ends.map((end) => end.code).sort()).toEqual([0, 1])
    expect(await heroku.holds(APP)).toBe(ends[0]?.code === 0 ? left : right)
    expect(heroku.log.filter((event) => event.kind === 'ref moved' && event.by === 'push')).toHaveLength(1)
  })

  it('continues when its sender is killed', async () => {
    const sha = await source.head('master')
    const gate = Promise.withResolvers<void>()
    heroku.slowRelease(gate.promise, { pushWaits: true })
    const child = spawn('git', ['push', withPassword(heroku.gitUrl(APP)), `${sha}:refs/heads/master`], {
      cwd: source.bare,
      detached: true,
      stdio: 'ignore',
    })
    while (heroku.releases(APP).length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    gate.resolve()
    expect(await released(2)).toBe('succeeded')
    expect(heroku.runs(APP)).toBe(sha)
  })

  it('ends if its sender dies while sending', async () => {
    const arrived = heroku.pushArrived()
    const socket = connect(Number(new URL(heroku.apiUrl).port), '127.0.0.1')
    const authorization = `Basic ${btoa(`heroku:${heroku.apiKey}`)}`
    socket.write(
      `POST /${APP}.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n` +
        'Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n00a0',
    )
    await arrived
    while ((await processesWith(directory)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    socket.destroy()
    while ((await processesWith(directory)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(heroku.log).toEqual([])
  })

  it('that is never answered takes effect or not, as configured, and leaves no process when Heroku closes', async () => {
    const sha = await source.head('master')
    heroku.hangNextPush('before')
    const arrived = heroku.pushArrived()
    const first = push(sha)
    await arrived
    expect(heroku.log).toEqual([])

    heroku.slowRelease(new Promise(() => {}), { pushWaits: true })
    const second = push(sha)
    while (heroku.releases(APP).length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await processesWith(directory)).length).toBeGreaterThan(0)
    await heroku.close()
    expect((await first).code).not.toBe(0)
    expect((await second).code).not.toBe(0)
    expect(await processesWith(directory)).toEqual([])
  })

  const createEmpty = async () => {
    const bare = await mkdtemp(join(directory, 'empty-'))
    await git(bare, ['init', '--quiet', '--bare', '.'])
    return bare
  }
})

describe("Heroku's Platform API", () => {
  it('requires its version header and key', async () => {
    expect((await api('/account', { headers: { Accept: 'application/json' } })).status).toBe(406)
    expect(await api('/account', { headers: { Authorization: 'Bearer no' } })).toMatchObject({
      status: 401,
      body: { id: 'unauthorized', message: 'Invalid credentials provided.' },
    })
    expect((await api('/account')).body.email).toBe('releases@example.test')
    expect(await api('/apps/none')).toMatchObject({ status: 404, body: { id: 'not_found', resource: 'app' } })
    heroku.forbid('other-app')
    expect(await api('/apps/other-app')).toMatchObject({ status: 403, body: { id: 'forbidden' } })
    expect((await api(`/apps/${APP}`)).body.git_url).toBe(heroku.gitUrl(APP))
  })

  it('gives a new app one release without code, and lists in ranges', async () => {
    expect(await newest()).toMatchObject({ version: 1, current: true, slug: null })
    for (const branch of ['production', 'master']) await heroku.pushBehind(APP, await source.head(branch), source.bare)
    const page = await api(`/apps/${APP}/releases`, { headers: { Range: 'version ..; order=desc, max=2' } })
    expect([page.status, page.body.map((release) => release.version)]).toEqual([206, [3, 2]])
    const rest = await api(`/apps/${APP}/releases`, { headers: { Range: page.headers.get('next-range') ?? '' } })
    expect([rest.status, rest.body.map((release) => release.version)]).toEqual([200, [1]])
    expect((await api(`/apps/${APP}/releases`)).body.map((release) => release.version)).toEqual([1, 2, 3])
    expect((await api(`/apps/${APP}/releases`, { headers: { Range: 'name ..' } })).status).toBe(416)
  })

  it('rolls back to the code of an older release, and leaves git unchanged', async () => {
    const [older, newer] = [await source.head('production'), await source.head('master')]
    await heroku.pushBehind(APP, older, source.bare)
    await heroku.pushBehind(APP, newer, source.bare)
    expect(
      await api(`/apps/${APP}/releases`, { method: 'POST', body: { release: heroku.releases(APP)[1]?.version } }),
    ).toMatchObject({
      status: 201,
      body: { version: 4, description: 'Rollback to v2' },
    })
    expect(await released(4)).toBe('succeeded')
    expect([await heroku.holds(APP), heroku.runs(APP)]).toEqual([newer, older])
    expect(heroku.rollback(APP, 3)).toBe(5)
    expect(heroku.runs(APP)).toBe(newer)
  })

  it('fails as configured', async () => {
    heroku.fault({ route: 'releases', kind: 'http_429', retryAfter: 7 })
    const limited = await api(`/apps/${APP}/releases`)
    expect([limited.status, limited.headers.get('retry-after'), limited.body.id]).toEqual([429, '7', 'rate_limit'])
    heroku.fault({ route: 'any', kind: 'unauthorized' })
    expect((await api(`/apps/${APP}`)).status).toBe(401)
    await heroku.pushBehind(APP, await source.head('master'), source.bare)
    const slug = (await newest()).slug as { id: string }
    heroku.fault({ route: 'release', kind: 'reset_after' })
    await expect(api(`/apps/${APP}/releases`, { method: 'POST', body: { slug: slug.id } })).rejects.toThrow()
    expect(heroku.releases(APP)).toHaveLength(3)
  })

  it('goes down and comes back at the same address, and keeps its state across restarts', async () => {
    const sha = await source.head('master')
    await push(sha)
    await heroku.down()
    await expect(api(`/apps/${APP}`)).rejects.toThrow()
    await heroku.up()
    expect((await api(`/apps/${APP}`)).status).toBe(200)
    await heroku.close()
    heroku = await startHeroku({ directory: join(directory, 'heroku'), apps: [APP, 'other-app'] })
    expect([await heroku.holds(APP), heroku.runs(APP)]).toEqual([sha, sha])
  })
})
