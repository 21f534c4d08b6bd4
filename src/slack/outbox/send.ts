/** How each kind of message goes to Slack. */

import type { OutboxMessage } from '../../release/messages.ts'
import { owed } from '../../release/policy.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Store } from '../../release/ports/store.ts'
import { hasEnded } from '../../release/terms.ts'
import { announced } from '../../release/transitions/index.ts'
import { environmentOf, peopleOf } from '../drawing.ts'
import { announcement } from '../views/announcement.ts'
import type { RecordHead } from '../views/outcome.ts'
import { threadLine } from '../views/thread.ts'
import { sendCard } from './cards.ts'
import { post } from './post.ts'
import { sendPrivate } from './private-messages.ts'
import { type About, postpone, type Sending } from './sending.ts'

type ChannelMessage = Exclude<OutboxMessage, { kind: 'private' }>
type Kind = ChannelMessage['kind']
type MessageOf<K extends Kind> = Extract<ChannelMessage, { kind: K }>

const TO_CHANNEL: {
  readonly [K in Kind]: (sending: Sending, posting: Posting, about: About, message: MessageOf<K>) => Promise<void>
} = {
  card: sendCard,
  announcement: announce,
  line: reply,
  outcome: reply,
}

/** Makes one try. Afterwards the posting is confirmed, postponed or given up. */
export async function send(sending: Sending, posting: Posting): Promise<void> {
  const { message } = posting
  if (message.kind === 'private') return sendPrivate(sending, posting, message)
  const { store, apps, outbox } = sending.ports
  const release = await store.release(message.release)
  const environment = release && environmentOf(apps, release)
  if (!release || !environment) return outbox.giveUp(posting.id, 'its environment is no longer declared')
  return toChannel(message.kind, sending, posting, { release, environment }, message)
}

function toChannel<K extends Kind>(
  kind: K,
  sending: Sending,
  posting: Posting,
  about: About,
  message: MessageOf<K>,
): Promise<void> {
  return TO_CHANNEL[kind](sending, posting, about, message)
}

async function announce(
  sending: Sending,
  posting: Posting,
  about: About,
  { key }: MessageOf<'announcement'>,
): Promise<void> {
  const { release, environment } = about
  const { outbox } = sending.ports
  if (release.state !== 'approved') return outbox.giveUp(posting.id, `the release is ${release.state}`)
  const drawn = announcement(release, { environment })
  await post(sending, posting, { channel: environment.channel, drawn, key }, about, (tx, posted) =>
    announced(tx, release.number, posted),
  )
}

async function reply(
  sending: Sending,
  posting: Posting,
  about: About,
  message: MessageOf<'line' | 'outcome'>,
): Promise<void> {
  const { ports } = sending
  const { release, environment } = about
  if (!release.card) {
    if (!hasEnded(release.state)) return postpone(ports, posting, 1_000)
    // Its card was given up, and its requester was told then.
    return ports.outbox.giveUp(posting.id, 'the release has no card, so no thread')
  }
  const line =
    message.kind === 'line'
      ? message.line
      : { is: 'outcome' as const, ...(await recordHead(ports.store, release.number)) }
  const people = await peopleOf(ports, environment)
  const drawn = threadLine(line, release, { ...people, environment, owed: owed(environment, release) })
  const { channel, ts } = release.card
  await post(sending, posting, { channel, drawn, key: message.key, thread: ts }, about)
}

/** The release's own events, and the hash of the last of them. */
async function recordHead(store: Store, number: number): Promise<RecordHead> {
  const events = await store.events(number)
  return { events: events.length, head: events.at(-1)?.hash ?? '' }
}
