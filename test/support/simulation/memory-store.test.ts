/** What only the store in memory can be made to do: die, be stopped, fail, and jump in time. */

import { setImmediate as microtasks } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { attemptsOf } from '../../../src/adapters/store/jobs.ts'
import { type Claim, ClaimLost, type Job } from '../../../src/release/ports/jobs.ts'
import type { NewRelease } from '../../../src/release/ports/store.ts'
import { anyEvent } from '../builders.ts'
import { createMemoryStore } from './memory-store.ts'

const request: NewRelease = {
  app: 'api',
  environment: 'production',
  kind: 'deploy',
  requester: { id: 'U1', name: 'Ada' },
  configuration: 'digest',
  requestKey: 'key',
}
const plan: Job = { kind: 'plan', release: 1 }
const run: Job = { kind: 'run', release: 1, attempt: 1 }
const hang = () => new Promise<never>(() => undefined)

async function opened() {
  const time = { now: Date.UTC(2026, 10, 22, 10) }
  const memory = createMemoryStore({ now: () => time.now })
  const [a, b] = [memory.connect('a'), memory.connect('b')]
  await a.store.transaction((tx) => tx.createRelease(request))
  const pass = async (ms: number) => {
    time.now += ms
    memory.wake()
    await microtasks()
  }
  const inMs = () => {
    const due = memory.nextDue()
    return due === undefined ? undefined : due - time.now
  }
  return { memory, a, b, pass, inMs }
}

/** What became of a promise by now. */
async function seen(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = 'waits'
  promise.then(
    () => {
      state = 'done'
    },
    (error: unknown) => {
      state = error
    },
  )
  await microtasks()
  return state
}

describe('a process that dies', () => {
  it('commits nothing more and hears nothing more, and its row locks are free', async () => {
    const { memory, a, b } = await opened()
    const under = a.store.transaction(async (tx) => {
      await tx.changeRelease(1, { newerCommits: 1 })
      await hang()
    })
    const waiting = b.store.transaction((tx) => tx.changeRelease(1, { newerCommits: 2 }))
    expect(await seen(waiting)).toBe('waits')
    const held = a.lock.withLock('api', 'production', hang)
    const { signal } = new AbortController()
    await a.outbox.wait(0, signal)
    await a.outbox.due(1)
    const outbox = a.outbox.wait(1_000_000, signal)
    await microtasks()
    a.die()
    for (const promise of [under, held, outbox, a.store.now(), a.inbox.receive({ id: 'x', payload: 1 })]) {
      expect(await seen(promise)).toBe('waits')
    }
    await waiting
    expect(memory.releases()).toMatchObject([{ newerCommits: 2 }])
    expect(await b.lock.withLock('api', 'production', async () => 1)).toEqual({ done: 1 })
    expect(await b.inbox.receive({ id: 'x', payload: 1 })).toBe(true)
    expect(await memory.connect('a').store.release(1)).toMatchObject({ newerCommits: 2 })
  })

  it('loses its job to another after the heartbeat, and commits nothing as its holder', async () => {
    const { memory, a, b, pass, inMs } = await opened()
    const claims: { attempt: number; signal: AbortSignal }[] = []
    const take = async ({ attempt, signal }: Claim) => {
      claims.push({ attempt, signal })
      await hang()
    }
    await a.jobs.work(take)
    await a.store.transaction((tx) => tx.enqueue(run))
    await microtasks()
    expect(memory.jobs()).toMatchObject([{ job: run, state: 'active', attempt: 1, holder: 'a' }])
    expect(inMs()).toBeUndefined()
    await b.jobs.work(take)
    a.die()
    expect(inMs()).toBe(10_000)
    await pass(9_999)
    expect(memory.jobs()).toMatchObject([{ state: 'active', holder: 'a' }])
    await pass(1)
    expect(inMs()).toBe(1_000)
    await pass(1_000)
    expect(memory.jobs()).toMatchObject([{ state: 'active', attempt: 2, holder: 'b' }])
    expect(claims.map(({ attempt, signal }) => [attempt, signal.aborted])).toEqual([
      [1, false],
      [2, false],
    ])
  })
})

