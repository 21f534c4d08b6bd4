/** What the store promises of people's locks. */
import { expect } from 'vitest'
import type { LockPlace } from '../../src/release/lock.ts'
import type { Behaviour } from './store-contract-stores.ts'
import { makeRelease } from './store-opened.ts'

const PRODUCTION: LockPlace = { is: 'environment', app: 'api', environment: 'production' }
const INTEGRATION: LockPlace = { is: 'environment', app: 'api', environment: 'integration' }
const ALL: LockPlace = { is: 'all' }
const DANA = { id: 'U1', name: 'Dana' }
const LIN = { id: 'U2', name: 'Lin' }
const lock = (on: LockPlace, more = {}) => ({ on, holder: DANA, reason: 'a slow "query", checked\0', ...more })

export const locks: readonly Behaviour[] = [
  {
    name: 'a lock is open until it is ended, and kept for good with its end',
    test: async ({ a, b }) => {
      const until = new Date('2030-01-02T03:04:05.678Z')
      const { set, now } = await a.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'production')
        const set = await tx.locks.add(lock(PRODUCTION, { until }))
        expect(await tx.locks.open()).toEqual([set])
        return { set, now: tx.now }
      })
      expect(set).toEqual({
        id: set.id,
        on: PRODUCTION,
        holder: DANA,
        reason: 'a slow "query", checked',
        since: now,
        until,
      })
      expect(await b.store.lock(set.id)).toEqual(set)
      const changed = await b.store.transaction((tx) =>
        tx.locks.change(set.id, { reason: 'still checking', until: undefined }),
      )
      expect(changed).toEqual({ id: set.id, on: PRODUCTION, holder: DANA, reason: 'still checking', since: now })
      expect(await a.store.locks({ open: true })).toEqual([changed])
      const ended = await a.store.transaction((tx) => tx.locks.change(set.id, { ended: { how: 'unlocked', by: LIN } }))
      expect(ended).toEqual({ ...changed, ended: { at: expect.any(Date), how: 'unlocked', by: LIN } })
      expect(await b.store.locks({ open: true })).toEqual([])
      expect(await b.store.locks({})).toEqual([ended])
      const again = b.store.transaction((tx) => tx.locks.change(set.id, { ended: { how: 'expired' } }))
      await expect(again).rejects.toThrow('no open lock')
    },
  },
  {
    name: 'a place has one open lock, and all environments one beside them',
    test: async ({ a, b }) => {
      const put = (on: LockPlace, more = {}) => a.store.transaction((tx) => tx.locks.add(lock(on, more)))
      const [one, two, all] = [await put(PRODUCTION), await put(INTEGRATION), await put(ALL)]
      for (const on of [PRODUCTION, ALL]) await expect(put(on, { holder: LIN })).rejects.toThrow()
      expect(await b.store.locks({ open: true })).toEqual([one, two, all])
      expect(await b.store.locks({ app: 'api', environment: 'production' })).toEqual([all, one])
      expect(await b.store.locks({ app: 'web', limit: 9 })).toEqual([all])
      expect(await b.store.locks({ limit: 1 })).toEqual([all])
      await a.store.transaction((tx) => tx.locks.change(one.id, { ended: { how: 'expired' } }))
      expect(await put(PRODUCTION, { holder: LIN })).toMatchObject({ holder: LIN })
    },
  },
  {
    name: 'what a transaction that throws has locked is not locked, and its delivery may come again',
    test: async ({ a, b }) => {
      const failing = a.store.transaction(async (tx) => {
        const { id } = await tx.locks.add(lock(PRODUCTION))
        await tx.locks.delivered('command:1', id)
        await tx.locks.watch({ app: 'api', environment: 'production', person: 'U3' })
        throw new Error('on purpose')
      })
      await expect(failing).rejects.toThrow('on purpose')
      expect(await b.store.locks({})).toEqual([])
      await b.store.transaction(async (tx) => {
        expect(await tx.locks.deliveredTo('command:1')).toBeUndefined()
        expect(await tx.locks.watches()).toEqual([])
        const set = await tx.locks.add(lock(PRODUCTION))
        await tx.locks.delivered('command:1', set.id)
        expect(await tx.locks.deliveredTo('command:1')).toEqual(set)
      })
      const twice = a.store.transaction((tx) => tx.locks.delivered('command:1', 1))
      await expect(twice).rejects.toThrow()
    },
  },
  {
    name: 'a person waits once for an environment, until that wait is ended',
    test: async ({ a, b }) => {
      const watch = { app: 'api', environment: 'production', person: 'U3' }
      const begin = (more = {}) => a.store.transaction((tx) => tx.locks.watch({ ...watch, ...more }))
      await begin()
      await begin()
      await begin({ person: 'U4' })
      await begin({ environment: 'integration' })
      const waiting = await b.store.transaction((tx) => tx.locks.watches())
      expect(waiting).toMatchObject([watch, { ...watch, person: 'U4' }, { ...watch, environment: 'integration' }])
      await b.store.transaction((tx) => tx.locks.endWatch(waiting[0]?.id ?? 0))
      expect(await a.store.transaction((tx) => tx.locks.watches())).toEqual(waiting.slice(1))
      await begin()
      expect(await b.store.transaction((tx) => tx.locks.watches())).toHaveLength(3)
    },
  },
  {
    name: 'the cards that a lock is shown on are those of releases before their approval',
    test: async ({ a, b }) => {
      await makeRelease(a)
      await makeRelease(a, { environment: 'integration' })
      const cards = (place?: { app: string; environment: string }) =>
        b.store.transaction((tx) => tx.waitingCards(place))
      expect(await cards()).toEqual([])
      await a.store.transaction((tx) => tx.send({ kind: 'card', release: 2 }))
      await a.store.transaction((tx) => tx.changeRelease(1, { card: { channel: 'C', ts: '1' } }))
      expect(await cards()).toEqual([1, 2])
      expect(await cards({ app: 'api', environment: 'production' })).toEqual([1])
      await a.store.transaction((tx) => tx.changeRelease(1, { state: 'awaiting sign-off' }))
      expect(await cards()).toEqual([1, 2])
      await a.store.transaction((tx) => tx.changeRelease(1, { state: 'approved' }))
      expect(await cards()).toEqual([2])
    },
  },
]
