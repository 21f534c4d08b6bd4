/** The pick step over fakes: what its look finds, and what it then does, each as a table. */
import { describe, expect, it } from 'vitest'
import type { PickResult, PushAnswer } from '../../../src/release/ports/git.ts'
import { pick } from '../../../src/worker/run/steps/pick.ts'
import { anApp, aPlan, aStep, at, sha } from '../../support/builders.ts'
import { COMMIT, fakeRun, inTurn } from '../fakes.ts'

const FROM = sha('5b8e6c0')
const ASKED = sha('7ad90f4')
const OTHER = sha('bad')
const BRANCH = 'production'

const hotfix = {
  picks: [
    {
      from: ASKED,
      made: COMMIT,
      title: 'Fix it',
      author: { name: 'Ben', email: 'ben@example.test' },
      files: { count: 0, list: [] },
      promoted: false,
    },
  ],
  at: at('08:00').toISOString(),
  alsoGoes: { count: 0, commits: [] },
  promoting: { branch: 'master', environment: 'integration' },
}
const { pullRequest: _, ...planned } = aPlan({
  bound: {
    kind: 'hotfix',
    target: { branch: BRANCH, commit: FROM },
    result: { how: 'commit', commit: COMMIT, tree: sha('7ee') },
  },
})
const plan = { ...planned, hotfix }

interface Case {
  /** Where origin's branch is, one look after another. */
  readonly heads?: readonly (string | null)[]
  /** The commits that the mirror has. */
  readonly has?: readonly string[]
  readonly answer?: PushAnswer
  /** What picking once more gives. */
  readonly made?: PickResult
  readonly cutOff?: boolean
}

function runOf({ heads = [FROM], has = [ASKED, COMMIT], answer, made, cutOff = false }: Case) {
  const did: string[] = []
  const head = inTurn(...heads)
  const { run, told } = fakeRun(
    {
      git: {
        fetch: async () => ({ ok: true, value: { [BRANCH]: await head() } }),
        fetchAll: async () => ({ ok: true, value: {} }),
        fetchNamed: async () => ({ ok: true, value: { commits: [], branches: { searched: 1, count: 1 } } }),
        heads: async () => ({ ok: true, value: { [BRANCH]: await head() } }),
        has: async (_app, commit) => has.includes(commit),
        isAncestor: async (_app, ancestor, descendant) => descendant !== OTHER && ancestor === COMMIT,
        pick: async (_app, { commits, onto }) => {
          did.push(`pick ${commits} onto ${onto}`)
          return made ?? { pick: 'made', commits: [{ from: ASKED, made: COMMIT, tree: sha('7ee') }] }
        },
        push: async (_app, url, { commit, branch, expected }) => {
          did.push(`push ${commit} to ${url} ${branch} at ${expected}`)
          return answer ?? { push: 'moved', output: [] }
        },
      },
    },
    { plan, before: cutOff ? aStep('pick', { state: 'running', effect: 'unknown' }) : undefined },
  )
  return { run, told, did }
}

const THE_PUSH = `push ${COMMIT} to ${anApp().gitUrl} ${BRANCH} at ${FROM}`
const DONE = { is: 'done', effect: 'some', result: { commit: COMMIT } }
const stoppedAt = (gate: string, effect: string) => ({ is: 'stopped', because: { gate }, effect })

describe('the look', () => {
  it.each<[string, Case, 'there' | 'absent']>([
    ['the branch is as planned', {}, 'absent'],
    ['it is at the picked commit', { heads: [COMMIT] }, 'there'],
    ['it is at a commit on top', { heads: [sha('70b')] }, 'there'],
    ['it is at another commit', { heads: [OTHER] }, 'absent'],
    ['it is gone', { heads: [null] }, 'absent'],
    ['the mirror lacks the picked commit', { heads: [OTHER], has: [] }, 'absent'],
  ])('%s', async (_what, given, is) => {
    expect(await pick.probe(runOf(given).run)).toMatchObject({ is })
  })

  it('stops where origin does not answer', async () => {
    const fetch = async () => ({ ok: false, failure: 'unreachable', detail: 'no answer' }) as const
    const { run } = fakeRun({ git: { fetch } }, { plan })
    expect(await pick.probe(run)).toMatchObject(stoppedAt('repository_unreachable', 'as before'))
  })
})

