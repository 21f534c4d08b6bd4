import { setTimeout as sleep } from 'node:timers/promises'

/** A process's clock, only for waiting. Deadlines and expiry are decided by the store's clock. */
export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number
  /** Resolves after `ms`, or earlier if the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }).catch(() => undefined),
}
