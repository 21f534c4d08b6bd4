/** The look at what the forge asks for: it draws the card again for what has changed, and nothing else. */
import { expect, it } from 'vitest'
import type { MergeRequirement } from '../../src/release/plan.ts'
import type { Answer } from '../../src/release/ports/answers.ts'
import type { MergeRequirements } from '../../src/release/ports/forge.ts'
import type { Release } from '../../src/release/release.ts'
import { refreshMergeRequirements } from '../../src/worker/watch/merge-requirements.ts'
import { aPlan, aRelease, aStep } from '../support/builders.ts'
import { fakePorts, fakeStore } from './fakes.ts'

const ONE = [{ needs: '1 approval' }]
const TWO = [{ needs: '2 approvals' }]
const answered = (missing: readonly MergeRequirement[]): Answer<MergeRequirements> => ({ ok: true, value: { missing } })
const AWAY: Answer<never> = { ok: false, failure: 'unreachable', detail: 'no answer' }

/** Looks once; gives what was written and how the release stands then. */
async function look(release: Release, answer: Answer<MergeRequirements>) {
  const written: string[] = []
  const fake = fakeStore(release, (what) => {
    const lines = 'kind' in what && what.kind === 'line' ? JSON.stringify(what.line) : ''
    written.push(`${'kind' in what ? what.kind : what.type}${lines}`)
  })
  const asked: number[] = []
  const mergeRequirements = async (_app: unknown, id: number) => {
    asked.push(id)
    return answer
  }
  await refreshMergeRequirements(fakePorts({ forge: { mergeRequirements }, store: fake.store }), release)
  return { written, asked, missing: fake.release().mergeRequirements }
}

const waiting = aRelease({ plan: aPlan({ mergeRequirements: TWO }) })
const refused = aRelease({
  state: 'needs attention',
  attempt: 1,
  steps: [aStep('merge', { state: 'failed', effect: 'none' })],
  problem: { step: 'merge', because: { gate: 'merge_refused', detail: '400', byRules: true, pullRequest: 418 } },
  mergeRequirements: ONE,
})

it.each<[string, Release, Answer<MergeRequirements>, readonly MergeRequirement[] | undefined]>([
  ['what is missing has changed', waiting, answered(ONE), ONE],
  ['nothing is missing any more', waiting, answered([]), []],
  ['something is missing that was not', aRelease({}), answered(ONE), ONE],
  ['it has changed again since', aRelease({ mergeRequirements: TWO }), answered(ONE), ONE],
])('W7: draws the card again where %s', async (_what, release, answer, missing) => {
  expect(await look(release, answer)).toEqual({ written: ['card'], asked: [418], missing })
})

it.each<[string, Release, Answer<MergeRequirements>]>([
  ['it is the same', waiting, answered(TWO)],
  ['nothing is missing, as before', aRelease({}), answered([])],
  ['the forge does not answer', waiting, AWAY],
])('W7: leaves the card alone where %s', async (_what, release, answer) => {
  expect(await look(release, answer)).toMatchObject({ written: [], asked: [418] })
})

it('W7: says once in the thread that Retry can go', async () => {
  const { written } = await look(refused, answered([]))
  expect(written).toEqual(['card', expect.stringContaining('PR #418 now has what Bitbucket asked for. Press Retry')])
  expect((await look({ ...refused, mergeRequirements: TWO }, answered(ONE))).written).toEqual(['card'])
})

it.each<[string, Release]>([
  ['runs', { ...waiting, state: 'running' }],
  ['has ended', { ...waiting, state: 'rejected' }],
  ['has no pull request', aRelease({ plan: { ...aPlan(), pullRequest: undefined } as never })],
  ['needs attention for another reason', { ...refused, problem: { because: { gate: 'internal_error', detail: '' } } }],
])('W7: does not ask about a release that %s', async (_what, release) => {
  expect(await look(release, answered(ONE))).toMatchObject({ written: [], asked: [] })
})
