/**
 * One try at a direct message that nobody asked for. It is stored before it is made. After a try without a clear answer the
 * conversation is read first, and a message found there is not sent again.
 */
import type { KnownBlock } from '@slack/types'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { PostedMessage } from '../../release/terms.ts'
import { ask } from '../clients.ts'
import { type Answered, drawPrivate, unanswered } from '../private-answer.ts'
import { LONGEST_PAUSE_MS, metadataOf } from './post.ts'
import { kindOfRefusal } from './refusal-kinds.ts'
import { type Private, type Sending, subjectOf } from './sending.ts'

/** `unread`: an earlier try may have arrived, and Slack does not let us look, with its code. */
export type DirectTry = Answered | { readonly posted: PostedMessage } | { readonly unread: string }

/** Makes one try. Changes nothing in the outbox but the count of tries. */
export async function tryDirectMessage(sending: Sending, posting: Posting, message: Private): Promise<DirectTry> {
  const { ports, lookup, answered } = sending
  const { client, clock, log, outbox } = ports
  const began = clock.now()
  const drawn = await drawPrivate(ports, message.message, message.directMessage)
  const opened = await ask(() => client.conversations.open({ users: message.to }))
  const channel = opened.ok ? opened.value.channel?.id : undefined
  if (channel === undefined) {
    // Counted as a try, so that it ends after a number of them.
    if (!opened.ok && opened.failure === 'refused') await countTry(sending, posting)
    return opened.ok ? 'unknown' : unanswered(opened)
  }
  if (posting.tries > (answered.get(posting.id) ?? 0)) {
    const found = await lookup.find(posting, { channel, drawn, key: message.key })
    if (found.is === 'there') return { posted: found.at }
    if (found.is === 'unreadable') {
      const isLasting =
        found.failure === 'refused' && (found.error === 'missing_scope' || kindOfRefusal(found.error) !== 'token')
      if (!isLasting) return unanswered(found)
      const { error, needed } = found
      log.warn(
        { ...subjectOf(posting), error, needed },
        'a direct message may have arrived, and Slack does not let us look: it is not sent again',
      )
      return { unread: error }
    }
  }
  await outbox.trying(posting.id)
  // After a pause another bot may have taken over and sent it: the next round reads the conversation first.
  if (clock.now() - began > LONGEST_PAUSE_MS) return 'unknown'
  const sent = await ask(() =>
    client.chat.postMessage({
      channel,
      text: drawn.text,
      blocks: [...(drawn.blocks ?? [])] as KnownBlock[],
      unfurl_links: false,
      unfurl_media: false,
      metadata: metadataOf({ key: message.key }),
    }),
  )
  if (!sent.ok) {
    // Slack has answered that it did not take it, and earlier tries are known not to have arrived.
    if (sent.failure !== 'unknown') answered.set(posting.id, posting.tries + 1)
    return unanswered(sent)
  }
  const { ts } = sent.value
  return ts === undefined ? 'unknown' : { posted: { channel, ts } }
}

async function countTry({ ports, answered }: Sending, { id, tries }: Posting): Promise<void> {
  await ports.outbox.trying(id)
  if (tries === (answered.get(id) ?? 0)) answered.set(id, tries + 1)
}
