import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import { fromKysely, type Job as HeldJob, type PgBoss } from 'pg-boss'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { defined } from '../../lib/defined.ts'
import { settlesWithin } from '../../lib/timeout.ts'
import { type Claim, ClaimLost, type Job, type Jobs } from '../../release/ports/jobs.ts'
import type { WorkerGroups } from '../../release/workers.ts'
import { beatEverySeconds, watchClaim } from './claim-watch.ts'
import type { Report } from './connection.ts'
import { watchJobs } from './job-watch.ts'
import { JOB_QUEUES, QUEUES, type Queue, queueNamed } from './queues.ts'
import type { Tables } from './schema.ts'
import type { JobsInTransaction } from './transaction.ts'
import { minimumVersion, type VersionWatch } from './version.ts'

export function attemptsOf({ kind }: Job): number {
  return JOB_QUEUES[kind].attempts
}

/** The queue that a claim's job was taken from. */
function queueOf({ job, queue }: Claim): string {
  return queue ?? JOB_QUEUES[job.kind].queue
}

/** Times in seconds; only tests change them. */
export interface JobTiming {
  /** The least time between two passes that take the jobs of dead workers from them. */
  readonly superviseSeconds?: number
  /** How often a process looks for jobs that are not notified, such as delayed jobs and retries, and for those of dead workers. */
  readonly pollSeconds?: number
  /** The wait before the second attempt; it doubles up to a minute. */
  readonly retrySeconds?: number
}

const atOnce: Record<Queue, number> = { plan: 4, run: 8 }
/** How often each of pg-boss's workers asks by itself: `watchJobs` wakes them long before. */
const ASK_ANYWAY_SECONDS = 300

