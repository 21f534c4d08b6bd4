/** A process's clock, only for waiting. Deadlines and expiry are decided by the store's clock. */
export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number
  /** Resolves after `ms`, or earlier if the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const CLOCK: Clock = {
  now: () => performance.now(),
  // Node's own makes an error with a stack for each sleep that ends early, and every delivery has one.
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end, { once: true })
    })
  },
}
