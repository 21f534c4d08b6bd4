import { describe, expect, it } from 'vitest'
import type { Problem } from '../../src/release/refusals.ts'
import type { ReleaseState } from '../../src/release/terms.ts'
import { stateAfterStop } from '../../src/release/transitions/index.ts'
import { aStep } from '../support/builders.ts'

type Gate = Problem['because']['gate']

const NOTHING = [aStep('record'), aStep('merge', { state: 'failed', effect: 'none' })]
const BEGUN = [aStep('record'), aStep('merge', { state: 'done', effect: 'some' })]
const UNKNOWN = [aStep('record'), aStep('push', { state: 'unknown', effect: 'unknown' })]

describe('the state of a stopped release', () => {
  it.each<[ReleaseState, Gate, ReleaseState]>([
    ['planning', 'merge_conflict', 'refused'],
    ['planning', 'no_worker', 'refused'],
    ['planning', 'time_ran_out', 'refused'],
    ['planning', 'internal_error', 'refused'],
    ['planning', 'plan_outdated', 'refused'],
    ['planning', 'hotfix_goes_first', 'outdated'],
    ['awaiting sign-off', 'plan_outdated', 'outdated'],
    ['awaiting sign-off', 'hotfix_goes_first', 'outdated'],
    ['awaiting sign-off', 'expired', 'expired'],
    ['approved', 'plan_outdated', 'outdated'],
    ['approved', 'expired', 'expired'],
    ['approved', 'announcement_unconfirmed', 'expired'],
    ['approved', 'checks_failed', 'failed'],
    ['approved', 'configuration_differs', 'failed'],
    ['running', 'plan_outdated', 'outdated'],
    ['running', 'merge_refused', 'failed'],
    ['running', 'internal_error', 'failed'],
  ])('%s, by %s, before anything irreversible: %s', (state, gate, expected) => {
    expect(stateAfterStop({ state, steps: NOTHING }, { because: { gate } })).toBe(expected)
  })

  it.each<[ReleaseState, Gate]>([
    ['approved', 'plan_outdated'],
    ['approved', 'expired'],
    ['approved', 'announcement_unconfirmed'],
    ['approved', 'configuration_differs'],
    ['running', 'plan_outdated'],
    ['running', 'push_unknown'],
    ['running', 'internal_error'],
  ])('%s, by %s, needs attention once anything irreversible has or may have started', (state, gate) => {
    expect(stateAfterStop({ state, steps: BEGUN }, { because: { gate } })).toBe('needs attention')
    expect(stateAfterStop({ state, steps: UNKNOWN }, { because: { gate } })).toBe('needs attention')
  })

  it('W7: running, by a merge that the forge’s rules refused, needs attention, though nothing irreversible has begun', () => {
    const refused = { because: { gate: 'merge_refused', byRules: true } } as const
    expect(stateAfterStop({ state: 'running', steps: NOTHING }, refused)).toBe('needs attention')
    expect(stateAfterStop({ state: 'needs attention', steps: NOTHING }, { because: { gate: 'expired' } })).toBe(
      'expired',
    )
  })
})
