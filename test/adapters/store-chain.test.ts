import { afterAll, describe, expect, it } from 'vitest'
import { chainHash } from '../../src/adapters/store/chain.ts'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

const rollback = new Error('on purpose')

describe('events', () => {
  it('form one chain under twenty writers at once', async () => {
    const opened = await openedStore()
    const other = await opened.again()
    await makeRelease(opened)
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 ? opened : other).store
          .transaction(async (tx) => {
            tx.addEvent({ release: 1, type: 'noted', actor: 'bot', data: { at, text: 'ü "\0' } })
            tx.addEvent({ type: 'worker_seen', actor: 'worker', data: { at } })
            if (at === 7) throw rollback
          })
          .catch((error) => expect(error).toBe(rollback)),
      ),
    )
    const rows = await opened.sql('select * from event order by id')
    expect(rows).toHaveLength(38)
    let previous = '0'.repeat(64)
    rows.forEach((row, at) => {
      expect(row.id).toBe(at + 1)
      expect(row.previous_hash).toBe(previous)
      expect(row.hash).toBe(chainHash(previous, String(row.body)))
      previous = String(row.hash)
    })
    expect(await opened.store.chainHead()).toEqual({ count: 38, hash: previous })
    const events = await opened.store.events(1)
    expect(events).toHaveLength(19)
    expect(events[0]).toEqual({
      id: expect.any(Number),
      release: 1,
      type: 'noted',
      actor: 'bot',
      at: expect.any(Date),
      data: { at: expect.any(Number), text: 'ü "\0' },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      previousHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const times = events.map((event) => event.at.getTime())
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it('can not be changed, removed or cut, not even by SQL', async () => {
    const opened = await openedStore()
    await opened.store.transaction(async (tx) => tx.addEvent({ type: 'noted', actor: 'bot', data: {} }))
    for (const text of [
      `update event set actor = 'U9'`,
      'delete from event',
      'truncate event',
      'truncate event cascade',
    ]) {
      await expect(opened.sql(text)).rejects.toThrow('events are only added')
    }
    expect(await opened.sql('select actor from event')).toEqual([{ actor: 'bot' }])
  })

  it('take JSON only, and say so where they are added', async () => {
    const { store } = await openedStore()
    const wrong = store.transaction(async (tx) =>
      tx.addEvent({ type: 'noted', actor: 'bot', data: { at: new Date() } }),
    )
    await expect(wrong).rejects.toThrow('JSON values only')
    expect(await store.chainHead()).toEqual({ count: 0, hash: '0'.repeat(64) })
  })
})
