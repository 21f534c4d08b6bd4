/** Posts a release's card once, then updates it to the stored state. */
import { isDeepStrictEqual } from 'node:util'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Store } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import { hasEnded, type PostedMessage } from '../../release/terms.ts'
import { cardPosted } from '../../release/transitions/index.ts'
import { drawCard } from '../drawing.ts'
import { failedTry } from './failed-try.ts'
import { isProgress } from './order.ts'
import { post, update } from './post.ts'
import { reportRefused } from './refused-messages.ts'
import { type About, type DeliveryPorts, type Sending, subjectOf } from './sending.ts'

/**
 * A card that is gone again so soon after it was posted again is not posted once more: either someone does not want it, or Slack
 * is wrong, and would be for each new card.
 */
const POSTED_ANEW_AFTER_MS = 10 * 60_000

/** Makes one try. A card that Slack no longer has is posted again, once in ten minutes. */
export async function sendCard(sending: Sending, posting: Posting, about: About): Promise<void> {
  const { card } = about.release
  return card ? updateCard(sending, posting, about, card) : postCard(sending, posting, about)
}

async function postCard(sending: Sending, posting: Posting, about: About): Promise<void> {
  const { ports } = sending
  const { release, environment } = about
  const draw = (of: Release) => drawCard(ports, of, environment, { first: true, progress: sending.progress })
  let shown = release
  const redraw = async () => {
    const changed = await changedSince(ports.store, release)
    if (changed === undefined) return undefined
    shown = changed
    return draw(changed)
  }
  const message = {
    channel: environment.channel,
    drawn: await draw(release),
    redraw,
    key: `${release.number}:card`,
  }
  await post(sending, posting, message, about, (tx, posted, isAsDrawn) => {
    const asked = isAsDrawn && shown.state === 'awaiting sign-off'
    return cardPosted(tx, release.number, environment, posted, { asked })
  })
}

async function updateCard(sending: Sending, posting: Posting, about: About, at: PostedMessage): Promise<void> {
  const { ports, updated: drawn, closed } = sending
  const { clock, outbox, store } = ports
  const { release, environment } = about
  await outbox.trying(posting.id)
  // Read again after the try is stored: a change committed from here on makes a new row.
  const now = (await store.release(release.number)) ?? release
  const draw = (isPosted: boolean) =>
    drawCard(ports, now, environment, { first: false, isPosted, progress: sending.progress })
  const updated = await update(sending, at, await draw(false))
  if (hasEnded(now.state)) drawn.delete(now.number)
  else drawn.set(now.number, { at: clock.now(), isProgress: isProgress(now.state) })
  if (updated.ok) {
    closed.delete(environment.channel)
    // After a pause, this update may have replaced a newer card that another bot drew.
    if (await changedSince(store, now)) await store.transaction((tx) => tx.send({ kind: 'card', release: now.number }))
    return outbox.confirmed(posting.id, at)
  }
  const isGone = updated.failure === 'refused' && updated.error === 'message_not_found'
  if (!isGone) return failedTry(sending, posting, 'update', updated, { release: now, environment })
  if (await wasPostedAnew(ports, now.number)) return giveUpCard(sending, posting, { release: now, environment })
  const message = { channel: at.channel, drawn: await draw(true), key: `${release.number}:card:${posting.id}` }
  return post(sending, posting, message, { release: now, environment }, (tx, posted) =>
    cardPosted(tx, release.number, environment, posted, { asked: true }),
  )
}

/** Whether the card that is gone was itself posted in place of another, a short while ago. */
async function wasPostedAnew({ store }: DeliveryPorts, number: number): Promise<boolean> {
  const posted = (await store.events(number)).filter(({ type }) => type === 'card_posted')
  const last = posted.at(-1)
  const age = (await store.now()).getTime() - (last?.at.getTime() ?? 0)
  return posted.length > 1 && age < POSTED_ANEW_AFTER_MS
}

async function giveUpCard({ ports }: Sending, posting: Posting, about: About): Promise<void> {
  const error = 'message_not_found'
  ports.log.warn(subjectOf(posting), 'a card that was posted again is gone again')
  const card = { kind: 'card' as const, release: about.release.number }
  await ports.store.transaction((tx) => reportRefused(tx, card, error, { ...about, isGivenUp: true }))
  await ports.outbox.giveUp(posting.id, error)
}

/** The release as it is stored now; undefined where it has not changed since it was read. */
async function changedSince(store: Store, read: Release): Promise<Release | undefined> {
  const now = await store.release(read.number)
  return isDeepStrictEqual(now, read) ? undefined : now
}
