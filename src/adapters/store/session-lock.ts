/** Postgres's advisory locks of a session, by number. */
import type { WatchedConnection } from './connection.ts'

/** Takes the lock unless another session has it; does not wait. */
export async function tryLock(connection: WatchedConnection, number: string): Promise<boolean> {
  const { rows } = await connection.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [number])
  return rows[0]?.got === true
}

/** Unlocks before the disconnect, because the server may notice that late. Never throws. */
export async function unlock(connection: WatchedConnection, number: string): Promise<void> {
  if (connection.lost.aborted) return
  await connection.query('select pg_advisory_unlock($1)', [number]).catch(() => undefined)
}
