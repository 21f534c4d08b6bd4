/** What the store promises of messages that go out to Slack, and of deliveries that come in. */

import { expect } from 'vitest'
import type { OutboxMessage } from '../../src/release/messages.ts'
import type { Posting } from '../../src/release/ports/deliveries.ts'
import { anyEvent } from '../support/builders.ts'
import { type Behaviour, type Ports, stillWaits, type Tested } from './store-contract-stores.ts'
import { makeRelease } from './store-opened.ts'

const card = (release: number): OutboxMessage => ({ kind: 'card', release })
const line = (release: number, key: string): OutboxMessage => ({
  kind: 'line',
  release,
  key,
  line: { is: 'note', text: key },
})
const announcement = (release: number): OutboxMessage => ({ kind: 'announcement', release, key: 'announcement' })
const outcome = (release: number, key = 'outcome'): OutboxMessage => ({ kind: 'outcome', release, key })
const whisper = (key: string): OutboxMessage => ({
  kind: 'private',
  key,
  to: 'U1',
  asked: '2026-11-22T10:00:00.000Z',
  message: { is: 'help' },
})

const send = ({ store }: Ports, ...messages: OutboxMessage[]) =>
  store.transaction(async (tx) => {
    for (const message of messages) await tx.send(message)
  })

const due = async ({ outbox }: Ports, limit = 10) => (await outbox.due(limit)).map(nameOf)

function nameOf({ message }: Posting): string {
  return ('release' in message ? `${message.release} ` : '') + ('key' in message ? message.key : 'card')
}

async function first({ outbox }: Ports): Promise<Posting> {
  const [posting] = await outbox.due(1)
  if (posting === undefined) throw new Error('nothing is due')
  return posting
}

/** As delivery does with the first of what is due. */
async function deliver(of: Ports): Promise<string> {
  const posting = await first(of)
  await of.outbox.trying(posting.id)
  const message = { channel: 'C1', ts: `${posting.id}.0` }
  await of.outbox.confirmed(posting.id, message, async (tx) => {
    if (posting.message.kind === 'card') await tx.changeRelease(posting.message.release, { card: message })
  })
  return nameOf(posting)
}

async function twoReleases({ a }: Tested): Promise<void> {
  await makeRelease(a)
  await makeRelease(a, { environment: 'integration' })
}

const never = new AbortController().signal

