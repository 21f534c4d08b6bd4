/**
 * Brings the outbox to Slack. Every try is written down before it is made; after a try without a clear answer Slack's
 * history is read first, and what is found there is adopted instead of posted again.
 */
import type { KnownBlock } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Environment } from '../release/app.ts'
import { announced, cardPosted } from '../release/course.ts'
import type { OutboxMessage } from '../release/messages.ts'
import { owed } from '../release/policy.ts'
import type { Outbox, Posting, Transaction } from '../release/ports.ts'
import type { PostedMessage, Release } from '../release/release.ts'
import { ask, type SlackTrouble } from './clients.ts'
import { type DrawingPorts, drawCard, environmentOf, peopleOf } from './drawing.ts'
import { createPace } from './pace.ts'
import { type Answering, answer } from './private-answer.ts'
import { announcement } from './views/announcement.ts'
import type { Drawn } from './views/blocks.ts'
import { threadLine } from './views/thread.ts'

export interface DeliveryLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface DeliveryPorts extends DrawingPorts, Answering {
  readonly outbox: Outbox
  /** Retries off, rate limits rejected. */
  readonly client: WebClient
  /** Our own user and bot id: only our messages are adopted. */
  readonly botUser: string
  readonly botId: string
  readonly log: DeliveryLog
  /** The least time between two updates of one card. */
  readonly updateEveryMs?: number
  /** Slack's limits; left out, as pace.ts has them from Slack's documentation. */
  readonly postEveryMs?: number
  readonly updatesAMinute?: number
}

const LONGEST_PAUSE_MS = 30_000
/** At a stop; a call that is under way may still take the client's time limit. */
const FLUSH_WITHIN_MS = 2_000
/** A line that Slack keeps refusing must not hold back what stands behind it: the announcement, the outcome. */
const LINE_TRIES = 8
/** Two clocks, the store's and Slack's, may be this far apart. */
const LOOK_BACK_MS = 10 * 60_000
const MESSAGE_GONE = ['message_not_found', 'edit_window_closed', 'cant_update_message', 'is_inactive']

export interface Delivery {
  /** Sends what may go now, then stops. */
  stop(): Promise<void>
}

interface Message {
  readonly channel: string
  readonly drawn: Drawn
  readonly key: string
  readonly thread?: string
}

