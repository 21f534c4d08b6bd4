import { describe, expect, it } from 'vitest'
import {
  type Answer,
  afterTry,
  GIVEN_UP_AFTER_MS,
  RETRY_AFTER_MS,
  readRetryAfter,
} from '../../src/adapters/webhooks/retry.ts'

const HOUR = 60 * 60_000
const failed = (more: Partial<Extract<Answer, { ok: false }>> = {}): Answer => ({ ok: false, detail: 'x', ...more })
const after = (answer: Answer, tries = 1, sinceFirstTryMs = 0, random = 0.5) =>
  afterTry(answer, { tries, sinceFirstTryMs }, random)

describe('after a try', () => {
  it('2xx delivers it, also at the very end', () => {
    expect(after({ ok: true, status: 204, ms: 1 }, 40, 2 * GIVEN_UP_AFTER_MS)).toEqual({ is: 'delivered' })
  })

  it.each([undefined, 302, 400, 401, 404, 500, 502, 504])('%s is tried again', (status) => {
    expect(after(failed(status === undefined ? {} : { status }))).toEqual({ is: 'again', afterMs: 5_000, pauseMs: 0 })
  })

  it('the pauses grow to an hour', () => {
    const pauses = Array.from({ length: 9 }, (_, index) => after(failed(), index + 1)).map((next) =>
      next.is === 'again' ? next.afterMs : next.is,
    )
    expect(pauses).toEqual([...RETRY_AFTER_MS, HOUR, HOUR, HOUR])
  })

  it('they differ by a fifth either way', () => {
    expect([after(failed(), 1, 0, 0), after(failed(), 1, 0, 1)]).toEqual([
      { is: 'again', afterMs: 4_000, pauseMs: 0 },
      { is: 'again', afterMs: 6_000, pauseMs: 0 },
    ])
  })

  it('24 hours after its first try is the last, and then it is given up', () => {
    expect(after(failed(), 20, GIVEN_UP_AFTER_MS - 1_000)).toEqual({ is: 'again', afterMs: 1_000, pauseMs: 0 })
    expect(after(failed(), 21, GIVEN_UP_AFTER_MS)).toEqual({ is: 'given up' })
  })

  it('it is tried about thirty times in 24 hours', () => {
    let since = 0
    let tries = 1
    for (let next = after(failed()); next.is === 'again'; next = after(failed(), tries, since)) {
      since += next.afterMs
      tries += 1
    }
    expect(since).toBe(GIVEN_UP_AFTER_MS)
    expect(tries).toBe(30)
  })

  it('410 means that the URL wants nothing more', () => {
    expect(after(failed({ status: 410 }))).toEqual({ is: 'gone' })
  })

  it('Retry-After makes the pause longer, never shorter, and never longer than the 24 hours', () => {
    expect(after(failed({ status: 500, retryAfterMs: 60_000 }))).toMatchObject({ afterMs: 60_000, pauseMs: 0 })
    expect(after(failed({ status: 500, retryAfterMs: 1 }))).toMatchObject({ afterMs: 5_000 })
    expect(after(failed({ status: 500, retryAfterMs: 90 * HOUR }), 2, 23 * HOUR)).toMatchObject({ afterMs: HOUR })
  })

  it('429, and 503 with Retry-After, hold back the whole URL, for an hour at most', () => {
    expect(after(failed({ status: 429 }))).toMatchObject({ pauseMs: 5_000 })
    expect(after(failed({ status: 503 }))).toMatchObject({ pauseMs: 0 })
    expect(after(failed({ status: 503, retryAfterMs: 90_000 }))).toMatchObject({ pauseMs: 90_000 })
    expect(after(failed({ status: 429, retryAfterMs: 9 * HOUR }))).toMatchObject({ afterMs: 9 * HOUR, pauseMs: HOUR })
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-11-30T10:00:00Z')
  it.each<[string | undefined, number | undefined]>([
    ['120', 120_000],
    [' 0 ', 0],
    ['Mon, 30 Nov 2026 10:01:00 GMT', 60_000],
    ['Mon, 30 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1e9', undefined],
    ['2026', 2_026_000],
    ['', undefined],
    [undefined, undefined],
  ])('%s is %s ms', (header, ms) => {
    expect(readRetryAfter(header, now)).toBe(ms)
  })
})
