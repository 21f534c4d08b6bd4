/** The guide's next sentence, for every state of the newest release and of what was tried already. */
import { describe, expect, it } from 'vitest'
import { type GuideFacts, type NewestRelease, nextStep } from '../../src/sandbox/next-step.ts'
import { PEOPLE, type PersonName } from '../../src/sandbox/people.ts'

const nothing = { lock: false, schedule: false, rollBack: false }
const everything = { lock: true, schedule: true, rollBack: true }
const facts = (given: Partial<GuideFacts>): GuideFacts => ({
  as: 'dana',
  release: { step: 'ask' },
  isUpToDate: true,
  isLocked: false,
  tried: nothing,
  succeeded: 1,
  ...given,
})
const ts = '1.2'
const DONE: NewestRelease = { step: 'done', ts, words: 'Release #1 succeeded.' }
const STOPPED = 'Release #1 was rejected. Nothing was changed.'

/** What the first button does, in one word or two. */
function does({ actions: [action] }: ReturnType<typeof nextStep>): string {
  if (action === undefined) return 'nothing'
  if (action.do === 'become') return `as ${action.person}`
  if (action.do === 'type') return action.text
  if (action.do === 'show button') return action.button
  return action.do === 'work' ? `push ${action.name}` : action.do
}

const afterRelease: readonly [what: string, given: Partial<GuideFacts>, words: RegExp, does: string][] = [
  ['the first release', {}, /^Released to production\. Next, a lock/, '/deploy lock production because of a demo'],
  ['a lock', { isLocked: true, tried: { ...nothing, lock: true } }, /is locked/, '/deploy unlock production'],
  ['an unlock', { tried: { ...nothing, lock: true } }, /push a commit/, 'push commit'],
  [
    'a commit',
    { tried: { ...nothing, lock: true }, isUpToDate: false },
    /starts tomorrow/,
    '/deploy production at 18:00 tomorrow',
  ],
  [
    'a start in time',
    { tried: { ...everything, rollBack: false }, succeeded: 2 },
    /rollback/,
    '/deploy rollback production',
  ],
  [
    'a cancelled one',
    { tried: { ...everything, rollBack: false }, isUpToDate: false },
    /is behind/,
    '/deploy production',
  ],
  ['a rollback', { tried: everything, isUpToDate: false, succeeded: 3 }, /is behind/, '/deploy production'],
  ['all of it', { tried: everything, succeeded: 4 }, /^Released to production\. Release again/, 'push commit'],
  ['a lock late', { isLocked: true, tried: everything, succeeded: 4 }, /is locked/, '/deploy unlock production'],
]

const underWay: readonly [release: NewestRelease, as: PersonName, words: RegExp, does: string, at: number][] = [
  [{ step: 'ask' }, 'dana', /^Start a release/, '/deploy production', 0],
  [{ step: 'ask' }, 'tom', /^Start a release/, 'as dana', 0],
  [{ step: 'wait' }, 'dana', /in a moment/, 'nothing', 0],
  [{ step: 'qa', ts, button: 'QA passed' }, 'dana', /Lin does QA/, 'as lin', 1],
  [{ step: 'qa', ts, button: 'QA passed' }, 'lin', /^You are Lin/, 'QA passed', 1],
  [{ step: 'qa', ts, button: 'QA…' }, 'lin', /each change/, 'QA…', 1],
  [{ step: 'talk', ts }, 'lin', /discuss/, 'as tom', 1],
  [{ step: 'talk', ts }, 'tom', /Talked over/, 'Talked over', 1],
  [{ step: 'approve', ts }, 'dana', /from Tom/, 'as tom', 2],
  [{ step: 'approve', ts }, 'tom', /^You are Tom/, 'Approve', 2],
  [{ step: 'scheduled', ts }, 'tom', /at its time/, 'set clock', 3],
  [{ step: 'running', ts }, 'tom', /is running/, 'open thread', 3],
  [
    { step: 'stopped', ts, words: STOPPED, offers: undefined },
    'dana',
    /^Release #1 was rejected\. Start/,
    '/deploy production',
    0,
  ],
  [{ step: 'stopped', ts, words: STOPPED, offers: 'Retry' }, 'tom', /offers Retry/, 'Retry', 3],
  [{ step: 'stopped', ts, words: STOPPED, offers: 'Plan again' }, 'lin', /offers Plan again/, 'as dana', 3],
]

describe('the guide', () => {
  it.each(underWay)('of %j to %s', (release, as, words, action, at) => {
    const next = nextStep(facts({ release, as }))
    expect(next.words).toMatch(words)
    expect([does(next), next.at]).toEqual([action, at])
  })

  it.each(afterRelease)('leads on after %s', (_what, given, words, action) => {
    const next = nextStep(facts({ release: DONE, ...given }))
    expect(next.words).toMatch(words)
    expect(does(next)).toBe(action)
  })

  it('has a step for everyone, in one or two short sentences', () => {
    const asked = [
      ...underWay.map(([release]) => ({ release })),
      ...afterRelease.map(([, given]) => ({ release: DONE, ...given })),
    ]
    for (const given of asked) {
      for (const { name } of PEOPLE) {
        const { words, actions, inThread } = nextStep(facts({ ...given, as: name }))
        expect(words.length, words).toBeLessThanOrEqual(125)
        expect(actions.length > 0 || given.release.step === 'wait', words).toBe(true)
        expect(inThread?.ts).toBe(given.release.step === 'running' ? ts : undefined)
      }
    }
  })
})
