/** Who tested what, in the record at the forge and in the evidence, where QA was asked for each change. */
import { describe, expect, it } from 'vitest'
import { disagreements } from '../../src/operations/audit/agreement.ts'
import { decisionsOf, type EventBody } from '../../src/operations/audit/decisions.ts'
import { eventWords } from '../../src/operations/audit/event-words.ts'
import { evidenceOf } from '../../src/operations/audit/evidence.ts'
import { evidenceMarkdown } from '../../src/operations/audit/evidence-formats.ts'
import { separationOf } from '../../src/operations/audit/separation.ts'
import type { PlannedChange } from '../../src/release/changes.ts'
import { recordedRules } from '../../src/release/recorded-rules.ts'
import { recordWithSql } from '../../src/worker/run/record-sql.ts'
import { anEnvironment, aPlan, aRelease, at, DANA, LIN, SIGN_OFF, sha, TOM } from '../support/builders.ts'
import { stored } from './stored-evidence.ts'

const CHI = { name: 'Chi', email: 'chi@example.com' }
const CHANGES: readonly PlannedChange[] = [
  { commits: [sha('a1'), sha('a2')], title: 'Fix digests', pullRequest: 41, authors: [CHI] },
  { commits: [sha('b1')], title: 'Fix a typo', authors: [CHI] },
]
const [A, B] = [sha('a1'), sha('b1')]
const rules = recordedRules(anEnvironment({ signOff: { ...SIGN_OFF, qa: 'each change' } }))

function event(type: string, actor: string, data: Record<string, unknown>): EventBody {
  return { at: '2026-11-22T08:00:00.000Z', type, actor, data: { right: '@qa', ...data } }
}
const qa = (who: { id: string; name: string }, changes: readonly string[], own: readonly string[] = []) =>
  event('sign_off_given', who.id, { kind: 'qa', name: who.name, changes, ...(own.length > 0 && { own }) })
const emergency = event('sign_off_given', TOM.id, { kind: 'emergency', name: TOM.name, note: 'down' })

const approval = event('sign_off_given', TOM.id, { kind: 'approval', name: TOM.name })
const RAN = [
  ...[event('release_approved', 'bot', { attempt: 1 }), event('run_started', 'worker', { attempt: 1 })],
  event('release_ended', 'worker', { state: 'succeeded' }),
]
const told = (...given: readonly EventBody[]) => [
  event('release_requested', DANA.id, { name: DANA.name }),
  event('plan_made', 'worker', { fingerprint: 'f', changes: [A, B], rules }),
  ...given,
  ...RAN,
]

describe('separation of duties', () => {
  it.each([
    ['all tested', [qa(LIN, [A, B]), approval], 'separated', 'three people, none approved their own release.'],
    ['by two', [qa(LIN, [A]), qa(TOM, [B]), approval], 'separated', 'QA by Lin and Tom, approved by Tom'],
    [
      'by its author',
      [qa(LIN, [A, B], [A]), approval],
      'separated',
      'Lin tested one change of their own, which the rules allow.',
    ],
    ['one untested', [qa(LIN, [A]), approval], 'against the rules', 'one change had none, and there was no emergency.'],
    ['none tested', [approval], 'against the rules', 'two changes had none'],
    ['an emergency', [qa(LIN, [A]), emergency], 'not separated', 'it ran without QA and approval.'],
    ['an emergency after all QA', [qa(LIN, [A, B]), emergency], 'not separated', 'it ran without approval.'],
  ] as const)('%s', (_what, given, verdict, words) => {
    const found = separationOf(decisionsOf(told(...given)))
    expect([found.verdict, found.sentences.join(' ')]).toEqual([verdict, expect.stringContaining(words)])
  })
})

describe('what the tables say otherwise than the events', () => {
  const release = aRelease({ state: 'succeeded', requester: DANA, fingerprint: 'f', requestedAt: at('08:00') })
  const signOffs = [LIN, TOM].map((person) => ({
    kind: person === LIN ? ('qa' as const) : ('approval' as const),
    person,
  }))
  const tick = (change: string, person = LIN) => ({ change, person })
  const found = (tested?: readonly { change: string; person: { id: string } }[]) => {
    const events = told(qa(LIN, [A]), qa(LIN, [B]), approval)
    return disagreements({ ...release, signOffs, ...(tested && { tested }) }, events, decisionsOf(events))
  }

  it('nothing, also where one person has ticked twice', () => {
    expect(found([tick(A), tick(B)])).toEqual([])
    expect(found()).toEqual([])
  })

  it('a tick that was added, moved or taken away', () => {
    const differs = ['who has tested which change']
    expect([
      found([tick(A)]),
      found([]),
      found([tick(A), tick(B), tick(A, TOM)]),
      found([tick(A), tick(B, TOM)]),
    ]).toEqual([differs, differs, differs, differs])
  })
})

describe('the record', () => {
  const tested = [
    { change: A, person: LIN, right: '@qa', at: at('08:10') },
    { change: A, person: TOM, right: '@qa', isOwn: true as const, at: at('08:20') },
  ]
  const record = (changes: readonly PlannedChange[]) =>
    recordWithSql(aRelease({ plan: aPlan({ changes, migrations: [] }), tested }), 32_768)

  it('names who tested which change, and what nobody did', () => {
    const { text, before } = record(CHANGES)
    expect(before).toEqual([])
    expect(text).toContain(
      `* change PR #41 Fix digests: tested by Lin (${LIN.id}), 2026-11-22T08:10:00.000Z; Tom (${TOM.id}), its author, 2026-11-22T08:20:00.000Z`,
    )
    expect(text).toContain('* change b10000000000 Fix a typo: not tested')
  })

  it('has all of 200 changes, in as many comments as they need', () => {
    const many = Array.from({ length: 200 }, (_, index): PlannedChange => {
      return {
        commits: [sha((index + 4096).toString(16))],
        title: `Change ${index} ${'x'.repeat(300)}`,
        authors: [CHI],
      }
    })
    const { text, before } = record(many)
    const all = [text, ...before.map((each) => each.text)]
    expect(all.every(({ length }) => length <= 32_768)).toBe(true)
    for (const index of [0, 99, 199]) expect(all.join('\n')).toContain(`Change ${index} `)
  })
})

describe('the evidence', () => {
  it('lists each change with who tested it, from the events', () => {
    const { release, ...rest } = stored('w')
    const events = told(qa(LIN, [A], [A]), approval).map((each, index) => {
      const body = JSON.stringify({ ...each, id: index + 1 })
      return { id: index + 1, body, hash: '', previousHash: '' }
    })
    const plan = aPlan({ changes: CHANGES })
    const evidence = evidenceOf({ ...rest, release: { ...release, plan }, events })
    const markdown = evidenceMarkdown(evidence, at('10:00'))
    expect(markdown).toContain('1 of 2 tested')
    expect(markdown).toMatch(/a10000000000.*PR #41 Fix digests.*Chi.*Lin \(U05LIN\), its author, 2026-11-22/)
    expect(markdown).toMatch(/b10000000000.*Fix a typo.*not tested/)
    expect(markdown).toContain('of each change')
    expect(evidenceMarkdown(evidenceOf(stored('w')), at('10:00'))).not.toContain('tested by')
  })

  it('tells an event in words', () => {
    expect(eventWords(qa(LIN, [A, B], [A]))).toBe('tested 2 changes, 1 of them as the author')
    expect(eventWords(event('sign_off_given', LIN.id, { kind: 'qa' }))).toBe('confirmed that QA passed')
  })
})
