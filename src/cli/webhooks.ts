/** Connects the delivery of webhooks: their settings, the store's queue, logs and metrics. */
import { startWebhooks, type Told, type WebhookPorts } from '../adapters/webhooks/delivery.ts'
import type { WebhookSettings } from '../config/webhooks.ts'
import { digest } from '../lib/canonical-json.ts'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import type { Works } from '../operations/health.ts'
import type { Log } from '../operations/log.ts'
import type { Metrics } from '../operations/metrics.ts'
import { scrubTexts } from '../operations/scrubbed-store.ts'
import type { WebhookQueue } from '../release/ports/webhooks.ts'

/** By its URL in one spelling: the store has only a digest of it. */
export function endpointId({ url }: { readonly url: string }): string {
  return digest(new URL(url).href)
}

/**
 * Names the webhooks in the store, so that what happens is told to them, and starts the delivery; nothing without webhooks.
 * `work`: for `/readyz`. `keepNamed`: to be called before old rows are deleted, so that its URLs are never taken for removed
 * ones, however long this process or the store's clock was away.
 */
export async function startTelling(
  webhooks: readonly WebhookSettings[],
  {
    queue,
    log,
    scrub,
    metrics,
    pace,
  }: {
    readonly queue: WebhookQueue
    readonly log: Log
    readonly scrub: (text: string) => string
    readonly metrics: Pick<Metrics, 'webhookTried'>
    readonly pace?: NonNullable<WebhookPorts['pace']>
  },
): Promise<{ work(): Works; keepNamed(): Promise<void>; stop(): Promise<void> }> {
  const nothing = async () => undefined
  if (webhooks.length === 0) return { work: () => true, keepNamed: nothing, stop: nothing }
  const told = webhooks.map((webhook): Told => ({ id: endpointId(webhook), ...webhook }))
  await queue.name(told)
  const delivery = startWebhooks({
    queue,
    told,
    clock: CLOCK,
    log,
    clean: (value) => scrubTexts(value, scrub),
    tried: metrics.webhookTried,
    ...defined({ pace }),
  })
  return {
    work() {
      const failing = [...delivery.failing()].map(([name, why]) => `${name}: ${why}`)
      return failing.length === 0 || `Requests to webhooks fail and are tried again. ${failing.join('; ')}.`
    },
    keepNamed: () => queue.keepNaming(told),
    stop: () => delivery.stop(),
  }
}

/** What waits for each webhook, by its name, for metrics. */
export async function readBacklogs(webhooks: readonly WebhookSettings[], queue: Pick<WebhookQueue, 'backlogs'>) {
  const names = new Map(webhooks.map((webhook) => [endpointId(webhook), webhook.name]))
  return (await queue.backlogs()).flatMap(({ endpoint, waiting, oldestAgeMs }) => {
    const webhook = names.get(endpoint)
    return webhook === undefined ? [] : [{ webhook, waiting, oldestAgeMs }]
  })
}
