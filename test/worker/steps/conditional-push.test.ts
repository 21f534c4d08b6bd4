/** What becomes of a push that is made only where the branch is as the plan saw it, as a table. */
import { expect, it } from 'vitest'
import type { PushAnswer } from '../../../src/release/ports/git.ts'
import { type ConditionalPush, pushConditionally } from '../../../src/worker/run/conditional-push.ts'
import { stopped } from '../../../src/worker/run/steps/step.ts'
import { aStep, sha } from '../../support/builders.ts'
import { COMMIT, fakeRun, inTurn } from '../fakes.ts'

const BEFORE = sha('01d')
const output = ['remote: no']
const refused = { gate: 'push_refused', remote: 'live', output: [] } as const
const unknown = { gate: 'push_unknown', remote: 'live', commit: COMMIT } as const
const notAllowed = { gate: 'credentials_refused', service: 'live', settings: [] } as const
const away = stopped({ gate: 'remote_unreachable', remote: 'live', detail: 'no answer' }, 'as before')

type Look = 'here' | 'not here' | 'no answer'

/** Pushes, and then sees these one after another, and the last one from then on. */
async function pushed(
  answer: PushAnswer | (() => Promise<PushAnswer>),
  looks: readonly Look[] = ['not here'],
  cutOff = false,
) {
  const asked: unknown[] = []
  const seen = inTurn(...looks)
  let looked = 0
  const { run, told } = fakeRun(
    {
      git: {
        push: async (_app, url, what) => {
          asked.push({ url, ...what })
          return typeof answer === 'function' ? answer() : answer
        },
      },
    },
    { before: cutOff ? aStep('push', { state: 'running', effect: 'unknown' }) : undefined },
  )
  const push: ConditionalPush<{ readonly holds: string }> = {
    url: '/srv/live.git',
    branch: 'master',
    commit: COMMIT,
    expected: BEFORE,
    arrivesWithinMs: 5,
    async look() {
      looked++
      const look = await seen()
      return look === 'no answer' ? away : { holds: look === 'here' ? COMMIT : BEFORE }
    },
    hasArrived: ({ holds }) => holds === COMMIT,
    result: { said: 'Pushed', commit: COMMIT },
    cutOff: { key: 'cut', what: 'It was cut off.' },
    notAllowed,
    notSent: ({ failure, detail }) => ({ gate: 'remote_unreachable', remote: `live ${failure}`, detail }),
    rejected: (rejected) => stopped(refused, 'none', { output: rejected.output }),
    unknown,
  }
  return { outcome: await pushConditionally(run, push), asked, told, looked }
}

const done = { is: 'done', effect: 'some', result: { said: 'Pushed', commit: COMMIT } }
const rejected: PushAnswer = { push: 'rejected', why: 'hook', output }
const cut: PushAnswer = { push: 'unknown', output }

it.each<[string, PushAnswer, readonly Look[], object]>([
  ['moved', { push: 'moved', output }, [], done],
  ['held already', { push: 'already', output }, [], done],
  [
    'not allowed',
    { push: 'not allowed', output },
    [],
    { is: 'stopped', because: notAllowed, effect: 'as before', output },
  ],
  ['rejected', rejected, ['not here'], { is: 'stopped', because: refused, effect: 'none', output }],
  ['rejected, and there all the same', rejected, ['here'], done],
  ['rejected, and nobody answers then', rejected, ['no answer'], { ...away, effect: 'unknown', output }],
  ['cut off, and seen later', cut, ['not here', 'no answer', 'here'], done],
  ['cut off, and never seen', cut, ['not here'], { is: 'stopped', because: unknown, effect: 'unknown', output }],
  ['cut off, and nobody answers', cut, ['no answer'], { is: 'stopped', because: unknown, effect: 'unknown', output }],
])('%s', async (_what, answer, looks, expected) => {
  const { outcome, asked, told } = await pushed(answer, looks)
  expect(outcome).toEqual(expected)
  expect(asked).toEqual([{ url: '/srv/live.git', commit: COMMIT, branch: 'master', expected: BEFORE }])
  expect(told).toEqual(answer === cut ? ['It was cut off.'] : [])
})

const NOT_SENT = { push: 'not sent', detail: 'error: 503', output } as const

it.each<[string, readonly PushAnswer[], number, object]>([
  [
    'W17: an error before anything was sent, each time, is tried three times and leaves the effect as it was',
    [{ ...NOT_SENT, failure: 'unreachable' }],
    3,
    { is: 'stopped', because: { gate: 'remote_unreachable', remote: 'live unreachable' }, effect: 'as before', output },
  ],
  [
    'W17: an error before anything was sent, and then an answer',
    [
      { ...NOT_SENT, failure: 'unreachable' },
      { push: 'moved', output },
    ],
    2,
    done,
  ],
  [
    'W17: an error that stays is not tried again',
    [{ ...NOT_SENT, failure: 'wrong' }],
    1,
    { is: 'stopped', because: { gate: 'remote_unreachable', remote: 'live wrong' }, effect: 'as before', output },
  ],
  ['W17: what is cut off is never tried again', [cut], 1, { is: 'stopped', because: unknown, effect: 'unknown' }],
])('%s', async (_what, answers, tries, expected) => {
  const next = inTurn(...answers)
  const { outcome, asked, told } = await pushed(next)
  expect(outcome).toMatchObject(expected)
  expect(asked).toHaveLength(tries)
  expect(told).toEqual(answers.includes(cut) ? ['It was cut off.'] : [])
})

it('waits, where it is rejected, for what a try before it had begun', async () => {
  const { outcome, looked } = await pushed(rejected, ['not here', 'not here', 'here'], true)
  expect(outcome).toEqual(done)
  expect(looked).toBeGreaterThan(2)
  expect((await pushed(rejected, ['not here'])).looked).toBe(1)
})
