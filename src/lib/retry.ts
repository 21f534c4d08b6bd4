import type { Clock } from './clock.ts'

/**
 * Calls `ask` up to `tries` times until its answer is not transient, and returns the last answer. Pauses `pauseMs(tried)`
 * in between. Only for requests that are safe to repeat.
 */
export async function retry<T>(
  ask: () => Promise<T>,
  options: {
    readonly isTransient: (answer: T) => boolean
    readonly tries: number
    readonly pauseMs: (tried: number) => number
    readonly clock: Clock
  },
): Promise<T> {
  for (let tried = 1; ; tried++) {
    const answer = await ask()
    if (tried >= options.tries || !options.isTransient(answer)) return answer
    await options.clock.sleep(options.pauseMs(tried))
  }
}

/**
 * Calls `look` every `everyMs` until it returns something, `forMs` has passed, or the signal aborts; returns undefined if
 * nothing was seen. The last call comes after `forMs`, so that a late effect is still seen.
 */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  { forMs, everyMs, signal, clock }: { forMs: number; everyMs: number; signal?: AbortSignal; clock: Clock },
): Promise<T | undefined> {
  const end = clock.now() + forMs
  for (;;) {
    const isLast = clock.now() >= end
    const seen = await look()
    if (seen !== undefined || isLast || signal?.aborted) return seen
    await clock.sleep(Math.max(1, Math.min(everyMs, end - clock.now())), signal)
  }
}
