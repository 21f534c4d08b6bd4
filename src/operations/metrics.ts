/** What this process counts, in Prometheus's text form. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { runWithTimeout } from '../lib/timeout.ts'
import type { Job } from '../release/ports/jobs.ts'
import type { Environment } from '../release/settings.ts'
import type { ReleaseState, StepName, StepState } from '../release/terms.ts'

const SOURCE_LIMIT_MS = 2_000

/** `refused`: Slack said no. `unknown`: no answer, it may have had its effect. */
export type SlackCallOutcome = 'ok' | 'refused' | 'rate limited' | 'unknown'
/** `lost`: another worker has taken it over. */
export type JobOutcome = 'done' | 'failed' | 'lost'

/** What is read from the store at the time of asking. A source that fails or is late leaves its gauges out. */
export interface MetricsSources {
  /** Messages that Slack has not confirmed, and for how long the oldest has waited. */
  readonly outbox?: () => Promise<{ readonly waiting: number; readonly oldestAgeMs: number }>
  /** Deliveries that were received and not handled. */
  readonly inboxUnhandled?: () => Promise<number>
}

export interface Metrics {
  releaseEnded(environment: Pick<Environment, 'app' | 'name'>, state: ReleaseState): void
  stepEnded(step: StepName, state: StepState, durationMs: number): void
  /** `method` such as `chat.update`. */
  slackCall(method: string, outcome: SlackCallOutcome): void
  jobEnded(kind: Job['kind'], outcome: JobOutcome): void
  /** For `/metrics`. */
  read(): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * Makes counters of their own, beside Node's usual ones. Labels are names from `releases.yml` and words of ours; what
 * people, commits and services write is never one, and a Slack method that does not look like one counts as `other`.
 */
export function createMetrics(sources: MetricsSources = {}): Metrics {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })

  const releases = new Counter({
    name: 'signoff_releases_ended_total',
    help: 'Releases that ended, by the state that they ended in',
    labelNames: ['app', 'environment', 'state'],
    registers,
  })
  const steps = new Histogram({
    name: 'signoff_step_duration_seconds',
    help: 'How long the steps of runs took, by how they ended',
    labelNames: ['step', 'state'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 3_600],
    registers,
  })
  const slackCalls = new Counter({
    name: 'signoff_slack_calls_total',
    help: 'Calls of Slack by method and outcome',
    labelNames: ['method', 'outcome'],
    registers,
  })
  const jobs = new Counter({
    name: 'signoff_jobs_total',
    help: 'Jobs that this worker took, by kind and outcome',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const failures = new Counter({
    name: 'signoff_metrics_source_failures_total',
    help: 'Times that the store gave no answer for a gauge',
    labelNames: ['source'],
    registers,
  })

  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const outbox = sources.outbox && {
    read: sources.outbox,
    waiting: gauge('signoff_outbox_waiting', 'Messages that Slack has not confirmed'),
    oldest: gauge('signoff_outbox_oldest_seconds', 'For how long the oldest of them has waited'),
  }
  const inbox = sources.inboxUnhandled && {
    read: sources.inboxUnhandled,
    unhandled: gauge('signoff_inbox_unhandled', 'Deliveries from Slack that are not handled'),
  }

  async function readOutbox(): Promise<void> {
    if (outbox === undefined) return
    const looked = await runWithTimeout(SOURCE_LIMIT_MS, outbox.read)
    if (!looked.ok) {
      failures.inc({ source: 'outbox' })
      outbox.waiting.remove()
      outbox.oldest.remove()
      return
    }
    outbox.waiting.set(looked.value.waiting)
    outbox.oldest.set(looked.value.oldestAgeMs / 1_000)
  }

  async function readInbox(): Promise<void> {
    if (inbox === undefined) return
    const looked = await runWithTimeout(SOURCE_LIMIT_MS, inbox.read)
    if (looked.ok) return inbox.unhandled.set(looked.value)
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
