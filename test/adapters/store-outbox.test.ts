import { afterAll, describe, expect, it } from 'vitest'
import type { OutboxMessage, ThreadLine } from '../../src/release/messages.ts'
import type { Posting } from '../../src/release/ports.ts'
import { makeRelease, type Opened, openedStore, stopPostgres, waiters } from './store-opened.ts'

afterAll(stopPostgres)

const card = (release: number): OutboxMessage => ({ kind: 'card', release })
const line = (release: number, key: string): OutboxMessage => ({
  kind: 'line',
  release,
  key,
  line: { is: 'note', text: key } satisfies ThreadLine,
})
const announcement = (release: number): OutboxMessage => ({ kind: 'announcement', release, key: 'announcement' })
const whisper = (key: string): OutboxMessage => ({
  kind: 'private',
  key,
  to: 'U1',
  asked: '2026-11-22T10:00:00.000Z',
  message: { is: 'help' },
})

const send = (opened: Opened, ...messages: OutboxMessage[]) =>
  opened.store.transaction(async (tx) => {
    for (const message of messages) await tx.send(message)
  })

const names = (postings: readonly Posting[]) =>
  postings.map(
    ({ message }) => ('release' in message ? `${message.release} ` : '') + ('key' in message ? message.key : 'card'),
  )

async function first(opened: Opened): Promise<Posting> {
  const [posting] = await opened.outbox.due(1)
  if (posting === undefined) throw new Error('nothing is due')
  return posting
}

/** As delivery does with the first of what is due. */
async function deliver(opened: Opened): Promise<string> {
  const posting = await first(opened)
  await opened.outbox.trying(posting.id)
  const message = { channel: 'C1', ts: `${posting.id}.0` }
  await opened.outbox.confirmed(posting.id, message, async (tx) => {
    if (posting.message.kind === 'card') await tx.changeRelease(posting.message.release, { card: message })
  })
  return names([posting])[0] ?? ''
}

async function twoReleases(): Promise<Opened> {
  const opened = await openedStore()
  await makeRelease(opened)
  await makeRelease(opened, { environment: 'integration' })
  return opened
}

