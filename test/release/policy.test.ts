import { describe, expect, it } from 'vitest'
import { type Action, ACTIONS as TABLE } from '../../src/release/actions.ts'
import { groupsOf, type Person, permissionSource } from '../../src/release/policy.ts'
import type { Release } from '../../src/release/release.ts'
import { RELEASE_STATES, type ReleaseState } from '../../src/release/terms.ts'
import { aMigration, anIntegration, aRelease } from '../support/builders.ts'
import {
  ACTIONS,
  approver,
  asks,
  byId,
  dba,
  everything,
  gate,
  member,
  onCall,
  person,
  production,
  qa,
  RULES,
  requester,
  word,
} from './policy-people.ts'

describe('who may press what', () => {
  const attention: Partial<Release> = { state: 'needs attention' }
  const failed: Partial<Release> = { state: 'failed' }
  const no = 'not_an_approver'

  it.each<[Action, Partial<Release>, Record<string, string>]>([
    [
      'qa',
      {},
      {
        requester: 'not_a_qa',
        approver: 'not_a_qa',
        byId: 'not_a_qa',
        qa: 'allowed',
        onCall: 'not_a_qa',
        dba: 'not_a_qa',
        member: 'not_a_qa',
      },
    ],
    ['approval', {}, { requester: no, approver: 'allowed', byId: 'allowed', qa: no, onCall: no, dba: no, member: no }],
    ['talked over', {}, { requester: no, approver: no, byId: no, qa: no, onCall: no, dba: 'allowed', member: no }],
    [
      'rejection',
      {},
      { requester: no, approver: 'allowed', byId: 'allowed', qa: 'allowed', onCall: no, dba: no, member: no },
    ],
    ['emergency', {}, { requester: no, approver: no, byId: no, qa: no, onCall: 'allowed', dba: no, member: no }],
    [
      'cancel',
      {},
      {
        requester: 'allowed',
        approver: 'allowed',
        byId: 'allowed',
        qa: 'not_allowed',
        onCall: 'not_allowed',
        dba: 'not_allowed',
        member: 'not_allowed',
      },
    ],
    [
      'retry',
      attention,
      {
        requester: 'allowed',
        approver: 'allowed',
        byId: 'allowed',
        qa: 'not_allowed',
        onCall: 'not_allowed',
        dba: 'not_allowed',
        member: 'not_allowed',
      },
    ],
    [
      'close',
      attention,
      { requester: no, approver: 'allowed', byId: 'allowed', qa: no, onCall: no, dba: no, member: no },
    ],
    [
      'plan again',
      failed,
      {
        requester: 'allowed',
        approver: 'allowed',
        byId: 'allowed',
        qa: 'allowed',
        onCall: 'allowed',
        dba: 'allowed',
        member: 'allowed',
      },
    ],
    [
      'details',
      {},
      {
        requester: 'allowed',
        approver: 'allowed',
        byId: 'allowed',
        qa: 'allowed',
        onCall: 'allowed',
        dba: 'allowed',
        member: 'allowed',
      },
    ],
  ])('%s', (action, state, expected) => {
    const people: Record<string, Person> = { requester, approver, byId, qa, onCall, dba, member }
    const found = Object.entries(people).map(([name, who]) => [name, gate(action, who, aRelease(state))])
    expect(Object.fromEntries(found)).toEqual(expected)
  })

  it.each(ACTIONS)('%s may be pressed by every full member without lists', (action) => {
    const open = production({}, { migrations: [aMigration({ talkItOver: [] })] })
    const { approvers: _a, qaBy: _q, emergencyBy: _e, ...counts } = RULES
    const environment = { ...open, signOff: counts }
    expect(gate(action, member, aRelease(stateFor(action)), environment)).toBe('allowed')
  })

  it.each(ACTIONS)('%s may be pressed by every full member without sign-off rules', (action) => {
    const environment = anIntegration({ migrations: [aMigration({ approvers: ['@database'] })] })
    expect(gate(action, member, aRelease(stateFor(action)), environment)).toBe('allowed')
  })

  it('leaves talked over and emergency to the approvers unless others are named', () => {
    const { emergencyBy: _e, ...rules } = RULES
    const environment = { ...production(), signOff: rules, migrations: [aMigration()] }
    for (const action of ['talked over', 'emergency'] as const) {
      expect(TABLE[action].people(environment)).toEqual(RULES.approvers)
      expect(gate(action, approver, aRelease(), environment)).toBe('allowed')
      expect(gate(action, onCall, aRelease(), environment)).toBe(no)
    }
  })

  it('lets everyone reject where everyone may confirm QA or approve', () => {
    const { qaBy: _q, ...everyQa } = RULES
    const { approvers: _a, ...everyApprover } = RULES
    expect(TABLE.rejection.people({ ...production(), signOff: everyQa })).toBe('every full member')
    expect(TABLE.rejection.people({ ...production(), signOff: everyApprover })).toBe('every full member')
    expect(TABLE.rejection.people(production())).toEqual(['@release-approvers', 'UBYID', '@qa'])
  })

  it('names in the refusal who may', () => {
    expect(asks('qa', member)).toEqual({ gate: 'not_a_qa', who: ['@qa'] })
    expect(asks('approval', member)).toMatchObject({ gate: no, who: ['@release-approvers', 'UBYID'] })
    expect(asks('emergency', member)).toMatchObject({ gate: no, who: ['@on-call'] })
    expect(asks('cancel', member)).toMatchObject({
      gate: 'not_allowed',
      who: ['the requester', '@release-approvers', 'UBYID'],
    })
  })

  it('accepts no group that is not listed, and no name that only looks like one', () => {
    expect(permissionSource(['@release-approvers'], person('U1', ['@release-approver']))).toBeUndefined()
    expect(permissionSource(['@release-approvers'], person('@release-approvers'))).toBe('named by id')
    expect(permissionSource([], everything)).toBeUndefined()
  })

  it('records where a permission came from: by id and by each group', () => {
    expect(permissionSource(['@qa', 'UQA'], qa)).toBe('named by id, @qa')
    expect(permissionSource(['@other', '@qa'], qa)).toBe('@qa')
    expect(permissionSource('every full member', member)).toBe('every full member')
  })

  it('looks up every listed group once', () => {
    expect(groupsOf(production({ qaBy: ['@qa', '@release-approvers', 'U1'] })).toSorted()).toEqual(
      ['@database', '@on-call', '@qa', '@release-approvers'].toSorted(),
    )
    expect(groupsOf(anIntegration({ migrations: [aMigration()] }))).toEqual([])
  })
})

