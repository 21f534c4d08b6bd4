/** The metrics of this process, in Prometheus's text format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { runWithTimeout } from '../lib/timeout.ts'
import type { Committed } from '../release/committed.ts'
import type { DeliveryOutcome } from '../release/ports/deliveries.ts'
import type { Job, JobOutcome } from '../release/ports/jobs.ts'
import type { ReleaseState } from '../release/terms.ts'
import { countEvents } from './event-metrics.ts'
import type { Works } from './health.ts'

const SOURCE_LIMIT_MS = 2_000
/** Never: the longest time that a timer takes. */
const NO_SAMPLES_MS = 2 ** 31 - 1
/** What Node's default metrics make of samples of the event loop. */
const SAMPLED = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((of) => `nodejs_eventloop_lag_${of}_seconds`)
/** No group can have this name. */
const WITHOUT_GROUP = '(none)'

/** `refused`: Slack returned an error. `unknown`: no answer, so the call may have had its effect. */
export type SlackCallOutcome = 'ok' | 'refused' | 'rate limited' | 'unknown'

/** A release that has not ended, and for how long it has been in its state. */
export interface OpenRelease {
  readonly app: string
  readonly environment: string
  readonly state: ReleaseState
  readonly forMs: number
}

/** Values that are read for each request. When a source fails or times out, its gauges are omitted. */
export interface MetricsSources {
  /** Messages that Slack has not confirmed, and the age of the oldest. */
  readonly outbox?: () => Promise<{ readonly waiting: number; readonly oldestAgeMs: number }>
  /** Deliveries from Slack that are not handled yet. */
  readonly inboxUnhandled?: () => Promise<number>
  readonly releases?: () => Promise<readonly OpenRelease[]>
  /** Releases whose time to start has come and that have not started. */
  readonly overdueStarts?: () => Promise<readonly OpenRelease[]>
  /** New heads that wait to be deployed automatically. */
  readonly heads?: () => Promise<readonly (Omit<OpenRelease, 'state'> & { readonly state: string })[]>
  /** How long ago a worker was last seen; undefined: none is known. */
  readonly workerSeenMs?: () => Promise<number | undefined>
  /** How many workers are alive, by group; undefined stands for workers without a group. */
  readonly workersAlive?: () => Promise<ReadonlyMap<string | undefined, number>>
  /** What waits for each webhook, by its name. */
  readonly webhooks?: () => Promise<
    readonly { readonly webhook: string; readonly waiting: number; readonly oldestAgeMs: number }[]
  >
  /** The parts of `/readyz`. */
  readonly ready?: () => Promise<Readonly<Record<string, Works>>>
}

export interface Metrics {
  /** Counts the ends of releases and steps. */
  eventCommitted(committed: Committed): void
  /** `method` is a name such as `chat.update`. */
  slackCall(method: string, outcome: SlackCallOutcome): void
  jobEnded(kind: Job['kind'], outcome: JobOutcome): void
  /** `webhook`: its name. */
  webhookTried(webhook: string, outcome: 'delivered' | 'failed' | 'given up'): void
  /** A look at the branches that are deployed automatically; `failed`: a repository did not answer. */
  headsLooked(outcome: 'ok' | 'failed'): void
  /** `kind` is a closed list: `command`, `click`, … */
  deliveryAcknowledged(kind: string, ms: number): void
  deliveryHandled(kind: string, outcome: DeliveryOutcome, ms: number): void
  /** What became of a direct message that nobody asked for: `sent`, `not wanted`, … */
  directMessageEnded(kind: string, outcome: string): void
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
  // Samples would wake an idle process a hundred times a second. The lag at the time of each read is measured without them.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: NO_SAMPLES_MS })
  for (const name of SAMPLED) register.removeSingleMetric(name)

