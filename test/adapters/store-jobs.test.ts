import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import type { OpenStore } from '../../src/adapters/store/open.ts'
import { type Claim, ClaimLost, type Job } from '../../src/release/ports.ts'
import { makeRelease, type Opened, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

const soon = { superviseSeconds: 1, pollSeconds: 0.5, retrySeconds: 1 }
const run = (attempt = 1, release = 1): Job => ({ kind: 'run', release, attempt })

const enqueue = (opened: OpenStore, job: Job, afterMs = 0) =>
  opened.store.transaction((tx) => tx.enqueue(job, { afterMs }))

/** A queue of claims that a worker has taken, to be awaited one by one. */
async function working(opened: OpenStore, handle: (claim: Claim) => Promise<void> = async () => undefined) {
  const claims: Claim[] = []
  let wake = Promise.withResolvers<void>()
  const worker = await opened.jobs.work(async (claim) => {
    claims.push(claim)
    wake.resolve()
    wake = Promise.withResolvers<void>()
    await handle(claim)
  })
  onTestFinished(() => worker.stop(0))
  let read = 0
  return {
    ...worker,
    claims,
    next: async (): Promise<Claim> => {
      for (;;) {
        const claim = claims[read]
        if (claim !== undefined) {
          read += 1
          return claim
        }
        await wake.promise
      }
    },
  }
}

async function storeWithRelease(role: 'worker' | 'bot' = 'worker'): Promise<Opened> {
  const opened = await openedStore({ role, timing: soon })
  await makeRelease(opened)
  return opened
}

const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : once(signal, 'abort').then(() => undefined)

const stuck = (claim: Claim) => aborted(claim.signal).then(() => Promise.reject(claim.signal.reason))

describe('jobs', () => {
  it('start within milliseconds of the commit of a bot', async () => {
    const worker = await storeWithRelease()
    const bot = await worker.again({ role: 'bot' })
    const work = await working(worker)
    await enqueue(bot, { kind: 'plan', release: 1 })
    expect((await work.next()).job).toEqual({ kind: 'plan', release: 1 })
    const times: number[] = []
    for (let attempt = 1; attempt <= 30; attempt += 1) {
      await enqueue(bot, { kind: 'preflight', release: 1, attempt })
      const from = performance.now()
      expect(await work.next()).toMatchObject({ job: { kind: 'preflight', attempt }, attempt: 1 })
      times.push(performance.now() - from)
    }
    times.sort((a, b) => a - b)
    console.log(`send → handler: median ${times[15]?.toFixed(1)} ms, longest ${times[29]?.toFixed(1)} ms`)
    expect(times[15]).toBeLessThan(250)
  })

  it('are not there when their transaction is rolled back', async () => {
    const opened = await storeWithRelease()
    const wrong = new Error('on purpose')
    const failing = opened.store.transaction(async (tx) => {
      await tx.enqueue(run())
      throw wrong
    })
    await expect(failing).rejects.toBe(wrong)
    expect(await opened.sql('select * from pgboss.job')).toEqual([])
  })

  it('are enqueued once, also when they are done', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    await Promise.all([1, 2, 3].map(() => enqueue(opened, run())))
    await work.next()
    await expect.poll(() => opened.sql('select state from pgboss.job')).toEqual([{ state: 'completed' }])
    await enqueue(opened, run())
    await enqueue(opened, run(2))
    expect(await work.next()).toMatchObject({ job: run(2) })
    expect(await opened.sql('select 1 from pgboss.job')).toHaveLength(2)
  })

  it('wait for their time', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    const from = performance.now()
    await enqueue(opened, run(), 1200)
    await enqueue(opened, { kind: 'plan', release: 1 })
    expect((await work.next()).job.kind).toBe('plan')
    expect((await work.next()).job.kind).toBe('run')
    expect(performance.now() - from).toBeGreaterThan(1150)
  })

  it('that throw are taken up again with the next attempt, and their error stays out of the store', async () => {
    const reports: unknown[] = []
    const opened = await openedStore({ role: 'worker', timing: soon, report: (_, error) => reports.push(error) })
    await makeRelease(opened)
    const secret = new Error('password: hunter2')
    const work = await working(opened, async (claim) => {
      if (claim.attempt === 1) throw secret
    })
    await enqueue(opened, run())
    expect(await work.next()).toMatchObject({ job: run(), attempt: 1 })
    expect(await work.next()).toMatchObject({ job: run(), attempt: 2 })
    expect(reports).toEqual([secret])
    expect(JSON.stringify(await opened.sql('select * from pgboss.job'))).not.toContain('hunter2')
  })

  it('run one an environment, and several environments at once', async () => {
    const opened = await storeWithRelease()
    await makeRelease(opened, { environment: 'integration' })
    const first = Promise.withResolvers<void>()
    const work = await working(opened, () => first.promise)
    await enqueue(opened, run(1))
    await enqueue(opened, run(2))
    await enqueue(opened, run(1, 2))
    const taken = [await work.next(), await work.next()].map(({ job }) => 'release' in job && job.release)
    expect(taken.sort()).toEqual([1, 2])
    first.resolve()
    expect((await work.next()).job).toMatchObject({ release: 1 })
  })

  it('are sent by a bot, and worked on by none', async () => {
    const opened = await storeWithRelease('bot')
    await enqueue(opened, run())
    await expect(opened.jobs.work(async () => undefined)).rejects.toThrow('not opened to work')
  })
})

