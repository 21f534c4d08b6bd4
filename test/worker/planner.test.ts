import { expect, it } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import { makePlan } from '../../src/worker/plan/planner.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import { anApp, anEnvironment } from '../support/builders.ts'

it('lets the first fetch of a large repository go on when the time for planning is over, until the worker stops', async () => {
  const environment = anEnvironment()
  const app = anApp({ environments: [environment] })
  const signals: (AbortSignal | undefined)[] = []
  const ports = {
    clock: CLOCK,
    times: { ...TIMES, plan: 10 },
    git: {
      fetch: (_app: unknown, _url: unknown, _branches: unknown, signal?: AbortSignal) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    },
    platforms: { [environment.remote.platform]: { releases: async () => ({ ok: true, value: [] }) } },
  }
  const stop = new AbortController()
  const request = {
    app,
    environment,
    kind: 'deploy',
    configuration: environment.digests.form2,
    signal: stop.signal,
  } as const
  expect(await makePlan(ports as unknown as WorkerPorts, request)).toEqual({
    refused: { gate: 'time_ran_out', during: 'fetching the branches' },
  })
  expect(signals.map((signal) => signal?.aborted)).toEqual([false, false])
  stop.abort()
  expect(signals.map((signal) => signal?.aborted)).toEqual([true, true])
})

it.each([
  ['form 1', anEnvironment().digests.form1, 'time_ran_out'],
  ['form 2', anEnvironment().digests.form2, 'time_ran_out'],
  ['another entry', '2:other', 'configuration_differs'],
])('plans a release that was asked for with the digest of its entry: %s', async (_, configuration, gate) => {
  const environment = anEnvironment()
  const ports = {
    clock: CLOCK,
    times: { ...TIMES, plan: 10 },
    git: { fetch: () => new Promise(() => undefined) },
    platforms: { [environment.remote.platform]: { releases: async () => ({ ok: true, value: [] }) } },
  }
  const app = anApp({ environments: [environment] })
  const { signal } = new AbortController()
  const planned = makePlan(ports as unknown as WorkerPorts, { app, environment, kind: 'deploy', configuration, signal })
  expect(await planned).toMatchObject({ refused: { gate } })
})
