/** Delivers what webhooks tell. Of several bots on one store one delivers; another takes over when it stops. */
import type { Clock } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
import { settlesWithin } from '../../lib/timeout.ts'
import type { WebhookEndpoint, WebhookQueue, WebhookRequest } from '../../release/ports/webhooks.ts'
import { post } from './post.ts'
import { type AfterTry, type Answer, afterTry } from './retry.ts'

/** A URL that is told, with what its requests are signed with. */
export interface Told extends WebhookEndpoint {
  /** What logs and reports call it: its place in releases.yml and its host. */
  readonly name: string
  readonly url: string
  readonly secrets: readonly string[]
}

export interface WebhookPorts {
  readonly queue: WebhookQueue
  readonly told: readonly Told[]
  readonly clock: Clock
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
    error(fields: object, message: string): void
  }
  /** Removes secrets from every text of a value. */
  readonly clean: <T>(value: T) => T
  /** Told of each try, for metrics. */
  readonly tried?: (webhook: string, outcome: 'delivered' | 'failed' | 'given up') => void
  /** Pauses between tries, and the time limit of one; for tests and demonstrations. */
  readonly pace?: { readonly retryAfterMs?: readonly number[]; readonly timeoutMs?: number }
}

export interface WebhookDelivery {
  /** The URLs whose last try failed, with why. Empty in a process that does not deliver. */
  failing(): ReadonlyMap<string, string>
  /** Lets the tries under way end for a short time, then stops. */
  stop(): Promise<void>
}

/** How many requests a URL gets at once: of different releases. */
const AT_ONCE = 4
/** Requests of one URL that are looked at at once; more than are made, since some are under way. */
const LOOKED_AT = 20
/** The longest wait for news of the queue, which come by notification: what a lost one costs. */
const WAIT_MS = 15_000
/** How long another bot waits before it tries to take over. */
const LOCK_EVERY_MS = 2_000
const AGAIN_AFTER_MS = 2_000
/** At a stop. What has no answer by then is tried again by the next process. */
const GRACE_MS = 2_000

