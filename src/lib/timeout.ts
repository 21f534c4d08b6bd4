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
