/** Posts a release's card once, then updates it to the stored state. */
import { isDeepStrictEqual } from 'node:util'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Store } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import type { PostedMessage } from '../../release/terms.ts'
import { cardPosted } from '../../release/transitions/index.ts'
import { drawCard } from '../drawing.ts'
import { failedTry } from './failed-try.ts'
import { post, update } from './post.ts'
import { type About, postpone, type Sending } from './sending.ts'

const MESSAGE_GONE = ['message_not_found', 'edit_window_closed', 'cant_update_message', 'is_inactive']

/** Makes one try. A card that Slack no longer has is posted again. */
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
  const { ports, pace } = sending
  const { clock, outbox, store } = ports
  const { release, environment } = about
  const later = pace.update(at.ts)
  if (later > 0) return postpone(ports, posting, later - clock.now())
  await outbox.trying(posting.id)
  // Read again after the try is stored: a change committed from here on makes a new row.
  const now = (await store.release(release.number)) ?? release
  const draw = (isPosted: boolean) =>
    drawCard(ports, now, environment, { first: false, isPosted, progress: sending.progress })
  const updated = await update(sending, at, await draw(false))
  if (updated.ok) {
    // After a pause, this update may have replaced a newer card that another bot drew.
    if (await changedSince(store, now)) await store.transaction((tx) => tx.send({ kind: 'card', release: now.number }))
    return outbox.confirmed(posting.id, at)
  }
  if (updated.failure === 'refused' && MESSAGE_GONE.includes(updated.error)) {
    const message = { channel: at.channel, drawn: await draw(true), key: `${release.number}:card:${posting.id}` }
    return post(sending, posting, message, { release: now, environment }, (tx, posted) =>
      cardPosted(tx, release.number, environment, posted, { asked: true }),
    )
  }
  return failedTry(sending, posting, 'update', updated, { release: now, environment })
}

/** The release as it is stored now; undefined where it has not changed since it was read. */
async function changedSince(store: Store, read: Release): Promise<Release | undefined> {
  const now = await store.release(read.number)
  return isDeepStrictEqual(now, read) ? undefined : now
}
