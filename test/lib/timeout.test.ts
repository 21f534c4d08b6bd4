import { describe, expect, it } from 'vitest'
import { runWithTimeout, settlesWithin } from '../../src/lib/timeout.ts'

const never = new Promise<never>(() => {})

describe('runWithTimeout', () => {
  it('returns the value or the error of work that ends in time', async () => {
    expect(await runWithTimeout(5_000, async () => 'done')).toEqual({ ok: true, value: 'done' })
    const error = new Error('broken')
    expect(await runWithTimeout(5_000, () => Promise.reject(error))).toEqual({ ok: false, late: false, error })
    const throwing = () => {
      throw error
    }
    expect(await runWithTimeout(5_000, throwing)).toEqual({ ok: false, late: false, error })
  })

  it('returns late, and aborts the work’s signal', async () => {
    let signal: AbortSignal | undefined
    const late = await runWithTimeout(10, (given) => {
      signal = given
      return never
    })
    expect(late).toEqual({ ok: false, late: true })
    expect(signal?.aborted).toBe(true)
  })

  it('ignores an error that comes too late', async () => {
    const { promise, reject } = Promise.withResolvers<void>()
    expect(await runWithTimeout(10, () => promise)).toEqual({ ok: false, late: true })
    // An unhandled rejection would fail the run.
    reject(new Error('too late'))
    await new Promise(setImmediate)
  })
})

describe('settlesWithin', () => {
  it('tells whether work ends in time', async () => {
    expect(await settlesWithin(5_000, Promise.resolve('done'))).toBe(true)
    expect(await settlesWithin(10, never)).toBe(false)
  })

  it('rejects with what the work rejects with, unless that comes too late', async () => {
    await expect(settlesWithin(5_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    const { promise, reject } = Promise.withResolvers<void>()
    expect(await settlesWithin(10, promise)).toBe(false)
    reject(new Error('too late'))
    await new Promise(setImmediate)
  })

  it('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    await settlesWithin(60_000, Promise.resolve())
    expect(timers()).toBe(before)
  })

  it('waits by the given clock', async () => {
    let slept: number | undefined
    const clock = {
      now: () => 0,
      sleep: async (ms: number) => {
        slept = ms
      },
    }
    expect(await settlesWithin(60_000, never, clock)).toBe(false)
    expect(slept).toBe(60_000)
  })
})
