import { CLOCK, type Clock } from './clock.ts'

/**
 * Runs `work` with a time limit. Returns its value, or its error, or that it was `late`: then its signal aborts and its
 * result is ignored. Never throws.
 */
export async function runWithTimeout<T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ ok: true; value: T } | { ok: false; late: boolean; error?: unknown }> {
  const stop = new AbortController()
  const { promise: limit, resolve } = Promise.withResolvers<{ ok: false; late: true }>()
  const timer = setTimeout(() => {
    resolve({ ok: false, late: true })
    stop.abort()
  }, limitMs)
  const done = (async () => work(stop.signal))().then(
    (value) => ({ ok: true as const, value }),
    (error: unknown) => ({ ok: false as const, late: false, error }),
  )
  const first = await Promise.race([done, limit])
  clearTimeout(timer)
  return first
}

/** In place of the error that each `abort` would make. */
const DECIDED = 'decided'

/**
 * Waits up to `ms` for work and returns whether it has settled. Doesn't stop the work. Rejects if the work rejects in
 * time.
 */
export async function settlesWithin(ms: number, work: Promise<unknown>, clock: Clock = CLOCK): Promise<boolean> {
  const isDecided = new AbortController()
  try {
    return await Promise.race([work.then(() => true), clock.sleep(ms, isDecided.signal).then(() => false)])
  } finally {
    isDecided.abort(DECIDED)
  }
}
