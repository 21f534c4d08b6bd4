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
  const request = { app, environment, kind: 'deploy', configuration: environment.digest, signal: stop.signal } as const
  expect(await makePlan(ports as unknown as WorkerPorts, request)).toEqual({
    refused: { gate: 'time_ran_out', during: 'fetching the branches' },
  })
  expect(signals.map((signal) => signal?.aborted)).toEqual([false, false])
  stop.abort()
  expect(signals.map((signal) => signal?.aborted)).toEqual([true, true])
})
