import type { WebhookBacklog } from '../../../release/ports/webhooks.ts'
import { type Check, fail, pass, warn } from '../doctor.ts'

export interface CheckedWebhook {
  /** Its place in releases.yml and its host. */
  readonly name: string
  /** Undefined: the host answers. In words without the address. */
  reach(signal: AbortSignal): Promise<string | undefined>
  /** Undefined: no bot has named it yet, or the store is not there. */
  backlog(): Promise<WebhookBacklog | undefined>
}

/** Whether each webhook's host can be reached, and what waits for it. Sends nothing. */
export function webhookChecks(webhooks: readonly CheckedWebhook[]): readonly Check[] {
  return webhooks.map(
    ({ name, reach, backlog }): Check => ({
      name: `webhook ${name}`,
      async run(signal) {
        const [problem, queued] = await Promise.all([reach(signal), backlog().catch(() => undefined)])
        const waits = queued === undefined ? '' : inWords(queued)
        if (queued?.isGone) {
          return fail(
            'its URL has answered 410 Gone, so it is told nothing more',
            'remove it from releases.yml, or fix the receiver and restart the bot',
          )
        }
        if (problem !== undefined) {
          return fail(`${problem}${waits}`, 'check its url in releases.yml, and that this host can reach it')
        }
        if (queued !== undefined && (queued.failing !== undefined || queued.givenUp > 0)) {
          return warn(`answers${waits}`, "look at the receiver, and at the bot's log for lines with webhook")
        }
        return pass(`answers${waits}`)
      },
    }),
  )
}

function inWords({ waiting, oldestAgeMs, failing, givenUp }: WebhookBacklog): string {
  const minutes = Math.floor(oldestAgeMs / 60_000)
  const age = minutes < 1 ? `${Math.floor(oldestAgeMs / 1_000)} s` : `${minutes} min`
  const one = waiting === 1 ? '1 request waits' : `${waiting} requests wait`
  return [
    waiting === 0 ? '' : `; ${one}, the oldest for ${age}`,
    failing === undefined ? '' : `, and the last try failed: ${failing}`,
    givenUp === 0 ? '' : `; ${givenUp} given up in the last 24 hours`,
  ].join('')
}
