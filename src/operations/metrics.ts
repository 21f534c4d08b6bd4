/** The metrics of this process, in Prometheus's text format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { runWithTimeout } from '../lib/timeout.ts'
import type { Job } from '../release/ports/jobs.ts'
import type { Environment } from '../release/settings.ts'
import type { ReleaseState, StepName, StepState } from '../release/terms.ts'

const SOURCE_LIMIT_MS = 2_000

/** `refused`: Slack returned an error. `unknown`: no answer, so the call may have had its effect. */
export type SlackCallOutcome = 'ok' | 'refused' | 'rate limited' | 'unknown'
/** `lost`: another worker took the job over. */
export type JobOutcome = 'done' | 'failed' | 'lost'

/** Values that are read from the store for each request. When a source fails or times out, its gauges are omitted. */
export interface MetricsSources {
  /** Messages that Slack has not confirmed, and the age of the oldest. */
  readonly outbox?: () => Promise<{ readonly waiting: number; readonly oldestAgeMs: number }>
  /** Deliveries from Slack that are not handled yet. */
  readonly inboxUnhandled?: () => Promise<number>
}

export interface Metrics {
  releaseEnded(environment: Pick<Environment, 'app' | 'name'>, state: ReleaseState): void
  stepEnded(step: StepName, state: StepState, durationMs: number): void
  /** `method` is a name such as `chat.update`. */
  slackCall(method: string, outcome: SlackCallOutcome): void
  jobEnded(kind: Job['kind'], outcome: JobOutcome): void
  /** For `/metrics`. */
  read(): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * Creates an independent set of metrics, including Node's default ones. Labels are names from `releases.yml` and fixed
 * names, never texts from people, commits or services. A Slack method that does not look like one counts as `other`.
 */
export function createMetrics(sources: MetricsSources = {}): Metrics {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })

  const releases = new Counter({
    name: 'signoff_releases_ended_total',
    help: 'Releases that ended, by final state',
    labelNames: ['app', 'environment', 'state'],
    registers,
  })
  const steps = new Histogram({
    name: 'signoff_step_duration_seconds',
    help: 'Duration of the steps of runs in seconds, by final state',
    labelNames: ['step', 'state'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 3_600],
    registers,
  })
  const slackCalls = new Counter({
    name: 'signoff_slack_calls_total',
    help: 'Calls to the Slack API, by method and outcome',
    labelNames: ['method', 'outcome'],
    registers,
  })
  const jobs = new Counter({
    name: 'signoff_jobs_total',
    help: 'Jobs that this worker processed, by kind and outcome',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const failures = new Counter({
    name: 'signoff_metrics_source_failures_total',
    help: 'Failed reads of a gauge from the store, by source',
    labelNames: ['source'],
    registers,
  })

  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const outbox = sources.outbox && {
    read: sources.outbox,
    waiting: gauge('signoff_outbox_waiting', 'Messages to Slack that are not confirmed yet'),
    oldest: gauge('signoff_outbox_oldest_seconds', 'Age of the oldest unconfirmed message to Slack in seconds'),
  }
  const inbox = sources.inboxUnhandled && {
    read: sources.inboxUnhandled,
    unhandled: gauge('signoff_inbox_unhandled', 'Deliveries from Slack that are not handled yet'),
  }

  async function readOutbox(): Promise<void> {
    if (outbox === undefined) return
    const result = await runWithTimeout(SOURCE_LIMIT_MS, outbox.read)
    if (!result.ok) {
      failures.inc({ source: 'outbox' })
      outbox.waiting.remove()
      outbox.oldest.remove()
      return
    }
    outbox.waiting.set(result.value.waiting)
    outbox.oldest.set(result.value.oldestAgeMs / 1_000)
  }

  async function readInbox(): Promise<void> {
    if (inbox === undefined) return
    const result = await runWithTimeout(SOURCE_LIMIT_MS, inbox.read)
    if (result.ok) return inbox.unhandled.set(result.value)
    failures.inc({ source: 'inbox' })
    inbox.unhandled.remove()
  }

  return {
    releaseEnded: ({ app, name }, state) => releases.inc({ app, environment: name, state }),
    stepEnded: (step, state, durationMs) => steps.observe({ step, state }, durationMs / 1_000),
    slackCall: (method, outcome) =>
      slackCalls.inc({ method: /^[a-z]{2,20}(\.[a-zA-Z]{2,24}){1,3}$/.test(method) ? method : 'other', outcome }),
    jobEnded: (kind, outcome) => jobs.inc({ kind, outcome }),
    async read() {
      await Promise.all([readOutbox(), readInbox()])
      return { contentType: register.contentType, body: await register.metrics() }
    },
  }
}
