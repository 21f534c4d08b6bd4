/** T11: what a store costs that nobody needs, and that what is rarely asked for is found all the same. */
import pg from 'pg'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'
import { enqueue, run, soon, storeWithRelease, working } from './store-working.ts'

afterAll(stopPostgres)

/** The statements that this process gives from now on. */
function statements(): { matching(what: RegExp): number } {
  const given: string[] = []
  const query = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [first] = args
    given.push(typeof first === 'string' ? first : (first as { text: string }).text)
    return Reflect.apply(query, this, args)
  })
  onTestFinished(() => spy.mockRestore())
  return { matching: (what) => given.filter((text) => what.test(text)).length }
}

const LOOK = /from unnest\(.*\) as q\(name\)/s
const FETCH = /SKIP LOCKED.*UPDATE pgboss/s
const SUPERVISE = /monitor_claim_on|heartbeat timeout/

describe('T11: an idle worker', () => {
  it('asks for the jobs of all its queues with one statement', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    await enqueue(opened, run())
    await work.next()
    await expect.poll(() => opened.jobs.isLive(run())).toBe(false)
    const given = statements()
    await expect.poll(() => given.matching(LOOK), { timeout: 10_000 }).toBeGreaterThan(4)
    expect({ fetches: given.matching(FETCH), passes: given.matching(SUPERVISE) }).toEqual({ fetches: 0, passes: 0 })
  })

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
