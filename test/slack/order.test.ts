/** Which message goes next, in virtual time, against a Slack that keeps its published limits strictly. */
import { describe, expect, it } from 'vitest'
import type { OutboxMessage } from '../../src/release/messages.ts'
import type { Posting } from '../../src/release/ports/deliveries.ts'
import { hasEnded, type ReleaseState } from '../../src/release/terms.ts'
import { createRateLimits } from '../../src/sandbox/slack/rate-limits.ts'
import { createBudget } from '../../src/slack/budget.ts'
import { isProgress, nextTurn, turnOf, type Update } from '../../src/slack/outbox/order.ts'

const card = (release: number): OutboxMessage => ({ kind: 'card', release })
const line = (release: number, key: string): OutboxMessage => ({
  kind: 'line',
  release,
  key: `${release}:${key}`,
  line: { is: 'step ended', step: 'sync', said: key, ms: 1 },
})
const outcome = (release: number): OutboxMessage => ({ kind: 'outcome', release, key: `${release}:outcome` })
const announcement = (release: number, ended = false): OutboxMessage => ({
  kind: 'announcement',
  release,
  key: `${release}:announcement`,
  ...(ended && { ended: true }),
})
const whisper: OutboxMessage = { kind: 'private', key: 'a', to: 'U1', asked: '', message: { is: 'help' } }

let ids = 0
function posting(message: OutboxMessage, state: ReleaseState = 'running', hasCard = true): Posting {
  const channel = 'release' in message ? `C${message.release}` : ''
  const of = { app: 'api', environment: 'production', state, ...(hasCard && { card: { channel, ts: '1.0' } }) }
  return { id: ++ids, message, tries: 0, putInAt: new Date(0), ...('release' in message && { of }) }
}

const rankOf = (message: OutboxMessage, state?: ReleaseState, hasCard?: boolean) => {
  const { rank, share } = turnOf(posting(message, state, hasCard), 'C1')
  return [rank, share]
}

describe('the order', () => {
  it.each([
    ['an announcement before a first card', rankOf(announcement(1), 'approved'), rankOf(card(1), 'planning', false)],
    ['an outcome before the last state of a card', rankOf(outcome(1), 'succeeded'), rankOf(card(1), 'succeeded')],
    ['a last state before progress', rankOf(card(1), 'failed'), rankOf(card(1), 'running')],
    ['what needs attention before progress', rankOf(card(1), 'needs attention'), rankOf(card(1), 'approved')],
    [
      'the end on the announcement before progress',
      rankOf(announcement(1, true), 'closed'),
      rankOf(card(1), 'running'),
    ],
    ['the end on the announcement before lines', rankOf(announcement(1, true), 'closed'), rankOf(line(1, 'a'))],
    ['a last state before lines', rankOf(card(1), 'succeeded'), rankOf(line(1, 'a'))],
    ['a card that people act on before lines', rankOf(card(1), 'awaiting sign-off'), rankOf(line(1, 'a'))],
  ] as const)('%s', (_what, [before], [after]) => {
    expect(before).toBeLessThan(after as number)
  })

  it('private messages are for people, lines and progress take what is left', () => {
    expect(rankOf(whisper)).toEqual([1, 'people'])
    expect(rankOf(line(1, 'a'))).toEqual([6, 'progress'])
    expect(rankOf(card(1), 'running')).toEqual([7, 'progress'])
  })
})