  const slackCalls = new Counter({
    name: 'signoff_slack_calls_total',
    help: 'Calls to the Slack API, by method and outcome',
    labelNames: ['method', 'outcome'],
    registers,
  })
  const directMessages = new Counter({
    name: 'signoff_direct_messages_total',
    help: 'Direct messages that nobody asked for, by kind and outcome: sent, not wanted, no longer true, not delivered',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const jobs = new Counter({
    name: 'signoff_jobs_total',
    help: 'Jobs that this worker processed, by kind and outcome',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const looks = new Counter({
    name: 'signoff_head_looks_total',
    help: 'Looks at repositories for new heads to deploy automatically, by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const acknowledged = new Histogram({
    name: 'signoff_delivery_acknowledge_duration_seconds',
    help: 'Time from the receipt of a delivery from Slack to its acknowledgement, for which Slack waits 3 seconds',
    labelNames: ['kind'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 5],
    registers,
  })
  const handled = new Histogram({
    name: 'signoff_delivery_handle_duration_seconds',
    help: 'Time from the receipt of a delivery from Slack until it was handled or given up, by outcome',
    labelNames: ['kind', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
    registers,
  })
  const failures = new Counter({
    name: 'signoff_metrics_source_failures_total',
    help: 'Failed reads of a gauge from the store, by source',
    labelNames: ['source'],
    registers,
  })

  const webhooks = new Counter({
    name: 'signoff_webhook_tries_total',
    help: 'Requests to webhooks: delivered, failed (tried again) or given up',
    labelNames: ['webhook', 'outcome'],
    registers,
  })

  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const labelled = <Label extends string>(name: string, labelNames: Label[], help: string) =>
    new Gauge({ name, help, labelNames, registers })
  const readers: (() => Promise<void>)[] = []
  /** Sets gauges from a source, or omits them: an old value would look like a current one. */
  function shows<T>(
    source: string,
    read: (() => Promise<T>) | undefined,
    make: () => { omit(): void; show(value: T): void },
  ): void {
    if (read === undefined) return
    const { omit, show } = make()
    readers.push(async () => {
      const result = await runWithTimeout(SOURCE_LIMIT_MS, read)
      omit()
      if (result.ok) show(result.value)
      else failures.inc({ source })
    })
  }

  shows('outbox', sources.outbox, () => {
    const waiting = gauge('signoff_outbox_waiting', 'Messages to Slack that are not confirmed yet')
    const oldest = gauge('signoff_outbox_oldest_seconds', 'Age of the oldest unconfirmed message to Slack in seconds')
    return {
      omit() {
        waiting.remove()
        oldest.remove()
      },
      show(now) {
        waiting.set(now.waiting)
        oldest.set(now.oldestAgeMs / 1_000)
      },
    }
  })
  shows('webhooks', sources.webhooks, () => {
    const waiting = labelled('signoff_webhooks_waiting', ['webhook'], 'Requests to webhooks that are not answered yet')
    const oldest = labelled(
      'signoff_webhook_oldest_seconds',
      ['webhook'],
      'Age of the oldest unanswered request to a webhook in seconds',
    )
    return {
      omit() {
        waiting.reset()
        oldest.reset()
      },
      show(backlogs) {
        for (const { webhook, waiting: count, oldestAgeMs } of backlogs) {
          waiting.set({ webhook }, count)
          oldest.set({ webhook }, oldestAgeMs / 1_000)
        }
      },
    }
  })
  shows('inbox', sources.inboxUnhandled, () => {
    const unhandled = gauge('signoff_inbox_unhandled', 'Deliveries from Slack that are not handled yet')
    return { omit: () => unhandled.remove(), show: (count) => unhandled.set(count) }
  })
  shows('releases', sources.releases, () => {
    const open = labelled('signoff_releases', ['app', 'environment', 'state'], 'Releases that have not ended, by state')
    const oldest = labelled(
      'signoff_release_oldest_seconds',
      ['state'],
      'How long the oldest release has been in this state',
    )
    return {
      omit() {
        open.reset()
        oldest.reset()
      },
      show(releases) {
        const longest = new Map<ReleaseState, number>()
        for (const { app, environment, state, forMs } of releases) {
          open.inc({ app, environment, state })
          longest.set(state, Math.max(forMs, longest.get(state) ?? 0))
        }
        for (const [state, ms] of longest) oldest.set({ state }, ms / 1_000)
      },
    }
  })
  shows('overdue starts', sources.overdueStarts, () => {
    const overdue = labelled(
      'signoff_start_overdue_seconds',
      ['app', 'environment', 'state'],
      'How long the time of a release is past that was to start then and has not',
    )
    return {
      omit: () => overdue.reset(),
      show(starts) {
        for (const { forMs, ...labels } of starts) overdue.set(labels, forMs / 1_000)
      },
    }
  })
  shows('heads', sources.heads, () => {
    const waiting = labelled(
      'signoff_head_waiting_seconds',
      ['app', 'environment', 'state'],
      'How long a new head has waited to be deployed automatically: due, or for its builds',
    )
    return {
      omit: () => waiting.reset(),
      show(heads) {
        for (const { forMs, ...labels } of heads) waiting.set(labels, forMs / 1_000)
      },
    }
  })
  shows('workers', sources.workerSeenMs, () => {
    const seen = gauge('signoff_worker_seen_seconds', 'Time since a worker was last seen; +Inf if none is known')
    return {
      omit: () => seen.remove(),
      show: (ms) => seen.set(ms === undefined ? Number.POSITIVE_INFINITY : ms / 1_000),
    }
  })
  shows('workers by group', sources.workersAlive, () => {
    const alive = labelled('signoff_workers', ['group'], 'Workers that are alive, by group; (none): without a group')
    return {
      omit: () => alive.reset(),
      show(counts) {
        for (const [group, count] of counts) alive.set({ group: group ?? WITHOUT_GROUP }, count)
      },
    }
  })
  shows('ready', sources.ready, () => {
    const ready = labelled('signoff_ready', ['part'], 'Whether a part of this process works, as /readyz says')
    return {
      omit: () => ready.reset(),
      show(parts) {
        for (const [part, works] of Object.entries(parts)) ready.set({ part }, works === true ? 1 : 0)
      },
    }
  })

  return {
    eventCommitted: countEvents(registers),
    slackCall: (method, outcome) =>
      slackCalls.inc({ method: /^[a-z]{2,20}(\.[a-zA-Z]{2,24}){1,3}$/.test(method) ? method : 'other', outcome }),
    headsLooked: (outcome) => looks.inc({ outcome }),
    webhookTried: (webhook, outcome) => webhooks.inc({ webhook, outcome }),
    jobEnded: (kind, outcome) => jobs.inc({ kind, outcome }),
    deliveryAcknowledged: (kind, ms) => acknowledged.observe({ kind }, Math.max(0, ms) / 1_000),
    deliveryHandled: (kind, outcome, ms) => handled.observe({ kind, outcome }, Math.max(0, ms) / 1_000),
    directMessageEnded: (kind, outcome) => directMessages.inc({ kind, outcome }),
    async read() {
      await Promise.all(readers.map((read) => read()))
      return { contentType: register.contentType, body: await register.metrics() }
    },
  }
}
