/** T11: what a store costs that nobody needs, and that what is rarely asked for is found all the same. */
import pg from 'pg'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'
import { enqueue, run, soon, storeWithRelease, working } from './store-working.ts'

afterAll(stopPostgres)

/** The statements that this process gives from now on. */
function statements(): { matching(what: RegExp): number; pauses(what: RegExp): readonly number[] } {
  const given: { readonly text: string; readonly at: number }[] = []
  const query = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [first] = args
    const text = typeof first === 'string' ? first : (first as { text: string }).text
    given.push({ text, at: performance.now() })
    return Reflect.apply(query, this, args)
  })
  onTestFinished(() => spy.mockRestore())
  const matching = (what: RegExp) => given.filter(({ text }) => what.test(text))
  return {
    matching: (what) => matching(what).length,
    pauses: (what) =>
      matching(what).flatMap(({ at }, index, all) => (index === 0 ? [] : [at - (all[index - 1]?.at ?? at)])),
  }
}

const LOOK = /from unnest\(.*\) as q\(name\)/s
const FETCH = /SKIP LOCKED.*UPDATE pgboss/s
const SUPERVISE = /monitor_claim_on|heartbeat timeout/

describe('T11: an idle worker', () => {
  it('asks for the jobs of all its queues with one statement', async () => {
    const opened = await openedStore({ role: 'worker', timing: { ...soon, pollSeconds: 0.1 } })
    await makeRelease(opened)
    const work = await working(opened)
    await enqueue(opened, run())
    await work.next()
    await expect.poll(() => opened.jobs.isLive(run())).toBe(false)
    const given = statements()
    await expect.poll(() => given.matching(LOOK), { timeout: 10_000 }).toBeGreaterThan(4)
    expect({ fetches: given.matching(FETCH), passes: given.matching(SUPERVISE) }).toEqual({ fetches: 0, passes: 0 })
  })

  it('asks less often while there is no job, and at its usual pace while one waits for its time', async () => {
    const opened = await openedStore({ role: 'worker', timing: { ...soon, pollSeconds: 0.2 } })
    await makeRelease(opened)
    await working(opened)
    const quiet = statements()
    await expect.poll(() => quiet.matching(LOOK), { timeout: 20_000 }).toBeGreaterThan(3)
    // The first look is at the usual pace; a timer ends late on a busy machine, but never early.
    expect(Math.min(...quiet.pauses(LOOK))).toBeGreaterThan(900)
    await enqueue(opened, run(), 3_600_000)
    const busy = statements()
    await expect.poll(() => Math.min(...busy.pauses(LOOK)), { timeout: 20_000 }).toBeLessThan(900)
  }, 50_000)

  it('takes a job that nobody was notified of', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    await enqueue(opened, run(), 3_600_000)
    await opened.sql('update pgboss.job set start_after = now()')
    expect(await work.next()).toMatchObject({ job: run(), attempt: 1 })
  })

  it('takes a job of the moment in which its connection for notifications was lost', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    await enqueue(opened, run())
    await work.next()
    const ended = await opened.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'signoff jobs' and query ~ '^LISTEN'`,
    )
    expect(ended).toHaveLength(1)
    await enqueue(await opened.again({ role: 'bot' }), { kind: 'plan', release: 1 })
    expect((await work.next()).job).toEqual({ kind: 'plan', release: 1 })
  })

  it('works off more jobs than it does at once without waiting for a look', async () => {
    const opened = await openedStore({ role: 'worker', timing: { ...soon, pollSeconds: 120 } })
    await makeRelease(opened)
    const work = await working(opened)
    await opened.store.transaction(async (tx) => {
      for (let attempt = 1; attempt <= 12; attempt += 1) await tx.enqueue({ kind: 'preflight', release: 1, attempt })
    })
    for (let at = 0; at < 12; at += 1) await work.next()
    await expect.poll(() => work.claims.length).toBe(12)
  }, 30_000)
})