describe('when a button does something', () => {
  const signing = ['qa', 'approval', 'talked over', 'rejection', 'emergency'] as const
  const when: Record<Action, readonly ReleaseState[]> = {
    qa: ['awaiting sign-off'],
    approval: ['awaiting sign-off'],
    'talked over': ['awaiting sign-off'],
    rejection: ['awaiting sign-off'],
    emergency: ['awaiting sign-off'],
    cancel: ['planning', 'awaiting sign-off', 'scheduled', 'approved', 'running'],
    retry: ['needs attention'],
    close: ['needs attention'],
    'plan again': ['failed', 'outdated', 'expired', 'refused', 'cancelled', 'rejected'],
    details: RELEASE_STATES,
    // Only a release refused by its checks can be planned for an emergency.
    'plan for an emergency': [],
    // Only a hot-fix without sign-offs waits for Go.
    go: [],
    'start now': ['scheduled'],
    // Only a release that was asked for with a time has one to change.
    'change time': [],
    'mark bad': ['succeeded'],
    'mark good': ['succeeded'],
    'roll back': RELEASE_STATES,
    // Only where QA is asked for each change; a button that was drawn for it is stale elsewhere.
    'test changes': [],
  }
  it.each(ACTIONS)('%s: in its states, and in no other', (action) => {
    const found = RELEASE_STATES.map((state) => [state, gate(action, everything, aRelease({ state }))])
    const expected = RELEASE_STATES.map((state) => [
      state,
      when[action].includes(state)
        ? 'allowed'
        : action.startsWith('mark')
          ? 'mark_refused'
          : action === 'test changes' && state === 'awaiting sign-off'
            ? 'stale_button'
            : 'already_decided',
    ])
    expect(found).toEqual(expected)
  })

  it.each(RELEASE_STATES.filter((state) => state !== 'awaiting sign-off'))(
    'in %s the state is told before the right is asked',
    (state) => {
      for (const action of signing) expect(gate(action, member, aRelease({ state }))).toBe('already_decided')
    },
  )

  it('cancel: only once', () => {
    const release = aRelease({ state: 'running', cancelRequestedBy: { id: 'U9', name: 'Nia' } })
    expect(asks('cancel', everything, release)).toEqual({
      gate: 'already_decided',
      number: 12,
      state: 'running',
      by: { id: 'U9', name: 'Nia' },
    })
  })

  it('plan again: of a pinned release whose branch has new commits', () => {
    expect(gate('plan again', member, aRelease({ newerCommits: 2 }))).toBe('allowed')
    expect(gate('plan again', member, aRelease({ newerCommits: 0 }))).toBe('already_decided')
    expect(gate('plan again', member, aRelease({ state: 'approved', newerCommits: 2 }))).toBe('already_decided')
  })

  it('plan again: once', () => {
    expect(gate('plan again', member, aRelease({ state: 'failed', replacedBy: 13 }))).toBe('already_decided')
    expect(gate('plan again', member, aRelease({ newerCommits: 2, replacedBy: 13 }))).toBe('already_decided')
  })
})

