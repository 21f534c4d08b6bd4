import { describe, expect, it } from 'vitest'
import { logCommitted } from '../../src/operations/event-log.ts'
import { createLog } from '../../src/operations/log.ts'
import { createScrubber } from '../../src/operations/scrub.ts'
import type { EventData, EventType, ReleaseEvent } from '../../src/release/events.ts'
import { aRelease } from '../support/builders.ts'

const AT = new Date('2026-11-30T12:00:10Z')
const release = aRelease({
  number: 12,
  state: 'running',
  requestedAt: new Date('2026-11-30T12:00:00Z'),
  approvedAt: new Date('2026-11-30T12:00:08Z'),
})

function logged<T extends EventType>(
  type: T,
  data: EventData[T],
  about: object = { release },
): Record<string, unknown> {
  const lines: string[] = []
  const log = createLog({
    level: 'info',
    scrub: createScrubber(['hunter2-hunter2']),
    destination: { write: (line) => lines.push(line) },
  })
  const event = { release: 12, type, actor: 'worker', data } as unknown as ReleaseEvent
  logCommitted(log, { event, at: AT, ...about })
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0] ?? '')
}

const production = { app: 'api', environment: 'production' }
const step = { step: 'push', attempt: 1 } as const

describe('O8: the line of an event', () => {
  it('has release, app, environment, event, state, and of a step its name and duration', () => {
    const { time: _, ...line } = logged('step_done', {
      ...step,
      effect: 'some',
      ms: 4_000,
      said: 'Pushed 4be109c to heroku',
    })
    expect(line).toEqual({
      level: 'info',
      msg: 'step done',
      release: 12,
      ...production,
      event: 'step_done',
      state: 'running',
      ...step,
      effect: 'some',
      ms: 4_000,
      said: 'Pushed 4be109c to heroku',
      actor: 'worker',
    })
  })

  it('tells how long the plan, the wait for the run, and the whole release took', () => {
    expect(logged('plan_made', { fingerprint: 'f', commits: 2, pending: 0 })).toMatchObject({ ms: 10_000, commits: 2 })
    expect(logged('run_started', { attempt: 1 })).toMatchObject({ ms: 2_000 })
    expect(logged('release_ended', { ...production, state: 'succeeded' })).toMatchObject({ ms: 10_000 })
  })

  it('names app and environment also where only the event has them', () => {
    expect(logged('release_ended', { ...production, state: 'closed' }, {})).toMatchObject({
      release: 12,
      ...production,
    })
  })

  it.each<[level: string, what: string, line: () => Record<string, unknown>]>([
    ['info', 'an end in success', () => logged('release_ended', { ...production, state: 'succeeded' })],
    [
      'info',
      'a refusal for the team',
      () => logged('release_ended', { ...production, state: 'refused', gate: 'merge_conflict' }),
    ],
    [
      'error',
      'a refusal for the operator',
      () => logged('release_ended', { ...production, state: 'refused', gate: 'no_worker' }),
    ],
    ['warn', 'a failure', () => logged('release_ended', { ...production, state: 'failed', gate: 'build_failed' })],
    ['warn', 'an end by time', () => logged('release_ended', { ...production, state: 'expired', gate: 'expired' })],
    [
      'info',
      'a Close, whatever the cause was',
      () => logged('release_ended', { ...production, state: 'closed', gate: 'internal_error' }),
    ],
    ['warn', 'needs attention', () => logged('attention_needed', { gate: 'push_unknown', step: 'push', attempt: 1 })],
    [
      'error',
      'needs attention of the operator',
      () => logged('attention_needed', { gate: 'credentials_refused', attempt: 1 }),
    ],
    ['warn', 'a failed step', () => logged('step_failed', { ...step, effect: 'none', ms: 1 })],
    ['warn', 'a step without a known result', () => logged('step_unknown', { ...step, effect: 'unknown', ms: 1 })],
    ['warn', 'a warning after the release', () => logged('aftermath_seen', { warnings: ['no dynos run'], notes: [] })],
    [
      'info',
      'no warning after the release',
      () => logged('aftermath_seen', { warnings: [], notes: ['it answered 200'] }),
    ],
  ])('is at %s for %s', (level, _what, line) => {
    expect(line()).toMatchObject({ level, release: 12, ...production })
  })

  it('has no secret, and nothing that people wrote', () => {
    expect(JSON.stringify(logged('step_failed', { ...step, said: 'remote: hunter2-hunter2' }))).not.toContain('hunter2')
    const signed = { kind: 'rejection', fingerprint: 'f', note: 'Ann said no', name: 'Ann', right: '@qa' } as const
    expect(JSON.stringify(logged('sign_off_given', signed))).not.toContain('Ann')
    const closed = { ...production, state: 'closed', reason: 'Ann said no' } as const
    expect(JSON.stringify(logged('release_ended', closed))).not.toContain('Ann')
  })
})
