/** What the store promises of jobs, and of the claims of those who have them in hand. */

import { expect } from 'vitest'
import { type Claim, ClaimLost } from '../../src/release/ports/jobs.ts'
import { anyEvent } from '../support/builders.ts'
import { type Behaviour, passUntil, stillWaits } from './store-contract-stores.ts'
import { makeRelease } from './store-opened.ts'
import { aborted, enqueue, run, working } from './store-working.ts'

const plan = { kind: 'plan', release: 1 } as const
const onPurpose = new Error('on purpose')
const stuck = (claim: Claim) => aborted(claim.signal).then(() => Promise.reject(claim.signal.reason))

export const jobs: readonly Behaviour[] = [
  {
    name: 'a job is there with its transaction, once, also when it is in hand or done',
    works: true,
    test: async ({ a, b }) => {
      await makeRelease(a)
      const failing = a.store.transaction(async (tx) => {
        await tx.enqueue(plan)
        throw onPurpose
      })
      await expect(failing).rejects.toBe(onPurpose)
      const going = Promise.withResolvers<void>()
      const work = await working(a, () => going.promise)
      expect(await stillWaits(work.next())).toBe(true)
      expect(await a.jobs.isLive(plan)).toBe(false)
      await Promise.all([a, b, a].map((each) => enqueue(each, plan)))
      await expect.poll(() => work.claims).toMatchObject([{ job: plan, attempt: 1 }])
      await enqueue(b, { release: 1, kind: 'plan' })
      expect(await b.jobs.isLive(plan)).toBe(true)
      going.resolve()
      await expect.poll(() => b.jobs.isLive(plan)).toBe(false)
      await enqueue(b, plan)
      await enqueue(b, run(2))
      await expect.poll(() => work.claims).toMatchObject([{ job: plan }, { job: run(2), attempt: 1 }])
    },
  },
  {
    name: 'a preview is known by its command, and planning for an emergency is another job than planning',
    works: true,
    test: async ({ a, b }) => {
      const where = { app: 'api', environment: 'production', configuration: 'c' }
      const asked = { kind: 'preview', id: 'p1', ...where, user: 'U1', asked: '10:00' } as const
      const again = { ...asked, asked: '10:01' }
      await enqueue(a, asked)
      expect(await b.jobs.isLive(again)).toBe(true)
      await enqueue(b, again)
      expect(await b.jobs.isLive({ ...again, id: 'p2' })).toBe(false)
      await enqueue(b, plan)
      expect(await b.jobs.isLive({ ...plan, forEmergency: true })).toBe(false)
      const work = await working(a)
      const claimed = [await work.next(), await work.next()].map(({ job }) => job)
      expect(claimed).toEqual(expect.arrayContaining([asked, plan]))
      expect(await stillWaits(work.next())).toBe(true)
    },
  },
  {
    name: 'a delayed job waits for its time',
    works: true,
    test: async ({ a, pass }) => {
      await makeRelease(a)
      const work = await working(a)
      await enqueue(a, run(), 30_000)
      await enqueue(a, plan)
      expect((await work.next()).job).toEqual(plan)
      await pass(20_000)
      const next = work.next()
      expect(await stillWaits(next)).toBe(true)
      expect(await a.jobs.isLive(run())).toBe(true)
      await pass(10_000)
      expect((await next).job).toEqual(run())
    },
  },
  {
    name: 'a job whose handler throws is resumed, with the next attempt',
    works: true,
    test: async (tested) => {
      const { a } = tested
      await makeRelease(a)
      const work = await working(a, async ({ attempt }) => {
        if (attempt < 3) throw onPurpose
      })
      await enqueue(a, run())
      const [one, two, three] = [work.next(), work.next(), work.next()]
      expect(await one).toMatchObject({ job: run(), attempt: 1 })
      expect(await passUntil(tested, two)).toMatchObject({ id: (await one).id, job: run(), attempt: 2 })
      expect(await passUntil(tested, three)).toMatchObject({ attempt: 3 })
      await expect.poll(() => a.jobs.isLive(run())).toBe(false)
    },
  },
  {
    name: 'one run an environment is in hand, over all processes, and several environments at once',
    works: true,
    test: async (tested) => {
      const { a, b } = tested
      await makeRelease(a)
      await makeRelease(a, { environment: 'integration' })
      const first = Promise.withResolvers<void>()
      const claims: Claim[] = []
      const handle = async (claim: Claim) => {
        claims.push(claim)
        await first.promise
      }
      await working(a, handle)
      await working(b, handle)
      await enqueue(a, run(1))
      await enqueue(a, run(2))
      await enqueue(b, run(1, 2))
      await expect.poll(() => claims.length).toBe(2)
      expect(claims.map(({ job }) => 'release' in job && job.release).sort()).toEqual([1, 2])
      expect(
        await stillWaits(
          expect
            .poll(() => claims.length, { timeout: 200 })
            .toBe(3)
            .catch(() => never()),
        ),
      ).toBe(true)
      first.resolve()
      const third = (async () => expect.poll(() => claims.length, { timeout: 20_000 }).toBe(3))()
      await passUntil(tested, third)
      expect(claims[2]?.job).toMatchObject({ release: 1 })
    },
  },
  {
    name: 'a claim holds for its transactions, and one that another has taken over commits nothing',
    works: true,
    test: async (tested) => {
      const { a, takeJobsAway } = tested
      await makeRelease(a)
      const work = await working(a, stuck)
      await enqueue(a, run())
      const claim = await work.next()
      const note = (as: Claim) =>
        a.store.transaction(async (tx) => tx.addEvent(anyEvent({ type: 'step_started', actor: 'worker', data: {} })), {
          as,
        })
      await note(claim)
      await takeJobsAway()
      expect(await a.jobs.isLive(run())).toBe(true)
      await expect(note(claim)).rejects.toBeInstanceOf(ClaimLost)
      const again = await passUntil(tested, work.next())
      expect(again).toMatchObject({ id: claim.id, attempt: 2, job: claim.job })
      await expect(note(claim)).rejects.toBeInstanceOf(ClaimLost)
      await note(again)
      expect(await a.store.chainHead()).toMatchObject({ count: 2 })
      await aborted(claim.signal)
      expect(claim.signal.reason).toBeInstanceOf(ClaimLost)
      expect(again.signal.aborted).toBe(false)
    },
  },
  {
    name: 'a claim whose job is done commits nothing',
    works: true,
    test: async ({ a }) => {
      await makeRelease(a)
      const work = await working(a)
      await enqueue(a, run())
      const claim = await work.next()
      await expect.poll(() => a.jobs.isLive(run())).toBe(false)
      const late = a.store.transaction((tx) => tx.enqueue(run(2)), { as: claim })
      await expect(late).rejects.toBeInstanceOf(ClaimLost)
      expect(await a.jobs.isLive(run(2))).toBe(false)
      expect(claim.signal.aborted).toBe(false)
    },
  },
  {
    name: 'a stop takes nothing new, lets the job in hand end, and leaves the rest to others',
    works: true,
    test: async (tested) => {
      const { a, b } = tested
      await makeRelease(a)
      const going = Promise.withResolvers<void>()
      const work = await working(a, () => going.promise)
      await enqueue(a, run())
      const claim = await work.next()
      const stopped = work.stop(20_000)
      await enqueue(a, plan)
      going.resolve()
      await stopped
      expect(claim.signal.aborted).toBe(false)
      expect(work.claims).toHaveLength(1)
      expect(await a.jobs.isLive(run())).toBe(false)
      const next = await working(b)
      expect(await passUntil(tested, next.next())).toMatchObject({ job: plan })
    },
  },
  {
    name: 'a stop tells the job in hand after the grace, and gives it to the next worker',
    works: true,
    test: async (tested) => {
      const { a, b } = tested
      await makeRelease(a)
      const work = await working(a, stuck)
      await enqueue(a, run())
      const claim = await work.next()
      await passUntil(tested, work.stop(100))
      expect(claim.signal.aborted).toBe(true)
      expect(claim.signal.reason).not.toBeInstanceOf(ClaimLost)
      const next = await working(b)
      expect(await passUntil(tested, next.next())).toMatchObject({ job: run(), attempt: 2 })
    },
  },
]

function never(): Promise<never> {
  return new Promise(() => undefined)
}