/** The same job has the same id, so that it is enqueued once. The id is a UUID of version 8 (RFC 9562). */
export function idOf(job: Job): string {
  // A preview is identified by its command alone: a repeated delivery of it is the same job.
  const same = job.kind === 'preview' ? { kind: job.kind, id: job.id } : job
  const hex = createHash('sha256').update(canonicalJson(same)).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export function createJobsInTransaction(boss: PgBoss | undefined, groups: WorkerGroups): JobsInTransaction {
  return {
    enqueue: async (trx, job, afterMs) => {
      if (boss === undefined) throw new Error("Can't enqueue jobs: the store was opened read-only.")
      const { queue, attempts } = JOB_QUEUES[job.kind]
      const place = queue === 'run' || groups.names.length > 0 ? await placeOf(trx, job) : undefined
      await boss.send(queueNamed(queue, place === undefined ? undefined : groups.of[place]), job, {
        db: fromKysely(trx),
        id: idOf(job),
        retryLimit: attempts - 1,
        ...defined({
          startAfter: afterMs > 0 ? afterMs / 1000 : undefined,
          group: queue === 'run' && place !== undefined ? { id: place } : undefined,
        }),
      })
    },

    holdClaim: async (trx, claim) => {
      if ((await heldJob(trx, claim, sql`for share`)) === undefined) {
        throw new ClaimLost(`The job ${claim.job.kind} is no longer this worker's.`)
      }
    },
  }
}

/** `app/environment` of what a job is about. */
async function placeOf(trx: Kysely<Tables>, job: Job): Promise<string> {
  if (job.kind === 'preview') return `${job.app}/${job.environment}`
  const { app, environment } = await trx
    .selectFrom('release')
    .select(['app', 'environment'])
    .where('number', '=', job.release)
    .executeTakeFirstOrThrow()
  return `${app}/${environment}`
}

/**
 * The job's row, if it is active in the attempt of this claim; a takeover increments the retry count. `beatAge`: ms since
 * its last heartbeat in the store, by the clock that pg-boss writes it with.
 */
async function heldJob(db: Kysely<Tables>, claim: Claim, lock = sql``): Promise<{ beatAge: number } | undefined> {
  const { rows } = await sql<{ beatAge: number }>`
    select extract(epoch from pg_catalog.clock_timestamp() - coalesce(heartbeat_on, started_on))::float8 * 1000 as "beatAge"
    from pgboss.job
    where name = ${queueOf(claim)} and id = ${claim.id}::uuid
      and state = 'active' and retry_count = ${claim.attempt - 1}
    ${lock}`.execute(db)
  return rows[0]
}

/**
 * What may forbid work on a job that was just fetched: a newer version of the program and, for a run
 * (`isEnvironmentRun`), another active run of the same environment in any process, also one taken from another group's queue. pg-boss's groupConcurrency prevents
 * most of those, but not two fetches at the same moment. Each process looks after its own fetch is committed, so at most
 * one finds no other.
 */
async function lookBeforeWork(
  db: Kysely<Tables>,
  claim: Claim,
): Promise<{ isEnvironmentRun: boolean; minimum: number }> {
  const isEnvironmentRun = sql<boolean>`exists (
    select from pgboss.job other join pgboss.job mine on other.group_id = mine.group_id and other.id <> mine.id
    where mine.name = ${queueOf(claim)} and mine.id = ${claim.id}::uuid
      and other.name in (select name from pgboss.queue) and other.state = 'active'
  )`
  return db
    .selectNoFrom([isEnvironmentRun.as('isEnvironmentRun'), minimumVersion.as('minimum')])
    .executeTakeFirstOrThrow()
}

class EnvironmentIsRun extends Error {
  override readonly name = 'EnvironmentIsRun'
}

export interface JobsParts {
  /** Absent: nothing can be worked on. */
  readonly boss: PgBoss | undefined
  readonly db: Kysely<Tables>
  readonly timing: JobTiming
  /** The group of this worker. Absent: it takes the jobs of environments without a group. */
  readonly group: string | undefined
  readonly version: VersionWatch
  readonly report: Report
}

/** As the port says. Handlers' errors go to `report` and not into the store: they may contain secrets. */
export function createJobs({ boss, db, timing, group, version, report }: JobsParts): Jobs {
  return {
    isLive: async (job) => {
      const { rows } = await sql`
        select 1 from pgboss.job
        where name in (select name from pgboss.queue) and id = ${idOf(job)}::uuid
          and state in ('created', 'retry', 'active')`.execute(db)
      return rows.length > 0
    },

    work: async (handle) => {
      if (boss === undefined)
        throw new Error('This process was opened without jobs to work on. Open the store in the role of a worker.')
      const stopping = new AbortController()
      let takesMore = true
      const take = async ([held]: HeldJob<Job>[]): Promise<void> => {
        if (held === undefined) return
        // Fetched at the moment of the stop: it goes back to the queue.
        if (!takesMore) throw new Error('the worker stops')
        watch.look()
        const lost = new AbortController()
        const over = new AbortController()
        let isTooLate = () => false
        const claim: Claim = {
          job: held.data,
          id: held.id,
          attempt: held.retryCount + 1,
          queue: held.name,
          get signal() {
            // After a suspended process resumes, code runs before its timers do: so each reader also checks the time.
            if (isTooLate()) lose(claimLost(claim))
            return lost.signal
          },
        }
        const lose = (reason: unknown) => {
          // pg-boss also aborts its signal when a job is done.
          if (!over.signal.aborted) lost.abort(reason)
        }
        held.signal.addEventListener('abort', () => lose(claimLost(claim)), { signal: over.signal })
        stopping.signal.addEventListener('abort', () => lose(stopping.signal.reason), { signal: over.signal })
        isTooLate = watchClaim(
          () => heldJob(db, claim),
          () => lose(claimLost(claim)),
          over.signal,
        )
        try {
          const { isEnvironmentRun, minimum } = await lookBeforeWork(db, claim)
          version.assertMayWork(minimum)
          if (claim.job.kind === 'run' && isEnvironmentRun) {
            throw new EnvironmentIsRun(`another run of the environment of #${claim.job.release} is active`)
          }
          await handle(claim)
        } catch (error) {
          if (!(error instanceof ClaimLost || error instanceof EnvironmentIsRun))
            report(`job ${claim.job.kind}, attempt ${claim.attempt}`, error)
          throw new Error(error instanceof Error ? error.name : 'thrown')
        } finally {
          over.abort()
          watch.look()
        }
      }

      const [plan, run] = QUEUES.map((queue) => queueNamed(queue, group)) as [string, string]
      const watch = watchJobs({
        ...{ boss, db, report },
        queues: [plan, run],
        everyMs: (timing.pollSeconds ?? 2) * 1000,
      })
      const options = {
        batchSize: 1,
        pollingIntervalSeconds: ASK_ANYWAY_SECONDS,
        notifyPollingIntervalSeconds: ASK_ANYWAY_SECONDS,
        heartbeatRefreshSeconds: beatEverySeconds,
      }
      await boss.work<Job>(plan, { ...options, localConcurrency: atOnce.plan }, take)
      await boss.work<Job>(run, { ...options, localConcurrency: atOnce.run, groupConcurrency: 1 }, take)

      let left: Promise<unknown> | undefined
      const leave = () => {
        takesMore = false
        watch.stop()
        left ??= Promise.all([boss.offWork(plan), boss.offWork(run)])
        return left
      }
      version.superseded.addEventListener('abort', () => leave().catch((error) => report('the job queue', error)), {
        once: true,
      })

      return {
        stop: async (graceMs) => {
          const left = leave()
          await settlesWithin(graceMs, left)
          stopping.abort(new Error('The worker stops.'))
          // Handlers that still run end with the process, and their jobs go to the next worker.
          await settlesWithin(5000, left)
        },
      }
    },
  }
}

function claimLost(claim: Claim): ClaimLost {
  return new ClaimLost(`The job ${claim.job.kind} is no longer this worker's.`)
}
