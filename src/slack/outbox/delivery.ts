/** Delivers the outbox to Slack. Of several bots on one store one delivers; another takes over when it stops. */
import { send } from './send.ts'
import { backOff, createSending, type DeliveryPorts, postpone, type Sending } from './sending.ts'

/** The longest pause between tries while the store is unreachable; each try is one line in the log. */
const LONGEST_WITHOUT_STORE_MS = 5_000
/** The time limit at a stop; a running call may still take the client's own time limit. */
const FLUSH_WITHIN_MS = 2_000

export interface Delivery {
  /** Sends what is due now, then stops. */
  stop(): Promise<void>
}

/** Delivers until it is stopped, and continues after any failure. Safe to run in several processes on one store. */
export function startDelivery(ports: DeliveryPorts): Delivery {
  const stopping = new AbortController()
  const loop = deliver(createSending(ports), stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

async function deliver(sending: Sending, stopping: AbortSignal): Promise<void> {
  const { outbox, clock, log } = sending.ports
  let failed = 0
  while (!stopping.aborted) {
    try {
      const wasAlone = await outbox.deliverAlone(async (lost) => {
        failed = 0
        const signal = AbortSignal.any([lost, stopping])
        while (!signal.aborted) if ((await round(sending, signal)) === 0) await outbox.wait(5_000, signal)
        if (!lost.aborted) await round(sending, AbortSignal.any([lost, AbortSignal.timeout(FLUSH_WITHIN_MS)]))
      })
      if (!wasAlone) await clock.sleep(1_000, stopping)
    } catch (err) {
      failed += 1
      log.error({ err }, 'delivery to Slack failed and starts again')
      await clock.sleep(Math.min(backOff(failed), LONGEST_WITHOUT_STORE_MS), stopping)
    }
  }
}

/** Sends each posting that is due. Returns how many were handled. */
async function round(sending: Sending, signal: AbortSignal): Promise<number> {
  const { outbox, log } = sending.ports
  const due = await outbox.due(20)
  let handled = 0
  for (const posting of due) {
    if (signal.aborted) break
    try {
      await send(sending, posting)
      handled++
    } catch (err) {
      log.error({ err, message: posting.id }, 'a message could not be sent')
      await postpone(sending.ports, posting, backOff(posting.tries + 1))
    }
  }
  return handled
}
