/** What the Heroku stand-in knows beside pushes and slugs, told as strictly as the real service tells it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { git } from '../../src/sandbox/bare-git.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'

const APP = 'api-production'
const STAGING = 'api-staging'
let directory: string
let source: AppRepository
let heroku: Heroku

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-heroku-'))
  source = await createAppRepository({ bare: join(directory, 'source.git') })
  heroku = await startHeroku({ directory: join(directory, 'heroku'), apps: [APP, STAGING] })
})
afterEach(async () => {
  await heroku.close()
  await rm(directory, { recursive: true, force: true })
})

const url = () => heroku.gitUrl(APP).replace('http://', `http://heroku:${heroku.apiKey}@`)
const push = (sha: string) =>
  git(source.bare, ['push', '--porcelain', url(), `${sha}:refs/heads/master`], { accept: [0, 1, 128] })

async function api(path: string) {
  const headers = { Accept: 'application/vnd.heroku+json; version=3', Authorization: `Bearer ${heroku.apiKey}` }
  const response = await fetch(`${heroku.apiUrl}/apps/${APP}${path}`, { headers })
  return response.json() as Promise<Record<string, unknown> & Record<string, unknown>[]>
}
const newest = async () => (await api('/releases')).at(-1) ?? {}

it.each([
  ['heroku-24', 'cedar', true, []],
  ['container', 'cedar', false, []],
  ['cnb', 'fir', false, [{ type: 'oci-image', id: expect.any(String) }]],
] as const)(
  'on %s a push makes a build of its commit, and a release with what that stack has',
  async (stack, generation, hasSlug, artifacts) => {
    heroku.setStack(APP, stack)
    const sha = await source.commit({ files: { 'heroku.yml': 'build:\n' }, message: 'Build containers' })
    await push(sha)
    const release = await newest()
    expect(release).toMatchObject({ description: `Deploy ${sha.slice(0, 8)}`, artifacts, current: true })
    expect(release.slug !== null).toBe(hasSlug)
    expect(await api('')).toMatchObject({ stack: { name: stack }, generation: { name: generation } })
    expect(await api('/builds')).toMatchObject([
      { release: { id: release.id }, source_blob: { version: sha }, stack, status: 'succeeded' },
    ])
  },
)

it('the container stack declines a commit without a build manifest, and makes no build', async () => {
  heroku.setStack(APP, 'container')
  const { stderr } = await push(await source.head('master'))
  expect(stderr).toContain('Your app does not include a heroku.yml build manifest')
  expect(await api('/builds')).toEqual([])
  expect(await heroku.holds(APP)).toBeUndefined()
})

it('releases of config vars and promotions have code and no build', async () => {
  const sha = await source.head('master')
  await heroku.pushBehind(STAGING, sha, source.bare)
  expect(heroku.promote(STAGING, APP)).toBe(2)
  expect(await newest()).toMatchObject({ description: `Promote ${STAGING} v2 ${sha.slice(0, 8)}` })
  const slug = (await newest()).slug as { id: string }
  expect(await api(`/slugs/${slug.id}`)).toMatchObject({ commit: sha })
  expect(heroku.setConfigVar(APP, 'KEY')).toBe(3)
  expect(await newest()).toMatchObject({ description: 'Set KEY config vars', slug, current: true })
  expect(await api('/builds')).toEqual([])
  expect([heroku.runs(APP), await heroku.holds(APP)]).toEqual([sha, undefined])
})

it('an image that was released by hand has no commit anywhere', async () => {
  heroku.releaseUnnamed(APP)
  expect(await newest()).toMatchObject({ slug: null, artifacts: [], current: true, status: 'succeeded' })
  expect(heroku.runs(APP)).toBeUndefined()
})

it('tells maintenance mode, dynos by their number, and the formation', async () => {
  expect(await api('/dynos')).toMatchObject([{ name: 'web.1', state: 'up', release: { version: 1 } }])
  heroku.setMaintenance(APP, true)
  heroku.setDynos(APP, [
    { type: 'web', state: 'up' },
    { type: 'worker', state: 'crashed' },
    { type: 'web', state: 'starting' },
  ])
  expect(await api('')).toMatchObject({ maintenance: true })
  expect((await api('/dynos')).map(({ name, state }) => `${name} ${state}`)).toEqual([
    'web.1 up',
    'worker.1 crashed',
    'web.2 starting',
  ])
  expect((await api('/formation')).map(({ type, quantity }) => `${type} ${quantity}`)).toEqual(['web 2', 'worker 1'])
  heroku.setDynos(APP, [])
  expect(await api('/formation')).toMatchObject([{ type: 'web', quantity: 0 }])
})

it('a hook declines with exactly its words, and builds nothing', async () => {
  heroku.declineNextPush('\n !     Push rejected, your account has been suspended.\n')
  const { stderr } = await push(await source.head('master'))
  expect(stderr).toMatch(/remote: \s+remote:\s+!\s+Push rejected, your account has been suspended\./)
  expect(stderr).not.toContain('Building source')
  expect(await api('/builds')).toEqual([])
  expect(await heroku.holds(APP)).toBeUndefined()
})

it('a stack at its end of life warns beside a build', async () => {
  heroku.warnInBuilds(' !   Your app is using the Heroku-20 stack, which will be end-of-life on April 30th, 2025.')
  expect((await push(await source.head('master'))).stderr).toContain('end-of-life')
  expect(heroku.runs(APP)).toBe(await source.head('master'))
})

it.each([402, 503])('answers %i where references are listed, and nowhere else', async (status) => {
  heroku.refuseReferences(status, 'Not now')
  const refused = await git(source.bare, ['ls-remote', url()], { accept: [0, 128] })
  expect(refused.stderr).toContain(`error: ${status}`)
  expect(await newest()).toMatchObject({ version: 1 })
  expect((await git(source.bare, ['ls-remote', url()], { accept: [0, 128] })).stderr).toBe('')
})
