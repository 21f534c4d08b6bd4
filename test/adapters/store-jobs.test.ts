import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Claim } from '../../src/release/ports/jobs.ts'
import { anyEvent } from '../support/builders.ts'
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

  it('that throw are resumed with the next attempt, and their error stays out of the store', async () => {
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

  it('are sent by a bot, and worked on by none', async () => {
    const opened = await storeWithRelease('bot')
    await enqueue(opened, run())
    await expect(opened.jobs.work(async () => undefined)).rejects.toThrow('opened without jobs to work on')
  })
})

describe('a claim', () => {
  it('can’t be taken over in the middle of its transaction', async () => {
    const opened = await storeWithRelease()
    const work = await working(opened, stuck)
    await enqueue(opened, run())
    const claim = await work.next()
    await opened.store.transaction(
      async (tx) => {
        const taken = opened.sql(`set lock_timeout = '300ms'; update pgboss.job set retry_count = 1`)
        await expect(taken).rejects.toThrow('lock timeout')
        tx.addEvent(anyEvent({ type: 'step_ended', actor: 'worker', data: {} }))
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