export const outbox: readonly Behaviour[] = [
  {
    name: 'the first message of each release is due, and all private ones, oldest first',
    test: async (tested) => {
      const { a, b } = tested
      await twoReleases(tested)
      await send(a, whisper('a'), card(1), line(1, 'x'), card(2), line(1, 'y'), announcement(1), whisper('b'))
      expect(await due(b)).toEqual(['a', '1 card', '2 card', 'b'])
      expect(await due(b, 2)).toEqual(['a', '1 card'])
      const order = []
      for (let at = 0; at < 7; at += 1) order.push(await deliver(b))
      expect(order).toEqual(['a', '1 card', '1 x', '2 card', '1 y', '1 announcement', 'b'])
      expect(await due(a)).toEqual([])
    },
  },
  {
    name: 'a release’s first card goes before lines that were put in earlier, and later cards beside them',
    test: async (tested) => {
      const { a } = tested
      await twoReleases(tested)
      await send(a, line(1, 'x'), line(1, 'y'))
      expect(await due(a)).toEqual(['1 x'])
      await send(a, card(1))
      expect(await due(a)).toEqual(['1 card'])
      await deliver(a)
      await send(a, card(1))
      expect(await due(a)).toEqual(['1 x', '1 card'])
    },
  },
  {
    name: 'what is announced and how it ended wait for no line; each says what it is about',
    test: async (tested) => {
      const { a } = tested
      await twoReleases(tested)
      await send(a, card(1), line(1, 'x'), line(1, 'y'), announcement(1), outcome(1), outcome(1, 'second'))
      expect(await due(a)).toEqual(['1 card'])
      await deliver(a)
      expect(await due(a)).toEqual(['1 x', '1 announcement', '1 outcome'])
      const { of } = await first(a)
      const { app, environment, state } = (await a.store.release(1)) ?? {}
      expect(of).toEqual({ app, environment, state, card: { channel: 'C1', ts: expect.any(String) } })
    },
  },
  {
    name: 'the lines behind a line, up to one that was tried',
    test: async (tested) => {
      const { a, b } = tested
      await twoReleases(tested)
      await send(a, line(1, 'x'), line(2, 'of the other'), line(1, 'y'), outcome(1), line(1, 'z'), line(1, 'tried'))
      await send(a, line(1, 'last'))
      const { id } = await first(a)
      const behind = async (limit = 10) => (await b.outbox.behind(id, limit)).map(nameOf)
      expect(await behind()).toEqual(['1 y', '1 z', '1 tried', '1 last'])
      expect(await behind(2)).toEqual(['1 y', '1 z'])
      const tried = (await a.outbox.behind(id, 10)).find(({ message }) => 'key' in message && message.key === 'tried')
      await a.outbox.trying(tried?.id ?? 0)
      expect(await behind()).toEqual(['1 y', '1 z'])
    },
  },
  {
    name: 'a line says that the outcome after it is posted already, and no other message does',
    test: async (tested) => {
      const { a, b } = tested
      await twoReleases(tested)
      await send(a, card(1), card(2), line(1, 'x'), line(2, 'of the other'), outcome(1), whisper('a'))
      await deliver(a)
      await deliver(a)
      const overtaken = async () => (await b.outbox.due(10)).filter(({ isOvertaken }) => isOvertaken).map(nameOf)
      expect(await due(b)).toEqual(['1 x', '2 of the other', '1 outcome', 'a'])
      expect(await overtaken()).toEqual([])
      const told = (await a.outbox.due(10)).find(({ message }) => message.kind === 'outcome')
      await a.outbox.trying(told?.id ?? 0)
      expect(await overtaken()).toEqual([])
      await a.outbox.confirmed(told?.id ?? 0, { channel: 'C1', ts: '9.0' })
      await send(a, line(1, 'later'))
      expect(await overtaken()).toEqual(['1 x'])
      await deliver(a)
      expect(await due(b)).toEqual(['2 of the other', 'a', '1 later'])
      expect(await overtaken()).toEqual([])
    },
  },
  {
    name: 'lines go when the first card can never be sent',
    test: async (tested) => {
      const { a } = tested
      await twoReleases(tested)
      await send(a, card(1), line(1, 'x'))
      await a.outbox.giveUp((await first(a)).id, 'channel_not_found')
      expect(await due(a)).toEqual(['1 x'])
    },
  },
  {
    name: 'one card waits for many, and one more once a try has begun',
    test: async (tested) => {
      const { a, b } = tested
      await twoReleases(tested)
      await Promise.all([a, b, a, b].map((each) => send(each, card(1), card(1))))
      expect(await due(a)).toEqual(['1 card'])
      const tried = await first(a)
      await a.outbox.trying(tried.id)
      await send(a, card(1))
      expect(await a.outbox.due(10)).toEqual([{ ...tried, tries: 1, firstTriedAt: expect.any(Date) }])
      await a.outbox.confirmed(tried.id, { channel: 'C1', ts: '1.0' })
      const [last, ...others] = await a.outbox.due(10)
      expect(last).toMatchObject({ message: card(1), tries: 0 })
      expect(others).toEqual([])
    },
  },
  {
    name: 'no try begins on a card that a transaction under way counts on',
    test: async (tested) => {
      const { a, b, someoneWaits } = tested
      await twoReleases(tested)
      await send(a, card(1))
      const { id } = await first(a)
      const order: string[] = []
      let trying: Promise<void> | undefined
      await a.store.transaction(async (tx) => {
        await tx.send(card(1))
        trying = b.outbox.trying(id).then(() => void order.push('tried'))
        await someoneWaits()
        order.push('committed')
      })
      await trying
      expect(order).toEqual(['committed', 'tried'])
    },
  },
  {
    name: 'a key is taken once a release, also when its message has been sent',
    test: async (tested) => {
      const { a, b } = tested
      await twoReleases(tested)
      await send(a, line(1, 'x'), line(1, 'x'), line(2, 'x'), whisper('x'), whisper('x'))
      await send(b, line(1, 'x'))
      expect(await due(a)).toEqual(['1 x', '2 x', 'x'])
      await deliver(a)
      await send(a, line(1, 'x'))
      expect(await due(a)).toEqual(['2 x', 'x'])
    },
  },
  {
    name: 'a postponed message holds back what is behind it, and nothing else, until its time',
    test: async (tested) => {
      const { a, pass } = tested
      await twoReleases(tested)
      await send(a, line(1, 'x'), line(1, 'y'), line(2, 'z'), whisper('a'))
      const { id } = await first(a)
      await a.outbox.postpone(id, (await a.store.now()).getTime() + 60_000)
      expect(await due(a)).toEqual(['2 z', 'a'])
      await pass(50_000)
      expect(await due(a)).toEqual(['2 z', 'a'])
      await pass(10_000)
      expect(await due(a)).toEqual(['1 x', '2 z', 'a'])
      await expect(a.outbox.postpone(id, 30_000)).rejects.toThrow('takes a moment')
    },
  },
  {
    name: 'what follows a confirmation is recorded with it or not at all, and once',
    test: async (tested) => {
      const { a, b } = tested
      await twoReleases(tested)
      await send(a, card(1))
      const { id } = await first(a)
      const wrong = new Error('on purpose')
      const failing = a.outbox.confirmed(id, { channel: 'C1', ts: '1.0' }, async (tx) => {
        await tx.changeRelease(1, { card: { channel: 'C1', ts: '1.0' } })
        throw wrong
      })
      await expect(failing).rejects.toBe(wrong)
      expect(await a.store.release(1)).not.toHaveProperty('card')
      expect(await due(a)).toEqual(['1 card'])
      let followed = 0
      const confirm = ({ outbox }: Ports) =>
        outbox.confirmed(id, { channel: 'C1', ts: '1.0' }, async (tx) => {
          followed += 1
          tx.addEvent(anyEvent({ release: 1, type: 'card_posted', actor: 'bot', data: {} }))
        })
      await Promise.all([confirm(a), confirm(b)])
      expect(followed).toBe(1)
      expect(await a.store.events(1)).toHaveLength(1)
      await expect(a.outbox.trying(id)).rejects.toThrow('is not waiting')
      await a.outbox.giveUp(id, 'too late')
      await a.outbox.postpone(id, Date.now())
      expect(await due(a)).toEqual([])
    },
  },
  {
    name: 'one process delivers at a time',
    test: async ({ a, b }) => {
      const alone = await a.outbox.deliverAlone(async () => {
        expect(await b.outbox.deliverAlone(async () => expect.unreachable())).toBe(false)
      })
      expect(alone).toBe(true)
      expect(await b.outbox.deliverAlone(async () => undefined)).toBe(true)
    },
  },
  {
    name: 'waiting ends with a message of another process, also one that came since the last look',
    test: async ({ a, b }) => {
      await a.outbox.wait(60_000, never)
      await a.outbox.due(10)
      const waiting = a.outbox.wait(60_000, never)
      expect(await stillWaits(waiting)).toBe(true)
      await send(b, whisper('a'))
      await waiting
      await a.outbox.wait(60_000, never)
      await a.outbox.due(10)
      const told = new AbortController()
      const again = a.outbox.wait(60_000, told.signal)
      expect(await stillWaits(again)).toBe(true)
      told.abort()
      await again
    },
  },
]