describe('the outbox', () => {
  it('gives the first message of each release, and all private ones, oldest first', async () => {
    const opened = await twoReleases()
    await send(opened, whisper('a'), card(1), line(1, 'x'), card(2), line(1, 'y'), announcement(1), whisper('b'))
    expect(names(await opened.outbox.due(10))).toEqual(['a', '1 card', '2 card', 'b'])
    expect(names(await opened.outbox.due(2))).toEqual(['a', '1 card'])
    const order = []
    for (let at = 0; at < 7; at += 1) order.push(await deliver(opened))
    expect(order).toEqual(['a', '1 card', '1 x', '2 card', '1 y', '1 announcement', 'b'])
    expect(await opened.outbox.due(10)).toEqual([])
    expect(await opened.sql(`select count(*)::int as sent from outbox where state = 'sent'`)).toEqual([{ sent: 7 }])
  })

  it('gives a release’s first card before lines that were put in earlier, and later cards beside them', async () => {
    const opened = await twoReleases()
    await send(opened, line(1, 'x'), line(1, 'y'))
    await send(opened, card(1))
    expect(names(await opened.outbox.due(10))).toEqual(['1 card'])
    await deliver(opened)
    await send(opened, card(1))
    expect(names(await opened.outbox.due(10))).toEqual(['1 x', '1 card'])
  })

  it('lets lines go when the first card can never be sent', async () => {
    const opened = await twoReleases()
    await send(opened, card(1), line(1, 'x'))
    await opened.outbox.giveUp((await first(opened)).id, 'channel_not_found')
    expect(names(await opened.outbox.due(10))).toEqual(['1 x'])
    expect(await opened.sql(`select state, reason from outbox where kind = 'card'`)).toEqual([
      { state: 'given up', reason: 'channel_not_found' },
    ])
  })

  it('keeps one card waiting for many, and one more once a try has begun', async () => {
    const opened = await twoReleases()
    await send(opened, card(1))
    await Promise.all(Array.from({ length: 5 }, () => send(opened, card(1))))
    expect(await opened.outbox.due(10)).toHaveLength(1)
    const tried = await first(opened)
    await opened.outbox.trying(tried.id)
    await send(opened, card(1))
    expect(await opened.outbox.due(10)).toEqual([{ ...tried, tries: 1, firstTriedAt: expect.any(Date) }])
    await opened.outbox.confirmed(tried.id, { channel: 'C1', ts: '1.0' })
    const [last, ...others] = await opened.outbox.due(10)
    expect(last).toMatchObject({ message: card(1), tries: 0 })
    expect(others).toEqual([])
  })

  it('does not begin a try on a card that a transaction under way counts on', async () => {
    const opened = await twoReleases()
    await send(opened, card(1))
    const { id } = await first(opened)
    const order: string[] = []
    let trying: Promise<void> | undefined
    await opened.store.transaction(async (tx) => {
      await tx.send(card(1))
      trying = opened.outbox.trying(id).then(() => void order.push('tried'))
      await expect.poll(() => waiters(opened)).toHaveLength(1)
      order.push('committed')
    })
    await trying
    expect(order).toEqual(['committed', 'tried'])
  })

  it('takes a key once a release, also when its message has been sent', async () => {
    const opened = await twoReleases()
    await send(opened, line(1, 'x'), line(1, 'x'), line(2, 'x'), whisper('x'), whisper('x'))
    expect(names(await opened.outbox.due(10))).toEqual(['1 x', '2 x', 'x'])
    await deliver(opened)
    await send(opened, line(1, 'x'))
    expect(names(await opened.outbox.due(10))).toEqual(['2 x', 'x'])
  })

  it('holds back what is behind a postponed message, and nothing else', async () => {
    const opened = await twoReleases()
    await send(opened, line(1, 'x'), line(1, 'y'), line(2, 'z'), whisper('a'))
    const { id } = await first(opened)
    await opened.outbox.postpone(id, (await opened.store.now()).getTime() + 60_000)
    expect(names(await opened.outbox.due(10))).toEqual(['2 z', 'a'])
    await opened.outbox.postpone(id, (await opened.store.now()).getTime())
    expect(names(await opened.outbox.due(10))).toEqual(['1 x', '2 z', 'a'])
    await expect(opened.outbox.postpone(id, 30_000)).rejects.toThrow('takes a moment')
  })

  it('records what follows a confirmation with it or not at all, and once', async () => {
    const opened = await twoReleases()
    await send(opened, card(1))
    const { id } = await first(opened)
    const wrong = new Error('on purpose')
    const failing = opened.outbox.confirmed(id, { channel: 'C1', ts: '1.0' }, async (tx) => {
      await tx.changeRelease(1, { card: { channel: 'C1', ts: '1.0' } })
      throw wrong
    })
    await expect(failing).rejects.toBe(wrong)
    expect(await opened.store.release(1)).not.toHaveProperty('card')
    let followed = 0
    const confirm = () =>
      opened.outbox.confirmed(id, { channel: 'C1', ts: '1.0' }, async (tx) => {
        followed += 1
        tx.addEvent({ release: 1, type: 'card_posted', actor: 'bot', data: {} })
      })
    await confirm()
    await confirm()
    expect(followed).toBe(1)
    expect(await opened.store.events(1)).toHaveLength(1)
    await expect(opened.outbox.trying(id)).rejects.toThrow('waits no more')
  })

  it('is delivered by one at a time', async () => {
    const opened = await twoReleases()
    const other = await opened.again()
    const alone = await opened.outbox.deliverAlone(async () => {
      expect(await other.outbox.deliverAlone(async () => expect.unreachable())).toBe(false)
    })
    expect(alone).toBe(true)
    expect(await other.outbox.deliverAlone(async () => undefined)).toBe(true)
  })
})

