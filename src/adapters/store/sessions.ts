/** Whether connections to the store have sessions of their own, as locks and LISTEN need: tried, not asked. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import { settlesWithin } from '../../lib/timeout.ts'
import { SERVER_LIMITS } from './connection.ts'
import { openingFailed, PooledStore } from './opening-failed.ts'

/** A notification takes milliseconds; a busy server may need longer. */
const arrivesWithinMs = 5_000

const POOLED = 'STORE_URL goes through a pooler'

/**
 * Takes a lock on one connection and tries it on another, and sends a notification from one to the other. Throws
 * PooledStore if either does not hold, as behind a pooler in transaction mode, and an error that says what to do if the
 * store can't be reached. Leaves nothing behind.
 */
export async function requireSessions(connect: pg.ClientConfig): Promise<void> {
  const open = () => {
    // With what the store's connections ask for: a pooler may refuse it.
    const client = new pg.Client({
      ...SERVER_LIMITS,
      connectionTimeoutMillis: 10_000,
      query_timeout: 10_000,
      ...connect,
    })
    client.on('error', () => undefined)
    return client
  }
  const [holder, other] = [open(), open()]
  try {
    await holder.connect()
    await other.connect()
    await tryLock(holder, other)
    await tryNotification(holder, other)
  } catch (error) {
    throw openingFailed(error)
  } finally {
    await Promise.all([holder, other].map((client) => settlesWithin(1_000, client.end()).catch(() => undefined)))
  }
}

async function tryLock(holder: pg.Client, other: pg.Client): Promise<void> {
  const lock = `pg_try_advisory_lock(${lockNumber(`try ${randomUUID()}`)})`
  const ask = async (client: pg.Client) => {
    const { rows } = await client.query<{ pid: number; got: boolean }>(`select pg_backend_pid() as pid, ${lock} as got`)
    return rows[0]
  }
  const first = await ask(holder)
  // In a transaction, so that a pooler can't give the same session to both while it is open.
  await other.query('begin')
  const second = await ask(other)
  if (second?.got !== false)
    throw new PooledStore(`${POOLED}: a lock that one connection took was not held against another`)
  const again = await ask(holder)
  await other.query('commit')
  if (again?.pid !== first?.pid) throw new PooledStore(`${POOLED}: a connection did not keep its session`)
}

async function tryNotification(holder: pg.Client, other: pg.Client): Promise<void> {
  const channel = `signoff_try_${randomUUID().replaceAll('-', '')}`
  const arrived = new Promise<void>((resolve) => {
    holder.once('notification', () => resolve())
  })
  await holder.query(`listen ${channel}`)
  await other.query(`notify ${channel}`)
  if (!(await settlesWithin(arrivesWithinMs, arrived))) {
    throw new PooledStore(`${POOLED}: a notification (NOTIFY) did not arrive`)
  }
}
