/** The push step over fakes: what its look finds, and what it then does, each as a table. */
import { describe, expect, it } from 'vitest'
import type { PushAnswer } from '../../../src/release/ports/git.ts'
import type { PlatformRelease } from '../../../src/release/ports/platform.ts'
import type { Release, StepRow } from '../../../src/release/release.ts'
import { push } from '../../../src/worker/run/steps/push.ts'
import { anEnvironment, aPlan, aRelease, aStep, sha } from '../../support/builders.ts'
import { COMMIT, fakeRun, inTurn } from '../fakes.ts'

const environment = anEnvironment()
const { remote } = environment
/** What the remote holds and runs in the plan. */
const BEFORE = sha('5b8e6c0')
const OTHER = sha('bad')
const CUT_OFF = aStep('push', { state: 'running', effect: 'unknown' })

const ran: PlatformRelease = {
  id: 'a',
  version: 41,
  status: 'succeeded',
  current: true,
  commit: BEFORE,
  artifact: 'slug-a',
}
const ours = (status: PlatformRelease['status'], change: Partial<PlatformRelease> = {}): PlatformRelease[] => [
  { id: 'b', version: 42, status, current: status === 'succeeded', commit: COMMIT, artifact: 'slug-b', ...change },
  { ...ran, current: status !== 'succeeded' },
]

interface Case {
  /** What the remote holds, one look after another. */
  readonly holds?: readonly (string | null)[]
  readonly releases?: readonly (readonly PlatformRelease[])[]
  readonly before?: StepRow
  readonly answer?: PushAnswer
  readonly again?: 'made' | 'refused' | 'wrong' | 'unreachable'
  /** The plan saw the remote at the commit already, running something else. */
  readonly heldBefore?: boolean
  readonly on?: 'heroku' | 'git'
}

function runOf({ holds = [BEFORE], releases = [[ran]], before, answer, again = 'made', heldBefore, on }: Case) {
  const did: string[] = []
  const heads = inTurn(...holds)
  const listed = inTurn(...releases)
  const plan = aPlan({ bound: { remote: { url: remote.url, branch: remote.branch, holds: BEFORE, runs: BEFORE } } })
  const held = aPlan({ bound: { remote: { url: remote.url, branch: remote.branch, holds: COMMIT, runs: BEFORE } } })
  const { run, told } = fakeRun(
    {
      git: {
        heads: async () => ({ ok: true, value: { [remote.branch]: await heads() } }),
        push: async (_app, url, { commit, branch, expected }) => {
          did.push(`push ${commit} to ${url} ${branch} at ${expected}`)
          return answer ?? { push: 'moved', output: [] }
        },
      },
      platform: {
        releases: async () => ({ ok: true, value: on === 'git' ? [] : await listed() }),
        releaseAgain: async (_remote, artifact) => {
          did.push(`release ${artifact}`)
          if (again === 'made') return { ok: true, value: { ...ran, version: 43, commit: COMMIT } }
          return { ok: false, failure: again, detail: 'it answered' }
        },
      },
    },
    {
      plan: heldBefore ? held : plan,
      before,
      ...(on === 'git' && { environment: anEnvironment({ remote: { ...remote, platform: 'git' } }) }),
    },
  )
  return { run, told, did }
}

const PUSHED = { is: 'done', effect: 'some', result: { commit: COMMIT } }
const THE_PUSH = `push ${COMMIT} to ${remote.url} ${remote.branch} at ${BEFORE}`
const hook = (...output: string[]): PushAnswer => ({ push: 'rejected', why: 'hook', output })
const stoppedAt = (gate: string, effect: string) => ({ is: 'stopped', because: { gate }, effect })

