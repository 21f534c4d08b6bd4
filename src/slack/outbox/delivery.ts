/** Delivers the outbox to Slack. Of several bots on one store one delivers; another takes over when it stops. */
import type { Posting } from '../../release/ports/deliveries.ts'
import { environmentOf } from '../drawing.ts'
import { nextTurn } from './order.ts'
import { send } from './send.ts'
import { backOff, createSending, type DeliveryPorts, postpone, type Sending, subjectOf } from './sending.ts'

/** The thread tells of each step at once: the card follows a few times a minute, and at once with its last state. */
const UPDATE_EVERY_MS = 15_000
/** More than 20 releases can have waiting at once; the rest is looked at when these are sent or postponed. */
const LOOKED_AT = 200
/** The longest wait for news of the outbox. */
const WAIT_MS = 5_000

/** The longest pause between tries while the store is unreachable; each try is one line in the log. */
const LONGEST_WITHOUT_STORE_MS = 5_000
/** The time limit at a stop; a running call may still take the client's own time limit. */
const FLUSH_WITHIN_MS = 2_000

export interface Delivery {
  /** Channels that Slack does not let Signoff use, as the last tries found. */
  closedChannels(): readonly string[]
  /** Sends what is due now, then stops. */
  stop(): Promise<void>
}

/** Delivers until it is stopped, and continues after any failure. Safe to run in several processes on one store. */
export function startDelivery(ports: DeliveryPorts): Delivery {
  const stopping = new AbortController()
  const sending = createSending(ports)
  const loop = deliver(sending, stopping.signal)
  return {
    closedChannels: () => [...sending.closed.keys()],
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

async function deliver(sending: Sending, stopping: AbortSignal): Promise<void> {
  const { outbox, clock, log } = sending.ports
  const next = createRound(sending)
  let failed = 0
  while (!stopping.aborted) {
    try {
      const wasAlone = await outbox.deliverAlone(async (lost) => {
        failed = 0
        const signal = AbortSignal.any([lost, stopping])
        while (!signal.aborted) {
          const waitMs = await next()
          if (waitMs !== 0) await outbox.wait(Math.min(waitMs ?? WAIT_MS, WAIT_MS), signal)
        }
        const flush = AbortSignal.any([lost, AbortSignal.timeout(FLUSH_WITHIN_MS)])
        while (!flush.aborted && (await next()) === 0);
      })
      if (!wasAlone) await clock.sleep(1_000, stopping)
    } catch (err) {
      failed += 1
      log.error({ err }, 'delivery to Slack failed and starts again')
      await clock.sleep(Math.min(backOff(failed), LONGEST_WITHOUT_STORE_MS), stopping)
    }
  }
}

/**
 * Makes the try whose turn it is. Returns 0 then; else how long until one may go, if any waits. What is due is looked at
 * again before each try, so that the most urgent goes next whenever it came.
 */
function createRound(sending: Sending): () => Promise<number | undefined> {
  const { ports, updated, lookup } = sending
  const { outbox, clock, budget, log, apps } = ports
  const seen = new Map<number, number>()

  function channelOf({ of, message }: Posting): string {
    if (of?.card !== undefined) return of.card.channel
    const place = message.kind === 'channel' ? message.message : of
    const environment = place && environmentOf(apps, place)
    return environment === undefined ? '' : lookup.knownId(environment.channel)
  }

  return async () => {
    const due = await outbox.due(LOOKED_AT)
    const now = clock.now()
    const waiting = new Set(due.map(({ id }) => id))
    for (const id of seen.keys()) if (!waiting.has(id)) seen.delete(id)
    for (const id of waiting) if (!seen.has(id)) seen.set(id, now)
    const pace = {
      progressEveryMs: ports.updateEveryMs ?? UPDATE_EVERY_MS,
      updated: (release: number) => updated.get(release),
      seenAt: (id: number) => seen.get(id) ?? now,
    }
    const next = nextTurn(due, { now, budget, pace, channelOf })
    if (!('posting' in next)) return next.from === undefined ? undefined : Math.max(1, next.from - now)
    const { posting } = next
    try {
      await send(sending, posting)
    } catch (err) {
      log.error({ err, ...subjectOf(posting) }, 'a message could not be sent')
      await postpone(ports, posting, backOff(posting.tries + 1))
    }
    return 0
  }
}
