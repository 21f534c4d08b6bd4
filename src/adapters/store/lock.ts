import pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import type { EnvironmentLock } from '../../release/ports/jobs.ts'
import { openWatched } from './connection.ts'

/**
 * Runs `work` holding the lock of that name on a connection of its own; gives 'held' at once when somebody else has it.
 * `lost` aborts when the connection is lost, and the lock with it. A holder that is only paused keeps the lock.
 */
export async function withLock<T>(
  config: pg.ClientConfig,
  name: string,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<{ done: T } | 'held'> {
  const connection = await openWatched(config)
  const number = lockNumber(name)
  try {
    const { rows } = await connection.client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [number])
    if (rows[0]?.got !== true) return 'held'
    try {
      return { done: await work(connection.lost) }
    } finally {
      // Said before the end of the connection, which the server may take its time to notice.
      if (!connection.lost.aborted) {
        await connection.client.query('select pg_advisory_unlock($1)', [number]).catch(() => undefined)
      }
    }
  } finally {
    await connection.close()
  }
}

/** Runs `work` holding the lock of that name, waiting for it as long as it takes. */
export async function afterLock<T>(config: pg.ClientConfig, name: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...config, keepAlive: true })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [lockNumber(name)])
    return await work()
  } finally {
    await client.end().catch(() => undefined)
  }
}

export function createEnvironmentLock(config: pg.ClientConfig): EnvironmentLock {
  return {
    withLock: (app, environment, work) => withLock(config, `environment ${app}/${environment}`, work),
  }
}
