/** What a platform's look tells, and what the confirm step makes of it, as tables. */
import { expect, it } from 'vitest'
import { createGitRemote } from '../../../src/adapters/git-remote/git-remote.ts'
import { confirmationOf } from '../../../src/adapters/heroku/confirmation.ts'
import type { Answer } from '../../../src/release/ports/answers.ts'
import type { Confirmation, PlatformRelease } from '../../../src/release/ports/platform.ts'
import type { RemoteSettings } from '../../../src/release/settings.ts'
import { confirm } from '../../../src/worker/run/steps/confirm.ts'
import { anEnvironment, sha } from '../../support/builders.ts'
import { COMMIT, fakeRun, inTurn } from '../fakes.ts'

const release = (version: number, change: Partial<PlatformRelease> = {}): PlatformRelease => ({
  id: String(version),
  version,
  status: 'succeeded',
  current: false,
  commit: COMMIT,
  ...change,
})
const current = { current: true } as const
const before = { ...current, commit: sha('01d') } as const

it.each<[string, readonly PlatformRelease[], Confirmation]>([
  [
    'its current release is of the commit',
    [release(42, current), release(41, { commit: sha('01d') })],
    { is: 'running', summary: 'Confirmed: api runs c0ffee1 as v42', platformRelease: 'v42' },
  ],
  [
    'only the first eight digits are told',
    [release(42, { ...current, commit: COMMIT.slice(0, 8) })],
    { is: 'running', summary: 'Confirmed: api runs c0ffee1 as v42', platformRelease: 'v42' },
  ],
  ['nothing was released', [release(41, before)], { is: 'not yet', detail: 'it has no release of c0ffee1 yet' }],
  [
    'its release phase runs',
    [release(42, { status: 'pending' }), release(41, before)],
    { is: 'not yet', detail: 'v42 is still being released' },
  ],
  [
    'its release phase has failed',
    [release(42, { status: 'failed' }), release(41, before)],
    { is: 'failed', platformRelease: 'v42' },
  ],
  [
    'another release came after it',
    [release(43, before), release(42)],
    { is: 'not running', detail: 'v42 is not its current release: v43 came after it' },
  ],
])('Heroku: %s', (_what, releases, expected) => {
  expect(confirmationOf('api', releases, COMMIT)).toEqual(expected)
})

const remote: RemoteSettings = { name: 'live', url: '/srv/live.git', branch: 'master', platform: 'git' }

it.each<[string, Answer<Record<string, string | null>>, unknown]>([
  [
    'it holds the commit',
    { ok: true, value: { master: COMMIT } },
    { ok: true, value: { is: 'running', summary: 'Confirmed: live is at c0ffee1' } },
  ],
  [
    'it holds another',
    { ok: true, value: { master: sha('01d') } },
    { ok: true, value: { is: 'not running', detail: 'it does not hold c0ffee1' } },
  ],
  ['it does not answer', { ok: false, failure: 'unreachable', detail: 'no answer' }, { ok: false }],
])('a plain git remote: %s', async (_what, heads, expected) => {
  const platform = createGitRemote({ git: { heads: async () => heads }, settings: [] })
  expect(await platform.confirm(remote, COMMIT)).toMatchObject(expected as object)
})

/** The step, where the platform tells these one after another, and the last one from then on. */
async function confirmed(looks: readonly Answer<Confirmation>[], at: Partial<RemoteSettings> = {}) {
  const environment = anEnvironment({ remote: { ...anEnvironment().remote, ...at } })
  return confirm.perform(fakeRun({ platform: { confirm: inTurn(...looks) } }, { environment }).run)
}

const app = 'complianceai-api-production'
const notYet: Answer<Confirmation> = { ok: true, value: { is: 'not yet', detail: 'v42 is still being released' } }
const away: Answer<Confirmation> = { ok: false, failure: 'unreachable', detail: 'no answer' }
const running: Answer<Confirmation> = {
  ok: true,
  value: { is: 'running', summary: 'It runs', platformRelease: 'v42' },
}

it.each<[string, readonly Answer<Confirmation>[], object]>([
  [
    'it runs, after a while and a silence',
    [notYet, away, running],
    { is: 'done', effect: 'none', result: { said: 'It runs', commit: COMMIT, platformRelease: 'v42' } },
  ],
  [
    'its release failed',
    [notYet, { ok: true, value: { is: 'failed', platformRelease: 'v42' } }],
    {
      is: 'stopped',
      effect: 'none',
      because: { gate: 'release_phase_failed', app, platformRelease: 'v42', commit: COMMIT },
    },
  ],
  [
    'it runs something else',
    [{ ok: true, value: { is: 'not running', detail: 'v43 came after it' } }, running],
    { is: 'stopped', effect: 'unknown', because: { gate: 'not_confirmed', app, detail: 'v43 came after it' } },
  ],
  [
    'the time is over',
    [notYet],
    {
      is: 'stopped',
      effect: 'unknown',
      because: { gate: 'not_confirmed', app, detail: 'v42 is still being released' },
    },
  ],
  [
    'it never answers',
    [away],
    { is: 'stopped', effect: 'unknown', because: { gate: 'not_confirmed', app, detail: 'no answer' } },
  ],
])('the step: %s', async (_what, looks, expected) => {
  expect(await confirmed(looks)).toEqual(expected)
})

const failed: Answer<Confirmation> = { ok: true, value: { is: 'failed', platformRelease: 'v42' } }
const said = 'Pushed, not confirmed: whether heroku-production runs c0ffee1 was not waited for.'

it.each<[string, readonly Answer<Confirmation>[], object]>([
  ['its release hangs', [notYet], { is: 'left off', said }],
  ['nobody answers', [away], { is: 'left off', said }],
  ['it runs by then', [running], { is: 'done' }],
  ['its release has failed by then', [failed], { is: 'stopped', because: { gate: 'release_phase_failed' } }],
])('W10: a cancel ends the waiting where %s', async (_what, looks, expected) => {
  let asked = 0
  const isCancelled = async () => asked++ > 0
  const { run } = fakeRun({ platform: { confirm: inTurn(notYet, ...looks) } }, { isCancelled })
  expect(await confirm.perform(run)).toMatchObject(expected)
  expect(asked).toBeLessThanOrEqual(2)
})

it('stores which platform it is, unless it is the first one', async () => {
  const gone: Answer<Confirmation> = { ok: true, value: { is: 'not running', detail: 'it holds another' } }
  expect(await confirmed([gone], { platform: 'git' })).toMatchObject({ because: { platform: 'git' } })
  expect(await confirmed([gone])).not.toHaveProperty('because.platform')
})