describe('the look', () => {
  const RETRY = aStep('push', { state: 'failed', effect: 'some' })
  const RETRY_OF_42 = aStep('push', { state: 'running', effect: 'some', result: { platformRelease: 'v42' } })
  it.each<[string, Case, 'there' | 'absent']>([
    ['the remote is as planned', {}, 'absent'],
    ['the remote holds something else', { holds: [OTHER] }, 'absent'],
    ['the commit is released', { holds: [COMMIT], releases: [ours('succeeded')] }, 'there'],
    ['its release is being made', { holds: [COMMIT], releases: [ours('pending')] }, 'there'],
    ['pushed by us, and its release is not listed yet', { holds: [COMMIT] }, 'there'],
    ['held before this release, and never released', { holds: [COMMIT], heldBefore: true }, 'absent'],
    [
      'its release failed, and this is a retry',
      { holds: [COMMIT], releases: [ours('failed')], before: RETRY },
      'absent',
    ],
    [
      'its release failed, made by a try that was cut off',
      { holds: [COMMIT], releases: [ours('failed')], before: CUT_OFF },
      'there',
    ],
    [
      'a retry was cut off before it made a release',
      { holds: [COMMIT], releases: [ours('failed')], before: RETRY_OF_42 },
      'absent',
    ],
    [
      'a retry was cut off after it made a release',
      { holds: [COMMIT], releases: [ours('failed', { version: 43 })], before: RETRY_OF_42 },
      'there',
    ],
    ['a platform without releases holds it', { holds: [COMMIT], on: 'git' }, 'there'],
  ])('%s: %s', async (_what, given, is) => {
    expect(await push.probe(runOf(given).run)).toMatchObject({ is })
  })

  it.each(['the remote', 'the platform'])('stops where %s does not answer', async (which) => {
    const away = async () => ({ ok: false, failure: 'unreachable', detail: 'no answer' }) as const
    const { run } = fakeRun({
      git: { heads: which === 'the remote' ? away : async () => ({ ok: true, value: { [remote.branch]: BEFORE } }) },
      platform: { releases: which === 'the platform' ? away : async () => ({ ok: true, value: [] }) },
    })
    const gate = which === 'the remote' ? 'remote_unreachable' : 'platform_unreachable'
    expect(await push.probe(run)).toMatchObject(stoppedAt(gate, 'as before'))
  })
})

it.each([
  ['takes the same key: an incident', { ok: true, value: [] }, true],
  ['refuses it, too: the key', { ok: false, failure: 'refused', detail: '401' }, undefined],
] as const)('W23: a push that is not allowed, while the API %s', async (_what, api, apiAccepts) => {
  let asked = 0
  const { run } = fakeRun({
    git: {
      heads: async () => ({ ok: true, value: { [remote.branch]: BEFORE } }),
      push: async () => ({ push: 'not allowed', output: [] }),
    },
    // It answers while the step looks.
    platform: { releases: async () => (asked++ === 0 ? { ok: true, value: [] } : api) },
  })
  const stopped = await push.perform(run)
  expect(stopped).toMatchObject(stoppedAt('credentials_refused', 'as before'))
  expect(stopped.is === 'stopped' && 'apiAccepts' in stopped.because).toBe(apiAccepts === true)
})

