import type pg from 'pg'
import { CLOCK } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
import type { LockHolder, LockWait } from '../../release/ports/migrator.ts'
import type { DatabaseAddress } from './database-url.ts'
import { readDirectly } from './direct.ts'

/** How long an upgrade waits for a lock before it is reported. */
const TOLD_AFTER_MS = 3000
const LOOK_EVERY_MS = 500

// pg_locks.waitstart exists since Postgres 14; before, the start of the waiting statement replaces it. Columns of other
// sessions that the role may not see are null.
const WAITS = `
  SELECT a.pid,
         extract(epoch FROM clock_timestamp() - coalesce(
           (SELECT min((to_jsonb(l) ->> 'waitstart')::timestamptz) FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted),
           a.query_start)) * 1000 AS waited_ms,
         h.pid AS holder, h.application_name AS application, h.query_start,
         extract(epoch FROM clock_timestamp() - h.xact_start) * 1000 AS open_ms
  FROM pg_stat_activity a
  JOIN LATERAL (SELECT DISTINCT unnest(pg_blocking_pids(a.pid)) AS pid) b ON true
  JOIN pg_stat_activity h ON h.pid = b.pid
  WHERE a.datname = current_database() AND a.usename = current_user
    AND (a.application_name = 'signoff' OR a.pid = ANY ($1::int[])) AND a.wait_event_type = 'Lock'
  ORDER BY h.xact_start NULLS LAST`

interface WaitRow {
  readonly pid: number
  readonly waited_ms: string
  readonly holder: number
  readonly application: string | null
  readonly query_start: Date | null
  readonly open_ms: string | null
}

/**
 * Checks twice a second, until `signal` aborts, whether our alembic waits for a lock. Calls `onWait` for each wait of over
 * three seconds, once for each set of holders. Retries a database that does not answer.
 */
export async function watchLocks(
  address: DatabaseAddress,
  options: {
    readonly sslMode: string | undefined
    readonly onWait: (wait: LockWait) => void
    /** The pids of our sessions that are known so far. */
    readonly pids: () => readonly number[]
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { sslMode, onWait, pids, signal } = options
  const told = new Set<string>()
  while (!signal.aborted) {
    await readDirectly(address, sslMode, async (client) => {
      while (!signal.aborted) {
        const wait = await look(client, pids())
        if (wait !== undefined && !told.has(wait.key)) {
          const { key, ...seen } = wait
          told.add(key)
          onWait(seen)
        }
        await CLOCK.sleep(LOOK_EVERY_MS, signal)
      }
    })
    await CLOCK.sleep(LOOK_EVERY_MS, signal)
  }
}

async function look(
  client: pg.Client,
  pids: readonly number[],
): Promise<(LockWait & { readonly key: string }) | undefined> {
  const { rows } = await client.query<WaitRow>(WAITS, [pids])
  const late = rows.filter(({ waited_ms }) => Number(waited_ms) >= TOLD_AFTER_MS)
  if (late.length === 0) return undefined
  return {
    key: late.map(({ pid, holder }) => `${pid}:${holder}`).join(),
    waitedMs: Math.max(...late.map(({ waited_ms }) => Number(waited_ms))),
    holders: late.map(
      ({ application, open_ms, query_start }): LockHolder => ({
        application: application ?? '',
        ...defined({
          openMs: open_ms === null ? undefined : Number(open_ms),
          queryStart: query_start?.toISOString(),
        }),
      }),
    ),
  }
}
