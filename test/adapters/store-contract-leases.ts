/** What the store promises of the lease of an environment. */
import { expect, onTestFinished } from 'vitest'
import { ClaimLost, type Lease, LeaseLost } from '../../src/release/ports/jobs.ts'
import { anyEvent } from '../support/builders.ts'
import type { Behaviour, Ports } from './store-contract-stores.ts'
import { makeRelease } from './store-opened.ts'
import { aborted } from './store-working.ts'

const onPurpose = new Error('on purpose')
const take = <T>({ lock }: Ports, work: (lease: Lease) => Promise<T>, environment = 'production') =>
  lock.withLease('api', environment, work)
const fenceOf = (ports: Ports, environment?: string) => take(ports, async ({ fence }) => fence, environment)
const begin = ({ store }: Ports, lease: Lease) =>
  store.transaction(
    async (tx) => {
      await tx.putStep(1, { name: 'push', state: 'running', attempt: 1, effect: 'unknown' })
      tx.addEvent(anyEvent({ release: 1, type: 'step_started', actor: 'worker', data: {} }))
    },
    { lease },
  )

/** A lease that a process holds until `end`. */
async function holding(ports: Ports) {
  const taken = Promise.withResolvers<Lease>()
  const end = Promise.withResolvers<void>()
  const outcome = take(ports, (lease) => {
    taken.resolve(lease)
    return end.promise
  })
  onTestFinished(async () => {
    end.resolve()
    await outcome
  })
  const lease = await Promise.race([taken.promise, outcome])
  if (typeof lease !== 'object' || !('fence' in lease)) throw new Error('another run holds the lease')
  return {
    lease,
    end: async () => {
      end.resolve()
      await outcome
    },
  }
}

export const leases: readonly Behaviour[] = [
  {
    name: 'one run holds it, each environment has its own, and it ends with the work or its error',
    test: async ({ a, b }) => {
      const held = await take(a, async (lease) => {
        expect(lease).toMatchObject({ app: 'api', environment: 'production' })
        await lease.assertHeld()
        expect(await fenceOf(b)).toBe('held')
        expect(await fenceOf(a)).toBe('held')
        return fenceOf(b, 'integration')
      })
      expect(held).toEqual({ done: { done: 1 } })
      await expect(take(b, () => Promise.reject(onPurpose))).rejects.toBe(onPurpose)
      expect(await fenceOf(a)).not.toBe('held')
    },
  },
  {
    name: 'each holder has a larger fencing number than those before',
    test: async ({ a, b }) => {
      expect([await fenceOf(a), await fenceOf(b), await fenceOf(a)]).toEqual([{ done: 1 }, { done: 2 }, { done: 3 }])
    },
  },
  {
    name: 'a lock of the same environment is held beneath it, so that a run of an older version waits',
    test: async ({ a, b }) => {
      const older = await b.lock.withLock('api', 'production', () => fenceOf(a))
      expect(older).toEqual({ done: 'held' })
      const newer = await take(a, () => b.lock.withLock('api', 'production', async () => 1))
      expect(newer).toEqual({ done: 'held' })
    },
  },
  {
    name: 'one whose time has passed goes to another run, and the first commits nothing and begins nothing more',
    test: async ({ a, b, endLeases }) => {
      await makeRelease(a)
      const first = await holding(a)
      await begin(a, first.lease)
      await endLeases()
      const second = await holding(b)
      expect(second.lease.fence).toBeGreaterThan(first.lease.fence)
      await expect(begin(a, first.lease)).rejects.toBeInstanceOf(LeaseLost)
      await expect(first.lease.assertHeld()).rejects.toBeInstanceOf(ClaimLost)
      await aborted(first.lease.signal)
      expect(first.lease.signal.reason).toBeInstanceOf(LeaseLost)
      await first.end()
      // The end of the first one takes nothing from the second.
      await second.lease.assertHeld()
      await begin(b, second.lease)
      expect(await fenceOf(a)).toBe('held')
      await second.end()
      expect(await a.store.chainHead()).toMatchObject({ count: 2 })
    },
  },
  {
    name: 'one whose time has passed is lost, though nobody has taken it',
    test: async ({ a, endLeases }) => {
      await makeRelease(a)
      const { lease, end } = await holding(a)
      await endLeases()
      await expect(begin(a, lease)).rejects.toBeInstanceOf(LeaseLost)
      await expect(lease.assertHeld()).rejects.toBeInstanceOf(LeaseLost)
      expect(lease.signal.aborted).toBe(true)
      await end()
      expect(await fenceOf(a)).toEqual({ done: lease.fence + 1 })
    },
  },
  {
    name: 'one that has ended commits nothing',
    test: async ({ a }) => {
      await makeRelease(a)
      const { lease, end } = await holding(a)
      await end()
      await expect(begin(a, lease)).rejects.toBeInstanceOf(LeaseLost)
      expect(await a.store.release(1)).toMatchObject({ steps: [] })
    },
  },
]