/** Slack in virtual time: refuses what is over its limits; the outbox sends one message after the other. */
function channelAt(how: 'bursts' | 'strict') {
  let time = 1_000_000
  const limits = createRateLimits(() => time, how)
  const budget = createBudget({ now: () => time })
  const updated = new Map<number, Update>()
  const seen = new Map<number, number>()
  const waiting: Posting[] = []
  const sent: { readonly at: number; readonly message: OutboxMessage; readonly state: ReleaseState }[] = []
  const states = new Map<number, ReleaseState>()
  let refused = 0

  /** As the store gives them: the first of each kind and release, with the release as it is now. */
  function due(): Posting[] {
    const streams = new Set<string>()
    return waiting.flatMap((each) => {
      const { message, of } = each
      if (!('release' in message) || of === undefined) return [each]
      const stream = `${message.kind} ${message.release}`
      if (streams.has(stream)) return []
      streams.add(stream)
      return [{ ...each, of: { ...of, state: states.get(message.release) ?? of.state } }]
    })
  }

  function send(one: Posting) {
    const { call } = turnOf(one, one.of?.card?.channel ?? '')
    budget.began(call)
    if (limits.take(call.method, { channel: call.channel }) > 0) refused += 1
    waiting.splice(
      waiting.findIndex(({ id }) => id === one.id),
      1,
    )
    const state = one.of?.state ?? 'running'
    sent.push({ at: time, message: one.message, state })
    if (one.message.kind === 'card') updated.set(one.message.release, { at: time, isProgress: isProgress(state) })
    // Lines that wait are combined.
    const { message } = one
    if (message.kind !== 'line') return
    for (const other of waiting.filter(
      (each) => each.message.kind === 'line' && each.message.release === message.release,
    )) {
      waiting.splice(waiting.indexOf(other), 1)
      sent.push({ at: time, message: other.message, state })
    }
  }

  return {
    now: () => time,
    sent,
    refused: () => refused,
    waiting,
    put(message: OutboxMessage, state: ReleaseState) {
      if (!('release' in message)) return void waiting.push(posting(message))
      states.set(message.release, state)
      const isThere = waiting.some((each) => each.message.kind === 'card' && each.message.release === message.release)
      if (message.kind !== 'card' || !isThere) waiting.push(posting(message, state))
    },
    /** Lets time pass; a call takes 150 ms. */
    pass(ms: number) {
      for (const until = time + ms; time < until; ) {
        for (const { id } of waiting) if (!seen.has(id)) seen.set(id, time)
        const pace = {
          progressEveryMs: 20_000,
          updated: (release: number) => updated.get(release),
          seenAt: (id: number) => seen.get(id) ?? time,
        }
        const next = nextTurn(due(), { now: time, budget, pace, channelOf: ({ of }) => of?.card?.channel ?? '' })
        if ('posting' in next) send(next.posting)
        time = Math.min(
          until,
          time + ('posting' in next ? 150 : Math.max(10, Math.min(100, (next.from ?? until) - time))),
        )
      }
    },
  }
}

type Channel = ReturnType<typeof channelAt>

const STEPS = ['record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm']

/** One step each `stepMs`; at the end everything that a release puts into the outbox. */
function* release(slack: Channel, number: number, stepMs: number): Generator<number, number> {
  slack.put(announcement(number), 'approved')
  slack.put(card(number), 'approved')
  yield 1_000
  for (const step of STEPS) {
    slack.put(card(number), 'running')
    yield stepMs
    slack.put(card(number), 'running')
    slack.put(line(number, step), 'running')
  }
  slack.put(card(number), 'succeeded')
  slack.put(outcome(number), 'succeeded')
  slack.put(announcement(number, true), 'succeeded')
  return slack.now()
}

/** Runs releases that start at these times; gives when each ended. */
function run(slack: Channel, starts: readonly number[], stepMs: (index: number) => number): readonly number[] {
  const began = slack.now()
  const running = starts.map((at, index) => ({
    at: began + at,
    steps: release(slack, index + 1, stepMs(index)),
    ended: 0,
  }))
  while (running.some(({ ended }) => ended === 0)) {
    for (const each of running) {
      if (each.ended > 0 || each.at > slack.now()) continue
      const next = each.steps.next()
      if (next.done) each.ended = next.value
      else each.at = slack.now() + next.value
    }
    slack.pass(50)
  }
  slack.pass(10 * 60_000)
  return running.map(({ ended }) => ended)
}

function lateness(slack: Channel, ended: readonly number[]) {
  const at = (number: number, is: (each: Channel['sent'][number]) => boolean) =>
    slack.sent.findLast((each) => 'release' in each.message && each.message.release === number && is(each))?.at ??
    Number.POSITIVE_INFINITY
  return {
    outcome: Math.max(...ended.map((end, index) => at(index + 1, ({ message }) => message.kind === 'outcome') - end)),
    card: Math.max(
      ...ended.map(
        (end, index) => at(index + 1, ({ message, state }) => message.kind === 'card' && hasEnded(state)) - end,
      ),
    ),
  }
}

