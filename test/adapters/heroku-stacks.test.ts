/** What Heroku runs, found on every stack and however many releases of settings have come since. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHeroku } from '../../src/adapters/heroku/heroku.ts'
import type { RemoteSettings } from '../../src/release/settings.ts'
import { createAppRepository } from '../../src/sandbox/app-repository.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'

const NAME = 'api-production'
const STAGING = 'api-staging'

let directory: string
let platform: Heroku
let bare: string
let older: string
let newer: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-heroku-'))
  platform = await startHeroku({ directory: join(directory, 'heroku'), apps: [NAME, STAGING] })
  bare = join(directory, 'origin.git')
  const repository = await createAppRepository({ bare })
  older = await repository.head('production')
  newer = await repository.head('master')
})
afterEach(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

const remote = (app = NAME): RemoteSettings => ({
  name: 'heroku-production',
  url: platform.gitUrl(app),
  branch: 'master',
  platform: 'heroku',
  app,
})
const heroku = () => createHeroku({ apiUrl: platform.apiUrl, apiKey: platform.apiKey, timeoutMs: 5000 })

async function current(app = NAME) {
  const answer = await heroku().releases(remote(app), 10)
  if (!answer.ok) throw new Error(answer.detail)
  return answer.value.find((release) => release.current)
}
const configVars = (count: number) => {
  for (let each = 1; each <= count; each += 1) platform.setConfigVar(NAME, `KEY_${each}`)
}

describe.each(['container', 'cnb'] as const)('W5: on %s, where releases have no slug', (stack) => {
  beforeEach(async () => {
    platform.setStack(NAME, stack)
    await platform.pushBehind(NAME, older, bare)
    await platform.pushBehind(NAME, newer, bare)
  })

  it('a push is confirmed by its build', async () => {
    expect(await current()).toMatchObject({ commit: newer })
    expect(await heroku().confirm(remote(), newer)).toMatchObject({ ok: true, value: { is: 'running' } })
    expect(await heroku().confirm(remote(), older)).toMatchObject({ ok: true, value: { is: 'not running' } })
    expect(await heroku().unconfirmable?.(remote())).toEqual({ ok: true, value: undefined })
  })

  it('and by the description, where builds do not name their commit', async () => {
    platform.hideBuildVersions()
    expect((await current())?.commit).toBe(newer.slice(0, 8))
    expect(await heroku().confirm(remote(), newer)).toMatchObject({ ok: true, value: { is: 'running' } })
    expect(await heroku().unconfirmable?.(remote())).toEqual({ ok: true, value: undefined })
  })

  it('a rollback by hand, and config vars after it, are traced to the commit', async () => {
    platform.rollback(NAME, 2)
    configVars(12)
    expect((await current())?.commit).toBe(older)
  })

  it('the key that may not read builds is no obstacle while descriptions tell', async () => {
    platform.fault({ route: 'builds', kind: 'forbidden', times: 20 })
    expect((await current())?.commit).toBe(newer.slice(0, 8))
  })

  it('builds that do not answer are no answer, so that a fact does not change its form', async () => {
    platform.fault({ route: 'builds', kind: 'http_500_before' })
    expect(await heroku().releases(remote(), 10)).toMatchObject({ ok: false, failure: 'unreachable' })
  })
})

describe('W5: what cannot be proven', () => {
  it('is known: an image that was released by hand, and nothing before it', async () => {
    platform.releaseUnnamed(NAME)
    expect(await current()).not.toHaveProperty('commit')
    expect(await current()).not.toHaveProperty('isEmpty')
  })

  it('is said before anyone signs: neither builds nor releases name a commit', async () => {
    platform.releaseUnnamed(NAME)
    platform.fault({ route: 'builds', kind: 'forbidden', times: 20 })
    expect(await heroku().unconfirmable?.(remote())).toEqual({
      ok: true,
      value: 'on the container stack, neither its builds nor its releases name a commit',
    })
  })

  it('is not said of an app without any release of code', async () => {
    platform.setStack(NAME, 'container')
    platform.fault({ route: 'builds', kind: 'forbidden', times: 20 })
    expect(await heroku().unconfirmable?.(remote())).toEqual({ ok: true, value: undefined })
    expect(await current()).toMatchObject({ isEmpty: true })
  })
})

describe('W11: more than ten releases since', () => {
  it.each([11, 40, 260])('%i config vars: the current release and its commit are found', async (count) => {
    await platform.pushBehind(NAME, older, bare)
    await platform.pushBehind(NAME, newer, bare)
    platform.rollback(NAME, 2)
    configVars(count)
    expect(await current()).toMatchObject({ commit: older })
    const answer = await heroku().releases(remote(), 10, newer)
    expect(answer.ok && answer.value.find(({ commit }) => commit === newer)).toMatchObject({ version: 3 })
    expect(answer.ok && answer.value.find(({ commit }) => commit === newer)?.artifact).toBeTypeOf('string')
  })

  it('releases that failed do not hide the one that runs', async () => {
    await platform.pushBehind(NAME, older, bare)
    for (let each = 0; each < 12; each += 1) {
      platform.failNextReleasePhase()
      const slug = (await current())?.artifact ?? ''
      await heroku().releaseAgain(remote(), slug)
    }
    await expect.poll(async () => platform.releases(NAME).filter(({ status }) => status === 'failed').length).toBe(12)
    expect(await current()).toMatchObject({ version: 2, commit: older })
  })

  it('a commit that was never released is looked for once, and not found', async () => {
    await platform.pushBehind(NAME, older, bare)
    configVars(30)
    const answer = await heroku().releases(remote(), 10, newer)
    expect(answer.ok && answer.value.some(({ commit }) => commit === newer)).toBe(false)
  })
})

describe('W1: a promotion', () => {
  it('runs the commit of the other app, by its slug or its description', async () => {
    await platform.pushBehind(NAME, older, bare)
    await platform.pushBehind(STAGING, newer, bare)
    platform.promote(STAGING, NAME)
    expect(await current()).toMatchObject({ commit: newer })
    platform.hideSlugCommits()
    platform.hideBuildVersions()
    expect((await current())?.commit).toBe(newer.slice(0, 8))
  })
})

describe('what can be run again without a build', () => {
  it('is a slug, until Heroku has deleted it', async () => {
    await platform.pushBehind(NAME, older, bare)
    await platform.pushBehind(NAME, newer, bare)
    expect(await heroku().keepsNothing?.(remote())).toEqual({ ok: true, value: undefined })
    const sameWorker = heroku()
    const ofOlder = async () => {
      const answer = await sameWorker.releases(remote(), 10, older)
      return answer.ok && answer.value.find(({ commit }) => commit === older)
    }
    expect(await ofOlder()).toMatchObject({ artifact: expect.any(String) })
    platform.deleteSlugs(NAME, older)
    expect(await ofOlder()).not.toHaveProperty('artifact')
  })

  it('is nothing on a stack without slugs, which is named', async () => {
    platform.setStack(NAME, 'container')
    expect(await heroku().keepsNothing?.(remote())).toEqual({ ok: true, value: 'the container stack' })
    platform.setStack(NAME, 'cnb')
    expect(await heroku().keepsNothing?.(remote())).toEqual({ ok: true, value: 'Fir' })
  })
})
