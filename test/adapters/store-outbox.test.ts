import { afterAll, describe, expect, it } from 'vitest'
import type { OutboxMessage, ThreadLine } from '../../src/release/messages.ts'
import type { Posting } from '../../src/release/ports/deliveries.ts'
import { makeRelease, type Opened, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

const card = (release: number): OutboxMessage => ({ kind: 'card', release })
const line = (release: number, key: string): OutboxMessage => ({
  kind: 'line',
  release,
  key,
  line: { is: 'note', text: key } satisfies ThreadLine,
})
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

async function twoReleases(): Promise<Opened> {
  const opened = await openedStore()
  await makeRelease(opened)
  await makeRelease(opened, { environment: 'integration' })
  return opened
}

describe('the outbox', () => {
  it('keeps why a message was given up', async () => {
    const opened = await twoReleases()
    await send(opened, card(1))
    await opened.outbox.giveUp((await first(opened)).id, 'channel_not_found')
    expect(await opened.sql('select state, reason from outbox')).toEqual([
      { state: 'given up', reason: 'channel_not_found' },
    ])
  })
})

describe('waiting for the outbox', () => {
  const never = new AbortController().signal
  const took = async (wait: Promise<void>) => {
    const from = performance.now()
    await wait
    return performance.now() - from
  }

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
