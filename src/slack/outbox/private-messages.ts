/** Sends what one person reads: answers, and the direct messages that nobody asked for. */
import { SIGNOFF } from '../../release/automatic.ts'
import type { LockFacts } from '../../release/lock.ts'
import type { PrivateMessage } from '../../release/messages.ts'
import { owed } from '../../release/policy.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Store } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import { environmentOf } from '../drawing.ts'
import { answer } from '../private-answer.ts'
import { type DirectTry, tryDirectMessage } from './direct-message.ts'
import { kindOfRefusal } from './refusal-kinds.ts'
import { isAboutPerson, noteRefusal } from './refused-people.ts'
import {
  backOff,
  type DeliveryPorts,
  type Private,
  postpone,
  REFUSED_TRIES,
  type Sending,
  storeTime,
  subjectOf,
} from './sending.ts'

/** After this a private message is of no use. */
const PRIVATE_WAITS_MS = 24 * 60 * 60_000

/** Makes one try. Afterwards the posting is confirmed, postponed or given up. */
export async function sendPrivate(sending: Sending, posting: Posting, message: Private): Promise<void> {
  const { ports } = sending
  if (message.to === SIGNOFF.id) return giveUp(sending, posting, 'Signoff itself requested the release')
  if (!(await isWanted(ports, message))) return giveUp(sending, posting, 'not wanted')
  if (await isOver(ports, message)) return giveUp(sending, posting, 'no longer true')
  const tried = await makeTry(sending, posting, message)
  if (tried === 'answered' || (tried !== 'unknown' && 'posted' in tried)) return confirm(sending, posting, tried)
  if (tried !== 'unknown' && 'unread' in tried) return giveUp(sending, posting, `outcome unknown: ${tried.unread}`)
  const refused = tried !== 'unknown' && 'refused' in tried ? tried.refused : undefined
  if (refused !== undefined && isAboutPerson(refused)) {
    await noteRefusal(ports, message.to, refused)
    return giveUp(sending, posting, refused)
  }
  const isTooMany = posting.tries >= REFUSED_TRIES
  const waitingHelps = refused !== undefined && ['token', 'passes'].includes(kindOfRefusal(refused))
  if (refused !== undefined && isTooMany && !waitingHelps) return giveUp(sending, posting, refused)
  const age = (await storeTime(ports)) - posting.putInAt.getTime()
  if (age > PRIVATE_WAITS_MS) return giveUp(sending, posting, 'Slack did not answer for a day')
  const notBeforeMs = tried !== 'unknown' && 'notBeforeMs' in tried ? tried.notBeforeMs : 0
  await postpone(ports, posting, Math.max(notBeforeMs, backOff(posting.tries + 1)))
}

async function makeTry(sending: Sending, posting: Posting, message: Private): Promise<DirectTry> {
  if (message.directMessage !== undefined) return tryDirectMessage(sending, posting, message)
  await sending.ports.outbox.trying(posting.id)
  return answer(sending.ports, message)
}

async function confirm(
  { ports, answered }: Sending,
  posting: Posting,
  tried: Extract<DirectTry, 'answered' | { posted: unknown }>,
): Promise<void> {
  const { outbox, store, directMessageEnded } = ports
  answered.delete(posting.id)
  const { message } = posting
  if (tried === 'answered' || message.kind !== 'private') return outbox.confirmed(posting.id, undefined)
  const wasRefused = (await store.directMessageRefusal(message.to)) !== undefined
  await outbox.confirmed(posting.id, tried.posted, async (tx) => {
    if (!wasRefused) return
    for (const one of [message.to, 'all']) await tx.noteDirectMessageRefusal(one, undefined)
  })
  const { directMessage: kind } = message
  if (kind === undefined) return
  directMessageEnded?.(kind, 'sent')
  ports.log.info({ ...subjectOf(posting), directMessage: kind, to: message.to }, 'direct message sent')
}

/** Of what nobody asked for, the metrics tell why it was not sent, and the log what should have been. */
async function giveUp({ ports, answered }: Sending, posting: Posting, reason: string): Promise<void> {
  answered.delete(posting.id)
  await ports.outbox.giveUp(posting.id, reason)
  const { message } = posting
  if (message.kind !== 'private' || message.directMessage === undefined) return
  const isQuiet = reason === 'not wanted' || reason === 'no longer true'
  ports.directMessageEnded?.(message.directMessage, isQuiet ? reason : 'not delivered')
  const fields = { ...subjectOf(posting), directMessage: message.directMessage, to: message.to, reason }
  // Who was refused for their own reasons is told of once, by noteRefusal.
  if (!isQuiet && !isAboutPerson(reason)) ports.log.warn(fields, 'direct message not delivered')
}

/** What nobody asked for can be switched off: for all in `releases.yml`, and by each person. */
async function isWanted(
  { store, directMessages = true }: Pick<DeliveryPorts, 'store' | 'directMessages'>,
  { to, directMessage: kind }: Private,
): Promise<boolean> {
  if (kind === undefined) return true
  return directMessages && (await store.directMessages(to))[kind]
}

/** The release whose state decides, when the message is sent, whether it is still true. */
export function releaseThatDecides({ message }: Private): number | undefined {
  switch (message.is) {
    case 'refusal':
      return message.refusal.gate === 'announcement_unconfirmed' ? message.refusal.number : undefined
    case 'reminder':
    case 'needs attention':
    case 'missed':
      return message.number
    default:
      return undefined
  }
}

/** The release, or the lock, may have moved on while Slack was unreachable. */
async function isOver({ store, apps }: DeliveryPorts, { message, to }: Private): Promise<boolean> {
  switch (message.is) {
    case 'lock held':
      return isLockMovedOn(store, message.lock)
    case 'refusal': {
      if (message.refusal.gate !== 'announcement_unconfirmed') return false
      const { number } = message.refusal
      const release = number === undefined ? undefined : await store.release(number)
      return release !== undefined && (release.state !== 'approved' || release.announcement !== undefined)
    }
    case 'reminder': {
      const release = await store.release(message.number)
      return release !== undefined && !isOwedBy(apps, release, message.kinds, to)
    }
    case 'needs attention': {
      const release = await store.release(message.number)
      return release?.state !== 'needs attention' || release.attempt !== message.attempt
    }
    case 'missed':
      return (await store.release(message.number))?.replacedBy !== undefined
    default:
      return false
  }
}

/** Whether the release still waits for one of these sign-offs, and this person has not given it. */
function isOwedBy(
  apps: DeliveryPorts['apps'],
  release: Release,
  kinds: Extract<PrivateMessage, { is: 'reminder' }>['kinds'],
  person: string,
): boolean {
  const environment = environmentOf(apps, release)
  if (release.state !== 'awaiting sign-off' || environment === undefined) return false
  const hasGiven = (kind: string) =>
    release.signOffs.some(
      (given) => given.kind === kind && given.person.id === person && given.fingerprint === release.fingerprint,
    )
  return owed(environment, release).some(({ kind }) => kinds.includes(kind) && !hasGiven(kind))
}

/** The lock has ended or was extended since: what its holder was to be asked is no question any more. */
async function isLockMovedOn(store: Store, { id, until }: LockFacts): Promise<boolean> {
  const lock = await store.lock(id)
  return lock === undefined || lock.ended !== undefined || lock.until?.toISOString() !== until
}
