/** Promise 10: the lease of an environment, in what no store in memory shows: sessions, a server that ends, its clock. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import { type Lease, LeaseLost } from '../../src/release/ports/jobs.ts'
import { makeRelease, type Opened, openedStore, stopPostgres } from './store-opened.ts'
import { aborted } from './store-working.ts'

afterAll(stopPostgres)

const take = <T>({ lock }: Pick<Opened, 'lock'>, work: (lease: Lease) => Promise<T>) =>
  lock.withLease('api', 'production', work)

const row = async ({ sql }: Opened) =>
  (await sql('select fence, holder, expires_at > clock_timestamp() as held from environment_lease'))[0]

describe('the lease', () => {
  it('is renewed while the run goes on, by the store’s clock, and ends with it', async () => {
    const opened = await openedStore()
    await take(opened, async () => {
      const ends = () => opened.sql('select expires_at from environment_lease').then(([lease]) => lease?.expires_at)
      const first = await ends()
      await expect.poll(ends, { timeout: 10_000 }).not.toEqual(first)
      expect(await row(opened)).toMatchObject({
        fence: 1,
        held: true,
        holder: `process ${process.pid} on ${hostname()}`,
      })
    })
    expect(await row(opened)).toMatchObject({ fence: 1, held: false })
  })

  it('has ended for good with its run, also by a clock that is then set back by an hour; so it has after an error', async () => {
    const opened = await openedStore()
    const fails = () => Promise.reject(new Error('on purpose'))
    for (const work of [async () => 1, fails]) {
      await take(opened, work).catch(() => undefined)
      // To a clock that is set back by an hour, every time in the store is an hour later.
      await opened.sql(`update environment_lease set expires_at = expires_at + interval '1 hour'`)
      expect(await take(opened, async () => 2)).toEqual({ done: 2 })
    }
  })

  it('of a run whose session has ended holds until its time has passed: the run may not know yet', async () => {
    const opened = await openedStore()
    await take(opened, async (lease) => {
      await opened.sql(`select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
      await aborted(lease.signal)
      expect(lease.signal.reason).toBeInstanceOf(LeaseLost)
      await expect(lease.assertHeld()).rejects.toBeInstanceOf(LeaseLost)
      await opened.sql(`update environment_lease set expires_at = clock_timestamp() + interval '1 hour'`)
      // The advisory lock is free, and the row still keeps everybody out.
      expect(await opened.lock.withLock('api', 'production', async () => 1)).toEqual({ done: 1 })
      expect(await take(opened, async () => 2)).toBe('held')
      await opened.sql('update environment_lease set expires_at = clock_timestamp()')
      expect(await take(opened, async ({ fence }) => fence)).toEqual({ done: 2 })
    })
  })

  it('can’t be taken over in the middle of a transaction of its holder', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    await take(opened, async (lease) => {
      const other = await opened.store.transaction(
        async (tx) => {
          const took = opened.sql(`set lock_timeout = '300ms'; update environment_lease set fence = 9`)
          await expect(took).rejects.toThrow('lock timeout')
          await tx.changeRelease(1, { newerCommits: 1 })
          return 'committed'
        },
        { lease },
      )
      expect(other).toBe('committed')
    })
  })

  it('leaves its fencing number on steps, and a step of a later holder is not written over', async () => {
    const opened = await openedStore()
    await makeRelease(opened)
    const put = (lease: Lease) =>
      opened.store.transaction(
        (tx) => tx.putStep(1, { name: 'push', state: 'running', attempt: 1, effect: 'unknown' }),
        { lease },
      )
    await take(opened, async (lease) => {
      await put(lease)
      expect(await opened.sql('select name, fence from step')).toEqual([{ name: 'push', fence: 1 }])
      await opened.sql('update step set fence = 2')
      await expect(put(lease)).rejects.toBeInstanceOf(LeaseLost)
    })
  })

  it('does not end the session of a worker of an older version, which has no row', async () => {
    const opened = await openedStore()
    await take(opened, async () => undefined)
    const older = await opened.lock.withLock('api', 'production', async (lost) => {
      expect(await take(opened, async () => 1)).toBe('held')
      expect(lost.aborted).toBe(false)
      return 'undisturbed'
    })
    expect(older).toEqual({ done: 'undisturbed' })
  })
})

describe('a failover: the server ends under a run and is started again', () => {
  it('ends the lease for the run at once, for others in its time, and the late run commits nothing', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'signoff-failover-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const start = async () => {
      const server = await startEmbeddedPostgres({ dataDir })
      onTestFinished(() => server.stop())
      return server.connection
    }
    const open = async () => {
      const opened = await openStore({ pool: await start(), role: 'bot' })
      onTestFinished(() => opened.close())
      return opened
    }
    const leaseEnds = async (inTime: string) => {
      const client = new pg.Client(await start())
      await client.connect()
      await client.query(`update environment_lease set expires_at = clock_timestamp() + ${inTime}`)
      await client.end()
    }
    const a = await open()
    await makeRelease(a)
    const begin = (store: typeof a.store, lease: Lease) =>
      store.transaction((tx) => tx.putStep(1, { name: 'push', state: 'running', attempt: 1, effect: 'unknown' }), {
        lease,
      })
    await take(a, async (first) => {
      await begin(a.store, first)
      const [pid = ''] = (await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n')
      // An immediate shutdown, as of a machine that is lost: it recovers from its log.
      process.kill(Number(pid), 'SIGQUIT')
      await aborted(first.signal)
      expect(first.signal.reason).toBeInstanceOf(LeaseLost)
      const b = await open()
      // Nobody renews it any more; how long the server took to come back must not decide here.
      await leaseEnds(`interval '1 hour'`)
      expect(await take(b, async () => 'two at once')).toBe('held')
      await leaseEnds(`interval '0'`)
      const second = await take(b, async (lease) => begin(b.store, lease).then(() => lease.fence))
      expect(second).toEqual({ done: first.fence + 1 })
      await expect(first.assertHeld()).rejects.toBeInstanceOf(LeaseLost)
      await expect(begin(a.store, first)).rejects.toBeInstanceOf(LeaseLost)
      // What the server had confirmed before it ended is there.
      expect(await b.store.release(1)).toMatchObject({ steps: [{ name: 'push', state: 'running' }] })
    })
  })
})
