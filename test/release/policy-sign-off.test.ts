import { describe, expect, it } from 'vitest'
import { canProceed, discussions, isLastOwed, owed } from '../../src/release/policy.ts'
import type { Release } from '../../src/release/release.ts'
import { RELEASE_STATES } from '../../src/release/terms.ts'
import { aCommit, aMigration, anIntegration, aPlan, aRelease, aSignOff, at, MIGRATIONS } from '../support/builders.ts'
import {
  approver,
  asks,
  byId,
  dba,
  everything,
  gate,
  member,
  NOW,
  onCall,
  person,
  production,
  qa,
  requester,
  word,
} from './policy-people.ts'

const mustBeTalkedOver = (...asked: Parameters<typeof discussions>) => discussions(...asked).length > 0

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

  it('a permission from a group is not denied while Slack does not list that group, only from another group', () => {
    const unknown = (...unknownGroups: string[]) => ({ ...member, unknownGroups })
    expect(gate('approval', unknown('@release-approvers'))).toBe('not_a_member')
    expect(gate('approval', unknown('@qa'))).toBe('not_an_approver')
    expect(gate('qa', unknown('@release-approvers'))).toBe('not_a_qa')
    expect(gate('qa', { ...qa, unknownGroups: ['@release-approvers'] })).toBe('allowed')
  })

  it.each(['qa', 'approval', 'talked over'] as const)(
    '%s counts once per person, and the refusal says when it was given',
    (kind) => {
      const release = aRelease({ signOffs: [word(kind, everything)] })
      expect(asks(kind, everything, release)).toEqual({
        gate: 'already_signed',
        kind,
        at: '2026-11-22T08:30:00.000Z',
      })
      const other = kind === 'qa' ? qa : kind === 'approval' ? approver : dba
      expect(gate(kind, other, release)).toBe('allowed')
    },
  )

  it('a sign-off on another plan does not count', () => {
    const stale = { ...word('qa', everything), fingerprint: 'f'.repeat(64) }
    const release = aRelease({ signOffs: [stale, { ...word('approval', everything), fingerprint: '' }] })
    expect(gate('qa', everything, release)).toBe('allowed')
    expect(owed(production(), release).map(({ kind }) => kind)).toEqual(['qa', 'approval'])
  })

  it('n sign-offs need n different people', () => {
    const rules = production({ qa: 2, approvals: 2 })
    const counts = (...signOffs: Release['signOffs']) =>
      Object.fromEntries(owed(rules, aRelease({ signOffs })).map(({ kind, count }) => [kind, count]))
    expect(counts()).toEqual({ qa: 2, approval: 2 })
    expect(counts(word('qa', qa), word('approval', approver))).toEqual({ qa: 1, approval: 1 })
    expect(counts(word('qa', qa), word('qa', everything), word('approval', everything))).toEqual({ approval: 1 })
    const all = [word('qa', qa), word('qa', everything), word('approval', everything), word('approval', byId)]
    expect(canProceed(rules, aRelease({ signOffs: all.slice(0, 3) }))).toBe(false)
    expect(canProceed(rules, aRelease({ signOffs: all }))).toBe(true)
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
    const authors = emails.map((each) => ({ name: 'anybody', email: each }))
    const release = aRelease({ plan: aPlan({ authors }) })
    const who = { ...everything, email: email ?? 'uapprover@people.example' }
    expect(gate('approval', who, release)).toBe(expected)
    expect(gate('qa', who, release)).toBe('allowed')
    expect(gate('talked over', who, release)).toBe('allowed')
  })

  it('merge commits are ignored: who merged is no author', () => {
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

  it('a person without an e-mail in Slack matches no author', () => {
    const { email: _email, ...nameless } = approver
    const plan = aPlan({ authors: [{ name: 'x', email: '' }] })
    expect(gate('approval', nameless, aRelease({ plan }))).toBe('allowed')
  })
})

describe('go', () => {
  it('is only for the requester, while the plan waits for it', () => {
    const hotfix = { picks: [], at: '2026-11-22T08:00:00Z', alsoGoes: { count: 0, commits: [] }, asksGo: true as const }
    const waits = aRelease({ plan: aPlan({ hotfix }), state: 'awaiting sign-off', expiresAt: NOW })
    const before = new Date(NOW.getTime() - 1)
    expect(asks('go', requester, waits, anIntegration(), before)).toBeUndefined()
    expect(asks('go', requester, waits, anIntegration(), NOW)?.gate).toBe('expired')
    expect(asks('go', approver, waits, anIntegration(), before)?.gate).toBe('not_allowed')
    expect(asks('go', requester, aRelease(), anIntegration(), before)?.gate).toBe('already_decided')
  })
})

