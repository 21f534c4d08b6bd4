/** What becomes of a request after a try. No I/O. Standard Webhooks 1.0.0, "Deliverability and reliability". */

/** How a try ended. `status`: absent without an answer. `retryAfterMs`: what the answer asked for. */
export type Answer =
  | { readonly ok: true; readonly status: number; readonly ms: number }
  | {
      readonly ok: false
      readonly status?: number
      /** In words that name neither the address nor what was answered. */
      readonly detail: string
      readonly retryAfterMs?: number
    }

export type AfterTry =
  | { readonly is: 'delivered' }
  /** `pauseMs`: so long the URL wants no request at all. */
  | { readonly is: 'again'; readonly afterMs: number; readonly pauseMs: number }
  | { readonly is: 'given up' }
  /** The URL wants no more requests. */
  | { readonly is: 'gone' }

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** After the first try, the second, and so on; then hourly. */
export const RETRY_AFTER_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
]
/** A request is tried for so long, from its own first try. */
export const GIVEN_UP_AFTER_MS = 24 * HOUR_MS
/** Pauses differ by so much either way, so that many requests don't come back at once. */
const JITTER = 0.2
/** A URL that asks for a longer pause holds back only the request that it answered. */
const LONGEST_PAUSE_MS = HOUR_MS

/**
 * @param tried how many tries there were, with this one, and the time since the first by the store's clock
 * @param random a number from 0 to 1
 */
export function afterTry(
  answer: Answer,
  tried: { readonly tries: number; readonly sinceFirstTryMs: number },
  random: number,
  pauses: readonly number[] = RETRY_AFTER_MS,
): AfterTry {
  if (answer.ok) return { is: 'delivered' }
  if (answer.status === 410) return { is: 'gone' }
  const leftMs = GIVEN_UP_AFTER_MS - tried.sinceFirstTryMs
  if (leftMs <= 0) return { is: 'given up' }
  const pause = pauses[Math.min(tried.tries, pauses.length) - 1] ?? HOUR_MS
  const wantedMs = Math.max(pause * (1 + JITTER * (2 * random - 1)), answer.retryAfterMs ?? 0)
  return {
    is: 'again',
    // The last try is made when the time is over.
    afterMs: Math.min(wantedMs, leftMs),
    pauseMs: isThrottling(answer) ? Math.min(Math.max(answer.retryAfterMs ?? 0, pause), LONGEST_PAUSE_MS) : 0,
  }
}

/** It is too busy for any request, and not for this one alone. */
function isThrottling({ status, retryAfterMs }: Extract<Answer, { ok: false }>): boolean {
  return status === 429 || (status === 503 && retryAfterMs !== undefined)
}

/** The header `Retry-After` in milliseconds: seconds, or a date (RFC 9110, section 10.2.3). Undefined if it is neither. */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * SECOND_MS
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
