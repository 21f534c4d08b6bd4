/** Stores each delivery before acknowledging it, then handles it. A sweep handles deliveries that a crash left behind. */
import { settlesWithin } from '../lib/timeout.ts'
import type { DeliveryOutcome, Inbox } from '../release/ports/deliveries.ts'
import { answerAddress, type Handling, handle } from './handlers.ts'
import { createHandlingQueue } from './handling-queue.ts'
import { createTellsButtons, errorAt, type ModalResponse, modalAnswer, type SubmissionArrival } from './modal-answer.ts'
import type { DeliveryLog } from './outbox/sending.ts'
import { type Arrival, type Ours, readArrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import type { Reply } from './replies.ts'
import { respond } from './response-url.ts'

export interface IntakePorts extends HandlerPorts {
  readonly inbox: Inbox
  readonly ours: Ours
  readonly log: DeliveryLog
  /** Called with how long each delivery took, for metrics. */
  readonly timed?: DeliveryTimes
}

export interface DeliveryTimes {
  /** Since its receipt. */
  acknowledged(kind: Arrival['is'], ms: number): void
  ended(kind: Arrival['is'], outcome: DeliveryOutcome, ms: number): void
}

export interface Intake {
  /** Receives one delivery. Resolves when it is handled, or left to the sweep. */
  take(payload: unknown, acknowledge: (response?: ModalResponse) => Promise<void>): Promise<void>
  /** Handles deliveries that were stored a while ago and not handled. Safe to repeat, and beside other bots. */
  sweep(): Promise<void>
}

/** Slack waits 3 s for the acknowledgement, so the bot waits no longer than this for the store. */
const STORE_WITHIN_MS = 1_500
/** The same for what becomes of a modal, which is then shown in it. */
const MODAL_WITHIN_MS = 2_300
/** Another bot handles what one that died has left: with the sweep's own pace, within 15 s. */
const SWEEP_AFTER_MS = 10_000
/** The store claims what it gives to a sweep for 10 s: what would take longer is left to the next one. */
const SWEEP_WITHIN_MS = 6_000
/** More at once are hardly handled sooner, and keep the loop from acknowledging. */
const HANDLING = { atOnce: 8, mostWaiting: 2_000, leaveAfterMs: 8_000 }
/** Slack and the store answer sooner, or never: then another try may have more luck. */
const HELD_AT_MOST_MS = 60_000
const GIVEN_UP_AFTER_MS = 60 * 60_000

const NOT_RECORDED = {
  text: 'Can’t do this: Signoff can’t reach its store. Nothing was recorded or changed. Try again in a minute.',
}

export function createIntake(ports: IntakePorts): Intake {
  const { inbox, ours, log, store, clock, timed } = ports

  /** Reported to people as not recorded, although the store may have them: the sweep must not handle them later. */
  const reportedLost = new Set<string>()
  /** What this process is handling, or keeps in its queue, with since when: each sweep holds it, so that no bot handles it too. */
  const inHand = new Map<string, number>()
  const held = () => [...inHand].flatMap(([id, since]) => (clock.now() - since <= HELD_AT_MOST_MS ? [id] : []))
  const tellsButtons = createTellsButtons()
  let isSweeping = false
  const queue = createHandlingQueue(HANDLING, {
    now: clock.now,
    left: () => log.warn({}, 'more deliveries have come than can be handled at once; the sweep handles the rest'),
  })

  /**
   * What is fresh waits for its turn, or is left to the sweep. `id`: that of the stored row, which an older version may have
   * written.
   */
  async function handleAndRecord(arrival: Arrival, when: Handling, id = arrival.id): Promise<void> {
    inHand.set(id, clock.now())
    await handleInHand(arrival, when, id).finally(() => inHand.delete(id))
  }

  async function handleInHand(arrival: Arrival, when: Handling, id: string): Promise<void> {
    const ended = (outcome: DeliveryOutcome) => timed?.ended(arrival.is, outcome, Date.now() - when.asked.getTime())
    const work = () => handle(ports, arrival, when)
    try {
      if (!when.fresh) await work()
      // A modal is open, and its answer can be shown in it only now.
      else if (!(await queue.add(work, arrival.is === 'submission'))) return
      await inbox.handled(id)
      ended('handled')
    } catch (err) {
      log.error({ err, arrival: arrival.is }, 'handling a delivery failed; the sweep handles it again')
      if (when.fresh) return ended('failed')
      // A delivery that has failed for an hour will not succeed; the log has the errors.
      const age = (await store.now()).getTime() - when.asked.getTime()
      if (age <= GIVEN_UP_AFTER_MS) return ended('failed')
      await inbox.handled(id)
      ended('given up')
    }
  }

  /** What was not stored was told as such, and what is repeated is handled already: neither is handled. */
  function notHandled(arrival: Arrival, outcome: 'seen' | 'not stored', asked: Date): void {
    const became = outcome === 'seen' ? 'repeated' : 'not stored'
    timed?.ended(arrival.is, became, Date.now() - asked.getTime())
  }

  /** Handles a modal while it is open, so that a refusal is shown in it. Later than Slack waits, it closes. */
  async function takeSubmission(
    arrival: SubmissionArrival,
    stored: Promise<'new' | 'seen' | 'not stored'>,
    acknowledge: (response?: ModalResponse) => Promise<void>,
    asked: Date,
  ): Promise<void> {
    let isOpen = true
    async function answer(response?: ModalResponse): Promise<boolean> {
      if (!isOpen) return false
      isOpen = false
      await acknowledge(response)
      // A modal that is closed shows nothing.
      return response !== undefined && response.response_action !== 'clear'
    }
    async function handleIt(): Promise<void> {
      const outcome = await stored
      if (outcome === 'not stored') {
        reportedLost.add(arrival.id)
        const address = answerAddress(arrival)
        if (!(await answer(errorAt(arrival, [], NOT_RECORDED.text))) && address !== undefined) {
          await respond(address, NOT_RECORDED)
        }
      }
      if (outcome !== 'new') return notHandled(arrival, outcome, asked)
      const show = async (reply: Reply) =>
        (await answer(await modalAnswer(ports, arrival, reply))) && !tellsButtons(arrival, reply)
      await handleAndRecord(arrival, { fresh: true, asked, show })
    }
    const work = handleIt()
    await settlesWithin(MODAL_WITHIN_MS, work, clock)
    await answer()
    await work
  }

  /** Returns whether there may be more. */
  async function sweepSome(): Promise<boolean> {
    const began = clock.now()
    const left = await inbox.left(SWEEP_AFTER_MS)
    for (const { payload, receivedAt, id } of left) {
      if (clock.now() - began > SWEEP_WITHIN_MS) return false
      const arrival = readArrival(payload, ours)
      if (arrival === undefined || reportedLost.delete(id)) await inbox.handled(id)
      else await handleAndRecord(arrival, { fresh: false, asked: receivedAt }, id)
    }
    return left.length > 0
  }

  return {
    async take(payload, reply) {
      const asked = new Date()
      const arrival = readArrival(payload, ours)
      if (arrival === undefined) {
        await reply()
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
      const acknowledge = async (response?: ModalResponse) => {
        await reply(response)
        timed?.acknowledged(arrival.is, Date.now() - asked.getTime())
      }
      if (arrival.is === 'submission') return takeSubmission(arrival, stored, acknowledge, asked)
      await settlesWithin(STORE_WITHIN_MS, stored, clock)
      await acknowledge()
      const outcome = await stored
      if (outcome === 'not stored') {
        reportedLost.add(arrival.id)
        const address = answerAddress(arrival)
        if (address !== undefined) await respond(address, NOT_RECORDED)
      }
      if (outcome === 'new') await handleAndRecord(arrival, { fresh: true, asked })
      else notHandled(arrival, outcome, asked)
    },

    async sweep() {
      await inbox.hold(held())
      // What a burst has left may take longer than the time between two sweeps.
      if (isSweeping) return
      isSweeping = true
      try {
        while (await sweepSome());
      } finally {
        isSweeping = false
      }
    },
  }
}
