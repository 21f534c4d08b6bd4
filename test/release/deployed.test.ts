/** What `/deploy status` shows as live: the newest fact that a release has proven or seen. */
import { describe, expect, it } from 'vitest'
import { deployedAfter } from '../../src/release/deployed.ts'
import { aPlan, aRelease, aStep, at, SERVICES, SIGNED, sha, stepsUpTo } from '../support/builders.ts'

const { heroku: platform, git: plain } = SERVICES.platforms
const before = sha('5b8e6c0')
const brought = sha('c0ffee1')
const elsewhere = sha('d00d1e5')
const run = { signOffs: SIGNED, attempt: 1, approvedAt: at('08:44'), startedAt: at('08:45'), endedAt: at('09:00') }
const confirmed = [...stepsUpTo('confirm'), aStep('confirm', { result: { commit: brought } })].filter(
  ({ name, state }) => name !== 'confirm' || state === 'done',
)

describe('what a release knows about the running commit', () => {
  it('is the commit that it has proven, however it ended', () => {
    for (const state of ['succeeded', 'needs attention', 'closed'] as const) {
      expect(deployedAfter(aRelease({ ...run, state, steps: confirmed }), platform)).toMatchObject({
        is: 'proven',
        commit: brought,
        number: 12,
      })
    }
  })

  it('W18: is unknown where the platform did not tell it, and not nothing', () => {
    const plan = aPlan()
    const bound = { ...plan.bound, remote: { ...plan.bound.remote, runs: null } }
    const release = aRelease({ state: 'cancelled', plan: { ...plan, bound, runsUnknown: true } })
    expect(deployedAfter(release, platform)).toMatchObject({ is: 'not known', since: 'not told' })
    expect(deployedAfter({ ...release, plan: { ...plan, bound } }, platform)).toMatchObject({
      is: 'seen',
      commit: null,
    })
  })

  it('is unknown once its push has started and is not proven', () => {
    const pushes = [
      { state: 'running', effect: 'unknown' },
      { state: 'unknown', effect: 'unknown' },
      { state: 'failed', effect: 'some' },
    ] as const
    for (const push of pushes) {
      const release = aRelease({ ...run, state: 'closed', steps: stepsUpTo('push', push) })
      expect(deployedAfter(release, platform)).toEqual({
        is: 'not known',
        number: 12,
        state: 'closed',
        since: 'its push',
      })
    }
    const unproven = aRelease({ ...run, state: 'closed', steps: stepsUpTo('confirm', { state: 'unknown' }) })
    expect(deployedAfter(unproven, platform)).toMatchObject({ is: 'not known', since: 'its push' })
  })

  it('is the previous commit after a failed release phase, until a retry', () => {
    const because = {
      gate: 'release_phase_failed',
      app: 'api-production',
      platformRelease: 'v42',
      commit: brought,
    } as const
    const steps = stepsUpTo('confirm', { state: 'failed', endedAt: at('08:58') })
    const stopped = (state: 'needs attention' | 'closed' | 'approved') =>
      deployedAfter(aRelease({ ...run, state, steps, problem: { step: 'confirm', because } }), platform)
    for (const state of ['needs attention', 'closed'] as const) {
      expect(stopped(state)).toMatchObject({ is: 'held', holds: brought, commit: before, number: 12 })
    }
    expect(stopped('needs attention')).toMatchObject({ at: at('08:58').toISOString() })
    expect(stopped('approved')).toMatchObject({ is: 'not known', since: 'its push' })
  })

  it('is what its plan saw while nothing was pushed, or the push was rejected', () => {
    const seen = { is: 'seen', commit: before, number: 12, at: at('08:14').toISOString() }
    expect(deployedAfter(aRelease({}), platform)).toMatchObject(seen)
    const refused = stepsUpTo('push', { state: 'failed', effect: 'none' })
    expect(deployedAfter(aRelease({ ...run, state: 'closed', steps: refused }), platform)).toMatchObject(seen)
    const stopped = stepsUpTo('migrate', { state: 'failed', effect: 'some' })
    expect(deployedAfter(aRelease({ ...run, state: 'needs attention', steps: stopped }), platform)).toMatchObject(seen)
  })

  it('is the commit to which the remote has moved', () => {
    const outdated = (...moved: { what: string; from: string; to: string }[]) =>
      aRelease({ state: 'outdated', endedAt: at('09:00'), problem: { because: { gate: 'plan_outdated', moved } } })
    const to = (what: string, commit: string) => ({ what, from: before, to: commit })
    const seen = { is: 'seen', commit: elsewhere, at: at('09:00').toISOString() }
    expect(deployedAfter(outdated(to('what runs', elsewhere)), platform)).toMatchObject(seen)
    expect(deployedAfter(outdated(to('the remote', elsewhere)), plain)).toMatchObject(seen)
    for (const release of [outdated(to('what runs', 'absent')), outdated(to('the remote', elsewhere))]) {
      expect(deployedAfter(release, platform)).toMatchObject({ is: 'not known', since: 'the remote moved' })
    }
    expect(deployedAfter(outdated(to('master', elsewhere)), platform)).toMatchObject({ is: 'seen', commit: before })
  })

  it('is nothing without a plan', () => {
    expect(deployedAfter(aRelease({ state: 'planning', plan: undefined }), platform)).toBeUndefined()
  })
})
