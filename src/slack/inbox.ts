/** Stores each delivery before it is acknowledged, handles it afterwards, and handles later what a crash has left. */
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
  /** Takes one delivery; resolves when it is handled, or left to the sweep. */
  take(payload: unknown, acknowledge: () => Promise<void>): Promise<void>
  /** Handles what was stored a while ago and is not handled. Safe to repeat, and beside other bots. */
  sweep(): Promise<void>
}

/** Slack waits 3 s for the acknowledgement; a store that takes longer than this is not waited for. */
const STORE_WITHIN_MS = 1_500
const SWEEP_AFTER_MS = 30_000
const GIVEN_UP_AFTER_MS = 60 * 60_000

const NOT_RECORDED = {
  text: 'Can’t do this: Signoff can’t reach its store. Nothing was recorded or changed. Try again in a minute.',
}

export function createIntake(ports: IntakePorts): Intake {
  const { inbox, ours, log, store, clock } = ports

  /** Told to their people as not recorded, while the store may have kept them: the sweep must not handle them later. */
  const disowned = new Set<string>()

  async function handleAndNote(arrival: Arrival, when: { fresh: boolean; asked: Date }): Promise<void> {
    try {
      await handle(ports, arrival, when)
      await inbox.handled(arrival.id)
    } catch (err) {
      log.error({ err, arrival: arrival.is }, 'a delivery was interrupted; the sweep handles it again')
      if (when.fresh) return
      // What fails for an hour will not be mended by trying: the log has it.
      const age = (await store.now()).getTime() - when.asked.getTime()
      if (age > GIVEN_UP_AFTER_MS) await inbox.handled(arrival.id)
    }
  }

  return {
    async take(payload, acknowledge) {
      const arrival = readArrival(payload, ours)
      if (arrival === undefined) {
        await acknowledge()
        log.warn({}, 'a delivery that is not for this app and workspace was dropped')
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
        disowned.add(arrival.id)
        const address = answerAddress(arrival)
        if (address !== undefined) await respond(address, NOT_RECORDED)
      }
      if (outcome === 'new') await handleAndNote(arrival, { fresh: true, asked: new Date() })
    },

    async sweep() {
      for (const { payload, receivedAt, id } of await inbox.left(SWEEP_AFTER_MS)) {
        const arrival = readArrival(payload, ours)
        if (arrival === undefined || disowned.delete(id)) await inbox.handled(id)
        else await handleAndNote(arrival, { fresh: false, asked: receivedAt })
      }
    },
  }
}
