import { CLOCK, type Clock } from './clock.ts'

/**
 * Does `work` and waits for it up to a limit. Gives its value, or that it threw or came `late`; never throws. When late,
 * the signal that `work` got aborts and what it gives afterwards is not waited for.
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

/**
 * Waits for work, but no longer than `ms`; gives whether it has ended. The work itself is not stopped. Rejects when the
 * work does so in time.
 */
export async function settlesWithin(ms: number, work: Promise<unknown>, clock: Clock = CLOCK): Promise<boolean> {
  const isDecided = new AbortController()
  try {
    return await Promise.race([work.then(() => true), clock.sleep(ms, isDecided.signal).then(() => false)])
  } finally {
    isDecided.abort()
  }
}