describe('the step', () => {
  it.each<[string, Case, object, readonly string[]]>([
    ['pushes once', {}, PUSHED, [THE_PUSH]],
    ['pushes nothing where the remote has moved', { holds: [OTHER] }, stoppedAt('plan_outdated', 'as before'), []],
    ['pushes nothing where the branch is gone', { holds: [null] }, stoppedAt('plan_outdated', 'as before'), []],
    [
      'stops where credentials do not allow it',
      { answer: { push: 'not allowed', output: [] } },
      stoppedAt('credentials_refused', 'as before'),
      [THE_PUSH],
    ],
    [
      'tells a build that failed',
      { answer: hook('remote: -----> Building', 'remote:  !     No Procfile', 'error: failed') },
      { is: 'stopped', because: { gate: 'build_failed', line: 'No Procfile' }, effect: 'none' },
      [THE_PUSH],
    ],
    [
      'tells a hook that refused',
      { answer: hook('remote: no'), on: 'git' },
      stoppedAt('push_refused', 'none'),
      [THE_PUSH],
    ],
    [
      'tells a remote that moved during the push',
      { holds: [BEFORE, OTHER], answer: { push: 'rejected', why: 'stale', output: [] } },
      stoppedAt('plan_outdated', 'as before'),
      [THE_PUSH],
    ],
    [
      'waits for a push without an answer',
      { holds: [BEFORE, BEFORE, COMMIT], answer: { push: 'unknown', output: [] } },
      PUSHED,
      [THE_PUSH],
    ],
    [
      'calls a push unknown that is never seen',
      { answer: { push: 'unknown', output: [] } },
      stoppedAt('push_unknown', 'unknown'),
      [THE_PUSH],
    ],
    ...(['pending', 'succeeded', 'failed'] as const).map((status): [string, Case, object, readonly string[]] => [
      `does not repeat a push that was cut off and arrived after the look; its release: ${status}`,
      { holds: [COMMIT], releases: [ours(status)], before: CUT_OFF },
      PUSHED,
      [],
    ]),
    [
      'makes a new release where the remote holds the commit and does not run it',
      { holds: [COMMIT], releases: [ours('failed')] },
      { is: 'done', effect: 'some', result: { commit: COMMIT, platformRelease: 'v43' } },
      ['release slug-b'],
    ],
    [
      'stops where nothing was built of the commit',
      { holds: [COMMIT], heldBefore: true },
      stoppedAt('slug_missing', 'as before'),
      [],
    ],
    [
      'stops where the platform refuses a new release',
      { holds: [COMMIT], releases: [ours('failed')], again: 'refused' },
      stoppedAt('credentials_refused', 'as before'),
      ['release slug-b'],
    ],
    [
      'stops where the platform can’t make a new release',
      { holds: [COMMIT], releases: [ours('failed')], again: 'wrong' },
      stoppedAt('not_confirmed', 'as before'),
      ['release slug-b'],
    ],
    [
      'finds a new release whose answer was lost',
      {
        holds: [COMMIT],
        releases: [ours('failed'), ours('failed'), ours('succeeded', { version: 44 })],
        again: 'unreachable',
      },
      { is: 'done', effect: 'some', result: { platformRelease: 'v44' } },
      ['release slug-b'],
    ],
    [
      'calls a new release unknown that is never listed',
      { holds: [COMMIT], releases: [ours('failed')], again: 'unreachable' },
      stoppedAt('push_unknown', 'unknown'),
      ['release slug-b'],
    ],
    [
      'waits for the release of a retry that was cut off, and makes no second one',
      {
        holds: [COMMIT],
        releases: [ours('failed'), ours('failed'), ours('succeeded', { version: 43 })],
        before: aStep('push', { state: 'running', effect: 'some', result: { platformRelease: 'v42' } }),
      },
      { is: 'done', effect: 'some', result: { platformRelease: 'v43' } },
      [],
    ],
  ])('%s', async (_what, given, outcome, effects) => {
    const { run, did } = runOf(given)
    expect(await push.perform(run)).toMatchObject(outcome)
    expect(did).toEqual(effects)
  })
})

it.each<[string, Case, object]>([
  ['arrives late', { holds: [BEFORE, COMMIT], before: CUT_OFF }, { is: 'there' }],
  ['never arrives', { before: CUT_OFF }, stoppedAt('push_unknown', 'unknown')],
])('after a cancel, a push that was cut off and %s', async (_what, given, outcome) => {
  const { run, did } = runOf(given)
  expect(await push.awaitEffect?.(run)).toMatchObject(outcome)
  expect(did).toEqual([])
})