describe.each(['bursts', 'strict'] as const)('T5: 20 releases at once, Slack’s limits with %s', (how) => {
  it('no call is refused; each outcome is told within 5 s and each last state within 10 s', () => {
    const slack = channelAt(how)
    // They start together; one ends every two seconds.
    const ended = run(
      slack,
      Array.from({ length: 20 }, () => 0),
      (index) => 4_000 + (index * 2_000) / STEPS.length,
    )
    expect(slack.refused()).toBe(0)
    const { outcome: told, card: drawn } = lateness(slack, ended)
    expect(told).toBeLessThan(5_000)
    expect(drawn).toBeLessThan(10_000)
    // No fact is lost.
    expect(slack.waiting).toEqual([])
    expect(slack.sent.filter(({ message }) => message.kind === 'line')).toHaveLength(20 * STEPS.length)
  })

  it('all that end in the same second are told in the order of their ends, before any other call', () => {
    const slack = channelAt(how)
    const ended = run(
      slack,
      Array.from({ length: 30 }, (_, index) => index * 10),
      () => 3_000,
    )
    expect(slack.refused()).toBe(0)
    expect(lateness(slack, ended).outcome).toBeLessThan(10_000)
    const order = slack.sent.flatMap(({ message }) => (message.kind === 'outcome' ? [message.release] : []))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    const first = slack.sent.findIndex(({ message }) => message.kind === 'outcome')
    const lastState = slack.sent.findLastIndex(({ message, state }) => message.kind === 'card' && hasEnded(state))
    const between = slack.sent.slice(first, lastState).filter(({ state }) => hasEnded(state))
    expect(between.some(({ message }) => message.kind === 'announcement')).toBe(false)
  })
})

describe('T5: releases that end while their lines wait', () => {
  it('are told and drawn first, whatever waits in their threads', () => {
    const slack = channelAt('bursts')
    const numbers = Array.from({ length: 10 }, (_, index) => index + 1)
    for (const number of numbers) for (const step of STEPS) slack.put(line(number, step), 'running')
    for (const number of numbers) {
      slack.put(card(number), 'succeeded')
      slack.put(outcome(number), 'succeeded')
    }
    slack.pass(60_000)
    const kinds = slack.sent.map(({ message }) => message.kind)
    expect(kinds.slice(0, 20)).toEqual([...numbers.map(() => 'outcome'), ...numbers.map(() => 'card')])
    expect(kinds.filter((kind) => kind === 'line')).toHaveLength(10 * STEPS.length)
  })

  it('find room for their last states, however many cards show progress', () => {
    const slack = channelAt('strict')
    for (let round = 0; round < 60; round += 1) {
      for (let number = 1; number <= 20; number += 1) slack.put(card(number), 'running')
      slack.pass(1_000)
    }
    const from = slack.now()
    for (let number = 1; number <= 14; number += 1) slack.put(card(number), 'succeeded')
    slack.pass(60_000)
    const last = slack.sent.filter(({ state }) => state === 'succeeded').map(({ at }) => at - from)
    expect(last).toHaveLength(14)
    expect(Math.max(...last)).toBeLessThan(5_000)
    expect(slack.refused()).toBe(0)
  })
})

describe('T1: one release, nothing else under way', () => {
  it('is told within a second of its end, after the lines of its end', () => {
    const slack = channelAt('bursts')
    const ended = run(slack, [0], () => 100)
    expect(lateness(slack, ended).outcome).toBeLessThan(1_000)
    expect(lateness(slack, ended).card).toBeLessThan(1_000)
    const kinds = slack.sent.map(({ message }) => message.kind)
    expect(kinds.indexOf('outcome')).toBeGreaterThan(kinds.lastIndexOf('line'))
    expect(slack.waiting).toEqual([])
  })
})

describe('T6: a release with slow steps', () => {
  it.each([2_000, 4_000, 5_500])(
    'has at most six calls after the last click, but for lines: steps of %i ms',
    (stepMs) => {
      const slack = channelAt('bursts')
      run(slack, [0], () => stepMs)
      expect(slack.sent.filter(({ message }) => message.kind !== 'line').length).toBeLessThanOrEqual(7)
    },
  )

  it('redraws while one step takes long, once', () => {
    const slack = channelAt('bursts')
    run(slack, [0], () => 60_000)
    const drawn = slack.sent.filter(({ message, state }) => message.kind === 'card' && state === 'running')
    expect(drawn.length).toBeGreaterThanOrEqual(STEPS.length - 1)
    expect(drawn.length).toBeLessThanOrEqual(STEPS.length + 1)
  })
})
