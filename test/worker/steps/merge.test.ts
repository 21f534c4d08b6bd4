/** The merge step over fakes: what its look finds, and what becomes of a merge, each as a table. */
import { describe, expect, it } from 'vitest'
import type { MergeRequirement, Plan } from '../../../src/release/plan.ts'
import type { MergeAnswer, PullRequest } from '../../../src/release/ports/forge.ts'
import type { CommitFacts } from '../../../src/release/ports/git.ts'
import { merge } from '../../../src/worker/run/steps/merge.ts'
import { aCommit, aPlan, aStep, sha } from '../../support/builders.ts'
import { COMMIT, fakeRun, inTurn } from '../fakes.ts'

const plan = aPlan()
const { target, result } = plan.bound
const SIGNED: CommitFacts = {
  sha: COMMIT,
  tree: sha('7ee'),
  parents: result.how === 'merge' ? result.parents : [],
}
const TOP = sha('70b')

type State = PullRequest['state'] | 'no answer'

interface Case {
  /** The pull request's states, one look after another. */
  readonly states?: readonly State[]
  readonly head?: string | null
  readonly merged?: Partial<CommitFacts>
  readonly answer?: MergeAnswer
  readonly cutOff?: boolean
  readonly missing?: readonly MergeRequirement[]
  readonly plan?: Plan
  /** The merge that the forge names. */
  readonly mergeCommit?: string
}

function runOf({ states = ['open'], head = COMMIT, merged, answer, cutOff = false, missing = [], ...more }: Case) {
  const { plan: of = plan, mergeCommit: named = COMMIT } = more
  const asked: string[] = []
  const methods: string[] = []
  const state = inTurn(...states)
  const { run } = fakeRun(
    {
      forge: {
        pullRequest: async (_app, id) => {
          const now = await state()
          if (now === 'no answer') return { ok: false, failure: 'unreachable', detail: 'no answer' }
          const branches = { source: 'master', destination: target.branch }
          const mergeCommit = now === 'merged' ? { mergeCommit: named.slice(0, 12) } : {}
          return { ok: true, value: { id, url: '', state: now, ...branches, ...mergeCommit } }
        },
        mergeRequirements: async () => ({ ok: true, value: { missing } }),
        merge: async (_app, id, { message, method }) => {
          methods.push(method)
          asked.push(`${id}: ${message}`)
          return answer ?? { merge: 'merged', commit: COMMIT }
        },
      },
      git: {
        fetch: async () => ({ ok: true, value: { [target.branch]: head } }),
        has: async () => true,
        commits: async (_app, { from }) => {
          const commits = [...new Set([...from, COMMIT])].map((each) => ({ ...aCommit('0', ''), sha: each }))
          return { count: commits.length, commits, authors: [] }
        },
        commit: async (_app, commit) => ({ ...SIGNED, ...merged, sha: commit }),
      },
    },
    {
      plan: of,
      commit: undefined,
      before: cutOff ? aStep('merge', { state: 'running', effect: 'unknown' }) : undefined,
    },
  )
  return { run, asked, methods }
}

const THERE = { is: 'there', result: { commit: COMMIT } }
const DONE = { is: 'done', effect: 'some', result: { commit: COMMIT } }
const stoppedAt = (gate: string, effect: string) => ({ is: 'stopped', because: { gate }, effect })

describe('the look', () => {
  it.each<[string, Case, object]>([
    ['an open pull request', {}, { is: 'absent' }],
    ['a declined one', { states: ['declined'] }, stoppedAt('merge_refused', 'none')],
    ['a forge that does not answer', { states: ['no answer'] }, stoppedAt('bitbucket_unreachable', 'as before')],
    ['the signed merge', { states: ['merged'] }, THERE],
    ['the signed merge, under a commit of somebody else', { states: ['merged'], head: TOP }, THERE],
    [
      'a merge with another tree',
      { states: ['merged'], merged: { tree: sha('bad') } },
      stoppedAt('merge_unexpected', 'some'),
    ],
    [
      'a merge with other parents',
      { states: ['merged'], merged: { parents: [sha('bad'), ...SIGNED.parents.slice(1)] } },
      stoppedAt('merge_unexpected', 'some'),
    ],
    [
      'a merge with the parents the other way round',
      { states: ['merged'], merged: { parents: SIGNED.parents.toReversed() } },
      stoppedAt('merge_unexpected', 'some'),
    ],
    [
      'a merge that origin does not show',
      { states: ['merged'], head: target.commit },
      stoppedAt('merge_unknown', 'unknown'),
    ],
    ['a branch that is gone', { states: ['merged'], head: null }, stoppedAt('merge_unknown', 'unknown')],
  ])('%s', async (_what, given, outcome) => {
    expect(await merge.probe(runOf(given).run)).toMatchObject(outcome)
  })
})

