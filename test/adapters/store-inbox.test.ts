import { afterAll, describe, expect, it } from 'vitest'
import { createBatches } from '../../src/adapters/store/batches.ts'
import { openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

/** More than the connections that all of the store shares. */
const MANY = 12

describe('deliveries', () => {
  it('T8: are stored while every other connection of the store is busy', async () => {
    const { store, inbox, sql } = await openedStore()
    const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
    const busy = Array.from({ length: MANY }, () => store.transaction(() => isOver))
    try {
      expect(await inbox.receive({ id: 'one', payload: { command: '/deploy' } })).toBe(true)
      expect(await inbox.receive({ id: 'one', payload: { command: '/deploy' } })).toBe(false)
      await inbox.handled('one')
      expect(await sql('select id, payload, handled_at is not null as handled from inbox')).toEqual([
        { id: 'one', payload: null, handled: true },
      ])
    } finally {
      end()
      await Promise.all(busy)
    }
  })

  it('T7: that come together are stored together, each id once', async () => {
    const { inbox, sql } = await openedStore()
    const ids = Array.from({ length: 250 }, (_, at) => `delivery ${at % 200}`)
    const isNew = await Promise.all(ids.map((id) => inbox.receive({ id, payload: { id } })))
    // Two statements may be under way: either may be the first to store an id.
    const firsts = ids.filter((_, at) => isNew[at])
    expect([firsts.length, new Set(firsts).size]).toEqual([200, 200])
    const stored = await sql(`select count(*)::int as count, count(distinct xmin::text)::int as commits from inbox
                              where payload ->> 'id' = id`)
    expect(stored).toEqual([{ count: 200, commits: expect.any(Number) }])
    expect(stored[0]?.commits).toBeLessThan(20)
    await Promise.all(ids.map((id) => inbox.handled(id)))
    expect(await sql('select count(*)::int as left from inbox where handled_at is null')).toEqual([{ left: 0 }])
  })

  it('T7: that can’t be stored take no others with them', async () => {
    const { inbox } = await openedStore()
    const ids = ['first', 'before', 'with a \0', 'after']
    const outcomes = await Promise.allSettled(ids.map((id) => inbox.receive({ id, payload: {} })))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  })
})

describe('what waits for a statement', () => {
  it('T7: is settled only when its own has ended, and fails with it', async () => {
    const calls: { entries: readonly string[]; end(error?: Error): void }[] = []
    const add = createBatches<string, string>({ most: 2, atOnce: 1 }, (entries) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
      const end = (error?: Error) => (error ? reject(error) : resolve(entries.map((entry) => `${entry} is in`)))
      calls.push({ entries, end })
      return promise
    })
    const settled: string[] = []
    const adding = ['a', 'b', 'c', 'd'].map((entry) =>
      add(entry).then(
        (result) => settled.push(result),
        ({ message }: Error) => settled.push(`${entry}: ${message}`),
      ),
    )
    const turn = () => new Promise(setImmediate)
    await turn()
    expect([calls.map(({ entries }) => entries), settled]).toEqual([[['a']], []])
    calls[0]?.end()
    await turn()
    expect([calls.map(({ entries }) => entries), settled]).toEqual([[['a'], ['b', 'c']], ['a is in']])
    calls[1]?.end(new Error('gone'))
    await turn()
    calls[2]?.end()
    await Promise.all(adding)
    expect(settled).toEqual(['a is in', 'b: gone', 'c: gone', 'd is in'])
  })
})
