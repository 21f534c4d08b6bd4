/** What follows a try that Slack did not take: it is tried again later, told to those who wait for it, or given up. */
import { notifyUnconfirmed } from '../../release/deadlines.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import { hasEnded } from '../../release/terms.ts'
import type { SlackError } from '../clients.ts'
import { tellRefused } from './refused-messages.ts'
import { type About, backOff, postpone, REFUSED_TRIES, REFUSES_US, type Sending, storeTime } from './sending.ts'

/** Without its card nobody can sign: it is told soon that it does not come. */
const FIRST_CARD_TOLD_AFTER = 3
/** A card that is not there yet is tried for longer: until its release has ended, or for a day. */
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
    log.warn(fields, 'Slack does not take plan blocks here: cards show their steps as lines from now on')
    return postpone(ports, posting, 0)
  }
  log.warn(fields, 'Slack did not take a message')
  if (error.failure === 'refused' && !REFUSES_US.includes(error.error)) {
    const isGivenUp = await refused(sending, posting, error.error, about)
    if (isGivenUp) return outbox.giveUp(posting.id, error.error)
  }
  await postpone(ports, posting, backOff(posting.tries + 1))
}

/** Tells those who wait for it, before the message is given up. Gives whether it is. */
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
    // It is tried for as long as its release waits for it: an hour.
    return false
  }
  const isFirstCard = message.kind === 'card' && release.card === undefined
  const mayComeYet =
    isFirstCard && !hasEnded(release.state) && (await storeTime(ports)) - putInAt.getTime() < FIRST_CARD_TRIED_MS
  if (tries < (mayComeYet ? FIRST_CARD_TOLD_AFTER : REFUSED_TRIES)) return false
  await ports.store.transaction((tx) => tellRefused(tx, message, error, { ...about, isGivenUp: !mayComeYet }))
  return !mayComeYet
}
