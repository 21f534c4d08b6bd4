/** Delivers the outbox to Slack. Of several bots on one store one delivers; another takes over when it stops. */
import { backOff, createSending, type DeliveryPorts, type Sending } from './sending.ts'
import { createTries } from './tries.ts'

/** The longest wait for news of the outbox, which come by notification: what a lost one costs. */
const WAIT_MS = 15_000

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
  const tries = createTries(sending)
  let failed = 0
  while (!stopping.aborted) {
    try {
      const wasAlone = await outbox.deliverAlone(async (lost) => {
        failed = 0
        try {
          const signal = AbortSignal.any([lost, stopping])
          while (!signal.aborted) {
            const waitMs = await tries.begin()
            if (waitMs === 0) continue
            const news = AbortSignal.any([signal, tries.ended()])
            await outbox.wait(Math.min(waitMs ?? WAIT_MS, WAIT_MS), news)
          }
          const flush = AbortSignal.any([lost, AbortSignal.timeout(FLUSH_WITHIN_MS)])
          while (!flush.aborted && ((await tries.begin()) === 0 || (await tries.oneEnds())));
        } finally {
          // The next to deliver must not find them under way.
          await tries.allEnd()
        }
      })
      if (!wasAlone) await clock.sleep(1_000, stopping)
    } catch (err) {
      failed += 1
      log.error({ err }, 'delivery to Slack failed and starts again')
      await clock.sleep(Math.min(backOff(failed), LONGEST_WITHOUT_STORE_MS), stopping)
    }
  }
}
