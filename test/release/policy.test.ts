import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Environment, SignOffRules } from '../../src/release/app.ts'
import {
  type Action,
  goesOn,
  groupsOf,
  isLastOwed,
  mustBeTalkedOver,
  owed,
  type Person,
  refusal,
  rightFrom,
  whoMay,
} from '../../src/release/policy.ts'
import {
  hasEnded,
  RELEASE_STATES,
  type Release,
  type ReleaseState,
  type SignOffKind,
} from '../../src/release/release.ts'
import {
  aCommit,
  anEnvironment,
  anIntegration,
  aPlan,
  aRelease,
  aSignOff,
  at,
  MIGRATIONS,
  SIGN_OFF,
} from '../support/builders.ts'

const NOW = at('10:00')

function person(id: string, groups: readonly string[] = [], email = `${id.toLowerCase()}@people.example`): Person {
  return { id, name: id, email, groups }
}

const requester = person('U01DANA')
const approver = person('UAPPROVER', ['@release-approvers'])
const byId = person('UBYID')
const qa = person('UQA', ['@qa'])
const onCall = person('UONCALL', ['@on-call'])
const dba = person('UDBA', ['@database'])
const member = person('UMEMBER', ['@lunch'])
const everything = person('UALL', ['@release-approvers', '@qa', '@on-call', '@database'])

const RULES: SignOffRules = {
  ...SIGN_OFF,
  approvers: ['@release-approvers', 'UBYID'],
  qaBy: ['@qa'],
  emergencyBy: ['@on-call'],
}

function production(rules: Partial<SignOffRules> = {}, more: Partial<Environment> = {}): Environment {
  const { migrations } = anEnvironment()
  if (migrations === undefined) throw new Error('the environment of these tests has migrations')
  return anEnvironment({
    signOff: { ...RULES, ...rules },
    migrations: { ...migrations, approvers: ['@database'] },
    ...more,
  })
}

function asks(
  action: Action,
  who: Person,
  release: Release = aRelease(),
  environment: Environment = production(),
  now = NOW,
) {
  return refusal({ action, environment, release, person: who, now })
}

const gate = (...asked: Parameters<typeof asks>) => asks(...asked)?.gate ?? 'allowed'

const word = (kind: SignOffKind, who: Person) => aSignOff(kind, { id: who.id, name: who.name })

const ACTIONS: readonly Action[] = [
  'qa',
  'approval',
  'talked over',
  'rejection',
  'emergency',
  'cancel',
  'retry',
  'close',
  'plan again',
  'details',
]

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

  it.each(ACTIONS)('%s may be pressed by every full member where no list is set', (action) => {
    const open = production({}, { migrations: { ...migrations(), talkItOver: [] } })
    const { approvers: _a, qaBy: _q, emergencyBy: _e, ...counts } = RULES
    const environment = { ...open, signOff: counts }
    expect(gate(action, member, aRelease(stateFor(action)), environment)).toBe('allowed')
  })

  it.each(ACTIONS)('%s may be pressed by every full member where nothing is to be signed off', (action) => {
    const environment = anIntegration({ migrations: { ...migrations(), approvers: ['@database'] } })
    expect(gate(action, member, aRelease(stateFor(action)), environment)).toBe('allowed')
  })

  it('leaves talked over and emergency to the approvers where nobody else is named', () => {
    const { emergencyBy: _e, ...rules } = RULES
    const environment = { ...production(), signOff: rules, migrations: migrations() }
    for (const action of ['talked over', 'emergency'] as const) {
      expect(whoMay(action, environment)).toEqual(RULES.approvers)
      expect(gate(action, approver, aRelease(), environment)).toBe('allowed')
      expect(gate(action, onCall, aRelease(), environment)).toBe(no)
    }
  })

  it('lets everybody reject where everybody may say QA, or approve', () => {
    const { qaBy: _q, ...everyQa } = RULES
    const { approvers: _a, ...everyApprover } = RULES
    expect(whoMay('rejection', { ...production(), signOff: everyQa })).toBe('every full member')
    expect(whoMay('rejection', { ...production(), signOff: everyApprover })).toBe('every full member')
    expect(whoMay('rejection', production())).toEqual(['@release-approvers', 'UBYID', '@qa'])
  })

  it('tells those who may not who may', () => {
    expect(asks('qa', member)).toEqual({ gate: 'not_a_qa', who: ['@qa'] })
    expect(asks('approval', member)).toMatchObject({ gate: no, who: ['@release-approvers', 'UBYID'] })
    expect(asks('emergency', member)).toMatchObject({ gate: no, who: ['@on-call'] })
    expect(asks('cancel', member)).toMatchObject({
      gate: 'not_allowed',
      who: ['the requester', '@release-approvers', 'UBYID'],
    })
  })

  it('does not take a group that nobody named, nor a name that only looks like one', () => {
    expect(rightFrom(['@release-approvers'], person('U1', ['@release-approver']))).toBeUndefined()
    expect(rightFrom(['@release-approvers'], person('@release-approvers'))).toBe('named by id')
    expect(rightFrom([], everything)).toBeUndefined()
  })

  it('notes where a right came from: by id before by group', () => {
    expect(rightFrom(['@qa', 'UQA'], qa)).toBe('named by id')
    expect(rightFrom(['@other', '@qa'], qa)).toBe('@qa')
    expect(rightFrom('every full member', member)).toBe('every full member')
  })

  it('looks up every group that any list names, once', () => {
    expect(groupsOf(production({ qaBy: ['@qa', '@release-approvers', 'U1'] })).toSorted()).toEqual(
      ['@database', '@on-call', '@qa', '@release-approvers'].toSorted(),
    )
    expect(groupsOf(anIntegration({ migrations: migrations() }))).toEqual([])
  })
})

