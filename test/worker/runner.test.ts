/**
 * The runner over fakes, with steps that only tell what is asked of them: probe, bound facts, intent, perform, outcome, and
 * what may come between any two of them.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ThreadLine } from '../../src/release/messages.ts'
import { databasesOf } from '../../src/release/plan.ts'
import { type Claim, ClaimLost, type EnvironmentLock, type Lease, LeaseLost } from '../../src/release/ports/jobs.ts'
import type { Release } from '../../src/release/release.ts'
import type { StepName } from '../../src/release/terms.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { RetryLater, runRelease } from '../../src/worker/run/runner.ts'
import { WORKER_STEPS } from '../../src/worker/run/steps/index.ts'
import { type Probe, type Step, type StepContext, stopped } from '../../src/worker/run/steps/step.ts'
import { anApp, anEnvironment, aPlan, aRelease, aStep, at, DANA, sha } from '../support/builders.ts'
import { COMMIT, type FakeStore, fakePorts, fakeStore } from './fakes.ts'

const environment = anEnvironment()
const { remote } = environment
const ANNOUNCED = { channel: 'C02PROD', ts: '1795335300.000200' }

/** A release whose only step before the report is `name`; its merge is made. */
function running(name: StepName, change: Partial<Release> = {}): Release {
  const plan = aPlan({ steps: [name, 'report'] })
  const steps = [aStep('merge', { state: 'done', effect: 'some', result: { commit: COMMIT } })]
  const started = { state: 'running', attempt: 1, announcement: ANNOUNCED, startedAt: at('08:59') } as const
  return aRelease({ plan, steps, ...started, ...change })
}

type Moment = 'probe' | 'facts' | 'intent' | 'perform' | 'await' | 'lease'

interface Case {
  readonly release: Release
  readonly probe?: Probe
  readonly awaited?: Exclude<Probe, { is: 'absent' }>
  readonly perform?: (run: StepContext) => ReturnType<Step['perform']>
  /** Where the remote is when the bound facts are read. */
  readonly holds?: string
  readonly has?: boolean
  readonly lock?: EnvironmentLock['withLease']
  readonly apps?: WorkerPorts['apps']
  /** Called as each moment comes. */
  readonly at?: (moment: Moment, process: Process) => void
}

/** What may befall a run between any two lines. */
interface Process {
  readonly fakes: FakeStore
  /** Another worker takes the job over. */
  loseClaim(): void
  /** The environment's lease has run out. */
  loseLease(): void
}

const DONE = { is: 'done', effect: 'some', result: { said: 'Done' } } as const

