/** What the store promises of transactions, the chain of events, and small things. */

import { expect } from 'vitest'
import { chainHash } from '../../src/adapters/store/chain.ts'
import { canonicalJson } from '../../src/lib/canonical-json.ts'
import { DIRECT_MESSAGE_KINDS, type DirectMessageKind } from '../../src/release/direct-messages.ts'
import type { Transaction } from '../../src/release/ports/store.ts'
import type { SignOff } from '../../src/release/release.ts'
import { anyEvent } from '../support/builders.ts'
import type { Behaviour, Ports } from './store-contract-stores.ts'
import { makeRelease, request } from './store-opened.ts'

const onPurpose = new Error('on purpose')
const word = (more: Partial<SignOff> = {}) =>
  ({ kind: 'approval', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r', ...more }) as const

export const transactions: readonly Behaviour[] = [
  {
    name: 'a transaction that throws commits nothing of all that it wrote, and nobody sees it before',
    test: async ({ a, b }) => {
      const before = await makeRelease(a)
      const failing = a.store.transaction(async (tx) => {
        await tx.changeRelease(1, { state: 'awaiting sign-off', card: { channel: 'C', ts: '1' } })
        await tx.addSignOff(1, word())
        await tx.putStep(1, { name: 'merge', state: 'running', attempt: 1, effect: 'unknown' })
        await tx.send({ kind: 'announcement', release: 1, key: 'k' })
        await tx.send({ kind: 'card', release: 1 })
        await tx.enqueue({ kind: 'plan', release: 1 })
        await tx.createRelease(request({ environment: 'integration' }))
        tx.addEvent(anyEvent({ release: 1, type: 'noted', actor: 'bot', data: {} }))
        expect(await b.store.release(1)).toEqual(before)
        expect(await b.store.current('api', 'integration')).toBeUndefined()
        expect(await b.outbox.due(9)).toEqual([])
        throw onPurpose
      })
      await expect(failing).rejects.toBe(onPurpose)
      expect(await a.store.releases({ limit: 9 })).toEqual([before])
      expect(await a.store.events(1)).toEqual([])
      expect(await a.outbox.due(9)).toEqual([])
      expect(await a.jobs.isLive({ kind: 'plan', release: 1 })).toBe(false)
      await a.store.transaction((tx) => tx.send({ kind: 'announcement', release: 1, key: 'k' }))
      expect(await a.outbox.due(9)).toHaveLength(1)
    },
  },
  {
    name: 'a call that failed fails its transaction, though its error was caught',
    test: async ({ a }) => {
      await makeRelease(a)
      const wrong = [
        (tx: Transaction) => tx.addSignOff(9, word()),
        (tx: Transaction) => tx.changeRelease(1, { state: 'succeeded' }),
        (tx: Transaction) => tx.enqueue({ kind: 'run', release: 9, attempt: 1 }),
      ]
      for (const call of wrong) {
        const swallowed = a.store.transaction(async (tx) => {
          await tx.changeRelease(1, { newerCommits: 7 })
          await call(tx).catch(() => undefined)
          return 'committed'
        })
        await expect(swallowed).rejects.toThrow()
        expect(await a.store.release(1)).not.toHaveProperty('newerCommits')
      }
    },
  },
  {
    name: 'what refers to a release that is not there is refused',
    test: async ({ a }) => {
      const step = { name: 'merge', state: 'running', attempt: 1, effect: 'none' } as const
      const wrong: ((tx: Transaction) => Promise<unknown>)[] = [
        (tx) => tx.addSignOff(9, word()),
        (tx) => tx.putStep(9, step),
        (tx) => tx.send({ kind: 'card', release: 9 }),
        (tx) => tx.send({ kind: 'outcome', release: 9, key: 'k' }),
        (tx) => tx.enqueue({ kind: 'run', release: 9, attempt: 1 }),
        (tx) => tx.createRelease(request({ replaces: 9 })),
        async (tx) => tx.addEvent(anyEvent({ release: 9, type: 'noted', actor: 'bot', data: {} })),
      ]
      for (const call of wrong) await expect(a.store.transaction(call)).rejects.toThrow()
      expect(await a.store.chainHead()).toMatchObject({ count: 0 })
      expect(await a.store.releases({ limit: 9 })).toEqual([])
    },
  },
  {
    name: 'a transaction that loses a deadlock is run again, and both come through',
    test: async ({ a, b }) => {
      await makeRelease(a)
      await makeRelease(a, { environment: 'integration' })
      const ready = [1, 2].map(() => Promise.withResolvers<void>())
      let runs = 0
      const both = async ({ store }: Ports, mine: number, others: number) =>
        store.transaction(async (tx) => {
          runs += 1
          await tx.lockRelease(mine)
          ready[mine - 1]?.resolve()
          await ready[others - 1]?.promise
          await tx.lockRelease(others)
          tx.addEvent(anyEvent({ release: mine, type: 'planned', actor: 'worker', data: {} }))
        })
      await Promise.all([both(a, 1, 2), both(b, 2, 1)])
      expect(runs).toBe(3)
      expect(await a.store.chainHead()).toMatchObject({ count: 2 })
    },
  },
  {
    name: 'an environment’s row is locked by one at a time: who waits for it reads what was committed before',
    test: async ({ a, b, someoneWaits }) => {
      const locked = Promise.withResolvers<void>()
      const first = a.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'production')
        await tx.lockEnvironment('api', 'production')
        locked.resolve()
        await someoneWaits()
        // Another environment's, and another app's, are free.
        await b.store.transaction((other) => other.lockEnvironment('api', 'integration'))
        await b.store.transaction((other) => other.lockEnvironment('web', 'production'))
        await tx.createRelease(request({ requestKey: 'first' }))
      })
      await locked.promise
      const second = b.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'production')
        return tx.createRelease(request({ requestKey: 'second' }))
      })
      await first
      expect(await second).toMatchObject({ busy: { number: 1 } })
    },
  },
  {
    name: 'an environment’s row is free again when its transaction throws',
    test: async ({ a, b }) => {
      const failing = a.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'production')
        throw onPurpose
      })
      await expect(failing).rejects.toBe(onPurpose)
      await b.store.transaction((tx) => tx.lockEnvironment('api', 'production'))
    },
  },
  {
    name: 'all environments are locked when everybody who has locked one is done, and hold back everybody else',
    test: async ({ a, b, someoneWaits }) => {
      const order: string[] = []
      const locked = Promise.withResolvers<void>()
      const one = a.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'production')
        locked.resolve()
        await someoneWaits()
        order.push('one')
      })
      await locked.promise
      const lockedAll = Promise.withResolvers<void>()
      const all = b.store.transaction(async (tx) => {
        await tx.lockAllEnvironments()
        order.push('all')
        lockedAll.resolve()
        await someoneWaits()
        order.push('all is done')
      })
      await one
      await lockedAll.promise
      const later = a.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'integration')
        order.push('later')
      })
      await Promise.all([all, later])
      expect(order).toEqual(['one', 'all', 'all is done', 'later'])
    },
  },
  {
    name: 'a transaction has one time, which everything that it makes carries',
    test: async ({ a }) => {
      const made = await a.store.transaction(async (tx) => {
        await tx.createRelease(request())
        await tx.addSignOff(1, word())
        return { now: tx.now, release: await tx.lockRelease(1) }
      })
      expect(made.now.getMilliseconds() % 1).toBe(0)
      expect(made.release).toMatchObject({ requestedAt: made.now, signOffs: [{ at: made.now }] })
      expect((await a.store.now()).getTime()).toBeGreaterThanOrEqual(made.now.getTime())
    },
  },
  {
    name: 'events form one chain under many writers, of canonical JSON, and of nothing that is rolled back',
    test: async ({ a, b }) => {
      await makeRelease(a)
      await Promise.all(
        Array.from({ length: 12 }, (_, at) =>
          (at % 2 ? a : b).store
            .transaction(async (tx) => {
              tx.addEvent(anyEvent({ release: 1, type: 'noted', actor: 'bot', data: { text: 'ü "\0', at } }))
              tx.addEvent(anyEvent({ release: 1, type: 'seen', actor: 'worker', data: {} }))
              if (at === 7) throw onPurpose
            })
            .catch((error) => expect(error).toBe(onPurpose)),
        ),
      )
      await a.store.transaction(async (tx) => tx.addEvent(anyEvent({ type: 'worker_seen', actor: 'worker', data: {} })))
      const events = await b.store.events(1)
      expect(events).toHaveLength(22)
      let previousHash = '0'.repeat(64)
      for (const [at, event] of events.entries()) {
        const { id, release, type, actor, data } = event
        expect(event).toMatchObject({ id: at + 1, type: at % 2 ? 'seen' : 'noted', previousHash })
        const body = canonicalJson({ id, at: event.at.toISOString(), release, type, actor, data })
        expect(event.hash).toBe(chainHash(previousHash, body))
        previousHash = event.hash
      }
      expect(await b.store.chainHead()).toMatchObject({ count: 23 })
      expect((await b.store.chainHead()).hash).not.toBe(previousHash)
    },
  },
  {
    name: 'events take JSON only, and say so where they are added',
    test: async ({ a }) => {
      const wrong = a.store.transaction(async (tx) =>
        tx.addEvent(anyEvent({ type: 'noted', actor: 'bot', data: { at: new Date() } })),
      )
      await expect(wrong).rejects.toThrow('JSON values only')
      expect(await a.store.chainHead()).toEqual({ count: 0, hash: '0'.repeat(64) })
    },
  },
]