describe('plan for an emergency', () => {
  const checks = [{ name: 'Unit tests', state: 'failed', url: 'https://ci.example.test/7' }] as const
  const stopped = (more: Partial<Release> = {}) =>
    aRelease({ state: 'refused', problem: { because: { gate: 'checks_failed', checks } }, ...more })
  const asked = (release: Release, environment = production()) =>
    gate('plan for an emergency', member, release, environment)

  it('is for every full member, once, after checks have refused it', () => {
    expect(asked(stopped())).toBe('allowed')
    expect(asked(stopped({ state: 'failed' }))).toBe('allowed')
    expect(asked(stopped({ replacedBy: 13 }))).toBe('already_decided')
    const other = { because: { gate: 'branch_missing', branch: 'master' } } as const
    expect(asked(stopped({ problem: other }))).toBe('already_decided')
  })

  it('is refused without sign-offs: no card there has Must go out now…', () => {
    const { signOff: _, ...unsigned } = production()
    expect(asked(stopped(), unsigned)).toBe('already_decided')
  })
})

describe('time', () => {
  const expiresAt = new Date('2026-11-23T08:15:00.000Z')
  const release = aRelease({ expiresAt })
  const before = new Date(expiresAt.getTime() - 1)
  const after = new Date(expiresAt.getTime() + 1)

  it.each(['qa', 'approval', 'talked over', 'rejection', 'emergency'] as const)('%s: to the millisecond', (action) => {
    expect(gate(action, everything, release, production(), before)).toBe('allowed')
    expect(asks(action, everything, release, production(), expiresAt)).toEqual({
      gate: 'expired',
      number: 12,
      at: '2026-11-23T08:15:00.000Z',
    })
    expect(gate(action, everything, release, production(), after)).toBe('expired')
  })

  it('does not count before the card is posted', () => {
    expect(gate('qa', everything, aRelease({ expiresAt: undefined }), production(), after)).toBe('allowed')
  })

  it('does not stop a cancel, or sign-offs that an emergency waived', () => {
    expect(gate('cancel', requester, release, production(), after)).toBe('allowed')
    const gone = aRelease({ expiresAt, state: 'succeeded', signOffs: [word('emergency', onCall)] })
    expect(gate('qa', everything, gone, production(), after)).toBe('allowed')
  })
})

/** A release in a state with the button. */
function stateFor(action: Action): Partial<Release> {
  if (action === 'retry' || action === 'close') return { state: 'needs attention' }
  return action === 'plan again' ? { state: 'failed' } : {}
}