/** Runs the release; gives what happened, in order, and how it stands. */
async function ran(given: Case) {
  const log: string[] = []
  const claimed = new AbortController()
  const locked = new AbortController()
  const told: ThreadLine[] = []
  const fakes = fakeStore(given.release, (what) => {
    if ('kind' in what && what.kind === 'line') told.push(what.line)
    if (!('type' in what)) return
    const { data } = what
    log.push('step' in data ? `${what.type} ${data.step}` : what.type)
  })
  const process: Process = {
    fakes,
    loseClaim: () => claimed.abort(new ClaimLost('it is taken over')),
    loseLease: () => locked.abort(new LeaseLost(lease)),
  }
  const now = (moment: Moment) => {
    log.push(moment)
    given.at?.(moment, process)
  }
  const name = given.release.plan?.steps[0]
  if (name !== 'push' && name !== 'sync') throw new Error('this test takes one of these steps')
  const toDo = WORKER_STEPS[name]
  vi.spyOn(toDo, 'probe').mockImplementation(async () => {
    now('probe')
    return given.probe ?? { is: 'absent' }
  })
  vi.spyOn(toDo, 'perform').mockImplementation(async (run) => {
    now('perform')
    return given.perform?.(run) ?? DONE
  })
  if (toDo.awaitEffect !== undefined) {
    vi.spyOn(toDo as Required<Step>, 'awaitEffect').mockImplementation(async () => {
      now('await')
      return given.awaited ?? { is: 'there', result: DONE.result }
    })
  }
  const lease: Lease = {
    app: 'api',
    environment: 'production',
    fence: 1,
    signal: locked.signal,
    assertHeld: async () => {
      given.at?.('lease', process)
      locked.signal.throwIfAborted()
    },
  }
  const facts = given.release.plan?.bound
  const [database] = facts === undefined ? [] : databasesOf(facts)
  const ports: WorkerPorts = {
    ...fakePorts({
      store: fakes.store,
      git: {
        heads: async (url) => {
          if (url !== remote.url) now('facts')
          const { source, target } = { source: facts?.source.commit ?? '', target: COMMIT }
          const heads = { production: target, master: url === remote.url ? (given.holds ?? sha('5b8e6c0')) : source }
          return { ok: true, value: heads }
        },
        has: async () => given.has ?? true,
        fetch: async (_app, url) => {
          log.push(`fetch ${url === remote.url ? 'the remote' : 'origin'}`)
          return { ok: true, value: {} }
        },
        push: async () => {
          log.push('an effect')
          return { push: 'moved', output: [] }
        },
      },
      platform: {
        releases: async () => ({
          ok: true,
          value: [{ id: 'a', version: 41, status: 'succeeded', current: true, commit: sha('5b8e6c0') }],
        }),
      },
      migrator: {
        revisions: async () => ({
          ok: true,
          value: { identity: database?.identity ?? '', revisions: database?.revisions ?? [] },
        }),
      },
    }),
    ...(given.apps && { apps: given.apps }),
    lock: {
      withLease: given.lock ?? (async (_app, _environment, work) => ({ done: await work(lease) })),
      withLock: () => Promise.reject(new Error('a run takes the lease')),
    },
  }
  const claim: Claim = {
    job: { kind: 'run', release: 12, attempt: 1 },
    id: 'a-job',
    attempt: 1,
    signal: claimed.signal,
  }
  const thrown = await runRelease(ports, claim, 12, 1).then(
    () => undefined,
    (error: unknown) => error,
  )
  return { log, thrown, told, release: fakes.release() }
}

beforeEach(() => vi.restoreAllMocks())
afterEach(() => vi.restoreAllMocks())

const END = ['step_done report', 'release_ended']
const CANCEL = { cancelRequestedBy: DANA }
const cutOff = (name: StepName) => {
  const { steps } = running(name)
  return { steps: [...steps, aStep(name, { state: 'running', effect: 'unknown', startedAt: at('08:59') })] }
}

describe('the order', () => {
  it.each<[string, Case, readonly string[]]>([
    [
      'a step that can’t be undone',
      { release: running('push') },
      ['probe', 'facts', 'step_started push', 'perform', 'step_done push', ...END],
    ],
    [
      'a step that can be undone needs no bound facts',
      { release: running('sync') },
      ['probe', 'step_started sync', 'perform', 'step_done sync', ...END],
    ],
    [
      'an effect that is there is not made again',
      { release: running('push'), probe: { is: 'there', result: DONE.result } },
      ['probe', 'step_done push', ...END],
    ],
    [
      'a step that was cut off looks first, and may act',
      { release: running('push', cutOff('push')) },
      ['probe', 'facts', 'step_started push', 'perform', 'step_done push', ...END],
    ],
    [
      'a step that is done is not looked at',
      { release: running('sync', { steps: [aStep('sync', { state: 'done' })] }) },
      END,
    ],
    [
      'an approved release is started',
      { release: running('sync', { state: 'approved', approvedAt: at('08:58') }) },
      ['run_started', 'probe', 'step_started sync', 'perform', 'step_done sync', ...END],
    ],
    [
      'a mirror that lacks the commit fetches first',
      { release: running('sync'), has: false },
      ['fetch origin', 'fetch the remote', 'probe', 'step_started sync', 'perform', 'step_done sync', ...END],
    ],
  ])('%s', async (_what, given, expected) => {
    const { log, thrown, release } = await ran(given)
    expect(thrown).toBeUndefined()
    expect(log).toEqual(expected)
    expect(release.state).toBe('succeeded')
  })
})

