/**
 * Posts or updates one message. A post is stored before it is tried. After a try without a clear answer, Slack's history
 * is read first, and a message found there is confirmed instead of posted again.
 */
import type { KnownBlock } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Transaction } from '../../release/ports/store.ts'
import type { PostedMessage } from '../../release/terms.ts'
import { ask } from '../clients.ts'
import { withOlderBlocks } from '../older-blocks.ts'
import type { Drawn } from '../views/parts/blocks.ts'
import { failedTry } from './failed-try.ts'
import type { Message } from './find-posted-message.ts'
import type { AboutChannel, Sending } from './sending.ts'

/** `redraw`: the message as it is now; undefined where it has not changed. */
type ToPost = Message & {
  redraw?(): Promise<Drawn | undefined>
  /** Lines that are combined with it: never tried before. Later each looks for itself whether it arrived. */
  readonly others?: readonly Posting[]
}

/** After a pause of this length, what was read from Slack is out of date. */
export const LONGEST_PAUSE_MS = 30_000

/**
 * Makes one try. `then` records what follows, in the transaction that stores Slack's confirmation. Afterwards the posting
 * is confirmed, postponed, given up or still due.
 */
export async function post(
  sending: Sending,
  posting: Posting,
  message: ToPost,
  about: AboutChannel,
  then?: (tx: Transaction, posted: PostedMessage, isAsDrawn: boolean) => Promise<void>,
): Promise<void> {
  const { ports, lookup, closed } = sending
  const { outbox, clock } = ports
  const confirm = async (posted: PostedMessage, isAsDrawn: boolean) => {
    closed.delete(about.environment.channel)
    await outbox.confirmed(posting.id, posted, then && ((tx) => then(tx, posted, isAsDrawn)))
  }
  const began = clock.now()
  if (posting.tries > 0) {
    const found = await lookup.find(posting, message)
    if (found.is === 'there') return confirm(found.at, found.isAsDrawn)
    if (found.is === 'unreadable') {
      // Counted as a try, so that it ends after a number of them.
      if (found.failure === 'refused') await outbox.trying(posting.id)
      return failedTry(sending, posting, 'post', found, about)
    }
  }
  const { id } = await lookup.channel(message.channel)
  const { key, also = [], thread, others = [] } = message
  await Promise.all([posting, ...others].map((each) => outbox.trying(each.id)))
  // A change committed from here on makes a new row. Changes committed since the drawing are drawn now.
  const drawn = (await message.redraw?.()) ?? message.drawn
  // After a pause another bot may have taken over and posted it: the next round reads Slack's history first.
  if (clock.now() - began > LONGEST_PAUSE_MS) return
  const send = ({ text, blocks, broadcast }: Drawn) =>
    ask(() =>
      ports.client.chat.postMessage({
        channel: id ?? message.channel,
        text,
        ...(blocks && { blocks: [...blocks] as KnownBlock[] }),
        mrkdwn: blocks !== undefined,
        unfurl_links: false,
        unfurl_media: false,
        metadata: metadataOf({ key, also }),
        ...(thread !== undefined && { thread_ts: thread, ...(broadcast && { reply_broadcast: true as const }) }),
      } as Parameters<WebClient['chat']['postMessage']>[0]),
    )
  const sent = await withOlderBlocks(drawn, send)
  if (!sent.ok) return failedTry(sending, posting, 'post', sent, about)
  const { channel, ts } = sent.value
  if (channel === undefined || ts === undefined) throw new Error('Slack confirmed a message without its channel or ts')
  await confirm({ channel, ts }, true)
  await Promise.all(others.map((other) => outbox.confirmed(other.id, { channel, ts })))
}

/** By which a message whose answer was lost is found. */
export function metadataOf({ key, also = [] }: Pick<Message, 'key' | 'also'>) {
  return { event_type: 'signoff_message', event_payload: { key, ...(also.length > 0 && { also: also.join(' ') }) } }
}

/** Replaces a posted message. Returns Slack's answer, and changes nothing in the outbox. Safe to repeat. */
export function update({ ports }: Sending, { channel, ts }: PostedMessage, { text, blocks }: Drawn) {
  return ask(() => ports.client.chat.update({ channel, ts, text, blocks: [...(blocks ?? [])] as KnownBlock[] }))
}
