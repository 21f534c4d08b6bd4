import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/lib/clock.ts'
import { pollUntil, retry } from '../../src/lib/retry.ts'

/** A clock that advances only by sleeping, with the recorded sleeps. */
function testClock(): Clock & { slept: number[] } {
  let now = 1000
  const slept: number[] = []
  return {
    slept,
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms)
      now += ms
    },
  }
}

describe('retry', () => {
  async function asked(...answers: string[]) {
    const clock = testClock()
    let tries = 0
    const ask = async () => answers[tries++] ?? 'asked too often'
    const last = await retry(ask, {
      isTransient: (answer) => answer === 'silent',
      tries: 3,
      pauseMs: (tried) => 10 * tried,
      clock,
    })
    return { last, tries, slept: clock.slept }
  }

  it('returns the first answer that is not transient', async () => {
    expect(await asked('yes')).toEqual({ last: 'yes', tries: 1, slept: [] })
    expect(await asked('silent', 'no', 'yes')).toEqual({ last: 'no', tries: 2, slept: [10] })
  })

  it('returns the last answer after the last try, with growing pauses', async () => {
    expect(await asked('silent', 'silent', 'silent', 'yes')).toEqual({ last: 'silent', tries: 3, slept: [10, 20] })
  })

  it('does not retry after an error', async () => {
    let tries = 0
    const fail = async () => {
      tries++
      throw new Error('broken')
    }
    const options = { isTransient: () => true, tries: 3, pauseMs: () => 10, clock: testClock() }
    await expect(retry(fail, options)).rejects.toThrow('broken')
    expect(tries).toBe(1)
  })
})

describe('pollUntil', () => {
  it('returns the first result', async () => {
    const clock = testClock()
    const seen = [undefined, undefined, 'there', 'later']
    expect(await pollUntil(async () => seen.shift(), { forMs: 100, everyMs: 10, clock })).toBe('there')
    expect(clock.slept).toEqual([10, 10])
  })

  it('looks once more when the time is over, then returns undefined', async () => {
    const clock = testClock()
    const looks: number[] = []
    const look = async () => {
      looks.push(clock.now())
      return undefined
    }
    expect(await pollUntil(look, { forMs: 25, everyMs: 10, clock })).toBeUndefined()
    expect(looks).toEqual([1000, 1010, 1020, 1025])
  })

  it('looks once when there is no time, and once more at most after the signal', async () => {
    const clock = testClock()
    let looks = 0
    const stop = new AbortController()
    const look = async () => {
      looks++
      stop.abort()
      return undefined
    }
    expect(await pollUntil(look, { forMs: 0, everyMs: 10, clock })).toBeUndefined()
    expect(await pollUntil(look, { forMs: 1000, everyMs: 10, signal: stop.signal, clock })).toBeUndefined()
    expect(looks).toBe(2)
    expect(clock.slept).toEqual([])
  })
})
