/** How each kind of message goes to Slack. */

import { defined } from '../../lib/defined.ts'
import type { OutboxMessage, ThreadLine } from '../../release/messages.ts'
import { owed } from '../../release/policy.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Store } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import { hasEnded } from '../../release/terms.ts'
import { announced } from '../../release/transitions/index.ts'
import { authorsAsked, environmentOf, peopleOf } from '../drawing.ts'
import { announcement, announcementOfEnd } from '../views/announcement.ts'
import { mentionsAuthors, type RecordHead } from '../views/outcome.ts'
import type { Drawn } from '../views/parts/blocks.ts'
import { threadLine } from '../views/thread.ts'
import { sendCard } from './cards.ts'
import { sendToChannel } from './channel-messages.ts'
import { failedTry } from './failed-try.ts'
import { post, update } from './post.ts'
import { sendPrivate } from './private-messages.ts'
import { type About, postpone, type Sending } from './sending.ts'
import { tellOfOutcome } from './tell-people.ts'

/** A step has one line, and no pipeline has more steps. */
const MOST_COMBINED = 10
const LONGEST_COMBINED = 3_000

type OfRelease = Exclude<OutboxMessage, { kind: 'private' | 'channel' }>
type Kind = OfRelease['kind']
type MessageOf<K extends Kind> = Extract<OfRelease, { kind: K }>

const OF_RELEASE: {
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
  if (message.kind === 'channel') return sendToChannel(sending, posting, message)
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
  return OF_RELEASE[kind](sending, posting, about, message)
}

async function announce(
  sending: Sending,
  posting: Posting,
  about: About,
  { key, ended }: MessageOf<'announcement'>,
): Promise<void> {
  if (ended) return announceEnd(sending, posting, about)
  const { release, environment } = about
  const { outbox } = sending.ports
  if (release.state !== 'approved') return outbox.giveUp(posting.id, `the release is ${release.state}`)
  const drawn = announcement(release, { environment })
  // Where the card stands: by its id a channel is found whatever it is called now.
  const channel = release.card?.channel ?? environment.channel
  await post(sending, posting, { channel, drawn, key }, about, (tx, posted) => announced(tx, release.number, posted))
}

/** Edits the announcement to say how the release ended. Safe to repeat. */
async function announceEnd(sending: Sending, posting: Posting, about: About): Promise<void> {
  const { ports } = sending
  const { release, environment } = about
  const at = release.announcement
  if (at === undefined) return ports.outbox.giveUp(posting.id, 'nothing was announced')
  await ports.outbox.trying(posting.id)
  const people = { services: ports.services, owed: owed(environment, release) }
  const edited = await update(sending, at, announcementOfEnd(release, { environment, ...people }))
  return edited.ok ? ports.outbox.confirmed(posting.id, at) : failedTry(sending, posting, 'update', edited, about)
}

async function reply(
  sending: Sending,
  posting: Posting,
  about: About,
  message: MessageOf<'line' | 'outcome'>,
): Promise<void> {
  const { ports } = sending
  const { release, environment } = about
  const told = message.kind === 'outcome' ? await tellOfOutcome(sending, posting, about) : undefined
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
  const owing = owed(environment, release)
  const isAsking = line.is === 'reminder' || line.is === 'asked'
  const authorsInSlack = isAsking ? await authorsAsked(ports, owing) : undefined
  const authors = message.kind === 'outcome' && mentionsAuthors(release) ? await authorsOf(ports, release) : []
  const draw = (each: ThreadLine) =>
    threadLine(each, release, {
      ...people,
      environment,
      owed: owing,
      authors,
      ...defined({ authorsInSlack, told }),
    })
  const { channel, ts } = release.card
  const { drawn, others } = combined(draw(line), posting, await ports.outbox.behind(posting.id, MOST_COMBINED), draw)
  const also = others.flatMap(({ message: other }) => (other.kind === 'line' ? [other.key] : []))
  await post(sending, posting, { channel, drawn, key: message.key, also, others, thread: ts }, about)
}

/** Above lines of facts that are older than the outcome before them. */
const OVERTAKEN = 'Before the outcome above:'

/** A step's line with those of the steps after it that wait as well, as one message of several lines. */
function combined(
  first: Drawn,
  { message, tries, isOvertaken }: Posting,
  behind: readonly Posting[],
  draw: (line: ThreadLine) => Drawn,
): { drawn: Drawn; others: readonly Posting[] } {
  const others: Posting[] = []
  // A line that was tried may stand in the thread already: it goes alone, after a look, and as it is looked for.
  const isHeaded = isOvertaken === true && first.blocks === undefined && tries === 0
  let text = isHeaded ? `${OVERTAKEN}\n${first.text}` : first.text
  if (message.kind !== 'line' || !isStepEnd(message.line) || tries > 0) {
    return { drawn: { ...first, text }, others }
  }
  for (const posting of behind) {
    if (posting.message.kind !== 'line' || !isStepEnd(posting.message.line)) break
    const next = `${text}\n${draw(posting.message.line).text}`
    if (next.length > LONGEST_COMBINED) break
    text = next
    others.push(posting)
  }
  return { drawn: { ...first, text }, others }
}

/** Its line is one line of plain words. */
const isStepEnd = ({ is }: ThreadLine) => is === 'step ended'

/** The Slack ids of those who wrote what the release deploys, as far as their addresses tell. */
function authorsOf({ directory }: Sending['ports'], { plan }: Release): Promise<readonly string[]> {
  return directory.idsByEmail((plan?.authors ?? []).map(({ email }) => email))
}

/** The release's own events, and the hash of the last of them. */
async function recordHead(store: Store, number: number): Promise<RecordHead> {
  const events = await store.events(number)
  return { events: events.length, head: events.at(-1)?.hash ?? '' }
}
