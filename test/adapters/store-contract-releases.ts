/** What the store promises of releases, transactions, events and small things. */
import { expect } from 'vitest'
import { chainHash } from '../../src/adapters/store/chain.ts'
import { canonicalJson } from '../../src/release/plan.ts'
import type { Transaction } from '../../src/release/ports.ts'
import type { SignOff } from '../../src/release/release.ts'
import type { Behaviour, Ports } from './store-contract-stores.ts'
import { makeRelease, request } from './store-opened.ts'

const onPurpose = new Error('on purpose')
const word = (more: Partial<SignOff> = {}) =>
  ({ kind: 'approval', person: { id: 'U2', name: 'Bo' }, fingerprint: 'f', right: 'r', ...more }) as const

export const releases: readonly Behaviour[] = [
  {
    name: 'a release comes back as it was written, absent fields absent',
    test: async ({ a, b }) => {
      const written = { reason: 'it burns\0', picks: ['abcd'], responseUrl: 'https://hooks.example/1' }
      const made = await makeRelease(a, written)
      expect(made).toEqual({
        number: 1,
        app: 'api',
        environment: 'production',
        kind: 'deploy',
        state: 'planning',
        requester: { id: 'U1', name: 'Ada' },
        configuration: 'digest',
        reason: 'it burns',
        responseUrl: 'https://hooks.example/1',
        picks: ['abcd'],
        attempt: 0,
        requestedAt: expect.any(Date),
        signOffs: [],
        steps: [],
      })
      const at = new Date('2026-11-22T10:00:00.123Z')
      await a.store.transaction(async (tx) => {
        await tx.changeRelease(1, {
          state: 'awaiting sign-off',
          problem: { because: { gate: 'internal_error', detail: 'NUL \0 and half a pair \ud800' } },
          card: { channel: 'C1', ts: '1.2' },
          cancelRequestedBy: { id: 'U2', name: 'Bo\0' },
          expiresAt: at,
        })
        expect(await tx.addSignOff(1, word({ kind: 'qa', note: 'fine\0' }))).toBe(true)
        await tx.putStep(1, { name: 'merge', state: 'running', attempt: 1, effect: 'unknown', startedAt: at })
        await tx.putStep(1, { name: 'sync', state: 'pending', attempt: 1, effect: 'none' })
        await tx.putStep(1, {
          name: 'merge',
          state: 'done',
          attempt: 2,
          effect: 'some',
          endedAt: at,
          result: { commit: 'c' },
        })
      })
      expect(await b.store.release(1)).toEqual({
        ...made,
        state: 'awaiting sign-off',
        problem: { because: { gate: 'internal_error', detail: 'NUL \0 and half a pair \ud800' } },
        card: { channel: 'C1', ts: '1.2' },
        cancelRequestedBy: { id: 'U2', name: 'Bo' },
        expiresAt: at,
        signOffs: [{ ...word({ kind: 'qa' }), note: 'fine', at: expect.any(Date) }],
        steps: [
          { name: 'merge', state: 'done', attempt: 2, effect: 'some', endedAt: at, result: { commit: 'c' } },
          { name: 'sync', state: 'pending', attempt: 1, effect: 'none' },
        ],
      })
      await a.store.transaction(async (tx) => {
        await tx.changeRelease(1, { card: undefined, problem: undefined, expiresAt: undefined, state: undefined })
        await tx.changeRelease(99, { state: undefined })
      })
      const cleared = await b.store.release(1)
      expect(cleared).toMatchObject({ state: 'awaiting sign-off' })
      for (const field of ['card', 'problem', 'expiresAt']) expect(cleared).not.toHaveProperty(field)
    },
  },
  {
    name: 'one release an environment is made by ten that race, and the others read which one is under way',
    test: async ({ a, b }) => {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          (at % 2 ? a : b).store.transaction((tx) => tx.createRelease(request({ app: 'api' }))),
        ),
      )
      expect(outcomes.filter((outcome) => 'made' in outcome)).toHaveLength(1)
      expect(outcomes.filter((outcome) => 'busy' in outcome && outcome.busy.number === 1)).toHaveLength(9)
      await makeRelease(a, { app: 'web' })
    },
  },
  {
    name: 'the same request makes one release, also when it comes twice at once, and again when it has ended',
    test: async ({ a, b }) => {
      const same = request({ requestKey: 'same' })
      const ask = (of: Ports) => of.store.transaction((tx) => tx.createRelease(same))
      const outcomes = await Promise.all([a, b, a].map(ask))
      expect(outcomes.map((outcome) => Object.keys(outcome)[0]).sort()).toEqual(['made', 'seen', 'seen'])
      await a.store.transaction((tx) => tx.changeRelease(1, { state: 'cancelled' }))
      expect(await ask(b)).toMatchObject({ seen: { number: 1, state: 'cancelled' } })
    },
  },
  {
    name: 'releases are numbered without gaps, whatever is rolled back, and read newest first',
    test: async ({ a, b }) => {
      const failing = a.store.transaction(async (tx) => {
        await tx.createRelease(request())
        throw onPurpose
      })
      await expect(failing).rejects.toBe(onPurpose)
      const make = async (_: unknown, at: number) =>
        (await makeRelease(at % 2 ? a : b, { environment: `e${at}` })).number
      const numbers = await Promise.all(Array.from({ length: 8 }, make))
      expect(numbers.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      await a.store.transaction(async (tx) => {
        await tx.addSignOff(4, word({ kind: 'emergency' }))
        await tx.changeRelease(2, { state: 'refused' })
      })
      const read = async (filter: Partial<Parameters<typeof a.store.releases>[0]>) =>
        (await a.store.releases({ limit: 9, ...filter })).map(({ number }) => number)
      expect(await read({ limit: 3 })).toEqual([8, 7, 6])
      expect(await read({ before: 4, states: ['planning'] })).toEqual([3, 1])
      expect(await read({ states: [] })).toEqual([])
      expect(await read({ environment: 'nowhere' })).toEqual([])
      expect(await read({ signedAs: 'emergency' })).toEqual([4])
    },
  },
  {
    name: 'a state that may not follow is refused, and an environment is free when its release has ended',
    test: async ({ a }) => {
      await makeRelease(a)
      const leap = a.store.transaction((tx) => tx.changeRelease(1, { state: 'succeeded' }))
      await expect(leap).rejects.toThrow('may not become')
      const unknown = a.store.transaction((tx) => tx.changeRelease(9, { attempt: 1 }))
      await expect(unknown).rejects.toThrow('#9 is not there')
      await a.store.transaction((tx) => tx.changeRelease(1, { state: 'cancelled', endedAt: tx.now }))
      expect(await a.store.current('api', 'production')).toBeUndefined()
      const next = await makeRelease(a, { replaces: 1 })
      expect(await a.store.release(1)).toMatchObject({ replacedBy: next.number })
      expect(await a.store.current('api', 'production')).toEqual(next)
      expect(await a.store.transaction((tx) => tx.lockRelease(9))).toBeUndefined()
    },
  },
  {
    name: 'whoever waits for a release’s lock sees the sign-offs and the state of meanwhile',
    test: async ({ a, b, someoneWaits }) => {
      await makeRelease(a)
      const locked = Promise.withResolvers<void>()
      const first = a.store.transaction(async (tx) => {
        await tx.lockRelease(1)
        locked.resolve()
        await someoneWaits()
        await tx.addSignOff(1, word())
        await tx.changeRelease(1, { state: 'refused' })
      })
      await locked.promise
      const seen = await b.store.transaction((tx) => tx.lockRelease(1))
      await first
      expect(seen).toMatchObject({ state: 'refused', signOffs: [word()] })
    },
  },
  {
    name: 'a change waits for the lock, and is refused by what was committed meanwhile',
    test: async ({ a, b, someoneWaits }) => {
      await makeRelease(a)
      const locked = Promise.withResolvers<void>()
      const first = a.store.transaction(async (tx) => {
        await tx.lockRelease(1)
        locked.resolve()
        await someoneWaits()
        await tx.changeRelease(1, { state: 'cancelled' })
      })
      await locked.promise
      const late = b.store.transaction((tx) => tx.changeRelease(1, { state: 'awaiting sign-off' }))
      await expect(late).rejects.toThrow('may not become')
      await first
      expect(await b.store.release(1)).toMatchObject({ state: 'cancelled' })
    },
  },
  {
    name: 'one word is taken a person, kind and fingerprint',
    test: async ({ a, b }) => {
      await makeRelease(a)
      const given = await Promise.all([a, b, a].map(({ store }) => store.transaction((tx) => tx.addSignOff(1, word()))))
      expect(given.filter(Boolean)).toHaveLength(1)
      const more = await a.store.transaction(async (tx) => [
        await tx.addSignOff(1, word({ fingerprint: 'g' })),
        await tx.addSignOff(1, word({ fingerprint: 'g', note: 'again' })),
        await tx.addSignOff(1, word({ kind: 'qa' })),
      ])
      expect(more).toEqual([true, false, true])
      const read = await b.store.release(1)
      expect(read?.signOffs.map(({ kind, fingerprint }) => `${kind} ${fingerprint}`)).toEqual([
        'approval f',
        'approval g',
        'qa f',
      ])
    },
  },
]

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
        tx.addEvent({ release: 1, type: 'noted', actor: 'bot', data: {} })
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
        async (tx) => tx.addEvent({ release: 9, type: 'noted', actor: 'bot', data: {} }),
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
          tx.addEvent({ release: mine, type: 'planned', actor: 'worker', data: {} })
        })
      await Promise.all([both(a, 1, 2), both(b, 2, 1)])
      expect(runs).toBe(3)
      expect(await a.store.chainHead()).toMatchObject({ count: 2 })
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
              tx.addEvent({ release: 1, type: 'noted', actor: 'bot', data: { text: 'ü "\0', at } })
              tx.addEvent({ release: 1, type: 'seen', actor: 'worker', data: {} })
              if (at === 7) throw onPurpose
            })
            .catch((error) => expect(error).toBe(onPurpose)),
        ),
      )
      await a.store.transaction(async (tx) => tx.addEvent({ type: 'worker_seen', actor: 'worker', data: {} }))
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
        tx.addEvent({ type: 'noted', actor: 'bot', data: { at: new Date() } }),
      )
      await expect(wrong).rejects.toThrow('JSON values only')
      expect(await a.store.chainHead()).toEqual({ count: 0, hash: '0'.repeat(64) })
    },
  },
]

export const smallThings: readonly Behaviour[] = [
  {
    name: 'a button keeps its token, and only ours resolves',
    test: async ({ a, b }) => {
      const tokens = await Promise.all([a, b, a].map(({ store }) => store.buttonToken(1, 'approve')))
      expect(new Set(tokens).size).toBe(1)
      expect(await b.store.resolveButton(tokens[0] ?? '')).toEqual({ release: 1, action: 'approve' })
      expect(await b.store.resolveButton('guess')).toBeUndefined()
      expect(await a.store.buttonToken(1, 'reject')).not.toBe(tokens[0])
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