function migrations() {
  const { migrations } = anEnvironment()
  if (migrations === undefined) throw new Error('the environment of these tests has migrations')
  return migrations
}

/** A release in the state in which the button is there. */
function stateFor(action: Action): Partial<Release> {
  if (action === 'retry' || action === 'close') return { state: 'needs attention' }
  return action === 'plan again' ? { state: 'failed' } : {}
}

describe('when a button does something', () => {
  const signing = ['qa', 'approval', 'talked over', 'rejection', 'emergency'] as const
  const when: Record<Action, readonly ReleaseState[]> = {
    qa: ['awaiting sign-off'],
    approval: ['awaiting sign-off'],
    'talked over': ['awaiting sign-off'],
    rejection: ['awaiting sign-off'],
    emergency: ['awaiting sign-off'],
    cancel: ['planning', 'awaiting sign-off', 'approved', 'running'],
    retry: ['needs attention'],
    close: ['needs attention'],
    'plan again': ['failed', 'outdated', 'expired', 'refused', 'cancelled', 'rejected'],
    details: RELEASE_STATES,
  }
  it.each(ACTIONS)('%s: in its states, and in no other', (action) => {
    const found = RELEASE_STATES.map((state) => [state, gate(action, everything, aRelease({ state }))])
    const expected = RELEASE_STATES.map((state) => [
      state,
      when[action].includes(state) ? 'allowed' : 'already_decided',
    ])
    expect(found).toEqual(expected)
  })

  it.each(RELEASE_STATES.filter((state) => state !== 'awaiting sign-off'))(
    'in %s the state is told before the right is asked',
    (state) => {
      for (const action of signing) expect(gate(action, member, aRelease({ state }))).toBe('already_decided')
    },
  )

  it('cancel: asked for once', () => {
    const release = aRelease({ state: 'running', cancelRequestedBy: { id: 'U9', name: 'Nia' } })
    expect(asks('cancel', everything, release)).toEqual({
      gate: 'already_decided',
      number: 12,
      state: 'running',
      by: { id: 'U9', name: 'Nia' },
    })
  })

  it('plan again: of a pinned release while its branch has gone on', () => {
    expect(gate('plan again', member, aRelease({ newerCommits: 2 }))).toBe('allowed')
    expect(gate('plan again', member, aRelease({ newerCommits: 0 }))).toBe('already_decided')
    expect(gate('plan again', member, aRelease({ state: 'approved', newerCommits: 2 }))).toBe('already_decided')
  })

  it('plan again: once', () => {
    expect(gate('plan again', member, aRelease({ state: 'failed', replacedBy: 13 }))).toBe('already_decided')
    expect(gate('plan again', member, aRelease({ newerCommits: 2, replacedBy: 13 }))).toBe('already_decided')
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

  it('does not run before the card is posted', () => {
    expect(gate('qa', everything, aRelease({ expiresAt: undefined }), production(), after)).toBe('allowed')
  })

  it('does not stop a cancel, nor what an emergency left owed', () => {
    expect(gate('cancel', requester, release, production(), after)).toBe('allowed')
    const gone = aRelease({ expiresAt, state: 'succeeded', signOffs: [word('emergency', onCall)] })
    expect(gate('qa', everything, gone, production(), after)).toBe('allowed')
  })
})

describe('two people', () => {
  it("the requester's approval does not count; their QA does", () => {
    const all = person('U01DANA', everything.groups)
    expect(asks('approval', all)).toEqual({ gate: 'own_release', who: ['@release-approvers', 'UBYID'] })
    expect(gate('qa', all)).toBe('allowed')
    expect(gate('rejection', all)).toBe('allowed')
    expect(gate('talked over', all)).toBe('allowed')
  })

  it('one person may give QA and approval', () => {
    expect(gate('approval', everything, aRelease({ signOffs: [word('qa', everything)] }))).toBe('allowed')
  })

  it.each(['qa', 'approval', 'talked over'] as const)('%s is said once by a person, and told when it was', (kind) => {
    const release = aRelease({ signOffs: [word(kind, everything)] })
    expect(asks(kind, everything, release)).toEqual({
      gate: 'already_signed',
      kind,
      at: '2026-11-22T08:30:00.000Z',
    })
    const other = kind === 'qa' ? qa : kind === 'approval' ? approver : dba
    expect(gate(kind, other, release)).toBe('allowed')
  })

  it('a word on another plan counts for nothing', () => {
    const stale = { ...word('qa', everything), fingerprint: 'f'.repeat(64) }
    const release = aRelease({ signOffs: [stale, { ...word('approval', everything), fingerprint: '' }] })
    expect(gate('qa', everything, release)).toBe('allowed')
    expect(owed(production(), release).map(({ kind }) => kind)).toEqual(['qa', 'approval'])
  })

  it('n are owed by n different people', () => {
    const rules = production({ qa: 2, approvals: 2 })
    const counts = (...signOffs: Release['signOffs']) =>
      Object.fromEntries(owed(rules, aRelease({ signOffs })).map(({ kind, count }) => [kind, count]))
    expect(counts()).toEqual({ qa: 2, approval: 2 })
    expect(counts(word('qa', qa), word('approval', approver))).toEqual({ qa: 1, approval: 1 })
    expect(counts(word('qa', qa), word('qa', everything), word('approval', everything))).toEqual({ approval: 1 })
    const all = [word('qa', qa), word('qa', everything), word('approval', everything), word('approval', byId)]
    expect(goesOn(rules, aRelease({ signOffs: all.slice(0, 3) }))).toBe(false)
    expect(goesOn(rules, aRelease({ signOffs: all }))).toBe(true)
  })

  it.each<[string, readonly string[], string | undefined, string]>([
    ['wrote every commit', ['uapprover@people.example'], undefined, 'own_commits'],
    ['wrote every commit, in capitals', ['UApprover@People.Example'], undefined, 'own_commits'],
    ['wrote every commit; Slack has it in capitals', ['a@b.example'], 'A@B.EXAMPLE', 'own_commits'],
    ['wrote every commit under two spellings', ['a@b.example', 'A@b.Example'], 'a@b.example', 'own_commits'],
    ['wrote some', ['uapprover@people.example', 'priya@example.com'], undefined, 'allowed'],
    ['wrote none', ['priya@example.com'], undefined, 'allowed'],
    ['wrote nothing but merge commits, which are no commits of anyone', [], undefined, 'allowed'],
  ])('who %s', (_name, emails, email, expected) => {
    const authors = emails.map((each) => ({ name: 'whoever', email: each }))
    const release = aRelease({ plan: aPlan({ authors }) })
    const who = { ...everything, email: email ?? 'uapprover@people.example' }
    expect(gate('approval', who, release)).toBe(expected)
    expect(gate('qa', who, release)).toBe('allowed')
    expect(gate('talked over', who, release)).toBe('allowed')
  })

  it('merge commits aside: who merged is no author', () => {
    const merge = aCommit('3e46e', 'Merge branch', 'Tom', { isMerge: true })
    const authors = [{ name: 'Priya', email: 'priya@example.com' }]
    const release = aRelease({ plan: aPlan({ commits: [merge, aCommit('a', 'x', 'Priya')], authors }) })
    expect(gate('approval', { ...approver, email: 'priya@example.com' }, release)).toBe('own_commits')
    expect(gate('approval', { ...approver, email: 'tom@example.com' }, release)).toBe('allowed')
  })

  it('the authors of the whole plan count, not only of the commits that are shown', () => {
    const shown = aPlan({ commits: [aCommit('a', 'x', 'Priya')], commitCount: 900 })
    const plan = { ...shown, authors: [...shown.authors, { name: 'Lin', email: 'lin@example.com' }] }
    expect(gate('approval', { ...approver, email: 'priya@example.com' }, aRelease({ plan }))).toBe('allowed')
  })

  it('who has no e-mail in Slack can be matched with nobody', () => {
    const { email: _email, ...nameless } = approver
    const plan = aPlan({ authors: [{ name: 'x', email: '' }] })
    expect(gate('approval', nameless, aRelease({ plan }))).toBe('allowed')
  })
})

describe('what is owed', () => {
  const risky = production({}, { migrations: { ...migrations(), talkItOver: ['destroys'], approvers: ['@database'] } })

  it('is nothing where nothing is to be signed off, or nothing is planned', () => {
    expect(owed(anIntegration(), aRelease())).toEqual([])
    expect(owed(production(), aRelease({ plan: undefined, state: 'planning' }))).toEqual([])
  })

  it('names who may give it, talked over first', () => {
    expect(owed(risky, aRelease())).toEqual([
      { kind: 'talked over', count: 1, by: ['@database'] },
      { kind: 'qa', count: 1, by: ['@qa'] },
      { kind: 'approval', count: 1, by: ['@release-approvers', 'UBYID'] },
    ])
  })

  it('asks to talk over only the kinds that are configured', () => {
    expect(mustBeTalkedOver(risky, aRelease())).toBe(true)
    expect(mustBeTalkedOver(production(), aRelease())).toBe(false)
    const harmless = aRelease({ plan: aPlan({ migrations: MIGRATIONS.slice(0, 1) }) })
    expect(mustBeTalkedOver(risky, harmless)).toBe(false)
    expect(mustBeTalkedOver(production({}, { migrations: { ...migrations(), talkItOver: ['adds'] } }), harmless)).toBe(
      true,
    )
    expect(mustBeTalkedOver(risky, aRelease({ plan: aPlan({ migrations: [] }) }))).toBe(false)
  })

  it('more words than asked for owe nothing', () => {
    const signOffs = [word('qa', qa), word('qa', everything), word('approval', approver), word('approval', byId)]
    expect(owed(production(), aRelease({ signOffs }))).toEqual([])
  })

  it('knows which click would be the last', () => {
    const last = (kind: 'qa' | 'approval' | 'talked over', signOffs: Release['signOffs'], environment = production()) =>
      isLastOwed(environment, aRelease({ signOffs }), kind)
    expect(last('qa', [])).toBe(false)
    expect(last('qa', [word('approval', approver)])).toBe(true)
    expect(last('approval', [word('approval', approver)])).toBe(false)
    expect(last('approval', [word('qa', qa)])).toBe(true)
    expect(last('approval', [word('qa', qa)], production({ approvals: 2 }))).toBe(false)
    expect(last('approval', [word('qa', qa)], risky)).toBe(false)
    expect(last('talked over', [word('qa', qa), word('approval', approver)], risky)).toBe(true)
  })
})

describe('an emergency', () => {
  const risky = production(
    { qa: 1, approvals: 1 },
    { migrations: { ...migrations(), talkItOver: ['destroys'], approvers: ['@database'] } },
  )

  it('may be said by the requester', () => {
    expect(gate('emergency', person('U01DANA', ['@on-call']))).toBe('allowed')
  })

  it('may be said by who wrote every commit', () => {
    const plan = aPlan({ authors: [{ name: 'x', email: 'uoncall@people.example' }] })
    expect(gate('emergency', onCall, aRelease({ plan }))).toBe('allowed')
  })

  it('waives everything that people owe, and keeps it owed', () => {
    const release = aRelease({ signOffs: [word('emergency', onCall)] })
    expect(goesOn(risky, release)).toBe(true)
    expect(owed(risky, release).map(({ kind }) => kind)).toEqual(['talked over', 'qa', 'approval'])
  })

  const afterwards = ['approved', 'running', 'needs attention', 'succeeded', 'closed'] as const
  it.each(RELEASE_STATES.filter((state) => state !== 'awaiting sign-off'))('leaves %s its debts, or none', (state) => {
    const release = aRelease({ state, signOffs: [word('emergency', onCall)] })
    const expected = afterwards.some((each) => each === state) ? 'allowed' : 'already_decided'
    for (const kind of ['qa', 'approval', 'talked over'] as const) {
      expect([kind, gate(kind, everything, release)]).toEqual([kind, expected])
    }
    expect(gate('rejection', everything, release)).toBe('already_decided')
    expect(gate('emergency', everything, release)).toBe('already_decided')
  })

  it('is made good only by others, who may still not be the requester for the approval', () => {
    const sayer = person('UONCALL', everything.groups)
    const release = aRelease({ state: 'succeeded', signOffs: [word('emergency', onCall)] })
    for (const kind of ['qa', 'approval', 'talked over'] as const)
      expect(gate(kind, sayer, release)).toBe('own_release')
    expect(gate('approval', person('U01DANA', everything.groups), release)).toBe('own_release')
    expect(gate('qa', person('U01DANA', everything.groups), release)).toBe('allowed')
    expect(gate('qa', member, release)).toBe('not_a_qa')
    const given = { ...release, signOffs: [...release.signOffs, word('qa', qa)] }
    expect(gate('qa', qa, given)).toBe('already_signed')
    expect(owed(production(), given).map(({ kind }) => kind)).toEqual(['approval'])
  })
})

describe('what was decided already says by whom and when', () => {
  const tom = { id: 'U04TOM', name: 'Tom' }

  it.each<[string, Partial<Release>, { by?: typeof tom; at?: string }]>([
    ['rejected', { state: 'rejected', endedBy: tom, endedAt: at('09:00') }, { by: tom, at: at('09:00').toISOString() }],
    [
      'cancelled',
      { state: 'cancelled', endedBy: tom, endedAt: at('09:01') },
      { by: tom, at: at('09:01').toISOString() },
    ],
    [
      'approved, by the last word',
      {
        state: 'approved',
        approvedAt: at('09:30'),
        signOffs: [word('qa', qa), { ...aSignOff('approval', tom), at: at('09:30') }],
      },
      { by: tom, at: at('09:30').toISOString() },
    ],
    [
      'an emergency, and QA given afterwards',
      {
        state: 'running',
        approvedAt: at('09:30'),
        signOffs: [
          { ...aSignOff('emergency', tom), at: at('09:30') },
          { ...word('qa', qa), at: at('09:40') },
        ],
      },
      { by: tom, at: at('09:30').toISOString() },
    ],
    [
      'outdated: by nobody',
      { state: 'outdated', endedAt: at('09:50'), signOffs: [word('qa', qa)] },
      { at: at('09:50').toISOString() },
    ],
    [
      'integration: by nobody',
      { state: 'running', approvedAt: at('09:10'), signOffs: [] },
      { at: at('09:10').toISOString() },
    ],
  ])('%s', (_name, release, expected) => {
    expect(asks('rejection', everything, aRelease(release))).toEqual({
      gate: 'already_decided',
      number: 12,
      state: release.state,
      ...expected,
    })
  })
})

describe('any rules', () => {
  const two: readonly Person[] = [
    { ...person('UONE', ['@both', '@all']), email: 'one@example.com' },
    { ...person('UTWO', ['@both', '@all']), email: 'Two@Example.com' },
  ]
  const three = [...two, { ...person('UTHREE', ['@all']), email: 'three@example.com' }]
  /** A list in which everybody of these tests is. */
  const list = fc.constantFrom<readonly string[] | undefined>(
    undefined,
    ['@all'],
    ['@nobody', '@all'],
    ['UONE', 'UTWO', 'UTHREE'],
    ['UTWO', '@all', 'UONE'],
  )
  const emails = fc.subarray(['one@example.com', 'two@example.com', 'THREE@example.com', 'gone@example.com'])
  const anyRules = (approvals: number, qaCount: number) =>
    fc.record({
      qa: fc.integer({ min: 0, max: qaCount }),
      approvals: fc.integer({ min: 1, max: approvals }),
      approvers: list,
      qaBy: list,
      talkers: list,
      emails,
      isTalkedOver: fc.boolean(),
    })
  type Drawn = ReturnType<typeof anyRules> extends fc.Arbitrary<infer T> ? T : never

  function drawn({ qa, approvals, approvers, qaBy, talkers, emails, isTalkedOver }: Drawn) {
    const environment = anEnvironment({
      signOff: {
        qa,
        approvals,
        requireChecks: false,
        expiresAfterMs: 1,
        ...(approvers && { approvers }),
        ...(qaBy && { qaBy }),
      },
      migrations: {
        ...migrations(),
        talkItOver: isTalkedOver ? ['destroys'] : [],
        ...(talkers && { approvers: talkers }),
      },
    })
    const plan = aPlan({ authors: emails.map((email) => ({ name: email, email })) })
    return { environment, plan }
  }

  /** Everybody presses everything that is theirs to press, emergencies aside, again and again. */
  function pressAll(
    environment: Environment,
    plan: Release['plan'],
    asker: Person,
    people: readonly Person[],
  ): Release {
    let release = aRelease({ plan, requester: { id: asker.id, name: asker.name } })
    for (const kind of ['qa', 'approval', 'talked over', 'qa', 'approval'] as const) {
      for (const who of people) {
        if (refusal({ action: kind, environment, release, person: who, now: NOW }) !== undefined) continue
        const signOff = { ...word(kind, who), fingerprint: release.fingerprint ?? '' }
        release = { ...release, signOffs: [...release.signOffs, signOff] }
      }
    }
    return release
  }

  it('nobody releases alone', () => {
    fc.assert(
      fc.property(anyRules(3, 3), fc.constantFrom(...three), (rules, alone) => {
        const { environment, plan } = drawn(rules)
        expect(goesOn(environment, pressAll(environment, plan, alone, [alone]))).toBe(false)
      }),
    )
  })

  it('two people always can, if the right one asks', () => {
    fc.assert(
      fc.property(anyRules(1, 2), (rules) => {
        const { environment, plan } = drawn(rules)
        const ways = two.filter((asker) => goesOn(environment, pressAll(environment, plan, asker, two)))
        expect(ways).not.toEqual([])
      }),
    )
  })

  it('two people always can, whoever asks, when neither wrote everything', () => {
    fc.assert(
      fc.property(anyRules(1, 2), fc.constantFrom(...two), (rules, asker) => {
        const { environment, plan } = drawn({ ...rules, emails: ['gone@example.com', ...rules.emails] })
        expect(goesOn(environment, pressAll(environment, plan, asker, two))).toBe(true)
      }),
    )
  })

  it('three people always can where two must approve', () => {
    fc.assert(
      fc.property(anyRules(2, 3), (rules) => {
        const { environment, plan } = drawn(rules)
        const ways = three.filter((asker) => goesOn(environment, pressAll(environment, plan, asker, three)))
        expect(ways).not.toEqual([])
      }),
    )
  })

  it('every approval that counts is of somebody who neither asked nor wrote everything', () => {
    fc.assert(
      fc.property(anyRules(3, 3), fc.constantFrom(...three), (rules, asker) => {
        const { environment, plan } = drawn(rules)
        const { signOffs } = pressAll(environment, plan, asker, three)
        const approved = signOffs.filter(({ kind }) => kind === 'approval').map(({ person }) => person.id)
        expect(new Set(approved).size).toBe(approved.length)
        expect(approved).not.toContain(asker.id)
        const [only, ...others] = new Set(plan.authors.map(({ email }) => email.toLowerCase()))
        const wroteAll = others.length === 0 && three.find(({ email }) => email?.toLowerCase() === only)
        if (wroteAll) expect(approved).not.toContain(wroteAll.id)
      }),
    )
  })

  it('no rule speaks of an ended release but to say that it is over, save its debts, Plan again and Details', () => {
    fc.assert(
      fc.property(anyRules(3, 3), fc.constantFrom(...RELEASE_STATES.filter(hasEnded)), (rules, state) => {
        const { environment, plan } = drawn(rules)
        for (const action of ACTIONS.filter((each) => each !== 'plan again' && each !== 'details')) {
          expect(gate(action, two[0] ?? member, aRelease({ plan, state }), environment)).toBe('already_decided')
        }
      }),
    )
  })
})
