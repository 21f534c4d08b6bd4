/** W22: the look after a release survives a restart, is told once, and is never about another release. */
import { expect, it } from 'vitest'
import type { ReleaseEvent } from '../../src/release/events.ts'
import type { OutboxMessage } from '../../src/release/messages.ts'
import type { Claim } from '../../src/release/ports/jobs.ts'
import type { Aftermath } from '../../src/release/ports/platform.ts'
import type { Release } from '../../src/release/release.ts'
import { lookAfterwards } from '../../src/worker/jobs/after-release.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { aRelease, aStep, at } from '../support/builders.ts'
import { fakePorts, fakeStore, inTurn } from './fakes.ts'

const CRASHED: Aftermath = { isSettled: true, warnings: [{ what: 'web.1 crashed' }] }
const STARTING: Aftermath = { isSettled: false, warnings: [] }
const JOB = { kind: 'aftermath', release: 12 } as const

function aLook(
  given: {
    aftermath?: readonly Aftermath[]
    newer?: boolean
    ended?: string
    now?: string
    change?: Partial<Release>
  } = {},
) {
  const { aftermath = [CRASHED], newer = false, ended = '09:00', now = '09:00', change = {} } = given
  const report = aStep('report', { state: 'done' })
  const confirm = aStep('confirm', { state: 'done', result: { platformRelease: 'v42' } })
  const release = aRelease({ number: 12, state: 'succeeded', steps: [confirm, report], endedAt: at(ended), ...change })
  const written: (ReleaseEvent | OutboxMessage)[] = []
  const stored = fakeStore(release, (what) => written.push(what))
  let looks = 0
  const next = inTurn(...aftermath)
  const ports: WorkerPorts = fakePorts({
    platform: {
      aftermath: async () => {
        looks += 1
        return { ok: true, value: await next() }
      },
    },
    store: {
      ...stored.store,
      now: async () => at(now),
      releases: async () => [newer ? { ...release, number: 13, state: 'running' as const } : release],
    },
  })
  const stop = new AbortController()
  const claim: Claim = { job: JOB, id: 'a-job', attempt: 1, signal: stop.signal }
  return {
    look: () => lookAfterwards(ports, claim, JOB),
    stop: () => stop.abort(new Error('the worker stops')),
    written,
    stored,
    looks: () => looks,
  }
}
const lines = (written: readonly (ReleaseEvent | OutboxMessage)[]) =>
  written.filter((what) => 'kind' in what && what.kind === 'line')

it('W22: is told once, however often the job runs', async () => {
  const { look, written, stored } = aLook()
  await look()
  await look()
  expect(lines(written)).toMatchObject([{ key: '12:afterwards', line: { is: 'afterwards' } }])
  expect(written).toContainEqual(expect.objectContaining({ kind: 'card' }))
  expect(written.filter((what) => 'type' in what)).toMatchObject([
    { type: 'aftermath_seen', data: { warnings: ['web.1 crashed'] } },
  ])
  expect(stored.release().state).toBe('succeeded')
})

it('W22: a worker that stops says nothing, and the next one does', async () => {
  const { look, stop, written } = aLook({ aftermath: [STARTING] })
  stop()
  await expect(look()).rejects.toThrow('the worker stops')
  expect(written).toEqual([])
})

it('W22: after the time is over it looks once, and not for two minutes again', async () => {
  const { look, looks } = aLook({ aftermath: [STARTING], now: '09:10' })
  await look()
  expect(looks()).toBe(1)
})

it('W22: waits for what is starting', async () => {
  const { look, looks, written } = aLook({ aftermath: [STARTING, STARTING, CRASHED] })
  await look()
  expect(looks()).toBe(3)
  expect(lines(written)).toHaveLength(1)
})

it('W22: says nothing of an environment that has another release since', async () => {
  const { look, written } = aLook({ newer: true })
  await look()
  expect(written).toEqual([])
})

it.each<Release['state']>(['running', 'failed', 'cancelled', 'closed'])(
  'W22: says nothing of a release that is %s',
  async (state) => {
    const { look, looks, written } = aLook({ change: { state } })
    await look()
    expect([looks(), written]).toEqual([0, []])
  },
)