export const inbox: readonly Behaviour[] = [
  {
    name: 'a delivery is taken once, also after it has been handled',
    test: async ({ a, b }) => {
      const delivery = { id: 'trigger 1', payload: { text: 'NUL \0', actions: [1] } }
      const taken = await Promise.all([a, b, a].map(({ inbox }) => inbox.receive(delivery)))
      expect(taken.filter(Boolean)).toHaveLength(1)
      await a.inbox.handled('trigger 1')
      await a.inbox.handled('never came')
      expect(await b.inbox.receive(delivery)).toBe(false)
    },
  },
  {
    name: 'what was left is given to one caller, each 10 seconds, until it is handled, and to nobody while it is held',
    test: async ({ a, b, pass }) => {
      const delivery = { id: 'trigger 1', payload: { text: 'NUL \0' } }
      await a.inbox.receive(delivery)
      await a.inbox.receive({ id: 'trigger 2', payload: undefined })
      await a.inbox.handled('trigger 2')
      expect(await a.inbox.left(30_000)).toEqual([])
      await pass(31_000)
      const taken = await Promise.all([a, b, a, b].map(({ inbox }) => inbox.left(30_000)))
      expect(taken.flat()).toEqual([{ ...delivery, receivedAt: expect.any(Date) }])
      await pass(9_000)
      expect(await b.inbox.left(0)).toEqual([])
      await pass(2_000)
      expect(await b.inbox.left(0)).toHaveLength(1)
      await pass(5_000)
      await b.inbox.hold(['trigger 1', 'trigger 2'])
      await pass(9_000)
      expect(await a.inbox.left(0)).toEqual([])
      await pass(2_000)
      expect(await a.inbox.left(0)).toHaveLength(1)
      await a.inbox.handled('trigger 1')
      await pass(61_000)
      expect(await b.inbox.left(0)).toEqual([])
    },
  },
]
