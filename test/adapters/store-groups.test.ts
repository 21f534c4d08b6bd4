/** Which worker gets which job: groups of workers, and what becomes of a job when releases.yml changes them. */
import { afterAll, describe, expect, it } from 'vitest'
import type { Job } from '../../src/release/ports/jobs.ts'
import type { WorkerGroups } from '../../src/release/workers.ts'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'
import { enqueue, run, soon, working } from './store-working.ts'

afterAll(stopPostgres)

const NET: WorkerGroups = { names: ['net'], of: { 'api/production': 'net' } }
const NOBODY: WorkerGroups = { names: [], of: {} }
const plan = (release: number): Job => ({ kind: 'plan', release })

/** A bot with a release in production, #1, and one in integration, #2. */
async function botWith(groups: WorkerGroups) {
  const bot = await openedStore({ role: 'bot', timing: soon, groups })
  await makeRelease(bot)
  await makeRelease(bot, { environment: 'integration' })
  return bot
}

describe('the jobs of a group', () => {
  it('go to its workers alone, and those of other environments to workers without a group', async () => {
    const bot = await botWith(NET)
    const plain = await working(await bot.again({ role: 'worker', groups: NET }))
    const net = await working(await bot.again({ role: 'worker', groups: NET, group: 'net' }))
    for (const job of [plan(1), plan(2), run(1, 1), run(1, 2)]) await enqueue(bot, job)
    const preview = { configuration: 'c', user: 'U1', asked: 'now', app: 'api' } as const
    await enqueue(bot, { kind: 'preview', id: 'one', environment: 'production', ...preview })
    await enqueue(bot, { kind: 'preview', id: 'two', environment: 'integration', ...preview })
    const taken = async (work: typeof plain) => {
      const jobs = [(await work.next()).job, (await work.next()).job, (await work.next()).job]
      return jobs.map((job) => (job.kind === 'preview' ? job.environment : `${job.kind} ${job.release}`)).sort()
    }
    expect(await taken(net)).toEqual(['plan 1', 'production', 'run 1'])
    expect(await taken(plain)).toEqual(['integration', 'plan 2', 'run 2'])
  })

  it('wait while none of its workers is there, and are known to wait', async () => {
    const bot = await botWith(NET)
    const plain = await working(await bot.again({ role: 'worker', groups: NET }))
    await enqueue(bot, plan(1))
    await enqueue(bot, plan(2))
    expect((await plain.next()).job).toEqual(plan(2))
    expect(await bot.jobs.isLive(plan(1))).toBe(true)
    const net = await working(await bot.again({ role: 'worker', groups: NET, group: 'net' }))
    expect((await net.next()).job).toEqual(plan(1))
    expect(plain.claims).toHaveLength(1)
  })

  it('commit as their claim, which no other attempt has', async () => {
    const bot = await botWith(NET)
    const worker = await bot.again({ role: 'worker', groups: NET, group: 'net' })
    const ends: string[] = []
    const work = await working(worker, async (claim) => {
      await worker.store.transaction((tx) => tx.changeRelease(1, { newerCommits: claim.attempt }), { as: claim })
      ends.push('committed')
    })
    await enqueue(bot, run(1, 1))
    await work.next()
    await expect.poll(() => ends).toEqual(['committed'])
    expect(await bot.store.release(1)).toMatchObject({ newerCommits: 1 })
  })
})

describe('a job that waits when the groups change', () => {
  it('goes to the workers that release its environment now, once', async () => {
    const before = await botWith(NOBODY)
    await enqueue(before, plan(1))
    await enqueue(before, plan(2))
    const after = await before.again({ role: 'bot', groups: NET })
    await after.rerouteJobs()
    await after.rerouteJobs()
    const net = await working(await before.again({ role: 'worker', groups: NET, group: 'net' }))
    const plain = await working(await before.again({ role: 'worker', groups: NET }))
    expect([(await net.next()).job, (await plain.next()).job]).toEqual([plan(1), plan(2)])
    expect([net.claims.length, plain.claims.length]).toEqual([1, 1])
  })

  it('comes back when its group is gone from the file', async () => {
    const before = await botWith(NET)
    await enqueue(before, plan(1))
    const after = await before.again({ role: 'bot', groups: NOBODY })
    await after.rerouteJobs()
    const plain = await working(await before.again({ role: 'worker', groups: NOBODY }))
    expect((await plain.next()).job).toEqual(plan(1))
  })

  it('is not there twice where both queues have got it', async () => {
    const before = await botWith(NOBODY)
    await enqueue(before, plan(1))
    const after = await before.again({ role: 'bot', groups: NET })
    await enqueue(after, plan(1))
    await after.rerouteJobs()
    expect(await before.sql(`select name from pgboss.job`)).toEqual([{ name: 'plan.net' }])
  })

  it('is left with who holds it, and a run of its environment starts nowhere else meanwhile', async () => {
    const before = await botWith(NOBODY)
    const going = Promise.withResolvers<void>()
    const plain = await working(await before.again({ role: 'worker', groups: NOBODY }), () => going.promise)
    await enqueue(before, run(1, 1))
    await plain.next()
    const after = await before.again({ role: 'bot', groups: NET })
    await after.rerouteJobs()
    const net = await working(await before.again({ role: 'worker', groups: NET, group: 'net' }))
    await enqueue(after, run(2, 1))
    const isTried = async () =>
      (await before.sql(`select state, retry_count from pgboss.job where name = 'run.net'`))[0]
    await expect.poll(isTried, { timeout: 10_000 }).toMatchObject({ retry_count: 1 })
    expect(net.claims).toEqual([])
    going.resolve()
    expect((await net.next()).job).toEqual(run(2, 1))
  })
})

describe('the workers that the store remembers', () => {
  it('have their host and their group, and the last of each group is kept', async () => {
    const opened = await openedStore()
    const configurations = { 'api/production': '2:x' }
    await opened.store.workerSeen({ id: 'old', configurations, host: 'host-0', group: 'net' })
    await opened.store.workerSeen({ id: 'net', configurations, host: 'host-1', group: 'net' })
    await opened.store.workerSeen({ id: 'plain', configurations: {} })
    await opened.sql(`update worker set at = at - interval '31 days' where id <> 'plain'`)
    await opened.forget()
    expect(await opened.store.workers()).toEqual([
      { id: 'plain', at: expect.any(Date), configurations: {} },
      { id: 'net', at: expect.any(Date), configurations, host: 'host-1', group: 'net' },
    ])
  })
})
