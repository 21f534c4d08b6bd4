/**
 * Posts or updates one message. A post is written down before it is tried; after a try without a clear answer Slack's
 * history is read first, and what is found there is adopted instead of posted again.
 */
import type { KnownBlock } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Transaction } from '../../release/ports/store.ts'
import type { PostedMessage } from '../../release/terms.ts'
import { ask } from '../clients.ts'
import type { Drawn } from '../views/parts/blocks.ts'
import { failedTry } from './failed-try.ts'
import type { Message } from './find-posted-message.ts'
import { type About, postpone, type Sending } from './sending.ts'

/** `drawAnew`: gives it as it is now, where that is not as it was drawn. */
type ToPost = Message & { drawAnew?(): Promise<Drawn | undefined> }

/** What was read of Slack longer ago says nothing any more of what stands there. */
const STOOD_STILL_MS = 30_000

/**
 * Makes one try. `then` records what follows, in the transaction that stores Slack's confirmation. A posting that is
 * not confirmed afterwards was postponed or given up, or stays due.
 */
export async function post(
  sending: Sending,
  posting: Posting,
  message: ToPost,
  about: About,
  then?: (tx: Transaction, posted: PostedMessage, isAsDrawn: boolean) => Promise<void>,
): Promise<void> {
  const { ports, pace, lookup } = sending
  const { outbox, clock } = ports
  const confirm = (posted: PostedMessage, isAsDrawn: boolean) =>
    outbox.confirmed(posting.id, posted, then && ((tx) => then(tx, posted, isAsDrawn)))
  const began = clock.now()
  const later = pace.post(await lookup.idOf(message.channel))
  if (later > 0) return postpone(ports, posting, later - clock.now())
  if (posting.tries > 0) {
    const found = await lookup.find(posting, message)
    if (found.is === 'there') return confirm(found.at, found.isAsDrawn)
    if (found.is === 'unreadable') {
      // Counted as a try: it, too, must come to an end.
      if (found.failure === 'refused') await outbox.trying(posting.id)
      return failedTry(sending, posting, 'post', found, about)
    }
  }
  const { id } = await lookup.channel(message.channel)
  await outbox.trying(posting.id)
  // What is committed from here on makes a new row; what was committed since it was drawn counts on this one.
  const drawn = (await message.drawAnew?.()) ?? message.drawn
  // Whoever stood still may not be alone any more: the next round looks first whether another bot has posted it.
  if (clock.now() - began > STOOD_STILL_MS) return
  const { key, thread } = message
  const sent = await ask(() =>
    ports.client.chat.postMessage({
      channel: id ?? message.channel,
      text: drawn.text,
      ...(drawn.blocks && { blocks: [...drawn.blocks] as KnownBlock[] }),
      mrkdwn: drawn.blocks !== undefined,
      unfurl_links: false,
      unfurl_media: false,
      metadata: { event_type: 'signoff_message', event_payload: { key } },
      ...(thread !== undefined && { thread_ts: thread, ...(drawn.broadcast && { reply_broadcast: true as const }) }),
    } as Parameters<WebClient['chat']['postMessage']>[0]),
  )
  if (!sent.ok) return failedTry(sending, posting, 'post', sent, about)
  const { channel, ts } = sent.value
  if (channel === undefined || ts === undefined) throw new Error('Slack confirmed a message without its channel or ts')
  await confirm({ channel, ts }, true)
}

/** Puts a message in the place of one that was posted. Gives Slack's answer, and settles nothing in the outbox. */
export function update({ ports }: Sending, { channel, ts }: PostedMessage, { text, blocks }: Drawn) {
  return ask(() => ports.client.chat.update({ channel, ts, text, blocks: [...(blocks ?? [])] as KnownBlock[] }))
}
