/** What the push step does where the remote has moved between its look before and its own, as a table. */
import { expect, it } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import type { Git } from '../../src/release/ports/git.ts'
import type { Platform, PlatformRelease } from '../../src/release/ports/platform.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import { push } from '../../src/worker/run/steps/push.ts'
import type { StepContext } from '../../src/worker/run/steps/step.ts'
import { anApp, anEnvironment, aPlan, aRelease, aStep, SERVICES, sha } from '../support/builders.ts'

const COMMIT = sha('c0ffee1')
const plan = aPlan()
const environment = anEnvironment()
const { branch } = environment.remote

const before: PlatformRelease = {
  id: 'a',
  version: 41,
  status: 'succeeded',
  current: true,
  commit: sha('01d'),
  artifact: 'a',
}
const arrived = (status: PlatformRelease['status']): PlatformRelease[] => [
  { id: 'b', version: 42, status, current: status === 'succeeded', commit: COMMIT, artifact: 'b' },
  { ...before, current: status !== 'succeeded' },
]

/** The remote holds the commit, and Heroku has these releases. */
async function performed(releases: readonly PlatformRelease[]) {
  const did: string[] = []
  const run: StepContext = {
    ports: {
      git: {
        heads: async () => ({ ok: true, value: { [branch]: COMMIT } }),
        push: async () => {
          did.push('push')
          return { push: 'already', output: [] }
        },
      } as unknown as Git,
      platforms: {
        [environment.remote.platform]: {
          words: SERVICES.platforms[environment.remote.platform],
          limits: { pushArrivesWithinMs: 5, releaseAppearsWithinMs: 5, confirmedWithinMs: 5 },
          releases: async () => ({ ok: true, value: releases }),
          releaseAgain: async () => {
            did.push('release')
            return { ok: true, value: { ...before, version: 43, commit: COMMIT } }
          },
        } as unknown as Platform,
      },
      times: { ...TIMES, poll: 1, pause: 1 },
      clock: CLOCK,
    } as unknown as WorkerPorts,
    app: anApp(),
    environment,
    release: aRelease(),
    plan,
    before: aStep('push', { state: 'running', effect: 'unknown' }),
    commit: COMMIT,
    signal: new AbortController().signal,
    tell: async () => undefined,
  }
  return { outcome: await push.perform(run), did }
}

it.each(['pending', 'succeeded', 'failed'] as const)(
  'a push that was cut off, and arrives after it was probed, is not made again: its release is %s',
  async (status) => {
    const { outcome, did } = await performed(arrived(status))
    expect(outcome).toMatchObject({ is: 'done', effect: 'some', result: { commit: COMMIT } })
    expect(did).toEqual([])
  },
)
