/** Sends what one person reads. */

import { SIGNOFF } from '../../release/automatic.ts'
import type { LockFacts } from '../../release/lock.ts'
import type { OutboxMessage, PrivateMessage } from '../../release/messages.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Store } from '../../release/ports/store.ts'
import { answer } from '../private-answer.ts'
import { kindOfRefusal } from './refusal-kinds.ts'
import { backOff, postpone, REFUSED_TRIES, type Sending, storeTime } from './sending.ts'

/** After this a private message is of no use. */
const PRIVATE_WAITS_MS = 24 * 60 * 60_000

/** Makes one try. Afterwards the posting is confirmed, postponed or given up. */
export async function sendPrivate(
  { ports }: Sending,
  posting: Posting,
  message: Extract<OutboxMessage, { kind: 'private' }>,
): Promise<void> {
  const { outbox, store } = ports
  if (message.to === SIGNOFF.id) return outbox.giveUp(posting.id, 'Signoff itself requested the release')
  if (await isOver(store, message.message)) return outbox.giveUp(posting.id, 'no longer true')
  await outbox.trying(posting.id)
  const answered = await answer(ports, message)
  if (answered === 'answered') return outbox.confirmed(posting.id, undefined)
  const refused = answered !== 'unknown' && 'refused' in answered ? answered.refused : undefined
  const isTooMany = posting.tries >= REFUSED_TRIES
  const waitingHelps = refused !== undefined && ['token', 'passes'].includes(kindOfRefusal(refused))
  if (refused !== undefined && isTooMany && !waitingHelps) return outbox.giveUp(posting.id, refused)
  const age = (await storeTime(ports)) - posting.putInAt.getTime()
  if (age > PRIVATE_WAITS_MS) return outbox.giveUp(posting.id, 'Slack did not answer for a day')
  const notBeforeMs = answered !== 'unknown' && 'notBeforeMs' in answered ? answered.notBeforeMs : 0
  await postpone(ports, posting, Math.max(notBeforeMs, backOff(posting.tries + 1)))
}

/** The release, or the lock, may have moved on while Slack was unreachable. */
async function isOver(store: Store, message: PrivateMessage): Promise<boolean> {
  if (message.is === 'lock held') return isLockMovedOn(store, message.lock)
  if (message.is !== 'refusal' || message.refusal.gate !== 'announcement_unconfirmed') return false
  const { number } = message.refusal
  const release = number === undefined ? undefined : await store.release(number)
  return release !== undefined && (release.state !== 'approved' || release.announcement !== undefined)
}

/** The lock has ended or was extended since: what its holder was to be asked is no question any more. */
async function isLockMovedOn(store: Store, { id, until }: LockFacts): Promise<boolean> {
  const lock = await store.lock(id)
  return lock === undefined || lock.ended !== undefined || lock.until?.toISOString() !== until
}
