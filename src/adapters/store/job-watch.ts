/** Finds the jobs that no notification tells of, for all workers of a process at once. */
import { type Kysely, sql } from 'kysely'
import type { PgBoss } from 'pg-boss'
import type { Report } from './connection.ts'
import type { Tables } from './schema.ts'

/** More workers than these no process has for one queue. */
const MOST_WOKEN = 16

export interface JobWatch {
  /** Looks at once, as when a worker is free again: pg-boss does not ask for a next job by itself. */
  look(): void
  stop(): void
}

export interface JobWatchParts {
  readonly boss: PgBoss
  readonly db: Kysely<Tables>
  readonly queues: readonly string[]
  readonly everyMs: number
  readonly report: Report
}

/**
 * Looks periodically, with one statement, for jobs that are due although nobody was notified of them (delayed ones, retries,
 * and those whose notification was lost), and wakes as many workers as there are jobs; and for jobs of dead workers, which
 * it hands on. pg-boss itself would ask once for each worker, and supervise all queues each time. Continues after a failure.
 */
export function watchJobs({ boss, db, queues, everyMs, report }: JobWatchParts): JobWatch {
  let looking: Promise<void> | undefined
  let again = false
  let isStopped = false

  async function lookOnce(): Promise<void> {
    for (const { name, due, isAbandoned } of await readQueues(db, queues)) {
      if (isStopped) return
      if (due > 0) wake(name, due)
      if (isAbandoned) await boss.supervise(name)
    }
  }

  /** Those without a job first. One that has a job asks for the next as soon as it has ended it. */
  function wake(queue: string, count: number): void {
    const workers = boss.getWipData().filter(({ name, state }) => name === queue && state === 'active')
    for (const { id } of workers.toSorted((a, b) => a.count - b.count).slice(0, count)) boss.notifyWorker(id)
  }

  function look(): void {
    if (isStopped) return
    again = looking !== undefined
    looking ??= lookOnce()
      .catch((error) => report('looking for due jobs', error))
      .finally(() => {
        looking = undefined
        if (again) look()
      })
  }

  const timer = setInterval(look, everyMs)
  return {
    look,
    stop() {
      isStopped = true
      clearInterval(timer)
    },
  }
}

interface QueueSeen {
  readonly name: string
  /** Jobs that could begin now, as far as `MOST_WOKEN`. */
  readonly due: number
  /** Whether a job is held by a worker that gives no sign of life, or for too long. */
  readonly isAbandoned: boolean
}

async function readQueues(db: Kysely<Tables>, queues: readonly string[]): Promise<readonly QueueSeen[]> {
  const { rows } = await sql<QueueSeen>`
    select q.name,
      (select count(*)::int from (
        select from pgboss.job j
        where j.name = q.name and j.state < 'active' and not j.blocked and j.start_after <= pgboss.job_now()
        limit ${MOST_WOKEN}
      ) first) as due,
      exists (
        select from pgboss.job j
        where j.name = q.name and j.state = 'active' and (
          j.heartbeat_on + j.heartbeat_seconds * interval '1 second' < pgboss.job_now()
          or j.started_on + j.expire_seconds * interval '1 second' < pgboss.job_now()
        )
      ) as "isAbandoned"
    from unnest(${[...queues]}::text[]) as q(name)`.execute(db)
  return rows
}
