import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Claim, ClaimLost } from '../../src/release/ports.ts'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'
import { aborted, enqueue, run, soon, storeWithRelease, working } from './store-working.ts'

afterAll(stopPostgres)

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