const NO: MergeAnswer = { merge: 'refused', detail: 'a check is missing' }
const LOST: MergeAnswer = { merge: 'unknown', detail: 'no answer' }

it.each([
  ['the forge says so', true, [], 'needs people'],
  ['only the rules tell', undefined, [{ needs: '1 approval' }], 'needs people'],
  [
    'something is missing that the forge is not set to enforce',
    undefined,
    [{ needs: '1 approval', advisory: true as const }],
    'needs people',
  ],
  ['it can’t be told what is missing', undefined, [{ needs: 'x', unsure: true as const }], 'stays failed'],
  ['the forge says that it is something else', false, [{ needs: '1 approval' }], 'stays failed'],
  ['nothing is missing', undefined, [], 'stays failed'],
])('W7: a merge is refused by rules that people can meet where %s', async (_what, byRules, missing, outcome) => {
  const answer: MergeAnswer = { ...NO, ...(byRules !== undefined && { byRules }) }
  const { run } = runOf({ answer, missing })
  const stop = await merge.perform(run)
  expect(stop).toMatchObject(stoppedAt('merge_refused', 'none'))
  const waits = { because: { byRules: true, pullRequest: 418 } }
  if (outcome === 'needs people') expect(stop).toMatchObject(waits)
  else expect(stop).not.toMatchObject(waits)
})

describe('W8: a fast-forward', () => {
  const forward = aPlan({ bound: { result: { how: 'fast-forward', commit: COMMIT, tree: sha('7ee') } } })

  it('is asked for as such', async () => {
    const { run, methods } = runOf({ states: ['merged'], plan: forward })
    expect(await merge.perform(run)).toMatchObject(DONE)
    expect(methods).toEqual(['fast-forward'])
  })

  it('is there at exactly the signed commit, also under a commit of somebody else', async () => {
    expect(await merge.probe(runOf({ states: ['merged'], plan: forward }).run)).toMatchObject(THERE)
    expect(await merge.probe(runOf({ states: ['merged'], plan: forward, head: TOP }).run)).toMatchObject(THERE)
  })

  it('is not what was signed where somebody has merged by another method', async () => {
    const other = { states: ['merged'] as const, plan: forward, mergeCommit: TOP, head: TOP }
    expect(await merge.probe(runOf(other).run)).toMatchObject(stoppedAt('merge_unexpected', 'some'))
  })
})

describe('the step', () => {
  it.each<[string, Case, object]>([
    ['merged', { states: ['merged'] }, DONE],
    ['refused', { answer: NO }, stoppedAt('merge_refused', 'none')],
    ['a branch moved', { answer: { merge: 'moved' } }, stoppedAt('plan_outdated', 'none')],
    ['refused, and merged all the same', { states: ['merged'], answer: NO }, DONE],
    [
      'refused after a try that was cut off, which merges late',
      { states: ['open', 'open', 'merged'], answer: NO, cutOff: true },
      DONE,
    ],
    ['no answer, and merged late', { states: ['open', 'no answer', 'merged'], answer: LOST }, DONE],
    ['no answer, and never merged', { answer: LOST }, stoppedAt('merge_unknown', 'unknown')],
    ['no answer from then on', { states: ['no answer'], answer: LOST }, stoppedAt('bitbucket_unreachable', 'unknown')],
    [
      'merged to something else',
      { states: ['merged'], merged: { tree: sha('bad') } },
      stoppedAt('merge_unexpected', 'some'),
    ],
  ])('%s', async (_what, given, outcome) => {
    const { run, asked } = runOf(given)
    expect(await merge.perform(run)).toMatchObject(outcome)
    expect(asked).toEqual(['418: Merge pull request #418: release #12 to production'])
  })
})

it.each<[string, Case, object]>([
  ['comes late', { states: ['open', 'merged'], cutOff: true }, THERE],
  ['never comes', { cutOff: true }, stoppedAt('merge_unknown', 'unknown')],
])('after a cancel, a merge that was cut off and %s', async (_what, given, outcome) => {
  const { run, asked } = runOf(given)
  expect(await merge.awaitEffect?.(run)).toMatchObject(outcome)
  expect(asked).toEqual([])
})
