import { retry } from '../lib/retry.ts'
import type { Answer } from '../release/ports/answers.ts'
import type { MigrationsAnswer } from '../release/ports/migrator.ts'
import type { WorkerPorts } from './ports.ts'

type RetryPorts = Pick<WorkerPorts, 'clock' | 'times'>

const TRIES = 3

/** Asks up to three times while a service is unreachable. Only for reads and for requests that are safe to repeat. */
export async function withRetry<T>(ask: () => Promise<Answer<T>>, ports: RetryPorts): Promise<Answer<T>> {
  const isTransient = (answer: Answer<T>) => !answer.ok && answer.failure === 'unreachable'
  return retry(ask, { isTransient, tries: TRIES, pauseMs: (tried) => ports.times.pause * tried, clock: ports.clock })
}

/** The same for a database. */
export async function withDatabaseRetry<T>(
  ask: () => Promise<MigrationsAnswer<T>>,
  ports: RetryPorts,
): Promise<MigrationsAnswer<T>> {
  const isTransient = (answer: MigrationsAnswer<T>) => !answer.ok && answer.why === 'database unreachable'
  return retry(ask, { isTransient, tries: TRIES, pauseMs: (tried) => ports.times.pause * tried, clock: ports.clock })
}
