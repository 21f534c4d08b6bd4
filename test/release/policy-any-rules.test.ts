import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusal } from '../../src/release/actions.ts'
import { canProceed, type Person } from '../../src/release/policy.ts'
import type { Release } from '../../src/release/release.ts'
import type { Environment } from '../../src/release/settings.ts'
import { hasEnded, RELEASE_STATES } from '../../src/release/terms.ts'
import { aMigration, anEnvironment, aPlan, aRelease } from '../support/builders.ts'
import { ACTIONS, gate, member, NOW, person, word } from './policy-people.ts'

describe('any rules', () => {
  const two: readonly Person[] = [
    { ...person('UONE', ['@both', '@all']), email: 'one@example.com' },
    { ...person('UTWO', ['@both', '@all']), email: 'Two@Example.com' },
  ]
  const three = [...two, { ...person('UTHREE', ['@all']), email: 'three@example.com' }]
  /** A list with every person of these tests. */
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
      migrations: [
        aMigration({ talkItOver: isTalkedOver ? ['destroys'] : [], ...(talkers && { approvers: talkers }) }),
      ],
    })
    const plan = aPlan({ authors: emails.map((email) => ({ name: email, email })) })
    return { environment, plan }
  }

  /** Everyone presses every button that they may, except for emergencies, repeatedly. */
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
        expect(canProceed(environment, pressAll(environment, plan, alone, [alone]))).toBe(false)
      }),
    )
  })

  it('two people always can, if the right one requests', () => {
    fc.assert(
      fc.property(anyRules(1, 2), (rules) => {
        const { environment, plan } = drawn(rules)
        const ways = two.filter((asker) => canProceed(environment, pressAll(environment, plan, asker, two)))
        expect(ways).not.toEqual([])
      }),
    )
  })

  it('two people always can, no matter who requests, when neither wrote every commit', () => {
    fc.assert(
      fc.property(anyRules(1, 2), fc.constantFrom(...two), (rules, asker) => {
        const { environment, plan } = drawn({ ...rules, emails: ['gone@example.com', ...rules.emails] })
        expect(canProceed(environment, pressAll(environment, plan, asker, two))).toBe(true)
      }),
    )
  })

  it('three people always can when two must approve', () => {
    fc.assert(
      fc.property(anyRules(2, 3), (rules) => {
        const { environment, plan } = drawn(rules)
        const ways = three.filter((asker) => canProceed(environment, pressAll(environment, plan, asker, three)))
        expect(ways).not.toEqual([])
      }),
    )
  })

  it('every approval that counts is by someone who neither requested nor wrote every commit', () => {
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

  it('an ended release refuses everything but waived sign-offs, Plan again and Details', () => {
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
