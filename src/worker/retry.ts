import type { Clock } from '../lib/clock.ts'
import type { Answer } from '../release/ports/answers.ts'
import type { MigrationsAnswer } from '../release/ports/migrator.ts'
import type { WorkerPorts } from './ports.ts'

type RetryPorts = Pick<WorkerPorts, 'clock' | 'times'>

const TRIES = 3

/** Asks up to three times while there is no answer; for questions and repeatable requests only. */
export async function withRetry<T>(ask: () => Promise<Answer<T>>, { clock, times }: RetryPorts): Promise<Answer<T>> {
  for (let tried = 1; ; tried++) {
    const answer = await ask()
    if (answer.ok || answer.failure !== 'unreachable' || tried === TRIES) return answer
    await clock.sleep(times.pause * tried)
  }
}

/** The same for a database. */
export async function withDatabaseRetry<T>(
  ask: () => Promise<MigrationsAnswer<T>>,
  { clock, times }: RetryPorts,
): Promise<MigrationsAnswer<T>> {
  for (let tried = 1; ; tried++) {
    const answer = await ask()
    if (answer.ok || answer.why !== 'database unreachable' || tried === TRIES) return answer
    await clock.sleep(times.pause * tried)
  }
}

/**
 * Looks again and again until `look` gives something, the time is over, or the signal aborts. Gives undefined when
 * nothing was seen; the last look comes after the time is over, so that a late effect is still seen.
 */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  { forMs, everyMs, signal, clock }: { forMs: number; everyMs: number; signal: AbortSignal; clock: Clock },
): Promise<T | undefined> {
  const end = clock.now() + forMs
  for (;;) {
    const isLast = clock.now() >= end
    const seen = await look()
    if (seen !== undefined || isLast || signal.aborted) return seen
    await clock.sleep(Math.max(1, Math.min(everyMs, end - clock.now())), signal)
  }
}