describe('a claim', () => {
  it('that another worker has taken over commits nothing, and its signal aborts', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened, stuck)
    await enqueue(opened, run())
    const claim = await work.next()
    await opened.store.transaction(async (tx) => tx.addEvent({ type: 'step_started', actor: 'worker', data: {} }), {
      as: claim,
    })
    // As after ten seconds without a sign of life.
    await opened.sql(`update pgboss.job set heartbeat_on = now() - interval '1 minute'`)
    const again = await work.next()
    expect(again).toMatchObject({ id: claim.id, attempt: 2, job: claim.job })
    const late = opened.store.transaction(
      async (tx) => tx.addEvent({ type: 'step_ended', actor: 'worker', data: {} }),
      { as: claim },
    )
    await expect(late).rejects.toBeInstanceOf(ClaimLost)
    expect(await opened.store.chainHead()).toMatchObject({ count: 1 })
    await aborted(claim.signal)
    expect(claim.signal.reason).toBeInstanceOf(ClaimLost)
    expect(again.signal.aborted).toBe(false)
  })

  it('that has ended commits nothing', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    await enqueue(opened, run())
    const claim = await work.next()
    await expect.poll(() => opened.sql('select state from pgboss.job')).toEqual([{ state: 'completed' }])
    const late = opened.store.transaction(async (tx) => tx.enqueue(run(2)), { as: claim })
    await expect(late).rejects.toBeInstanceOf(ClaimLost)
    expect(await opened.sql('select 1 from pgboss.job')).toHaveLength(1)
  })

  it('can not be taken over in the middle of its transaction', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened, stuck)
    await enqueue(opened, run())
    const claim = await work.next()
    await opened.store.transaction(
      async (tx) => {
        const taken = opened.sql(`set lock_timeout = '300ms'; update pgboss.job set retry_count = 1`)
        await expect(taken).rejects.toThrow('lock timeout')
        tx.addEvent({ type: 'step_ended', actor: 'worker', data: {} })
      },
      { as: claim },
    )
    expect(await opened.store.chainHead()).toMatchObject({ count: 1 })
  })

  it('of a killed worker goes to another one', async () => {
    const opened = await storeWithRelease()
    const child = spawn(process.execPath, [fileURLToPath(new URL('store-worker.ts', import.meta.url)), opened.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    await enqueue(opened, run())
    const [said] = await once(child.stdout, 'data')
    expect(`${said}`).toBe('run 1\n')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await opened.sql(`update pgboss.job set heartbeat_on = heartbeat_on - interval '10 seconds'`)
    const work = await working(opened)
    expect(await work.next()).toMatchObject({ job: run(), attempt: 2 })
  })
})