/** Starts delivering. Of several bots on one store one delivers; another takes over when it goes. */
export function startDelivery(ports: DeliveryPorts): Delivery {
  const { outbox, log } = ports
  const pace = createPace({
    ...(ports.updateEveryMs !== undefined && { updateEveryMs: ports.updateEveryMs }),
    ...(ports.postEveryMs !== undefined && { postEveryMs: ports.postEveryMs }),
    ...(ports.updatesAMinute !== undefined && { updatesAMinute: ports.updatesAMinute }),
  })
  const stopping = new AbortController()
  /** `lines` from the first time that Slack refuses a plan block. */
  let progress = ports.progress

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        const wasAlone = await outbox.deliverAlone(async (lost) => {
          const signal = AbortSignal.any([lost, stopping.signal])
          while (!signal.aborted) if ((await round(signal)) === 0) await outbox.wait(5_000, signal)
          if (!lost.aborted) await round(AbortSignal.any([lost, AbortSignal.timeout(FLUSH_WITHIN_MS)]))
        })
        if (!wasAlone) await pause(1_000, stopping.signal)
      } catch (err) {
        log.error({ err }, 'delivering to Slack was interrupted')
        await pause(1_000, stopping.signal)
      }
    }
  })()

  /** Sends each posting that is due; gives how many were settled. */
  async function round(signal: AbortSignal): Promise<number> {
    const due = await outbox.due(20)
    let settled = 0
    for (const posting of due) {
      if (signal.aborted) break
      try {
        await send(posting)
        settled++
      } catch (err) {
        log.error({ err, message: posting.id }, 'a message could not be sent')
        await outbox.postpone(posting.id, Date.now() + backOff(posting.tries + 1))
      }
    }
    return settled
  }

  async function send(posting: Posting): Promise<void> {
    const { message } = posting
    if (message.kind === 'private') return sendPrivate(posting, message)
    const release = await ports.store.release(message.release)
    const environment = release && environmentOf(ports.apps, release)
    if (!release || !environment) return outbox.giveUp(posting.id, 'its environment is no longer declared')
    switch (message.kind) {
      case 'card':
        return release.card
          ? updateCard(posting, release, environment, release.card)
          : postCard(posting, release, environment)
      case 'announcement':
        return announce(posting, release, environment, message.key)
      case 'line':
      case 'outcome':
        return reply(posting, release, environment, message)
    }
  }

  async function postCard(posting: Posting, release: Release, environment: Environment): Promise<void> {
    const drawn = await drawCard(ports, release, environment, { first: true, progress })
    await post(posting, { channel: environment.channel, drawn, key: `${release.number}:card` }, (tx, posted) =>
      cardPosted(tx, release.number, environment, posted),
    )
  }

  async function updateCard(
    posting: Posting,
    release: Release,
    environment: Environment,
    at: PostedMessage,
  ): Promise<void> {
    const later = pace.update(at.ts)
    if (later > 0) return outbox.postpone(posting.id, later)
    await outbox.trying(posting.id)
    // Read again after the try is written: what is committed from here on makes a new row.
    const now = (await ports.store.release(release.number)) ?? release
    const updated = await update(at, await drawCard(ports, now, environment, { first: false, progress }))
    if (updated.ok) return outbox.confirmed(posting.id, at)
    if (updated.trouble === 'refused' && MESSAGE_GONE.includes(updated.error)) {
      const drawn = await drawCard(ports, now, environment, { first: false, progress })
      const key = `${release.number}:card:${posting.id}`
      return post(posting, { channel: at.channel, drawn, key }, (tx, posted) =>
        cardPosted(tx, release.number, environment, posted),
      )
    }
    return again(posting, 'update', updated)
  }

  function update({ channel, ts }: PostedMessage, { text, blocks }: Drawn) {
    return ask(() => ports.client.chat.update({ channel, ts, text, blocks: [...(blocks ?? [])] as KnownBlock[] }))
  }

  async function announce(posting: Posting, release: Release, environment: Environment, key: string): Promise<void> {
    if (release.state !== 'approved') return outbox.giveUp(posting.id, `the release is ${release.state}`)
    const drawn = announcement(release, { environment })
    await post(posting, { channel: environment.channel, drawn, key }, (tx, posted) =>
      announced(tx, release.number, posted),
    )
  }

  async function reply(
    posting: Posting,
    release: Release,
    environment: Environment,
    message: Extract<OutboxMessage, { kind: 'line' | 'outcome' }>,
  ): Promise<void> {
    if (!release.card) return outbox.postpone(posting.id, Date.now() + 1_000)
    const line =
      message.kind === 'line' ? message.line : { is: 'outcome' as const, ...(await recordHead(release.number)) }
    const people = await peopleOf(ports, environment)
    const drawn = threadLine(line, release, { ...people, environment, owed: owed(environment, release) })
    const { channel, ts } = release.card
    await post(posting, { channel, drawn, key: message.key, thread: ts })
  }

  async function recordHead(number: number): Promise<{ events: number; head: string }> {
    const events = await ports.store.events(number)
    return { events: events.length, head: events.at(-1)?.hash ?? '' }
  }

  async function post(
    posting: Posting,
    message: Message,
    then?: (tx: Transaction, posted: PostedMessage) => Promise<void>,
  ): Promise<void> {
    const confirm = (posted: PostedMessage) => outbox.confirmed(posting.id, posted, then && ((tx) => then(tx, posted)))
    const later = pace.post(message.channel)
    if (later > 0) return outbox.postpone(posting.id, later)
    if (posting.tries > 0) {
      const found = await find(posting, message)
      if (found === 'unreadable') return outbox.postpone(posting.id, Date.now() + backOff(posting.tries))
      if (found !== undefined) return confirm(found)
    }
    const id = await channelId(message.channel)
    await outbox.trying(posting.id)
    const { drawn, key, thread } = message
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
    if (!sent.ok) return again(posting, 'post', sent)
    const { channel, ts } = sent.value
    if (channel === undefined || ts === undefined)
      throw new Error('Slack confirmed a message without its channel or ts')
    await confirm({ channel, ts })
  }

  async function channelId(nameOrId: string): Promise<string | undefined> {
    if (!nameOrId.startsWith('#')) return nameOrId
    const known = await ports.directory.channel(nameOrId)
    return 'id' in known ? known.id : undefined
  }

  /** Looks for a message whose answer was lost: ours, by its key in the metadata or, without metadata, by its text. */
  async function find(
    posting: Posting,
    { channel, drawn, key, thread }: Message,
  ): Promise<PostedMessage | 'unreadable' | undefined> {
    const id = await channelId(channel)
    if (id === undefined) return 'unreadable'
    const oldest = String(((posting.firstTriedAt ?? posting.putInAt).getTime() - LOOK_BACK_MS) / 1_000)
    for (let cursor: string | undefined; ; ) {
      const page = {
        channel: id,
        oldest,
        include_all_metadata: true,
        limit: 200,
        ...(cursor !== undefined && { cursor }),
      }
      const read = await ask(() =>
        thread === undefined
          ? ports.client.conversations.history(page)
          : ports.client.conversations.replies({ ...page, ts: thread }),
      )
      if (!read.ok) return 'unreadable'
      for (const each of read.value.messages ?? []) {
        const isByUs = each.user === ports.botUser || (each.bot_id !== undefined && each.bot_id === ports.botId)
        if (!isByUs || each.ts === undefined) continue
        const payload = each.metadata?.event_payload as { key?: unknown } | undefined
        const isIt = payload?.key === undefined ? looksLike(each, drawn) : payload.key === key
        if (isIt) return { channel: id, ts: each.ts }
      }
      cursor = read.value.response_metadata?.next_cursor || undefined
      if (cursor === undefined) return undefined
    }
  }

  async function again(posting: Posting, kind: 'post' | 'update', trouble: SlackTrouble): Promise<void> {
    if (trouble.trouble === 'rate limited') {
      const until = Date.now() + trouble.afterMs
      pace.pause(kind, until)
      return outbox.postpone(posting.id, until)
    }
    const fields = { message: posting.id, kind: posting.message.kind, ...trouble }
    if (trouble.trouble === 'refused' && trouble.error === 'invalid_blocks' && progress === 'plan') {
      progress = 'lines'
      log.warn(fields, 'Slack does not take plan blocks here: cards show their steps as lines from now on')
      return outbox.postpone(posting.id, Date.now())
    }
    log.warn(fields, 'Slack did not take a message')
    if (trouble.trouble === 'refused' && posting.message.kind === 'line' && posting.tries >= LINE_TRIES) {
      return outbox.giveUp(posting.id, trouble.error)
    }
    await outbox.postpone(posting.id, Date.now() + backOff(posting.tries + 1))
  }

  async function sendPrivate(posting: Posting, message: Extract<OutboxMessage, { kind: 'private' }>): Promise<void> {
    await outbox.trying(posting.id)
    const answered = await answer(ports, message)
    if (answered === 'answered') return outbox.confirmed(posting.id, undefined)
    if (posting.tries >= 10) return outbox.giveUp(posting.id, answered)
    await outbox.postpone(posting.id, Date.now() + backOff(posting.tries + 1))
  }

  return {
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

/** Where Slack keeps no metadata: the same words or, on a card, whose words change, the same header with its number. */
function looksLike(found: { text?: string; blocks?: unknown }, drawn: Drawn): boolean {
  const headerOf = (blocks: unknown) => {
    const [first] = Array.isArray(blocks) ? (blocks as { type?: string; text?: { text?: string } }[]) : []
    return first?.type === 'header' ? first.text?.text : undefined
  }
  const header = headerOf(drawn.blocks)
  return header === undefined ? found.text === drawn.text : headerOf(found.blocks) === header
}

function backOff(tries: number): number {
  return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(tries, 10))
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
