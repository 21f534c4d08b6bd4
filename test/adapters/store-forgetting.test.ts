/** What the store keeps of the past, and what it lets go after 30 days. */
import { afterAll, describe, expect, it } from 'vitest'
import type { OutboxMessage } from '../../src/release/messages.ts'
import { makeRelease, type Opened, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

const ids = async (opened: Opened, query: string) =>
  (await opened.sql(query)).map((row) => Object.values(row).join(' '))
const line = (release: number, key: string): OutboxMessage => ({
  kind: 'line',
  release,
  key,
  line: { is: 'note', text: key },
})

describe('after 30 days', () => {
  it('deliveries that were handled are forgotten, and one that waits is not', async () => {
    const opened = await openedStore()
    for (const id of ['old', 'young', 'waits']) await opened.inbox.receive({ id, payload: {} })
    await opened.inbox.handled('old')
    await opened.inbox.handled('young')
    await opened.sql(`update inbox set received_at = now() - interval '31 days'`)
    await opened.sql(`update inbox set handled_at = now() - interval '30 days 1 minute' where id = 'old'`)
    await opened.sql(`update inbox set handled_at = now() - interval '29 days 23 hours' where id = 'young'`)
    await opened.forget()
    expect(await ids(opened, 'select id from inbox order by 1')).toEqual(['waits', 'young'])
    expect((await opened.inbox.left(0)).map(({ id }) => id)).toEqual(['waits'])
  })

  it('messages that were sent or given up are forgotten once their release has ended, and never one that waits', async () => {
    const opened = await openedStore()
    const { number: over } = await makeRelease(opened)
    const { number: open } = await makeRelease(opened, { environment: 'integration' })
    await opened.store.transaction(async (tx) => {
      for (const key of ['sent', 'given up', 'young', 'waits']) await tx.send(line(over, key))
      await tx.send(line(open, 'said'))
      await tx.changeRelease(over, { state: 'refused' })
    })
    await opened.sql(`update outbox set put_in_at = now() - interval '90 days'`)
    await opened.sql(`update outbox set state = 'sent', settled_at = now() - interval '31 days' where key <> 'waits'`)
    await opened.sql(`update outbox set state = 'given up' where key = 'given up'`)
    await opened.sql(`update outbox set settled_at = now() - interval '29 days' where key = 'young'`)
    await opened.forget()
    await opened.forget()
    expect(await ids(opened, 'select key, state from outbox order by id')).toEqual([
      'young sent',
      'waits waiting',
      'said sent',
    ])
    // What was said of a release that is not over is not said again.
    await opened.store.transaction((tx) => tx.send(line(open, 'said')))
    expect(await ids(opened, `select state from outbox where key = 'said'`)).toEqual(['sent'])
  })

  it('where an outcome stands is never forgotten; where card and announcement stand is told by their events', async () => {
    const opened = await openedStore()
    const { number } = await makeRelease(opened)
    const put = (kind: 'card' | 'announcement' | 'outcome' | 'line', ts: string | null, state = 'sent') =>
      opened.sql(
        `insert into outbox (release, kind, key, message, state, settled_at, posted_channel, posted_ts)
         values ($1, $2, $3, '{}', $4, now() - interval '400 days', 'C1', $5)`,
        [number, kind, kind === 'card' ? null : `${kind} ${ts}`, state, ts],
      )
    await put('card', null, 'given up')
    for (const ts of ['1.1', '1.1', '9.9', '1.1', '9.9']) await put('card', ts)
    await put('announcement', '2.2')
    await put('line', '3.3')
    await put('outcome', '4.4')
    await put('outcome', '5.5')
    await put('outcome', null, 'given up')
    await opened.store.transaction((tx) => tx.changeRelease(number, { state: 'refused' }))
    for (let days = 0; days < 2; days++) await opened.forget()
    const kept = ['outcome 4.4', 'outcome 5.5']
    expect(await ids(opened, 'select kind, posted_ts from outbox order by id')).toEqual(kept)
    expect((await opened.audit.posted(number)).map(({ kind, ts }) => `${kind} ${ts}`)).toEqual(kept)
  })

  it('workers that are gone are forgotten, but for the one that was seen last', async () => {
    const opened = await openedStore()
    for (const id of ['first', 'second', 'third']) await opened.store.workerSeen({ id, configurations: {} })
    const seen = (id: string, days: number) =>
      opened.sql(`update worker set at = now() - $2 * interval '1 day' where id = $1`, [id, days])
    await seen('first', 40)
    await seen('second', 31)
    await seen('third', 29)
    await opened.forget()
    expect((await opened.store.workers()).map(({ id }) => id)).toEqual(['third'])
    await seen('third', 50)
    await opened.forget()
    expect((await opened.store.workers()).map(({ id }) => id)).toEqual(['third'])
  })

  it('takes a bounded number at once, the oldest first', async () => {
    const opened = await openedStore()
    await opened.sql(`
      insert into inbox (id, handled_at) select n::text, now() - interval '31 days' - n * interval '1 second'
      from generate_series(1, 600) n`)
    await opened.forget()
    expect(await ids(opened, 'select count(*), max(id::int) from inbox')).toEqual(['100 100'])
    await opened.forget()
    expect(await ids(opened, 'select count(*) from inbox')).toEqual(['0'])
  })
})
