import { setTimeout as sleep } from 'node:timers/promises'

/** How time passes for a process, which only ever waits by it: what is due and what has expired is decided by the store's clock. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number
  /** Resolves when the time is over, or early when the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }).catch(() => undefined),
}
