import pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import type { EnvironmentLock } from '../../release/ports/jobs.ts'
import { openWatched } from './connection.ts'

/**
 * Calls `work` while holding the named lock on its own connection. Returns 'held' at once if another connection has it.
 * `lost` aborts when the connection is lost, and the lock with it. A suspended holder keeps the lock.
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
      // Unlock before disconnecting, because the server may notice the disconnect late.
      if (!connection.lost.aborted) {
        await connection.client.query('select pg_advisory_unlock($1)', [number]).catch(() => undefined)
      }
    }
  } finally {
    await connection.close()
  }
}

/** Calls `work` while holding the named lock. Waits for it without a limit. */
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