describe('the step', () => {
  it.each<[string, Case, object, readonly string[]]>([
    ['pushes what was planned', {}, DONE, [THE_PUSH]],
    [
      'makes the commits once more where the mirror lacks them',
      { has: [ASKED] },
      DONE,
      [`pick ${ASKED} onto ${FROM}`, THE_PUSH],
    ],
    ['stops where a commit is on no branch any more', { has: [] }, stoppedAt('unknown_commit', 'as before'), []],
    [
      'stops where picking gives other commits',
      { has: [ASKED], made: { pick: 'made', commits: [{ from: ASKED, made: OTHER, tree: OTHER }] } },
      stoppedAt('unexpected_diff', 'as before'),
      [`pick ${ASKED} onto ${FROM}`],
    ],
    [
      'stops where picking gives a conflict',
      { has: [ASKED], made: { pick: 'conflict', commit: ASKED, files: [], lines: [] } },
      stoppedAt('unexpected_diff', 'as before'),
      [`pick ${ASKED} onto ${FROM}`],
    ],
    [
      'tells the rule that refused it',
      { answer: { push: 'rejected', why: 'hook', output: ['remote: Only admins may push', 'error: failed'] } },
      { is: 'stopped', because: { gate: 'pick_refused', line: 'Only admins may push' }, effect: 'none' },
      [THE_PUSH],
    ],
    [
      'tells a branch that moved',
      { heads: [OTHER], answer: { push: 'rejected', why: 'stale', output: [] } },
      {
        is: 'stopped',
        because: { gate: 'plan_outdated', moved: [{ what: BRANCH, from: FROM, to: OTHER }] },
        effect: 'none',
      },
      [THE_PUSH],
    ],
    [
      'stops where credentials do not allow it',
      { answer: { push: 'not allowed', output: [] } },
      stoppedAt('credentials_refused', 'as before'),
      [THE_PUSH],
    ],
    [
      'W17: stops at once where origin gave an error before anything was sent',
      { answer: { push: 'not sent', failure: 'wrong', detail: 'error: 402', output: [] } },
      stoppedAt('repository_unreachable', 'as before'),
      [THE_PUSH],
    ],
    [
      'W17: tries such an error again that may go away',
      { answer: { push: 'not sent', failure: 'unreachable', detail: 'error: 503', output: [] } },
      stoppedAt('repository_unreachable', 'as before'),
      [THE_PUSH, THE_PUSH, THE_PUSH],
    ],
    [
      'finds a push without an answer',
      { heads: [FROM, COMMIT], answer: { push: 'unknown', output: [] } },
      DONE,
      [THE_PUSH],
    ],
    [
      'calls a push unknown that is never seen',
      { answer: { push: 'unknown', output: [] } },
      stoppedAt('pick_unknown', 'unknown'),
      [THE_PUSH],
    ],
  ])('%s', async (_what, given, outcome, effects) => {
    const { run, did } = runOf(given)
    expect(await pick.perform(run)).toMatchObject(outcome)
    expect(did).toEqual(effects)
  })
})

it.each<[string, Case, object]>([
  ['arrives late', { heads: [FROM, COMMIT], cutOff: true }, { is: 'there' }],
  ['never arrives', { cutOff: true }, stoppedAt('pick_unknown', 'unknown')],
])('after a cancel, a push that was cut off and %s', async (_what, given, outcome) => {
  const { run, did } = runOf(given)
  expect(await pick.awaitEffect?.(run)).toMatchObject(outcome)
  expect(did).toEqual([])
})
