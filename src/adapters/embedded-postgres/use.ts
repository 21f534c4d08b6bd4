/** Who uses an embedded store: each service holds a lock that is shared, and whoever gets it alone is the last. */
import type { PoolConfig } from 'pg'
import pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import { isErrno } from './errors.ts'
import { knock } from './postmaster.ts'

export interface Use {
  /**
   * No longer uses it. True: nobody else does, and until `close` whoever comes waits; false: others do; undefined: the
   * server can't be asked.
   */
  letGo(): Promise<boolean | undefined>
  close(): Promise<void>
}

const NUMBER = lockNumber('use of the embedded store')
const ASKED_WITHIN_MS = 3_000
/** The server takes a moment to notice that a process was killed. */
const DEAD_WITHIN_MS = 2_000
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Uses the store for as long as this process lives, or until it lets go. Waits while its last user ends the server, and
 * gives undefined when that has happened.
 */
export async function takeUse(connection: PoolConfig): Promise<Use | undefined> {
  const held = await lock(connection, 'select pg_advisory_lock_shared($1)')
  if (!(held instanceof pg.Client)) return undefined
  // A server that ends takes no new connections, and may have freed the lock by ending the connection of its last user first.
  if ((await knock(String(connection.host))) !== 'ready') {
    await end(held)
    return undefined
  }
  let alone: pg.Client | 'held' | undefined
  return {
    async letGo() {
      await held.query('select pg_advisory_unlock_shared($1)', [NUMBER]).catch(() => undefined)
      await end(held)
      // Another connection: the one that was held may have been cut long ago.
      const limits = { lock_timeout: DEAD_WITHIN_MS, query_timeout: DEAD_WITHIN_MS + ASKED_WITHIN_MS }
      alone = await lock({ ...connection, ...limits }, 'select pg_advisory_lock($1)')
      return alone && alone !== 'held'
    },
    async close() {
      if (alone instanceof pg.Client) await end(alone)
    },
  }
}

/** Gives the connection that has the lock; `held`: others have it, for longer than the limit; undefined: no answer. */
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

/** A server that has just ended does not say goodbye. */
async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined)
}
