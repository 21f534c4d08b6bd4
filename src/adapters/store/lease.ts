/**
 * The lease of an environment: a row with a holder, a fencing number and an end by the store's clock. Beneath it a run
 * holds the advisory lock that runs of older versions take, so that neither runs beside the other.
 */
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type pg from 'pg'
import { lockNumber } from '../../lib/lock-number.ts'
import { type Lease, LeaseLost } from '../../release/ports/jobs.ts'
import { openWatched, type WatchedConnection } from './connection.ts'
import type { Tables } from './schema.ts'
import { tryLock, unlock } from './session-lock.ts'

type Place = Pick<Lease, 'app' | 'environment'>

/** As long as a worker's claim on a job: the worker that takes a dead one's job finds its lease ended, too. */
const leaseSeconds = 10
const renewEveryMs = 2000
/** The holder counts its lease as lost before the store does. */
const safeMs = (leaseSeconds - 2) * 1000

const end = `clock_timestamp() + interval '${leaseSeconds} seconds'`
/** Identifies a session of the server; a process id alone is used again. */
const session = `pid || ' since ' || extract(epoch from backend_start)`

/** As EnvironmentLock.withLease. */
export async function withLease<T>(
  config: pg.ClientConfig,
  place: Place,
  work: (lease: Lease) => Promise<T>,
): Promise<{ done: T } | 'held'> {
  const connection = await openWatched(config)
  const number = lockNumber(`environment ${place.app}/${place.environment}`)
  try {
    if (!(await tryLock(connection, number)) && !(await retake(connection, place, number))) return 'held'
    try {
      const fence = await take(connection, place)
      if (fence === undefined) return 'held'
      const { lease, release } = keep(connection, { ...place, fence })
      try {
        return { done: await work(lease) }
      } finally {
        await release()
      }
    } finally {
      await unlock(connection, number)
    }
  } finally {
    await connection.close()
  }
}

/** Returns the fencing number, or undefined while the lease of another run has not ended. */
async function take(connection: WatchedConnection, { app, environment }: Place): Promise<number | undefined> {
  const { rows } = await connection.query<{ fence: number }>(
    `insert into environment_lease as lease (app, environment, fence, holder, session, expires_at)
     select $1, $2, 1, $3, ${session}, ${end} from pg_stat_activity where pid = pg_backend_pid()
     on conflict (app, environment) do update
     set fence = lease.fence + 1, holder = excluded.holder, session = excluded.session, expires_at = excluded.expires_at
     where lease.expires_at <= clock_timestamp()
     returning fence`,
    [app, environment, `process ${process.pid} on ${hostname()}`],
  )
  return rows[0]?.fence
}

/**
 * Takes the advisory lock from the session of a lease that has run out: a suspended process keeps its sessions. Returns
 * false if the lease has not run out, or if another session holds the lock, as that of an older version.
 */
async function retake(connection: WatchedConnection, { app, environment }: Place, number: string): Promise<boolean> {
  const { rowCount } = await connection.query(
    `select pg_terminate_backend(activity.pid)
     from environment_lease lease
     join pg_stat_activity activity on lease.session = ${session}
     join pg_locks held using (pid)
     where lease.app = $1 and lease.environment = $2 and lease.expires_at <= clock_timestamp()
       and held.locktype = 'advisory' and held.granted and held.objsubid = 1
       and held.database = (select oid from pg_database where datname = current_database())
       and (held.classid::bigint << 32 | held.objid::bigint) = $3::bigint`,
    [app, environment, number],
  )
  if (rowCount === 0) return false
  for (let tries = 0; tries < 40; tries += 1) {
    if (await tryLock(connection, number)) return true
    await delay(50)
  }
  return false
}

/** Renews the lease until `release`, which ends it. */
function keep(
  connection: WatchedConnection,
  { app, environment, fence }: Place & { fence: number },
): { lease: Lease; release(): Promise<void> } {
  const lost = new AbortController()
  const lose = () => lost.abort(new LeaseLost({ app, environment }))
  let safeUntil = performance.now() + safeMs
  let deadline = setTimeout(lose, safeMs)
  const change = (to: string) =>
    connection.query(
      `update environment_lease set expires_at = ${to}
       where app = $1 and environment = $2 and fence = $3 and expires_at > clock_timestamp()`,
      [app, environment, fence],
    )
  const renew = async () => {
    const asked = performance.now()
    const { rowCount } = await change(end)
    if (rowCount === 0) return lose()
    safeUntil = asked + safeMs
    clearTimeout(deadline)
    if (!lost.signal.aborted) deadline = setTimeout(lose, Math.max(0, safeUntil - performance.now()))
  }
  const renewing = setInterval(() => renew().catch(() => undefined), renewEveryMs)
  lost.signal.addEventListener('abort', () => clearInterval(renewing), { once: true })
  connection.lost.addEventListener('abort', lose, { once: true })
  const lease: Lease = {
    app,
    environment,
    fence,
    get signal() {
      // After a suspended process resumes, code runs before its timers do.
      if (performance.now() >= safeUntil) lose()
      return lost.signal
    },
    assertHeld: async () => {
      // By the store: this host's clock may have stood still together with the process.
      await renew().catch(lose)
      lease.signal.throwIfAborted()
    },
  }
  return {
    lease,
    release: async () => {
      clearInterval(renewing)
      connection.lost.removeEventListener('abort', lose)
      // For good: a clock that is set back later must not give it another hour.
      if (!connection.lost.aborted) await change("'-infinity'").catch(() => undefined)
      clearTimeout(deadline)
    },
  }
}

/** Throws LeaseLost unless the lease is held. Nobody can take it over until the end of the transaction. */
export async function holdLease(trx: Kysely<Tables>, lease: Place & { fence: number }): Promise<void> {
  const { app, environment, fence } = lease
  const { rows } = await sql`
    select from environment_lease
    where app = ${app} and environment = ${environment} and fence = ${fence} and expires_at > clock_timestamp()
    for share`.execute(trx)
  if (rows.length === 0) throw new LeaseLost(lease)
}
