import perf from 'node:perf_hooks'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createMetrics } from '../../src/operations/metrics.ts'

describe('metrics', () => {
  it('count releases, steps, calls of Slack and jobs', async () => {
    const metrics = createMetrics()
    const at = new Date()
    const data = { app: 'api', environment: 'production' }
    for (const state of ['succeeded', 'succeeded', 'failed'] as const) {
      metrics.eventCommitted({ event: { type: 'release_ended', actor: 'worker', data: { ...data, state } }, at })
    }
    const push = { step: 'push', attempt: 1, ms: 4_000 } as const
    metrics.eventCommitted({ event: { type: 'step_done', actor: 'worker', data: push }, at })
    metrics.eventCommitted({ event: { type: 'step_started', actor: 'worker', data: push }, at })
    metrics.slackCall('chat.update', 'rate limited')
    metrics.jobEnded('run', 'done')
    const { contentType, body } = await metrics.read()
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/)
    const lines = body.split('\n')
    expect(lines).toEqual(
      expect.arrayContaining([
        'signoff_releases_ended_total{app="api",environment="production",state="succeeded"} 2',
        'signoff_releases_ended_total{app="api",environment="production",state="failed"} 1',
        'signoff_step_duration_seconds_bucket{le="2.5",step="push",state="done"} 0',
        'signoff_step_duration_seconds_bucket{le="5",step="push",state="done"} 1',
        'signoff_step_duration_seconds_sum{step="push",state="done"} 4',
        'signoff_slack_calls_total{method="chat.update",outcome="rate limited"} 1',
        'signoff_jobs_total{kind="run",outcome="done"} 1',
      ]),
    )
    expect(body).toContain('nodejs_eventloop_lag_seconds')
  })

  it('T11: do not wake the process to sample its loop', async () => {
    const sampling = vi.spyOn(perf, 'monitorEventLoopDelay')
    onTestFinished(() => sampling.mockRestore())
    const { body } = await createMetrics().read()
    for (const [options] of sampling.mock.calls) expect(options?.resolution).toBeGreaterThan(3_600_000)
    expect(body).toContain('nodejs_eventloop_lag_seconds')
    expect(body).not.toMatch(/nodejs_eventloop_lag_(min|max|mean|stddev|p\d\d)_/)
  })

  it('make no label of a text that is no method', async () => {
    const metrics = createMetrics()
    metrics.slackCall('https://u:p@h/\n', 'ok')
    metrics.slackCall('what Ann wrote.update', 'ok')
    metrics.slackCall('usergroups.users.list', 'ok')
    const { body } = await metrics.read()
    expect(body).toContain('signoff_slack_calls_total{method="other",outcome="ok"} 2')
    expect(body).toContain('signoff_slack_calls_total{method="usergroups.users.list",outcome="ok"} 1')
  })

  it('read what waits in the store when they are asked', async () => {
    let waiting = 3
    const metrics = createMetrics({
      outbox: async () => ({ waiting, oldestAgeMs: 1_500 }),
      inboxUnhandled: async () => 2,
    })
    expect((await metrics.read()).body).toMatch(
      /signoff_outbox_waiting 3[\s\S]*signoff_outbox_oldest_seconds 1\.5[\s\S]*signoff_inbox_unhandled 2/,
    )
    waiting = 0
    expect((await metrics.read()).body).toContain('signoff_outbox_waiting 0')
  })

  it('E5: tell how long the time of a release is past that was to start then', async () => {
    const late = { app: 'api', environment: 'production', state: 'scheduled', forMs: 90_000 } as const
    const { body } = await createMetrics({ overdueStarts: async () => [late] }).read()
    expect(body).toContain('signoff_start_overdue_seconds{app="api",environment="production",state="scheduled"} 90')
  })

  it('A13: tell how long new heads wait, and count the looks', async () => {
    const metrics = createMetrics({
      heads: async () => [{ app: 'api', environment: 'integration', state: 'due', forMs: 90_000 }],
    })
    metrics.headsLooked('ok')
    metrics.headsLooked('failed')
    const { body } = await metrics.read()
    expect(body).toContain('signoff_head_waiting_seconds{app="api",environment="integration",state="due"} 90')
    expect(body).toContain('signoff_head_looks_total{outcome="ok"} 1')
    expect(body).toContain('signoff_head_looks_total{outcome="failed"} 1')
  })

  it('leave out what the store does not tell, in time, rather than say none', async () => {
    let isDown = false
    const metrics = createMetrics({
      outbox: async () => (isDown ? new Promise(() => {}) : { waiting: 3, oldestAgeMs: 0 }),
      inboxUnhandled: async () => (isDown ? Promise.reject(new Error('down')) : 2),
    })
    await metrics.read()
    isDown = true
    const began = performance.now()
    const { body } = await metrics.read()
    expect(performance.now() - began).toBeLessThan(4_000)
    expect(body).not.toMatch(/^signoff_(outbox|inbox)_\w+ \d/m)
    expect(body).toContain('signoff_metrics_source_failures_total{source="outbox"} 1')
    expect(body).toContain('signoff_metrics_source_failures_total{source="inbox"} 1')
    isDown = false
    expect((await metrics.read()).body).toContain('signoff_outbox_waiting 3')
  })

  it('are counted apart by each maker', async () => {
    createMetrics().jobEnded('plan', 'done')
    expect((await createMetrics().read()).body).not.toContain('kind="plan"')
  })
})