describe('O10: what was survived', () => {
  const there = { is: 'there', result: DONE.result } as const
  const interruptions = ({ told }: { told: readonly ThreadLine[] }) => told.filter(({ is }) => is === 'interrupted')

  it('is one line: the effect of a step that was cut off is there', async () => {
    const done = await ran({ release: running('push', cutOff('push')), probe: there })
    expect(done.told.map(({ is }) => is)).toEqual(['interrupted', 'step ended'])
    expect(interruptions(done)).toEqual([{ is: 'interrupted', step: 'push', found: 'there' }])
  })

  it('is one line: it is absent, and the step is taken again', async () => {
    for (const name of ['push', 'sync'] as const) {
      const done = await ran({ release: running(name, cutOff(name)) })
      expect(interruptions(done)).toEqual([{ is: 'interrupted', step: name, found: 'absent' }])
    }
  })

  it('is one line after a cancel, for which the effect was waited', async () => {
    const done = await ran({ release: running('push', { ...cutOff('push'), ...CANCEL }), awaited: there })
    expect(interruptions(done)).toEqual([{ is: 'interrupted', step: 'push', found: 'there' }])
  })

  it('is nothing for a step that was not cut off, and nothing where the outcome is unknown', async () => {
    const unknown = stopped({ gate: 'push_unknown', remote: 'live', commit: COMMIT }, 'unknown')
    expect(interruptions(await ran({ release: running('push'), probe: there }))).toEqual([])
    expect(interruptions(await ran({ release: running('push') }))).toEqual([])
    expect(interruptions(await ran({ release: running('push', cutOff('push')), probe: unknown }))).toEqual([])
  })
})

describe('what stops it', () => {
  const unknown = stopped({ gate: 'push_unknown', remote: 'live', commit: COMMIT }, 'unknown')
  const untouched = { steps: [] }
  it.each<[string, Case, readonly string[], Release['state']]>([
    [
      'a look without an answer',
      { release: running('sync', untouched), probe: stopped({ gate: 'merge_refused', detail: '' }, 'as before') },
      ['probe', 'step_failed sync', 'release_ended sync'],
      'failed',
    ],
    [
      'a bound fact that has moved',
      { release: running('push'), holds: sha('bad') },
      ['probe', 'facts', 'step_failed push', 'attention_needed push'],
      'needs attention',
    ],
    [
      'an effect that is unknown',
      { release: running('push'), perform: async () => unknown },
      ['probe', 'facts', 'step_started push', 'perform', 'step_unknown push', 'attention_needed push'],
      'needs attention',
    ],
    [
      'an error in an act: its effect is unknown',
      { release: running('push'), perform: () => Promise.reject(new Error('a bug')) },
      ['probe', 'facts', 'step_started push', 'perform', 'step_unknown push', 'attention_needed push'],
      'needs attention',
    ],
  ])('%s', async (_what, given, expected, state) => {
    const { log, thrown, release } = await ran(given)
    expect(thrown).toBeUndefined()
    expect(log).toEqual(expected)
    expect(release.state).toBe(state)
  })

  it('a release of another attempt, or one that has ended, is not run', async () => {
    expect(await ran({ release: running('sync', { attempt: 2 }) })).toMatchObject({ log: [], thrown: undefined })
    expect(await ran({ release: running('sync', { state: 'succeeded' }) })).toMatchObject({ log: [] })
  })

  it('an environment that this worker does not know', async () => {
    const { log, release } = await ran({
      release: running('sync', untouched),
      apps: [anApp({ environments: [] })],
    })
    expect(log).toEqual(['release_ended'])
    expect(release.problem?.because).toMatchObject({ gate: 'configuration_differs' })
  })
})

