/** Finds the jobs that no notification tells of, for all workers of a process at once. */
import { type Kysely, sql } from 'kysely'
import type { PgBoss } from 'pg-boss'
import type { Report } from './connection.ts'
import type { Tables } from './schema.ts'

/** More workers than these no process has for one queue. */
const MOST_WOKEN = 16
/** So many times less often while no queue has a job: the first one comes with a notification, and shortens the pause. */
const LESS_OFTEN_WHEN_QUIET = 5

export interface JobWatch {
  /**
   * Looks at once: when a worker is free again, because pg-boss does not ask for a next job by itself, and when one has taken a
   * job, so that the looks come at their usual pace.
   */
  look(): void
  stop(): void
}

export interface JobWatchParts {
  readonly boss: PgBoss
  readonly db: Kysely<Tables>
  readonly queues: readonly string[]
  /** While a queue has a job, waiting or in hand. */
  readonly everyMs: number
  readonly report: Report
}

/**
 * Looks periodically, with one statement, for jobs that are due although nobody was notified of them (delayed ones, retries,
 * and those whose notification was lost), and wakes as many workers as there are jobs; and for jobs of dead workers, which
 * it hands on. pg-boss itself would ask once for each worker, and supervise all queues each time. Continues after a failure.
 * While no queue has a job the looks are less often, so that a lost notification costs 10 s at the usual pace.
 */
export function watchJobs({ boss, db, queues, everyMs, report }: JobWatchParts): JobWatch {
  let looking: Promise<void> | undefined
  let again = false
  let isStopped = false
  let timer = setTimeout(look, everyMs)

  /** Gives whether any queue has a job. */
  async function lookOnce(): Promise<boolean> {
    const seen = await readQueues(db, queues)
    for (const { name, due, isAbandoned } of seen) {
      if (isStopped) break
      if (due > 0) wake(name, due)
      if (isAbandoned) await boss.supervise(name)
    }
    return seen.some(({ hasJobs }) => hasJobs)
  }

  /** Those without a job first. One that has a job asks for the next as soon as it has ended it. */
  function wake(queue: string, count: number): void {
    const workers = boss.getWipData().filter(({ name, state }) => name === queue && state === 'active')
    for (const { id } of workers.toSorted((a, b) => a.count - b.count).slice(0, count)) boss.notifyWorker(id)
  }

  function look(): void {
    if (isStopped) return
    again = looking !== undefined
    clearTimeout(timer)
    looking ??= lookOnce()
      .catch((error) => {
        report('looking for due jobs', error)
        return true
      })
      .then((hasJobs) => {
        looking = undefined
        if (again) look()
        else if (!isStopped) timer = setTimeout(look, hasJobs ? everyMs : everyMs * LESS_OFTEN_WHEN_QUIET)
      })
  }

  return {
    look,
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

interface QueueSeen {
  readonly name: string
  /** Jobs that could begin now, as far as `MOST_WOKEN`. */
  readonly due: number
  /** Whether a job waits, due or not, or is in hand of any worker. */
  readonly hasJobs: boolean
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
      exists (select from pgboss.job j where j.name = q.name and j.state < 'active')
        or exists (select from pgboss.job j where j.name = q.name and j.state = 'active') as "hasJobs",
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
