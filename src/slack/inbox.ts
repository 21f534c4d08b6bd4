/** Stores each delivery before acknowledging it, then handles it. A sweep handles deliveries that a crash left behind. */
import { settlesWithin } from '../lib/timeout.ts'
import type { Inbox } from '../release/ports/deliveries.ts'
import { answerAddress, handle } from './handlers.ts'
import type { DeliveryLog } from './outbox/sending.ts'
import { type Arrival, type Ours, readArrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { respond } from './private-answer.ts'

export interface IntakePorts extends HandlerPorts {
  readonly inbox: Inbox
  readonly ours: Ours
  readonly log: DeliveryLog
}

export interface Intake {
  /** Receives one delivery. Resolves when it is handled, or left to the sweep. */
  take(payload: unknown, acknowledge: () => Promise<void>): Promise<void>
  /** Handles deliveries that were stored a while ago and not handled. Safe to repeat, and beside other bots. */
  sweep(): Promise<void>
}

/** Slack waits 3 s for the acknowledgement, so the bot waits no longer than this for the store. */
const STORE_WITHIN_MS = 1_500
const SWEEP_AFTER_MS = 30_000
const GIVEN_UP_AFTER_MS = 60 * 60_000

const NOT_RECORDED = {
  text: 'Can’t do this: Signoff can’t reach its store. Nothing was recorded or changed. Try again in a minute.',
}

export function createIntake(ports: IntakePorts): Intake {
  const { inbox, ours, log, store, clock } = ports

  /** Reported to people as not recorded, although the store may have them: the sweep must not handle them later. */
  const reportedLost = new Set<string>()

  async function handleAndRecord(arrival: Arrival, when: { fresh: boolean; asked: Date }): Promise<void> {
    try {
      await handle(ports, arrival, when)
      await inbox.handled(arrival.id)
    } catch (err) {
      log.error({ err, arrival: arrival.is }, 'handling a delivery failed; the sweep handles it again')
      if (when.fresh) return
      // A delivery that has failed for an hour will not succeed; the log has the errors.
      const age = (await store.now()).getTime() - when.asked.getTime()
      if (age > GIVEN_UP_AFTER_MS) await inbox.handled(arrival.id)
    }
  }

  return {
    async take(payload, acknowledge) {
      const arrival = readArrival(payload, ours)
      if (arrival === undefined) {
        await acknowledge()
        log.warn({}, 'dropped a delivery that is not for this app and workspace')
        return
      }
      const stored = inbox.receive({ id: arrival.id, payload }).then(
        (isNew) => (isNew ? 'new' : 'seen'),
        (err: unknown) => {
          log.error({ err }, 'a delivery could not be stored')
          return 'not stored' as const
        },
      )
      await settlesWithin(STORE_WITHIN_MS, stored, clock)
      await acknowledge()
      const outcome = await stored
      if (outcome === 'not stored') {
        reportedLost.add(arrival.id)
        const address = answerAddress(arrival)
        if (address !== undefined) await respond(address, NOT_RECORDED)
      }
      if (outcome === 'new') await handleAndRecord(arrival, { fresh: true, asked: new Date() })
    },

    async sweep() {
      for (const { payload, receivedAt, id } of await inbox.left(SWEEP_AFTER_MS)) {
        const arrival = readArrival(payload, ours)
        if (arrival === undefined || reportedLost.delete(id)) await inbox.handled(id)
        else await handleAndRecord(arrival, { fresh: false, asked: receivedAt })
      }
    },
  }
}
