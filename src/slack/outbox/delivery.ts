/**
 * Brings the outbox to Slack. Every try is written down before it is made; after a try without a clear answer Slack's
 * history is read first, and what is found there is adopted instead of posted again.
 */
import { isDeepStrictEqual } from 'node:util'
import type { KnownBlock } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Clock } from '../../lib/clock.ts'
import { announced, cardPosted } from '../../release/course.ts'
import { tellUnconfirmed } from '../../release/deadlines.ts'
import type { OutboxMessage, PrivateMessage } from '../../release/messages.ts'
import { owed } from '../../release/policy.ts'
import type { Outbox, Posting } from '../../release/ports/deliveries.ts'
import type { Transaction } from '../../release/ports/store.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { hasEnded, type PostedMessage } from '../../release/terms.ts'
import { ask, type SlackError } from '../clients.ts'
import { type DrawingPorts, drawCard, environmentOf, peopleOf } from '../drawing.ts'
import { type Answering, answer } from '../private-answer.ts'
import { announcement } from '../views/announcement.ts'
import type { Drawn } from '../views/parts/blocks.ts'
import { threadLine } from '../views/thread.ts'
import { createLookup, type LookupPorts, type Message } from './find-posted-message.ts'
import { createPace } from './pace.ts'
import { tellRefused } from './refused-messages.ts'

export interface DeliveryLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface DeliveryPorts extends DrawingPorts, Answering, LookupPorts {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly log: DeliveryLog
  /** The least time between two updates of one card. */
  readonly updateEveryMs?: number
  /** Slack's limits; left out, as pace.ts has them from Slack's documentation. */
  readonly postEveryMs?: number
  readonly updatesAMinute?: number
}

const LONGEST_PAUSE_MS = 30_000
/** A store that is away: each time that it is asked in vain is a line in the log. */
const LONGEST_WITHOUT_STORE_MS = 5_000
/** At a stop; a call that is under way may still take the client's time limit. */
const FLUSH_WITHIN_MS = 2_000
/** What Slack keeps refusing must not hold back what stands behind it: the announcement, the outcome. */
const REFUSED_TRIES = 8
/** Without its card nobody can sign: it is told soon that it does not come. */
const FIRST_CARD_TOLD_AFTER = 3
/** A card that is not there yet is tried for longer: until its release has ended, or for a day. */
const FIRST_CARD_TRIED_MS = 24 * 60 * 60_000
/** What a person was to read privately is of no use to them after this. */
const PRIVATE_WAITS_MS = 24 * 60 * 60_000
/** Slack says no to all of ours, until somebody mends the token: no message is to blame. */
const REFUSES_US = ['invalid_auth', 'not_authed', 'account_inactive', 'token_revoked', 'token_expired', 'missing_scope']
/** What was read of Slack longer ago says nothing any more of what stands there. */
const STOOD_STILL_MS = 30_000
const MESSAGE_GONE = ['message_not_found', 'edit_window_closed', 'cant_update_message', 'is_inactive']

export interface Delivery {
  /** Sends what may go now, then stops. */
  stop(): Promise<void>
}

/** `drawAnew`: gives it as it is now, where that is not as it was drawn. */
type ToPost = Message & { drawAnew?(): Promise<Drawn | undefined> }

/** What a message is about. */
interface About {
  readonly release: Release
  readonly environment: Environment
}

