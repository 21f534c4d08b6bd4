/** Handles a failed try: postpones the message, tells the people who wait for it, or gives it up. */
import { notifyUnconfirmed } from '../../release/deadlines.ts'
import type { OutboxMessage } from '../../release/messages.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import { hasEnded } from '../../release/terms.ts'
import { addThreadLine } from '../../release/thread.ts'
import type { SlackError } from '../clients.ts'
import { kindOfRefusal } from './refusal-kinds.ts'
import { reportRefused } from './refused-messages.ts'
import {
  type About,
  type AboutChannel,
  backOff,
  postpone,
  REFUSED_TRIES,
  type Sending,
  storeTime,
  subjectOf,
} from './sending.ts'
import { shareAtHome } from './share-at-home.ts'

/** Without its card nobody can sign, so its requester is told after a few tries. */
const FIRST_CARD_REPORTED_AFTER = 3
/** A first card is tried for longer: until its release has ended, or for a day. */
const FIRST_CARD_TRIED_MS = 24 * 60 * 60_000
/** What a channel or a workspace holds back is kept for so long: it follows when they are back. */
const KEPT_MS = 7 * 24 * 60 * 60_000

type ToChannel = Exclude<OutboxMessage, { kind: 'private' | 'announcement' | 'channel' }>

/** Postpones the posting, or gives it up. */
export async function failedTry(
  sending: Sending,
  posting: Posting,
  kind: 'post' | 'update',
  error: SlackError,
  about: AboutChannel,
): Promise<void> {
  const { ports } = sending
  const { log, outbox } = ports
  // The budget holds all calls of the method back for as long.
  if (error.failure === 'rate limited') return postpone(ports, posting, error.afterMs)
  const fields = { ...subjectOf(posting), ...error }
  if (error.failure === 'refused' && error.error === 'invalid_blocks' && sending.progress === 'plan') {
    sending.progress = 'lines'
    log.warn(fields, 'Slack rejects plan blocks: cards show their steps as lines from now on')
    return postpone(ports, posting, 0)
  }
  log.warn(fields, 'Slack rejected or did not confirm a message')
  if (error.failure === 'refused' && (await isGivenUp(sending, posting, kind, error.error, about)))
    return outbox.giveUp(posting.id, error.error)
  await postpone(ports, posting, backOff(posting.tries + 1))
}

/** Tells the people who wait for the message. Returns whether it is given up. */
async function isGivenUp(
  sending: Sending,
  posting: Posting,
  call: 'post' | 'update',
  error: string,
  { environment, release }: AboutChannel,
): Promise<boolean> {
  const { ports } = sending
  const { message } = posting
  const kind = kindOfRefusal(error)
  if (message.kind === 'private' || kind === 'token') return false
  if (kind === 'channel' && message.kind === 'channel' && (await shareAtHome(sending, message.message, message.key)))
    return true
  if (kind === 'channel') markClosed(sending, error, { environment })
  // It belongs to no release, so that nobody waits for it.
  if (message.kind === 'channel' || release === undefined) {
    return kind === 'message' ? posting.tries >= REFUSED_TRIES : isOld(sending, posting)
  }
  const about = { environment, release }
  if (message.kind === 'announcement') {
    if (message.ended) return kind === 'message' || kind === 'gone' || isOld(sending, posting)
    if (kind !== 'passes') await tellUnconfirmed(sending, about)
    // Tried as long as its release waits for it: an hour.
    return false
  }
  if (message.kind === 'card' && about.release.card === undefined) {
    return isFirstCardGivenUp(sending, posting, message, error, about)
  }
  switch (kind) {
    case 'channel':
      await tellOfChannel(sending, posting, message, error, about)
      return isOld(sending, posting)
    case 'passes':
      return isOld(sending, posting)
    case 'gone':
      if (call === 'update') return false
      // The thread is the card's: a new card brings a new thread.
      await ports.store.transaction((tx) => tx.send({ kind: 'card', release: about.release.number }))
      return isOld(sending, posting)
    case 'message':
      if (call === 'update') return keepCard(sending, error, about)
      if (posting.tries < REFUSED_TRIES) return false
      await report(sending, message, error, about, true)
      return true
  }
}

async function isOld({ ports }: Sending, { putInAt }: Posting): Promise<boolean> {
  return (await storeTime(ports)) - putInAt.getTime() > KEPT_MS
}

async function tellUnconfirmed({ ports }: Sending, { release, environment }: About): Promise<void> {
  await ports.store.transaction(async (tx) => {
    const now = await tx.lockRelease(release.number)
    if (now !== undefined) await notifyUnconfirmed(tx, now, environment)
  })
}

async function isFirstCardGivenUp(
  sending: Sending,
  posting: Posting,
  message: ToChannel,
  error: string,
  about: About,
): Promise<boolean> {
  const isOver = hasEnded(about.release.state)
  const age = (await storeTime(sending.ports)) - posting.putInAt.getTime()
  const isTriedLonger = !isOver && age < FIRST_CARD_TRIED_MS
  if (kindOfRefusal(error) === 'channel' && isTriedLonger) {
    await tellOfChannel(sending, posting, message, error, about)
    return false
  }
  if (posting.tries < (isTriedLonger ? FIRST_CARD_REPORTED_AFTER : REFUSED_TRIES)) return false
  await report(sending, message, error, about, !isTriedLonger)
  return !isTriedLonger
}

/** Slack refuses the edit for good: the card stays as it is, and its thread says so once. A new card would meet the same. */
async function keepCard({ ports }: Sending, error: string, { release }: About): Promise<boolean> {
  const code = error.replaceAll(/[^a-z_]/g, '')
  const text = `Slack doesn’t let Signoff edit the card any more (${code}), so it shows an older state. This thread and /deploy status show the current one.`
  await ports.store.transaction((tx) => addThreadLine(tx, release.number, 'edit-refused', { is: 'note', text }))
  return true
}

function markClosed({ ports, closed }: Sending, error: string, { environment }: Pick<About, 'environment'>): void {
  const { channel } = environment
  if (closed.has(channel)) return
  closed.set(channel, new Set())
  ports.log.error(
    { channel, error },
    'Slack does not let Signoff use a channel. Check that it exists, is not archived, and that Signoff is in it.',
  )
}

/** Once for each release while its channel is closed. */
async function tellOfChannel(
  sending: Sending,
  posting: Posting,
  message: ToChannel,
  error: string,
  about: About,
): Promise<void> {
  const told = sending.closed.get(about.environment.channel)
  if (told?.has(about.release.number)) return
  await report(sending, message, error, about, false, `channel:${posting.id}`)
  told?.add(about.release.number)
}

function report(
  { ports }: Sending,
  message: ToChannel,
  error: string,
  about: About,
  isGivenUp: boolean,
  occasion?: string,
): Promise<void> {
  return ports.store.transaction((tx) => reportRefused(tx, message, error, { ...about, isGivenUp }, occasion))
}
