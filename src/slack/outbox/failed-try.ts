/** Handles a failed try: postpones the message, tells the people who wait for it, or gives it up. */
import { notifyUnconfirmed } from '../../release/deadlines.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import { hasEnded } from '../../release/terms.ts'
import type { SlackError } from '../clients.ts'
import { reportRefused } from './refused-messages.ts'
import { type About, backOff, postpone, REFUSED_TRIES, REFUSES_US, type Sending, storeTime } from './sending.ts'

/** Without its card nobody can sign, so its requester is told after a few tries. */
const FIRST_CARD_REPORTED_AFTER = 3
/** A first card is tried for longer: until its release has ended, or for a day. */
const FIRST_CARD_TRIED_MS = 24 * 60 * 60_000

/** Postpones the posting, or gives it up. */
export async function failedTry(
  sending: Sending,
  posting: Posting,
  kind: 'post' | 'update',
  error: SlackError,
  about: About,
): Promise<void> {
  const { ports, pace } = sending
  const { clock, log, outbox } = ports
  if (error.failure === 'rate limited') {
    pace.pause(kind, clock.now() + error.afterMs)
    return postpone(ports, posting, error.afterMs)
  }
  const fields = { message: posting.id, kind: posting.message.kind, ...error }
  if (error.failure === 'refused' && error.error === 'invalid_blocks' && sending.progress === 'plan') {
    sending.progress = 'lines'
    log.warn(fields, 'Slack rejects plan blocks: cards show their steps as lines from now on')
    return postpone(ports, posting, 0)
  }
  log.warn(fields, 'Slack rejected or did not confirm a message')
  if (error.failure === 'refused' && !REFUSES_US.includes(error.error)) {
    const isGivenUp = await refused(sending, posting, error.error, about)
    if (isGivenUp) return outbox.giveUp(posting.id, error.error)
  }
  await postpone(ports, posting, backOff(posting.tries + 1))
}

/** Tells the people who wait for the message. Returns whether it is given up. */
async function refused(
  { ports }: Sending,
  { message, tries, putInAt }: Posting,
  error: string,
  about: About,
): Promise<boolean> {
  const { release, environment } = about
  if (message.kind === 'private') return false
  if (message.kind === 'announcement') {
    await ports.store.transaction(async (tx) => {
      const now = await tx.lockRelease(release.number)
      if (now !== undefined) await notifyUnconfirmed(tx, now, environment)
    })
    // Tried as long as its release waits for it: an hour.
    return false
  }
  const isFirstCard = message.kind === 'card' && release.card === undefined
  const isTriedLonger =
    isFirstCard && !hasEnded(release.state) && (await storeTime(ports)) - putInAt.getTime() < FIRST_CARD_TRIED_MS
  if (tries < (isTriedLonger ? FIRST_CARD_REPORTED_AFTER : REFUSED_TRIES)) return false
  await ports.store.transaction((tx) => reportRefused(tx, message, error, { ...about, isGivenUp: !isTriedLonger }))
  return !isTriedLonger
}
