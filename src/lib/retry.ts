import type { Clock } from './clock.ts'

/**
 * Asks up to `tries` times, until an answer is not transient, and gives the last answer. Between two tries it waits for
 * `pauseMs` of the tries so far. For questions, and for requests that are safe to repeat.
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
 * Looks again and again until `look` gives something, the time is over, or the signal aborts. Gives undefined when
 * nothing was seen; the last look comes after the time is over, so that a late effect is still seen.
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
