import pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import type { EnvironmentLock } from '../../release/ports/jobs.ts'
import { openWatched } from './connection.ts'
import { withLease } from './lease.ts'
import { tryLock, unlock } from './session-lock.ts'

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
    if (!(await tryLock(connection, number))) return 'held'
    try {
      return { done: await work(connection.lost) }
    } finally {
      await unlock(connection, number)
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
    withLease: (app, environment, work) => withLease(config, { app, environment }, work),
    withLock: (app, environment, work) => withLock(config, `environment ${app}/${environment}`, work),
  }
}