describe('a process that is stopped beyond its lease', () => {
  it('has lost transactions, claims and locks, and notices at its next transaction', async () => {
    const { memory, a, b, pass } = await opened()
    const inHand = Promise.withResolvers<Claim>()
    await a.jobs.work(async (claim) => {
      inHand.resolve(claim)
      await hang()
    })
    await a.store.transaction((tx) => tx.enqueue(run))
    const claim = await inHand.promise
    const { signal } = claim
    const lostLock = Promise.withResolvers<AbortSignal>()
    void a.lock.withLock('api', 'production', async (lost) => {
      lostLock.resolve(lost)
      await hang()
    })
    const lost = await lostLock.promise
    const goOn = Promise.withResolvers<void>()
    const under = a.store.transaction(async (tx) => {
      await tx.changeRelease(1, { newerCommits: 1 })
      await goOn.promise
    })
    await microtasks()
    a.stall()
    expect(await b.lock.withLock('api', 'production', async () => 1)).toEqual({ done: 1 })
    await b.store.transaction((tx) => tx.changeRelease(1, { newerCommits: 2 }))
    const again = Promise.withResolvers<Claim>()
    await b.jobs.work(async (taken) => again.resolve(taken))
    await pass(1_000)
    expect(await again.promise).toMatchObject({ job: run, attempt: 2 })
    expect([signal.aborted, lost.aborted]).toEqual([false, false])

    goOn.resolve()
    await expect(under).rejects.toThrow('terminated')
    await expect(a.store.transaction(async () => 1, { as: claim })).rejects.toBeInstanceOf(ClaimLost)
    expect(signal.reason).toBeInstanceOf(ClaimLost)
    expect(lost.aborted).toBe(true)
    expect(memory.releases()).toMatchObject([{ newerCommits: 2 }])
    expect(memory.jobs()).toMatchObject([{ state: 'done', attempt: 2 }])
  })

  it('notices that a claim is lost where it looks at the claim', async () => {
    const { a } = await opened()
    const inHand = Promise.withResolvers<Claim>()
    await a.jobs.work(async (claim) => {
      inHand.resolve(claim)
      await hang()
    })
    await a.store.transaction((tx) => tx.enqueue(run))
    const claim = await inHand.promise
    expect(claim.signal.aborted).toBe(false)
    a.stall()
    expect(claim.signal.reason).toBeInstanceOf(ClaimLost)
  })
})

describe('a commit that is to fail', () => {
  it('commits nothing, or loses its answer, as often as told', async () => {
    const { memory, a, b } = await opened()
    const add = () =>
      a.store.transaction(async (tx) => tx.addEvent(anyEvent({ type: 'noted', actor: 'bot', data: {} })))
    memory.failNext('a', 'before', 2)
    memory.failNext('a', 'after')
    await expect(add()).rejects.toThrow('terminated')
    await b.store.transaction(async () => 1)
    await expect(a.inbox.receive({ id: 'x', payload: 1 })).rejects.toThrow('terminated')
    expect(memory.events()).toHaveLength(0)
    await expect(add()).rejects.toThrow('terminated')
    expect(memory.events()).toHaveLength(1)
    await add()
    expect(await a.inbox.receive({ id: 'x', payload: 1 })).toBe(true)
    expect(memory.events()).toHaveLength(2)
  })
})

describe('time', () => {
  it('goes on to what is due next, and to nothing else', async () => {
    const { memory, a, pass, inMs } = await opened()
    await a.store.transaction(async (tx) => {
      await tx.enqueue(plan, { afterMs: 5_000 })
      await tx.send({ kind: 'announcement', release: 1, key: 'k' })
    })
    expect(inMs()).toBe(5_000)
    const [posting] = await a.outbox.due(1)
    await a.outbox.postpone(posting?.id ?? 0, (await a.store.now()).getTime() + 2_000)
    expect(inMs()).toBe(2_000)
    const { signal } = new AbortController()
    await a.outbox.wait(0, signal)
    expect(await a.outbox.due(1)).toEqual([])
    const waiting = a.outbox.wait(60_000, signal)
    await pass(1_999)
    expect(await seen(waiting)).toBe('waits')
    await pass(1)
    expect(await seen(waiting)).toBe('done')
    expect(await a.outbox.due(1)).toHaveLength(1)
    const limited = a.outbox.wait(3_000, signal)
    await pass(2_999)
    expect(await seen(limited)).toBe('waits')
    await pass(1)
    expect(await seen(limited)).toBe('done')
    expect(memory.jobs()).toMatchObject([{ state: 'waiting', attempt: 0 }])
    expect(inMs()).toBeUndefined()
  })

  it('gives up a job that is never done, after ever longer waits', async () => {
    const { memory, a, pass, inMs } = await opened()
    const attempts: number[] = []
    await a.jobs.work(async ({ attempt }) => {
      attempts.push(attempt)
      throw new Error('on purpose')
    })
    await a.store.transaction((tx) => tx.enqueue(plan))
    await microtasks()
    const waits: number[] = []
    for (let ms = inMs(); ms !== undefined; ms = inMs()) {
      waits.push(ms)
      await pass(ms)
    }
    expect(attempts).toHaveLength(attemptsOf(plan))
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000])
    expect(memory.jobs()).toMatchObject([{ state: 'failed', attempt: attemptsOf(plan) }])
    expect(await a.jobs.isLive(plan)).toBe(false)
  })

  it('is given to a stop for its grace', async () => {
    const { a, pass, inMs } = await opened()
    const inHand = Promise.withResolvers<Claim>()
    const worker = await a.jobs.work(async (claim) => {
      inHand.resolve(claim)
      await hang()
    })
    await a.store.transaction((tx) => tx.enqueue(plan))
    const { signal } = await inHand.promise
    const stopped = worker.stop(3_000)
    await microtasks()
    expect(inMs()).toBe(3_000)
    await pass(3_000)
    expect(signal.aborted).toBe(true)
    expect(await seen(stopped)).toBe('waits')
    await pass(5_000)
    expect(await seen(stopped)).toBe('done')
  })
})