export const smallThings: readonly Behaviour[] = [
  {
    name: 'a person gets every kind of direct message but those that they have switched off',
    test: async ({ a, b }) => {
      const all = await a.store.directMessages('U1')
      expect(Object.keys(all)).toEqual([...DIRECT_MESSAGE_KINDS])
      expect(Object.values(all)).not.toContain(false)
      const put = (person: string, kind: DirectMessageKind, on: boolean) =>
        a.store.transaction((tx) => tx.setDirectMessages(person, kind, on))
      for (const kind of ['locks', 'reminders', 'locks'] as const) await put('U1', kind, false)
      await put('U2', 'receipts', false)
      expect(await b.store.directMessages('U1')).toEqual({ ...all, locks: false, reminders: false })
      for (const _ of [1, 2]) await put('U1', 'locks', true)
      expect(await b.store.directMessages('U1')).toEqual({ ...all, reminders: false })
      expect(await b.store.directMessages('U2')).toEqual({ ...all, receipts: false })
      const failing = a.store.transaction(async (tx) => {
        await tx.setDirectMessages('U2', 'receipts', true)
        throw onPurpose
      })
      await expect(failing).rejects.toBe(onPurpose)
      expect(await b.store.directMessages('U2')).toEqual({ ...all, receipts: false })
    },
  },
  {
    name: 'what Slack delivers to nobody is noted until it delivers again, and is news once',
    test: async ({ a, b }) => {
      const note = (person: string, error?: string) =>
        a.store.transaction((tx) => tx.noteDirectMessageRefusal(person, error))
      expect(await b.store.directMessageRefusal('U1')).toBeUndefined()
      expect(await note('U1')).toBe(false)
      expect(await note('U1', 'user_disabled')).toBe(true)
      expect(await note('U1', 'user_disabled')).toBe(false)
      expect(await b.store.directMessageRefusal('U1')).toEqual({ error: 'user_disabled', at: expect.any(Date) })
      expect(await note('U1', 'user_not_found')).toBe(true)
      expect(await b.store.directMessageRefusal('U2')).toBeUndefined()
      expect(await note('all', 'messages_tab_disabled')).toBe(true)
      expect(await b.store.directMessageRefusal('U2')).toMatchObject({ error: 'messages_tab_disabled' })
      expect(await note('all')).toBe(true)
      expect(await b.store.directMessageRefusal('U2')).toBeUndefined()
      expect(await b.store.directMessageRefusal('U1')).toMatchObject({ error: 'user_not_found' })
      expect(await note('U1')).toBe(true)
      expect(await b.store.directMessageRefusal('U1')).toBeUndefined()
    },
  },
  {
    name: 'a button keeps its token, and only ours resolves',
    test: async ({ a, b }) => {
      const tokens = await Promise.all([a, b, a].map(({ store }) => store.buttonToken(1, 'approve')))
      expect(new Set(tokens).size).toBe(1)
      expect(await b.store.resolveButton(tokens[0] ?? '')).toEqual({ release: 1, action: 'approve', asks: false })
      expect(await b.store.resolveButton('guess')).toBeUndefined()
      expect(await a.store.buttonToken(1, 'reject')).not.toBe(tokens[0])
    },
  },
  {
    name: 'S3: a button that asks has a token of its own',
    test: async ({ a, b }) => {
      const asking = await a.store.buttonToken(1, 'approve', { asks: true })
      expect(asking).not.toBe(await a.store.buttonToken(1, 'approve'))
      expect(await b.store.buttonToken(1, 'approve', { asks: true })).toBe(asking)
      expect(await b.store.resolveButton(asking)).toEqual({ release: 1, action: 'approve', asks: true })
    },
  },
  {
    name: 'a button of another subject keeps its token, and is none of a release’s',
    test: async ({ a, b }) => {
      const production = { is: 'environment', app: 'api', environment: 'production' } as const
      const tokens = await Promise.all([a, b, a].map(({ store }) => store.subjectToken(production, 'plan_now')))
      const [token = ''] = tokens
      expect(new Set(tokens).size).toBe(1)
      expect(await b.store.resolveSubject(token)).toEqual({ subject: production, action: 'plan_now' })
      expect(await b.store.resolveButton(token)).toBeUndefined()
      expect(await b.store.resolveSubject(await a.store.buttonToken(1, 'approve'))).toBeUndefined()
      expect(await a.store.subjectToken({ ...production, app: 'web' }, 'plan_now')).not.toBe(token)
      expect(await a.store.subjectToken({ is: 'lock', id: 1 }, 'plan_now')).not.toBe(token)
    },
  },
  {
    name: 'S6: a channel’s name has the id that it was last found by',
    test: async ({ a, b }) => {
      expect(await a.store.notedChannel('#product')).toBeUndefined()
      await a.store.noteChannel('#product', 'C1')
      await b.store.noteChannel('#product', 'C2')
      await b.store.noteChannel('#other', 'C3')
      expect(await a.store.notedChannel('#product')).toBe('C2')
    },
  },
  {
    name: 'A14: a head is replaced whole, seen by its own transaction, and lost with it',
    test: async ({ a, b }) => {
      const of = { app: 'api', environment: 'integration', configuration: '2:c', commit: 'a'.repeat(40) }
      const seenAt = new Date('2026-11-22T08:00:00.123Z')
      const first = { ...of, state: 'builds' as const, seenAt, told: 'failed' as const, watchers: ['w1', 'w2'] }
      await a.store.transaction(async (tx) => {
        await tx.lockEnvironment('api', 'integration')
        expect(await tx.head('api', 'integration')).toBeUndefined()
        await tx.putHead(first)
        expect(await tx.head('api', 'integration')).toEqual(first)
        expect(await b.store.heads()).toEqual([])
      })
      expect(await b.store.heads()).toEqual([first])
      const next = { ...of, commit: 'b'.repeat(40), state: 'due' as const, seenAt, watchers: [] }
      await b.store.transaction((tx) => tx.putHead(next))
      expect(await a.store.heads()).toEqual([next])
      const lost = b.store.transaction(async (tx) => {
        await tx.putHead(first)
        throw new Error('no')
      })
      await expect(lost).rejects.toThrow('no')
      expect(await a.store.heads()).toEqual([next])
    },
  },
  {
    name: 'workers are listed, the last seen first',
    test: async ({ a, b, pass }) => {
      await a.store.workerSeen({ id: 'a', configurations: { 'api/production': 'x' } })
      await pass(5)
      await b.store.workerSeen({ id: 'b', configurations: {} })
      await pass(5)
      await a.store.workerSeen({ id: 'a', configurations: { 'api/production': 'y' } })
      expect(await b.store.workers()).toEqual([
        { id: 'a', at: expect.any(Date), configurations: { 'api/production': 'y' } },
        { id: 'b', at: expect.any(Date), configurations: {} },
      ])
    },
  },
  {
    name: 'a database belongs to the environment that noted it first',
    test: async ({ a, b }) => {
      const production = { app: 'api', environment: 'production' }
      expect(await a.store.noteDatabase('host:5432/db', 'api', 'production')).toEqual(production)
      expect(await b.store.noteDatabase('host:5432/db', 'api', 'integration')).toEqual(production)
    },
  },
  {
    name: 'an environment’s lock is held by one at a time, and freed when the work ends or throws',
    test: async ({ a, b }) => {
      const outcome = await a.lock.withLock('api', 'production', async () => {
        expect(await b.lock.withLock('api', 'production', async () => 1)).toBe('held')
        expect(await a.lock.withLock('api', 'production', async () => 1)).toBe('held')
        return b.lock.withLock('api', 'integration', async () => 2)
      })
      expect(outcome).toEqual({ done: { done: 2 } })
      await expect(b.lock.withLock('api', 'production', () => Promise.reject(onPurpose))).rejects.toBe(onPurpose)
      expect(await a.lock.withLock('api', 'production', async () => 3)).toEqual({ done: 3 })
    },
  },
]