describe('waiting for the outbox', () => {
  const never = new AbortController().signal
  const took = async (wait: Promise<void>) => {
    const from = performance.now()
    await wait
    return performance.now() - from
  }

  it('ends with a message of another process, also one that came since the last look', async () => {
    const opened = await twoReleases()
    const other = await opened.again()
    await opened.outbox.wait(0, never)
    await opened.outbox.due(10)
    const waiting = took(opened.outbox.wait(20_000, never))
    await other.store.transaction((tx) => tx.send(whisper('a')))
    expect(await waiting).toBeLessThan(2000)

    await opened.outbox.due(10)
    await other.store.transaction((tx) => tx.send(whisper('b')))
    await expect.poll(() => took(opened.outbox.wait(300, never))).toBeLessThan(150)
  })

  it('ends when a postponed message is due, not while it blocks others', async () => {
    const opened = await twoReleases()
    await send(opened, line(1, 'x'), line(1, 'y'))
    const { id } = await first(opened)
    await opened.outbox.wait(0, never)
    await opened.outbox.postpone(id, (await opened.store.now()).getTime() + 400)
    expect(await opened.outbox.due(10)).toEqual([])
    const waited = await took(opened.outbox.wait(20_000, never))
    expect(waited).toBeGreaterThan(200)
    expect(waited).toBeLessThan(3000)
    expect(names(await opened.outbox.due(10))).toEqual(['1 x'])
  })

  it('ends at its time, and at once when told', async () => {
    const opened = await twoReleases()
    await opened.outbox.wait(0, never)
    await opened.outbox.due(10)
    expect(await took(opened.outbox.wait(50, never))).toBeGreaterThan(40)
    const stop = new AbortController()
    const waiting = took(opened.outbox.wait(20_000, stop.signal))
    stop.abort()
    expect(await waiting).toBeLessThan(2000)
  })

  it('goes on after its connection is cut', async () => {
    const opened = await twoReleases()
    await opened.outbox.wait(0, never)
    await opened.outbox.due(10)
    const waiting = took(opened.outbox.wait(20_000, never))
    await opened.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and (query ilike 'listen signoff%' or query = 'select 1')`,
    )
    expect(await waiting).toBeLessThan(2000)
    await opened.outbox.due(10)
    await opened.outbox.wait(0, never)
    await opened.outbox.due(10)
    const again = took(opened.outbox.wait(20_000, never))
    await send(opened, whisper('a'))
    expect(await again).toBeLessThan(2000)
  })
})

describe('the inbox', () => {
  it('takes a delivery once', async () => {
    const opened = await openedStore()
    const delivery = { id: 'trigger 1', payload: { text: 'NUL \0', actions: [1] } }
    const taken = await Promise.all([1, 2, 3].map(() => opened.inbox.receive(delivery)))
    expect(taken.filter(Boolean)).toHaveLength(1)
  })

  it('gives what was left to one caller, once a minute, until it is handled', async () => {
    const opened = await openedStore()
    const delivery = { id: 'trigger 1', payload: { text: 'NUL \0' } }
    await opened.inbox.receive(delivery)
    await opened.inbox.receive({ id: 'trigger 2', payload: null })
    await opened.inbox.handled('trigger 2')
    expect(await opened.inbox.left(30_000)).toEqual([])
    const taken = await Promise.all([1, 2, 3, 4].map(() => opened.inbox.left(0)))
    expect(taken.flat()).toEqual([{ ...delivery, receivedAt: expect.any(Date) }])
    await opened.sql(
      `update inbox set claimed_until = now() - interval '1 second' where claimed_until < now() + interval '61 seconds'`,
    )
    expect(await opened.inbox.left(0)).toHaveLength(1)
    await opened.inbox.handled('trigger 1')
    await opened.sql(`update inbox set claimed_until = now() - interval '1 second'`)
    expect(await opened.inbox.left(0)).toEqual([])
    expect(await opened.inbox.receive(delivery)).toBe(false)
  })
})
