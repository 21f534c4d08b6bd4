/** W22: the look after a release survives a restart, is told once, and is never about another release. */
import { expect, it } from 'vitest'
import type { ReleaseEvent } from '../../src/release/events.ts'
import type { OutboxMessage } from '../../src/release/messages.ts'
import type { ServiceError } from '../../src/release/ports/answers.ts'
import type { Claim, Job } from '../../src/release/ports/jobs.ts'
import type { Aftermath } from '../../src/release/ports/platform.ts'
import type { Release } from '../../src/release/release.ts'
import { lookAfterwards } from '../../src/worker/jobs/after-release.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { aRelease, aStep, at } from '../support/builders.ts'
import { fakePorts, fakeStore, inTurn } from './fakes.ts'

const CRASHED: Aftermath = { isSettled: true, warnings: [{ what: 'web.1 crashed' }] }
const STARTING: Aftermath = { isSettled: false, warnings: [] }
const WELL: Aftermath = { isSettled: true, warnings: [] }

interface Given {
  readonly looks?: readonly (Aftermath | ServiceError)[]
  readonly newer?: boolean
  readonly now?: string
  readonly change?: Partial<Release>
}

function aLook({ looks = [CRASHED], newer = false, now = '09:00', change = {} }: Given = {}) {
  const steps = [
    aStep('confirm', { state: 'done', result: { platformRelease: 'v42' } }),
    aStep('report', { state: 'done' }),
  ]
  const release = aRelease({ number: 12, state: 'succeeded', steps, endedAt: at('09:00'), ...change })
  const written: (ReleaseEvent | OutboxMessage)[] = []
  const next: { job: Job; afterMs: number }[] = []
  const stored = fakeStore(
    release,
    (what) => written.push(what),
    (job, afterMs) => next.push({ job, afterMs }),
  )
  let asked = 0
  const answer = inTurn(...looks)
  const ports: WorkerPorts = fakePorts({
    platform: {
      aftermath: async () => {
        asked += 1
        const value = await answer()
        return 'failure' in value ? { ok: false, ...value } : { ok: true, value }
      },
    },
    store: {
      ...stored.store,
      now: async () => at(now),
      releases: async () => [newer ? { ...release, number: 13, state: 'running' as const } : release],
    },
  })
  const stop = new AbortController()
  return {
    look: (look?: number) => {
      const job = { kind: 'aftermath', release: 12, ...(look !== undefined && { look }) } as const
      const claim: Claim = { job, id: 'a-job', attempt: 1, signal: stop.signal }
      return lookAfterwards(ports, claim, job)
    },
    stop: () => stop.abort(new Error('the worker stops')),
    written,
    next,
    stored,
    asked: () => asked,
  }
}
const lines = (written: readonly (ReleaseEvent | OutboxMessage)[]) =>
  written.filter((what) => 'kind' in what && what.kind === 'line')

it('W22: is told once, however often the job runs', async () => {
  const { look, written, stored, next } = aLook()
  await look()
  await look()
  expect(lines(written)).toMatchObject([{ key: '12:afterwards', line: { is: 'afterwards' } }])
  expect(written).toContainEqual(expect.objectContaining({ kind: 'card' }))
  expect(written.filter((what) => 'type' in what)).toMatchObject([
    { type: 'aftermath_seen', data: { warnings: ['web.1 crashed'] } },
  ])
  expect(stored.release().state).toBe('succeeded')
  expect(next).toEqual([])
})

it('W22: what is starting is looked at again, by a job of its own', async () => {
  const { look, next, written } = aLook({ looks: [STARTING, CRASHED] })
  await look()
  expect(next).toEqual([{ job: { kind: 'aftermath', release: 12, look: 1 }, afterMs: expect.any(Number) }])
  expect(written).toEqual([])
  await look(1)
  expect(lines(written)).toHaveLength(1)
})

it('W22: a worker that stops says nothing, and loses no look', async () => {
  const { look, stop, written, next } = aLook()
  stop()
  await expect(look()).rejects.toThrow('the worker stops')
  expect([written, next]).toEqual([[], []])
})

it.each([
  ['still starts', STARTING, []],
  ['did not answer', { failure: 'unreachable', detail: 'no answer' } as const, ['Heroku did not tell how it runs']],
])('W22: two minutes after the end, what %s is not looked at again', async (_what, seen, notes) => {
  const { look, next, written } = aLook({ looks: [seen], now: '09:02' })
  await look(8)
  expect(next).toEqual([])
  expect(lines(written).map((line) => ('line' in line ? line.line : undefined))).toEqual(
    notes.length === 0 ? [] : [{ is: 'afterwards', seen: { warnings: [], notes } }],
  )
})

it.each([
  ['that runs well', { looks: [WELL] }],
  ['whose key may not read dynos', { looks: [{ failure: 'refused', detail: '403' }] }],
] as const)('W22: says nothing of an app %s', async (_what, given) => {
  const { look, written, next } = aLook(given)
  await look()
  expect([written, next]).toEqual([[], []])
})

it('W22: says nothing of an environment that has another release since', async () => {
  const { look, written, asked } = aLook({ newer: true })
  await look()
  expect([asked(), written]).toEqual([0, []])
})

it.each<Release['state']>(['running', 'failed', 'cancelled', 'closed'])(
  'W22: says nothing of a release that is %s',
  async (state) => {
    const { look, asked, written } = aLook({ change: { state } })
    await look()
    expect([asked(), written]).toEqual([0, []])
  },
)
