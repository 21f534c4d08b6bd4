/** The users of an embedded store: each service holds a shared lock, and one that gets it exclusively is the last. */
import type { PoolConfig } from 'pg'
import pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import { isErrno } from './errors.ts'
import { knock } from './postmaster.ts'

export interface Use {
  /**
   * Ends the use. True: this was the last user, and new ones wait until `close`; false: others use it; undefined: the
   * server does not answer.
   */
  letGo(): Promise<boolean | undefined>
  close(): Promise<void>
}

const NUMBER = lockNumber('use of the embedded store')
const ASKED_WITHIN_MS = 3_000
/** How long the server may take to notice that a process was killed. */
const DEAD_WITHIN_MS = 2_000
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Marks the store as used until this process ends or releases it. Waits while the last user stops the server, and then
 * returns undefined.
 */
export async function takeUse(connection: PoolConfig): Promise<Use | undefined> {
  const held = await lock(connection, 'select pg_advisory_lock_shared($1)')
  if (!(held instanceof pg.Client)) return undefined
  // A stopping server accepts no new connections, and may free the lock by closing its last user's connection first.
  if ((await knock(String(connection.host))) !== 'ready') {
    await end(held)
    return undefined
  }
  let alone: pg.Client | 'held' | undefined
  return {
    async letGo() {
      await held.query('select pg_advisory_unlock_shared($1)', [NUMBER]).catch(() => undefined)
      await end(held)
      // A new connection, because the held one may have been lost long ago.
      const limits = { lock_timeout: DEAD_WITHIN_MS, query_timeout: DEAD_WITHIN_MS + ASKED_WITHIN_MS }
      alone = await lock({ ...connection, ...limits }, 'select pg_advisory_lock($1)')
      return alone && alone !== 'held'
    },
    async close() {
      if (alone instanceof pg.Client) await end(alone)
    },
  }
}

/** The connection with the lock; `held`: others hold it longer than the limit; undefined: no answer. */
async function lock(connection: pg.ClientConfig, statement: string): Promise<pg.Client | 'held' | undefined> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: ASKED_WITHIN_MS, keepAlive: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(statement, [NUMBER])
    return client
  } catch (error) {
    await end(client)
    return isErrno(error, LOCK_NOT_AVAILABLE) ? 'held' : undefined
  }
}

/** Closes a connection; the errors of a server that has just exited are expected. */
async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined)
}
