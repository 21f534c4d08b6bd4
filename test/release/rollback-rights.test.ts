/** Who may decide on a rollback, and who may mark a release as bad. */
import { describe, expect, it } from 'vitest'
import type { Action } from '../../src/release/actions.ts'
import { owed } from '../../src/release/policy.ts'
import { aPlan, aRelease, at, TOM } from '../support/builders.ts'
import {
  approver,
  asks,
  byId,
  dba,
  everything,
  gate,
  member,
  onCall,
  production,
  qa,
  requester,
} from './policy-people.ts'

const { pullRequest: _none, ...planned } = aPlan({ migrations: [], bound: { kind: 'rollback', database: null } })
const shown = { number: 40, commit: '1f03ae2', requester: TOM, at: at('06:00').toISOString() }
const plan = { ...planned, rollback: { from: { ...shown, number: 41 }, to: shown, migrations: [], unknowns: [] } }
const rollback = aRelease({ kind: 'rollback', reason: 'Logins fail', plan })

describe('a rollback', () => {
  it('needs one approval and no QA unless the environment says otherwise', () => {
    expect(owed(production(), rollback)).toMatchObject([{ kind: 'approval', count: 1 }])
    const strict = production({ rollback: { qa: 1, approvals: 2 } })
    expect(owed(strict, rollback)).toMatchObject([
      { kind: 'qa', count: 1 },
      { kind: 'approval', count: 2 },
    ])
  })

  it('is not approved by who asked for it, also as an approver', () => {
    const asApprover = { ...requester, groups: ['@release-approvers'] }
    expect(asks('approval', asApprover, rollback)).toMatchObject({ gate: 'own_release' })
    expect(gate('approval', approver, rollback)).toBe('allowed')
  })

  it('is approved by who wrote every commit that goes away', () => {
    const [author] = plan.authors
    const alone = aRelease({ ...rollback, plan: { ...plan, authors: plan.authors.slice(0, 1) } })
    expect(gate('approval', { ...approver, email: author?.email ?? '' }, alone)).toBe('allowed')
    const deploy = aRelease({ plan: { ...planned, authors: planned.authors.slice(0, 1) } })
    expect(gate('approval', { ...approver, email: author?.email ?? '' }, deploy)).toBe('own_commits')
  })
})

describe.each<[Action, 'bad' | 'good']>([
  ['mark bad', 'bad'],
  ['mark good', 'good'],
])('%s', (action, mark) => {
  const succeeded = aRelease({ state: 'succeeded', endedAt: at('09:00') })

  it('is for those who may approve', () => {
    for (const person of [approver, byId, everything]) expect(gate(action, person, succeeded)).toBe('allowed')
    for (const person of [requester, qa, onCall, dba, member]) {
      expect(gate(action, person, succeeded)).toBe('not_an_approver')
    }
  })

  it('is also for the requester who may approve: it releases nothing', () => {
    expect(gate(action, { ...requester, groups: ['@release-approvers'] }, succeeded)).toBe('allowed')
  })

  it('is not said twice, and not of what never proved its commit', () => {
    const marked = { ...succeeded, mark: { is: mark, by: TOM, at: at('09:30') } }
    expect(asks(action, approver, marked)).toMatchObject({ gate: 'mark_refused', why: 'marked so', by: TOM })
    const failed = aRelease({ state: 'failed' })
    expect(asks(action, approver, failed)).toMatchObject({ gate: 'mark_refused', why: 'not proven', state: 'failed' })
  })
})

it('everybody may ask for a rollback', () => {
  const succeeded = aRelease({ state: 'succeeded' })
  for (const person of [requester, approver, qa, member]) expect(gate('roll back', person, succeeded)).toBe('allowed')
})