describe('missing sign-offs', () => {
  const risky = production({}, { migrations: [aMigration({ talkItOver: ['destroys'], approvers: ['@database'] })] })

  it('are none without rules or without a plan', () => {
    expect(owed(anIntegration(), aRelease())).toEqual([])
    expect(owed(production(), aRelease({ plan: undefined, state: 'planning' }))).toEqual([])
  })

  it('list who may give them, talked over first', () => {
    expect(owed(risky, aRelease())).toEqual([
      { kind: 'talked over', count: 1, by: ['@database'] },
      { kind: 'qa', count: 1, by: ['@qa'] },
      { kind: 'approval', count: 1, by: ['@release-approvers', 'UBYID'] },
    ])
  })

  it('need a discussion only for the configured kinds', () => {
    expect(mustBeTalkedOver(risky, aRelease())).toBe(true)
    expect(mustBeTalkedOver(production(), aRelease())).toBe(false)
    const harmless = aRelease({ plan: aPlan({ migrations: MIGRATIONS.slice(0, 1) }) })
    expect(mustBeTalkedOver(risky, harmless)).toBe(false)
    expect(mustBeTalkedOver(production({}, { migrations: [aMigration({ talkItOver: ['adds'] })] }), harmless)).toBe(
      true,
    )
    expect(mustBeTalkedOver(risky, aRelease({ plan: aPlan({ migrations: [] }) }))).toBe(false)
    const locks = { risk: 'locks', what: 'locks alerts', why: 'It waits.' } as const
    const both = aPlan({
      migrations: [{ revision: 'r', message: 'm', file: 'f', risk: 'destroys', findings: [locks] }],
    })
    const talksOverLocks = production({}, { migrations: [aMigration({ talkItOver: ['locks'] })] })
    expect(mustBeTalkedOver(talksOverLocks, aRelease({ plan: both }))).toBe(true)
  })

  it('are none when there are more sign-offs than needed', () => {
    const signOffs = [word('qa', qa), word('qa', everything), word('approval', approver), word('approval', byId)]
    expect(owed(production(), aRelease({ signOffs }))).toEqual([])
  })

  it('show which click would be the last', () => {
    const last = (kind: 'qa' | 'approval' | 'talked over', signOffs: Release['signOffs'], environment = production()) =>
      isLastOwed(owed(environment, aRelease({ signOffs })), kind)
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
    { migrations: [aMigration({ talkItOver: ['destroys'], approvers: ['@database'] })] },
  )

  it('may be declared by the requester', () => {
    expect(gate('emergency', person('U01DANA', ['@on-call']))).toBe('allowed')
  })

  it('may be declared by the author of every commit', () => {
    const plan = aPlan({ authors: [{ name: 'x', email: 'uoncall@people.example' }] })
    expect(gate('emergency', onCall, aRelease({ plan }))).toBe('allowed')
  })

  it('waives every sign-off, and keeps it listed as missing', () => {
    const release = aRelease({ signOffs: [word('emergency', onCall)] })
    expect(canProceed(risky, release)).toBe(true)
    expect(owed(risky, release).map(({ kind }) => kind)).toEqual(['talked over', 'qa', 'approval'])
  })

  const afterwards = ['approved', 'running', 'needs attention', 'succeeded', 'closed'] as const
  it.each(RELEASE_STATES.filter((state) => state !== 'awaiting sign-off'))(
    'in %s its sign-offs may still be given, or not',
    (state) => {
      const release = aRelease({ state, signOffs: [word('emergency', onCall)] })
      const expected = afterwards.some((each) => each === state) ? 'allowed' : 'already_decided'
      for (const kind of ['qa', 'approval', 'talked over'] as const) {
        expect([kind, gate(kind, everything, release)]).toEqual([kind, expected])
      }
      expect(gate('rejection', everything, release)).toBe('already_decided')
      expect(gate('emergency', everything, release)).toBe('already_decided')
    },
  )

  it('is made up for only by others; the approval not by the requester either', () => {
    const sayer = person('UONCALL', everything.groups)
    const release = aRelease({ state: 'succeeded', signOffs: [word('emergency', onCall)] })
    for (const kind of ['qa', 'approval', 'talked over'] as const)
      expect(asks(kind, sayer, release)).toMatchObject({ gate: 'own_release', asEmergency: true })
    expect(gate('approval', person('U01DANA', everything.groups), release)).toBe('own_release')
    expect(gate('qa', person('U01DANA', everything.groups), release)).toBe('allowed')
    expect(gate('qa', member, release)).toBe('not_a_qa')
    const given = { ...release, signOffs: [...release.signOffs, word('qa', qa)] }
    expect(gate('qa', qa, given)).toBe('already_signed')
    expect(owed(production(), given).map(({ kind }) => kind)).toEqual(['approval'])
  })
})

describe('already_decided names who decided and when', () => {
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