describe('when every connection is cut', () => {
  it('the transaction under way fails, and everything goes on', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened)
    const cut = opened.store.transaction(async (tx) => {
      await tx.enqueue(run())
      await opened.sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`)
      await tx.lockRelease(1)
    })
    await expect(cut).rejects.toThrow()
    await opened.ping()
    await enqueue(opened, run(2))
    expect(await work.next()).toMatchObject({ job: run(2), attempt: 1 })
  })
})

/** A way to the store that can fall silent: connections stay open and nothing passes. */
async function silentWay(url: string): Promise<{ url: string; fallSilent(): void }> {
  const sockets: Socket[] = []
  const there = new URL(url)
  const way = createServer((here) => {
    const far = connect(Number(there.port), there.hostname)
    here.pipe(far).pipe(here)
    for (const socket of [here, far]) sockets.push(socket.on('error', () => undefined))
  })
  await once(way.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    way.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = way.address()
  const through = new URL(url)
  through.port = `${typeof address === 'object' ? address?.port : ''}`
  const fallSilent = () => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { url: through.href, fallSilent }
}

describe('when the store falls silent', () => {
  it('claim, lock and ping end before another worker can take over, and the store can be closed', async () => {
    const opened = await storeWithRelease('bot')
    const way = await silentWay(opened.url)
    const worker = await opened.again({ role: 'worker', pool: { connectionString: way.url } })
    const lockLost = Promise.withResolvers<AbortSignal>()
    const work = await working(worker, async (claim) => {
      await worker.lock.withLock('api', 'production', async (lost) => {
        lockLost.resolve(lost)
        await Promise.all([aborted(lost), aborted(claim.signal)])
      })
    })
    await enqueue(opened, run())
    const claim = await work.next()
    const lost = await lockLost.promise
    way.fallSilent()
    const from = performance.now()
    const [ping] = await Promise.all([
      worker.ping().catch((error: Error) => error.message),
      aborted(lost),
      aborted(claim.signal).then(() => expect(performance.now() - from).toBeLessThan(10_500)),
    ])
    expect(ping).toBe('The store does not answer.')
    await worker.close()
  })
})

describe('stopping', () => {
  it('takes nothing new, lets the job in hand end, and leaves the rest', async () => {
    const opened = await storeWithRelease()
    const going = Promise.withResolvers<void>()
    const work = await working(opened, () => going.promise)
    await enqueue(opened, run())
    const claim = await work.next()
    const stopped = work.stop(20_000)
    await enqueue(opened, { kind: 'plan', release: 1 })
    going.resolve()
    await stopped
    expect(claim.signal.aborted).toBe(false)
    expect(work.claims).toHaveLength(1)
    expect(await opened.sql('select name, state from pgboss.job order by name')).toEqual([
      { name: 'plan', state: expect.stringMatching(/^(created|retry)$/) },
      { name: 'run', state: 'completed' },
    ])
  })

  it('tells the job in hand after the grace, and gives it to the next worker', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened, stuck)
    await enqueue(opened, run())
    const claim = await work.next()
    await work.stop(100)
    expect(claim.signal.aborted).toBe(true)
    const next = await working(await opened.again())
    expect(await next.next()).toMatchObject({ job: run(), attempt: 2 })
  })
})

describe('the environment’s lock', () => {
  it('is held by one, an environment at a time', async () => {
    const opened = await openedStore()
    const other = await opened.again()
    const outcome = await opened.lock.withLock('api', 'production', async () => {
      expect(await other.lock.withLock('api', 'production', async () => 1)).toBe('held')
      return other.lock.withLock('api', 'integration', async () => 2)
    })
    expect(outcome).toEqual({ done: { done: 2 } })
    expect(await other.lock.withLock('api', 'production', async () => 3)).toEqual({ done: 3 })
  })

  it('is freed when work throws', async () => {
    const opened = await openedStore()
    const wrong = new Error('on purpose')
    await expect(opened.lock.withLock('api', 'production', () => Promise.reject(wrong))).rejects.toBe(wrong)
    expect(await opened.lock.withLock('api', 'production', async () => 1)).toEqual({ done: 1 })
  })

  it('is freed when its connection is cut, and the holder is told', async () => {
    const opened = await openedStore()
    const outcome = await opened.lock.withLock('api', 'production', async (lost) => {
      await opened.sql(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted`)
      await aborted(lost)
      return opened.lock.withLock('api', 'production', async () => 'mine')
    })
    expect(outcome).toEqual({ done: { done: 'mine' } })
  })
})