describe('a rollback', () => {
  const OLDER: PlatformRelease = {
    id: 'o',
    version: 40,
    status: 'succeeded',
    current: false,
    commit: COMMIT,
    artifact: 'slug-o',
  }
  const REBUILT: PlatformRelease = { ...OLDER, id: 'p', version: 39, artifact: 'slug-p' }
  const shown = { number: 9, commit: COMMIT, requester: { id: 'U1', name: 'Ada' }, at: '' }

  interface Back extends Case {
    readonly artifact?: string | null
    /** What the proving release of the store says. */
    readonly proof?: Partial<Release>
  }

  function backTo({ artifact = 'slug-o', proof = {}, ...given }: Back) {
    const { run, did } = runOf(given)
    const { plan } = run
    const rollback = { provedBy: 9, artifact, databases: [] }
    const bound = {
      ...plan.bound,
      kind: 'rollback' as const,
      result: { how: 'commit' as const, commit: COMMIT, tree: sha('7ee') },
      rollback,
    }
    const proved = aRelease({ number: 9, state: 'succeeded', provenCommit: COMMIT, ...proof })
    const store = { ...run.ports.store, release: async () => proved }
    const ports = { ...run.ports, store }
    return {
      did,
      run: { ...run, ports, plan: { ...plan, bound, rollback: { to: shown, migrations: [], unknowns: [] } } },
    }
  }

  it.each<[string, Back, object, readonly string[]]>([
    [
      'runs exactly the bound slug again, whatever else the platform has of the commit',
      { releases: [[ran, OLDER, REBUILT]], artifact: 'slug-p' },
      { is: 'done', effect: 'some', result: { commit: COMMIT, platformRelease: 'v43' } },
      ['release slug-p'],
    ],
    [
      'does nothing where the platform does not have that slug any more',
      { releases: [[ran, OLDER]], artifact: 'slug-p' },
      { is: 'stopped', because: { gate: 'slug_missing', to: 9 }, effect: 'as before' },
      [],
    ],
    [
      'does nothing without a release of this environment that has proven the commit',
      { releases: [[ran, OLDER]], proof: { provenCommit: OTHER } },
      stoppedAt('target_not_proven', 'as before'),
      [],
    ],
    [
      'does nothing for what was proven elsewhere only',
      { releases: [[ran, OLDER]], proof: { environment: 'integration' } },
      stoppedAt('target_not_proven', 'as before'),
      [],
    ],
    [
      'finds its release where the answer was lost, and makes no second one',
      {
        releases: [
          [ran, OLDER],
          [ran, OLDER],
          [
            { ...OLDER, version: 42, current: true },
            { ...ran, current: false },
          ],
        ],
        again: 'unreachable',
      },
      { is: 'done', effect: 'some', result: { platformRelease: 'v42' } },
      ['release slug-o'],
    ],
    [
      'pushes backwards on a plain git remote, only from where the plan saw it',
      { on: 'git', artifact: null },
      { is: 'done', effect: 'some', result: { commit: COMMIT } },
      [THE_PUSH],
    ],
    [
      'tells a remote that takes no push backwards',
      { on: 'git', artifact: null, answer: { push: 'rejected', why: 'not a fast-forward', output: [] } },
      { is: 'stopped', because: { gate: 'push_refused', refusesSetBack: true }, effect: 'none' },
      [THE_PUSH],
    ],
  ])('%s', async (_what, given, outcome, effects) => {
    const { run, did } = backTo(given)
    expect(await push.perform(run)).toMatchObject(outcome)
    expect(did).toEqual(effects)
  })

  it.each<[string, Back, 'there' | 'absent']>([
    ['an older release of the commit is not its effect', { releases: [[ran, OLDER]] }, 'absent'],
    ['nor after a try that was cut off', { releases: [[ran, OLDER]], before: CUT_OFF }, 'absent'],
    [
      'a new one that runs is',
      {
        releases: [
          [
            { ...OLDER, version: 42, current: true },
            { ...ran, current: false },
          ],
        ],
      },
      'there',
    ],
    ['a new one that is pending is', { releases: [[{ ...OLDER, version: 42, status: 'pending' }, ran]] }, 'there'],
    [
      'a new one that failed is, of a try that was cut off',
      { releases: [[{ ...OLDER, version: 42, status: 'failed' }, ran]], before: CUT_OFF },
      'there',
    ],
    [
      'a new one that failed is not, of a retry',
      { releases: [[{ ...OLDER, version: 42, status: 'failed' }, ran]] },
      'absent',
    ],
  ])('the look: %s', async (_what, given, is) => {
    expect(await push.probe(backTo(given).run)).toMatchObject({ is })
  })
})
