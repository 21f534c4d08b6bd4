import { describe, expect, it } from 'vitest'
import { hasStartedIrreversible, isEmergency, type StepRow } from '../../src/release/release.ts'
import { isIrreversible, STEP_NAMES } from '../../src/release/steps.ts'
import { hasEnded, mayBecome, NEXT_STATES, RELEASE_STATES, type ReleaseState } from '../../src/release/terms.ts'
import { aRelease, aSignOff, aStep, DANA } from '../support/builders.ts'

const ENDS = ['refused', 'rejected', 'cancelled', 'expired', 'outdated', 'failed', 'closed', 'succeeded'] as const
const BUSY = ['planning', 'awaiting sign-off', 'scheduled', 'approved', 'running', 'needs attention'] as const

describe('states', () => {
  it('are exactly those of the design', () => {
    expect([...RELEASE_STATES].sort()).toEqual([...ENDS, ...BUSY].sort())
    expect(Object.keys(NEXT_STATES).sort()).toEqual([...RELEASE_STATES].sort())
  })

  it.each(ENDS)('%s is an end: nothing follows', (state) => {
    expect(hasEnded(state)).toBe(true)
    expect(RELEASE_STATES.filter((to) => mayBecome(state, to))).toEqual([])
  })

  it.each(BUSY)('%s keeps the environment busy', (state) => {
    expect(hasEnded(state)).toBe(false)
  })

  it.each<[ReleaseState, readonly ReleaseState[]]>([
    ['planning', ['awaiting sign-off', 'scheduled', 'approved', 'refused', 'cancelled', 'outdated']],
    ['awaiting sign-off', ['scheduled', 'approved', 'rejected', 'cancelled', 'expired', 'outdated']],
    ['scheduled', ['approved', 'rejected', 'cancelled', 'expired', 'outdated']],
    ['approved', ['running', 'cancelled', 'expired', 'outdated', 'failed', 'needs attention']],
    ['running', ['succeeded', 'failed', 'needs attention', 'outdated', 'cancelled']],
    ['needs attention', ['approved', 'closed', 'expired']],
  ])('%s leads only to the states of the design', (from, expected) => {
    expect(RELEASE_STATES.filter((to) => mayBecome(from, to)).toSorted()).toEqual(expected.toSorted())
  })

  it.each(RELEASE_STATES)('%s can be reached from planning', (state) => {
    expect(reachable('planning')).toContain(state)
  })

  it.each(BUSY)('from %s an end can be reached', (state) => {
    expect([...reachable(state)].filter(hasEnded)).not.toEqual([])
  })

  it('never follow themselves', () => {
    expect(RELEASE_STATES.filter((state) => mayBecome(state, state))).toEqual([])
  })

  it('never lead back to awaiting sign-off', () => {
    for (const from of RELEASE_STATES) {
      expect(mayBecome(from, 'planning')).toBe(false)
      if (from !== 'planning') expect(mayBecome(from, 'awaiting sign-off')).toBe(false)
    }
  })

  it('leave needs attention only by a person, or by the deadline of a merge that was refused by rules', () => {
    expect(NEXT_STATES['needs attention']).toEqual(['approved', 'closed', 'expired'])
    expect(RELEASE_STATES.filter((from) => mayBecome(from, 'closed'))).toEqual(['needs attention'])
  })

  it('succeed only from a run', () => {
    expect(RELEASE_STATES.filter((from) => mayBecome(from, 'succeeded'))).toEqual(['running'])
    expect(RELEASE_STATES.filter((from) => mayBecome(from, 'running'))).toEqual(['approved'])
  })
})

function reachable(from: ReleaseState): ReadonlySet<ReleaseState> {
  const seen = new Set<ReleaseState>([from])
  for (const state of seen) for (const next of NEXT_STATES[state]) seen.add(next)
  return seen
}

describe('whether anything irreversible has started', () => {
  const irreversible = ['merge', 'pick', 'migrate', 'push'] as const

  it('depends on merge, pick, migrate and push', () => {
    expect(STEP_NAMES.filter(isIrreversible).sort()).toEqual([...irreversible].sort())
  })

  it('is false before the first step', () => {
    expect(hasStartedIrreversible([])).toBe(false)
  })

  const rows: readonly [Pick<StepRow, 'state' | 'effect'>, boolean][] = [
    [{ state: 'pending', effect: 'none' }, false],
    [{ state: 'running', effect: 'none' }, false],
    [{ state: 'failed', effect: 'none' }, false],
    [{ state: 'done', effect: 'none' }, false],
    [{ state: 'running', effect: 'unknown' }, true],
    [{ state: 'unknown', effect: 'unknown' }, true],
    [{ state: 'failed', effect: 'unknown' }, true],
    [{ state: 'failed', effect: 'some' }, true],
    [{ state: 'running', effect: 'some' }, true],
    [{ state: 'done', effect: 'some' }, true],
  ]
  it.each(irreversible)('is true once %s has or may have acted', (name) => {
    for (const [row, expected] of rows) {
      expect([row, hasStartedIrreversible([aStep('record'), aStep(name, row)])]).toEqual([row, expected])
    }
  })

  it.each(STEP_NAMES.filter((name) => !irreversible.some((each) => each === name)))('does not depend on %s', (name) => {
    expect(hasStartedIrreversible([aStep(name, { state: 'unknown', effect: 'unknown' })])).toBe(false)
    expect(hasStartedIrreversible([aStep(name, { state: 'failed', effect: 'some' })])).toBe(false)
  })
})

it('a release is an emergency once a person has declared it', () => {
  expect(isEmergency(aRelease())).toBe(false)
  expect(isEmergency(aRelease({ signOffs: [aSignOff('qa', DANA)] }))).toBe(false)
  expect(isEmergency(aRelease({ signOffs: [aSignOff('qa', DANA), aSignOff('emergency', DANA)] }))).toBe(true)
})