/** Delivers until it is stopped, and continues after any failure. Safe to run in several processes on one store. */
export function startWebhooks(ports: WebhookPorts): WebhookDelivery {
  const stopping = new AbortController()
  const failing = new Map<string, string>()
  const loop = deliver(ports, failing, stopping.signal)
  return {
    failing: () => failing,
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

async function deliver(ports: WebhookPorts, failing: Map<string, string>, stopping: AbortSignal): Promise<void> {
  const { queue, clock, log } = ports
  while (!stopping.aborted) {
    try {
      const wasAlone = await queue.deliverAlone((lost) => deliverAlone(ports, failing, { lost, stopping }))
      failing.clear()
      if (!wasAlone) await clock.sleep(LOCK_EVERY_MS, stopping)
    } catch (err) {
      log.error({ err }, 'the delivery of webhooks failed and starts again')
      await clock.sleep(AGAIN_AFTER_MS, stopping)
    }
  }
}

interface Signals {
  readonly lost: AbortSignal
  readonly stopping: AbortSignal
}

/** Until the lock is lost, the process stops, or the store fails. */
async function deliverAlone(
  ports: WebhookPorts,
  failing: Map<string, string>,
  { lost, stopping }: Signals,
): Promise<void> {
  const { queue, told, clock } = ports
  const over = AbortSignal.any([lost, stopping])
  const ending = new AbortController()
  const underWay = new Map<number, { readonly endpoint: string; readonly done: Promise<void> }>()
  /** What is read as due may have ended while it was read. */
  const justEnded = new Set<number>()
  const pausedUntil = new Map<string, number>()
  let failed: { readonly err: unknown } | undefined
  let bell = new AbortController()

  const isFree = (id: number) => !underWay.has(id) && !justEnded.has(id) && !over.aborted
  const begin = (request: WebhookRequest, webhook: Told) => {
    const done = attempt(ports, request, webhook, AbortSignal.any([lost, ending.signal]))
      .then((made) => {
        if (made === undefined) return
        const { after, answer } = made
        if (!lost.aborted && !ending.signal.aborted) note(failing, webhook, answer)
        if (after.is === 'again' && after.pauseMs > 0) pausedUntil.set(webhook.id, clock.now() + after.pauseMs)
      })
      .catch((err: unknown) => {
        failed = { err }
      })
      .finally(() => {
        underWay.delete(request.id)
        justEnded.add(request.id)
        bell.abort()
      })
    underWay.set(request.id, { endpoint: webhook.id, done })
  }

  while (!over.aborted && failed === undefined) {
    bell = new AbortController()
    const open = told.filter(({ id }) => (pausedUntil.get(id) ?? 0) <= clock.now())
    justEnded.clear()
    const due = await queue.due(
      open.map(({ id }) => id),
      LOOKED_AT,
    )
    for (const request of due) {
      const webhook = open.find(({ id }) => id === request.endpoint)
      const busy = [...underWay.values()].filter(({ endpoint }) => endpoint === request.endpoint).length
      if (webhook !== undefined && busy < AT_ONCE && isFree(request.id)) begin(request, webhook)
    }
    const paused = [...pausedUntil.values()].map((until) => until - clock.now()).filter((ms) => ms > 0)
    await queue.wait(Math.min(WAIT_MS, ...paused), AbortSignal.any([over, bell.signal]))
  }

  const rest = Promise.all([...underWay.values()].map(({ done }) => done))
  if (!lost.aborted) await settlesWithin(GRACE_MS, rest, clock)
  ending.abort()
  await rest
  if (failed !== undefined && !over.aborted) throw failed.err
}

function note(failing: Map<string, string>, { name }: Told, answer: Answer): void {
  if (answer.ok) failing.delete(name)
  else failing.set(name, answer.detail)
}

/** Makes one try. Afterwards the request is delivered, postponed or given up. Undefined: it does not wait any more. */
async function attempt(
  { queue, log, clean, tried, pace = {} }: WebhookPorts,
  request: WebhookRequest,
  { id: endpoint, name, url, secrets }: Told,
  signal: AbortSignal,
): Promise<{ readonly after: AfterTry; readonly answer: Answer } | undefined> {
  const { id, message } = request
  const { type, timestamp, data } = message
  if (!(await queue.trying(id))) return undefined
  const tries = request.tries + 1
  const body = JSON.stringify(clean({ type, timestamp, data }))
  const answer = await post({ url, secrets, id: message.id, body, signal, ...defined({ timeoutMs: pace.timeoutMs }) })
  const after = afterTry(answer, { tries, sinceFirstTryMs: request.sinceFirstTryMs }, Math.random(), pace.retryAfterMs)
  const fields = { webhook: name, type, webhookId: message.id, ...defined({ release: request.release }), tries }
  const why = answer.ok ? '' : answer.detail
  switch (after.is) {
    case 'delivered':
      await queue.delivered(id)
      if (tries > 1) log.info(fields, 'a webhook was delivered after several tries')
      tried?.(name, 'delivered')
      break
    case 'again':
      // This process broke it off, which says nothing about the URL: the next one tries it at once.
      if (signal.aborted) break
      await queue.postpone(id, after.afterMs, why)
      log.warn(
        { ...fields, why, againInMs: Math.round(after.afterMs) },
        'a webhook could not be delivered; it is tried again',
      )
      tried?.(name, 'failed')
      break
    case 'given up':
      await queue.giveUp(id, why)
      log.error({ ...fields, why }, 'a webhook was given up after 24 hours: its URL has missed this event')
      tried?.(name, 'given up')
      break
    case 'gone': {
      const count = await queue.gone(endpoint, why)
      log.error(
        { ...fields, why, givenUp: count },
        'a webhook’s URL answered 410 Gone, so it is told nothing more until a bot starts again. Remove it from releases.yml, or fix it and restart the bot',
      )
      tried?.(name, 'given up')
    }
  }
  return { after, answer }
}