/** Starts delivering. Of several bots on one store one delivers; another takes over when it goes. */
export function startDelivery(ports: DeliveryPorts): Delivery {
  const { outbox, log, clock } = ports
  const pace = createPace({
    now: clock.now,
    ...(ports.updateEveryMs !== undefined && { updateEveryMs: ports.updateEveryMs }),
    ...(ports.postEveryMs !== undefined && { postEveryMs: ports.postEveryMs }),
    ...(ports.updatesAMinute !== undefined && { updatesAMinute: ports.updatesAMinute }),
  })
  const lookup = createLookup(ports)
  const stopping = new AbortController()
  /** `lines` from the first time that Slack refuses a plan block. */
  let progress = ports.progress

  const loop = (async () => {
    let failed = 0
    while (!stopping.signal.aborted) {
      try {
        const wasAlone = await outbox.deliverAlone(async (lost) => {
          failed = 0
          const signal = AbortSignal.any([lost, stopping.signal])
          while (!signal.aborted) if ((await round(signal)) === 0) await outbox.wait(5_000, signal)
          if (!lost.aborted) await round(AbortSignal.any([lost, AbortSignal.timeout(FLUSH_WITHIN_MS)]))
        })
        if (!wasAlone) await clock.sleep(1_000, stopping.signal)
      } catch (err) {
        failed += 1
        log.error({ err }, 'delivering to Slack was interrupted')
        await clock.sleep(Math.min(backOff(failed), LONGEST_WITHOUT_STORE_MS), stopping.signal)
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
        await postpone(posting, backOff(posting.tries + 1))
      }
    }
    return settled
  }

  /** What is due, and what is too late, is told by the store's clock: this machine's may be wrong. */
  async function storeTime(): Promise<number> {
    return (await ports.store.now()).getTime()
  }

  async function postpone({ id }: Posting, afterMs: number): Promise<void> {
    await outbox.postpone(id, (await storeTime()) + Math.max(0, afterMs))
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
    const draw = (of: Release) => drawCard(ports, of, environment, { first: true, progress })
    let shown = release
    const drawAnew = async () => {
      const moved = await movedSince(release)
      if (moved === undefined) return undefined
      shown = moved
      return draw(moved)
    }
    const message = {
      channel: environment.channel,
      drawn: await draw(release),
      drawAnew,
      key: `${release.number}:card`,
    }
    await post(posting, message, { release, environment }, (tx, posted, isAsDrawn) => {
      const asked = isAsDrawn && shown.state === 'awaiting sign-off'
      return cardPosted(tx, release.number, environment, posted, { asked })
    })
  }

  async function updateCard(
    posting: Posting,
    release: Release,
    environment: Environment,
    at: PostedMessage,
  ): Promise<void> {
    const later = pace.update(at.ts)
    if (later > 0) return postpone(posting, later - clock.now())
    await outbox.trying(posting.id)
    // Read again after the try is written: what is committed from here on makes a new row.
    const now = (await ports.store.release(release.number)) ?? release
    const updated = await update(at, await drawCard(ports, now, environment, { first: false, progress }))
    if (updated.ok) {
      // Whoever stood still has put an old card in the place of what another bot has drawn meanwhile.
      if (await movedSince(now)) await ports.store.transaction((tx) => tx.send({ kind: 'card', release: now.number }))
      return outbox.confirmed(posting.id, at)
    }
    if (updated.failure === 'refused' && MESSAGE_GONE.includes(updated.error)) {
      const drawn = await drawCard(ports, now, environment, { first: false, progress })
      const key = `${release.number}:card:${posting.id}`
      return post(posting, { channel: at.channel, drawn, key }, { release: now, environment }, (tx, posted) =>
        cardPosted(tx, release.number, environment, posted, { asked: true }),
      )
    }
    return again(posting, 'update', updated, { release: now, environment })
  }

  /** The release as it is stored now, where it is no more as it was read. */
  async function movedSince(read: Release): Promise<Release | undefined> {
    const now = await ports.store.release(read.number)
    return isDeepStrictEqual(now, read) ? undefined : now
  }

  function update({ channel, ts }: PostedMessage, { text, blocks }: Drawn) {
    return ask(() => ports.client.chat.update({ channel, ts, text, blocks: [...(blocks ?? [])] as KnownBlock[] }))
  }

  async function announce(posting: Posting, release: Release, environment: Environment, key: string): Promise<void> {
    if (release.state !== 'approved') return outbox.giveUp(posting.id, `the release is ${release.state}`)
    const drawn = announcement(release, { environment })
    await post(posting, { channel: environment.channel, drawn, key }, { release, environment }, (tx, posted) =>
      announced(tx, release.number, posted),
    )
  }

  async function reply(
    posting: Posting,
    release: Release,
    environment: Environment,
    message: Extract<OutboxMessage, { kind: 'line' | 'outcome' }>,
  ): Promise<void> {
    if (!release.card) {
      if (!hasEnded(release.state)) return postpone(posting, 1_000)
      // Its card was given up, and whoever asked for it was told then.
      return outbox.giveUp(posting.id, 'there is no card whose thread it could stand in')
    }
    const line =
      message.kind === 'line' ? message.line : { is: 'outcome' as const, ...(await recordHead(release.number)) }
    const people = await peopleOf(ports, environment)
    const drawn = threadLine(line, release, { ...people, environment, owed: owed(environment, release) })
    const { channel, ts } = release.card
    await post(posting, { channel, drawn, key: message.key, thread: ts }, { release, environment })
  }

  /** The release's own events, and the hash of the last of them. */
  async function recordHead(number: number): Promise<{ events: number; head: string }> {
    const events = await ports.store.events(number)
    return { events: events.length, head: events.at(-1)?.hash ?? '' }
  }

  async function post(
    posting: Posting,
    message: ToPost,
    about: About,
    then?: (tx: Transaction, posted: PostedMessage, isAsDrawn: boolean) => Promise<void>,
  ): Promise<void> {
    const confirm = (posted: PostedMessage, isAsDrawn: boolean) =>
      outbox.confirmed(posting.id, posted, then && ((tx) => then(tx, posted, isAsDrawn)))
    const began = clock.now()
    const later = pace.post(await lookup.idOf(message.channel))
    if (later > 0) return postpone(posting, later - clock.now())
    if (posting.tries > 0) {
      const found = await lookup.find(posting, message)
      if (found.is === 'there') return confirm(found.at, found.isAsDrawn)
      if (found.is === 'unreadable') {
        // Counted as a try: it, too, must come to an end.
        if (found.failure === 'refused') await outbox.trying(posting.id)
        return again(posting, 'post', found, about)
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
    if (!sent.ok) return again(posting, 'post', sent, about)
    const { channel, ts } = sent.value
    if (channel === undefined || ts === undefined)
      throw new Error('Slack confirmed a message without its channel or ts')
    await confirm({ channel, ts }, true)
  }

  async function again(posting: Posting, kind: 'post' | 'update', error: SlackError, about: About): Promise<void> {
    if (error.failure === 'rate limited') {
      pace.pause(kind, clock.now() + error.afterMs)
      return postpone(posting, error.afterMs)
    }
    const fields = { message: posting.id, kind: posting.message.kind, ...error }
    if (error.failure === 'refused' && error.error === 'invalid_blocks' && progress === 'plan') {
      progress = 'lines'
      log.warn(fields, 'Slack does not take plan blocks here: cards show their steps as lines from now on')
      return postpone(posting, 0)
    }
    log.warn(fields, 'Slack did not take a message')
    if (error.failure === 'refused' && !REFUSES_US.includes(error.error)) {
      const isGivenUp = await refused(posting, error.error, about)
      if (isGivenUp) return outbox.giveUp(posting.id, error.error)
    }
    await postpone(posting, backOff(posting.tries + 1))
  }

  /** Tells those who wait for it, before the message is given up. Gives whether it is. */
  async function refused({ message, tries, putInAt }: Posting, error: string, about: About): Promise<boolean> {
    const { release, environment } = about
    if (message.kind === 'private') return false
    if (message.kind === 'announcement') {
      await ports.store.transaction(async (tx) => {
        const now = await tx.lockRelease(release.number)
        if (now !== undefined) await tellUnconfirmed(tx, now, environment)
      })
      // It is tried for as long as its release waits for it: an hour.
      return false
    }
    const isFirstCard = message.kind === 'card' && release.card === undefined
    const mayComeYet =
      isFirstCard && !hasEnded(release.state) && (await storeTime()) - putInAt.getTime() < FIRST_CARD_TRIED_MS
    if (tries < (mayComeYet ? FIRST_CARD_TOLD_AFTER : REFUSED_TRIES)) return false
    await ports.store.transaction((tx) => tellRefused(tx, message, error, { ...about, isGivenUp: !mayComeYet }))
    return !mayComeYet
  }

  async function sendPrivate(posting: Posting, message: Extract<OutboxMessage, { kind: 'private' }>): Promise<void> {
    if (await isOver(message.message)) return outbox.giveUp(posting.id, 'it is so no more')
    await outbox.trying(posting.id)
    const answered = await answer(ports, message)
    if (answered === 'answered') return outbox.confirmed(posting.id, undefined)
    const refused = answered !== 'unknown' && 'refused' in answered ? answered.refused : undefined
    const isTooMany = posting.tries >= REFUSED_TRIES
    if (refused !== undefined && isTooMany && !REFUSES_US.includes(refused)) return outbox.giveUp(posting.id, refused)
    const age = (await storeTime()) - posting.putInAt.getTime()
    if (age > PRIVATE_WAITS_MS) return outbox.giveUp(posting.id, 'Slack did not answer for a day')
    const notBeforeMs = answered !== 'unknown' && 'notBeforeMs' in answered ? answered.notBeforeMs : 0
    await postpone(posting, Math.max(notBeforeMs, backOff(posting.tries + 1)))
  }

  /** While Slack was away, what waited for it may have gone on. */
  async function isOver(message: PrivateMessage): Promise<boolean> {
    if (message.is !== 'refusal' || message.refusal.gate !== 'announcement_unconfirmed') return false
    const { number } = message.refusal
    const release = number === undefined ? undefined : await ports.store.release(number)
    return release !== undefined && (release.state !== 'approved' || release.announcement !== undefined)
  }

  return {
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

function backOff(tries: number): number {
  return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(tries, 10))
}