describe('a cancel', () => {
  const cancelled =
    (when: Moment) =>
    (moment: Moment, { fakes }: Process) => {
      if (moment === when) fakes.change(CANCEL)
    }
  const untouched = { steps: [] }
  it.each<[string, Case, readonly string[], Release['state']]>([
    ['before a step', { release: running('sync', { ...untouched, ...CANCEL }) }, ['release_ended'], 'cancelled'],
    [
      'between the look and the intent',
      { release: running('sync', untouched), at: cancelled('probe') },
      ['probe', 'release_ended'],
      'cancelled',
    ],
    [
      'during the act, which ends first',
      { release: running('sync', untouched), at: cancelled('perform') },
      ['probe', 'step_started sync', 'perform', 'step_done sync', ...END],
      'succeeded',
    ],
    [
      'of a step that was cut off: it waits for its effect',
      { release: running('push', { ...cutOff('push'), ...CANCEL }) },
      ['await', 'step_done push', ...END],
      'succeeded',
    ],
    [
      'of a step that was cut off, and is never seen',
      {
        release: running('push', { ...cutOff('push'), ...CANCEL }),
        awaited: stopped({ gate: 'push_unknown', remote: 'live', commit: COMMIT }, 'unknown'),
      },
      ['await', 'step_unknown push', 'attention_needed push'],
      'needs attention',
    ],
    [
      'of a step that was cut off, after the look: it waits all the same',
      { release: running('push', cutOff('push')), at: cancelled('probe') },
      ['probe', 'facts', 'await', 'step_done push', ...END],
      'succeeded',
    ],
  ])('%s', async (_what, given, expected, state) => {
    const { log, thrown, release } = await ran(given)
    expect(thrown).toBeUndefined()
    expect(log).toEqual(expected)
    expect(release.state).toBe(state)
  })
})

describe('a job that is lost', () => {
  const losing = (what: 'loseClaim' | 'loseLease', when: Moment) => (moment: Moment, process: Process) => {
    if (moment === when) process[what]()
  }
  it.each<['loseClaim' | 'loseLease']>([['loseClaim'], ['loseLease']])(
    '%s: nothing more is begun or written',
    async (what) => {
      const beforeIntent = await ran({ release: running('push'), at: losing(what, 'facts') })
      expect(beforeIntent).toMatchObject({ log: ['probe', 'facts'], thrown: expect.any(Error) })
      const inAct = await ran({
        release: running('push'),
        at: losing(what, 'perform'),
        perform: async ({ ports, app }) => {
          await ports.git.push(app, remote.url, { commit: COMMIT, branch: remote.branch, expected: null })
          return DONE
        },
      })
      expect(inAct).toMatchObject({
        log: ['probe', 'facts', 'step_started push', 'perform'],
        thrown: expect.any(Error),
        release: { state: 'running' },
      })
    },
  )

  it('is noticed at the latest when the store is asked before an effect', async () => {
    let tries = 0
    const { log, thrown } = await ran({
      release: running('push'),
      at: losing('loseLease', 'lease'),
      perform: async ({ ports, app }) => {
        tries += 1
        await ports.git.push(app, remote.url, { commit: COMMIT, branch: remote.branch, expected: null })
        return DONE
      },
    })
    expect(tries).toBe(1)
    expect(log).toEqual(['probe', 'facts', 'step_started push', 'perform'])
    expect(thrown).toBeInstanceOf(LeaseLost)
  })
})

describe('a store that fails', () => {
  const failing =
    (when: Moment) =>
    (moment: Moment, { fakes }: Process) => {
      if (moment === when) fakes.failNext(new Error('the connection is gone'))
    }
  it.each<[string, Case, readonly string[]]>([
    ['at the intent: nothing is done', { release: running('push'), at: failing('facts') }, ['probe', 'facts']],
    [
      'at the outcome: it is looked up by the next try',
      { release: running('push'), at: failing('perform') },
      ['probe', 'facts', 'step_started push', 'perform'],
    ],
    [
      'in the act: that is no fault of the step',
      {
        release: running('push'),
        at: failing('perform'),
        perform: async ({ tell }) => {
          await tell('a key', 'It waits.')
          return DONE
        },
      },
      ['probe', 'facts', 'step_started push', 'perform'],
    ],
  ])('%s', async (_what, given, expected) => {
    expect(await ran(given)).toMatchObject({
      log: expected,
      thrown: expect.any(Error),
      release: { state: 'running' },
    })
  })
})

it.each<[string, Case]>([
  ['Slack has not confirmed the announcement', { release: aRelease({ ...running('sync'), announcement: undefined }) }],
  ['another run holds the environment', { release: running('sync'), lock: async () => 'held' }],
])('is tried again later: %s', async (_what, given) => {
  const { log, thrown } = await ran(given)
  expect(log).toEqual([])
  expect(thrown).toBeInstanceOf(RetryLater)
})
