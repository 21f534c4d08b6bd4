import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import { fromKysely, type Job as HeldJob, type PgBoss } from 'pg-boss'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { defined } from '../../lib/defined.ts'
import { settlesWithin } from '../../lib/timeout.ts'
import { type Claim, ClaimLost, type Job, type Jobs } from '../../release/ports/jobs.ts'
import type { Report } from './connection.ts'
import type { Tables } from './schema.ts'
import type { JobsInTransaction } from './transaction.ts'
import { minimumVersion, type VersionWatch } from './version.ts'

const PLAN_ATTEMPTS = 6
const RUN_ATTEMPTS = 21
/** Enough for over three hours: no person waits for what follows a release's end, and nothing else does it. */
const AFTERWARDS_ATTEMPTS = 200

type Queue = 'plan' | 'run'

export type JobQueues = Readonly<Record<Job['kind'], { readonly queue: Queue; readonly attempts: number }>>

/**
 * The queue of each kind of job, and its attempts in all. After the last attempt the job stays failed, and the worker's
 * sweep ends its release.
 */
const JOB_QUEUES: JobQueues = {
  plan: { queue: 'plan', attempts: PLAN_ATTEMPTS },
  preview: { queue: 'plan', attempts: PLAN_ATTEMPTS },
  preflight: { queue: 'plan', attempts: PLAN_ATTEMPTS },
  run: { queue: 'run', attempts: RUN_ATTEMPTS },
  tidy: { queue: 'plan', attempts: AFTERWARDS_ATTEMPTS },
  carry: { queue: 'plan', attempts: AFTERWARDS_ATTEMPTS },
  look: { queue: 'plan', attempts: 1 },
  aftermath: { queue: 'plan', attempts: PLAN_ATTEMPTS },
  record: { queue: 'plan', attempts: PLAN_ATTEMPTS },
}

export function attemptsOf({ kind }: Job): number {
  return JOB_QUEUES[kind].attempts
}

function queueOf({ kind }: Job): Queue {
  return JOB_QUEUES[kind].queue
}

/** Times in seconds; only tests change them. */
export interface JobTiming {
  /** How often pg-boss looks for jobs of dead workers. */
  readonly superviseSeconds?: number
  /** How often a worker polls for jobs that are not notified: delayed jobs and retries. */
  readonly pollSeconds?: number
  /** The wait before the second attempt; it doubles up to a minute. */
  readonly retrySeconds?: number
}

/** The least that pg-boss accepts. A job without a heartbeat for that long goes to another worker. */
const heartbeatSeconds = 10
const beatEverySeconds = 2
const atOnce: Record<Queue, number> = { plan: 4, run: 8 }

/** The same job has the same id, so that it is enqueued once. The id is a UUID of version 8 (RFC 9562). */
export function idOf(job: Job): string {
  // A preview is identified by its command alone: a repeated delivery of it is the same job.
  const same = job.kind === 'preview' ? { kind: job.kind, id: job.id } : job
  const hex = createHash('sha256').update(canonicalJson(same)).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/**
 * Creates the queues, or updates them to this program's settings. Ended jobs are kept for a week, during which the same
 * job is not enqueued again.
 */
export async function prepareQueues(boss: PgBoss, timing: JobTiming): Promise<void> {
  const common = {
    heartbeatSeconds,
    retryDelay: timing.retrySeconds ?? 1,
    retryBackoff: true,
    retryDelayMax: 60,
    deleteAfterSeconds: 7 * 24 * 3600,
    notify: true,
  }
  const queues = {
    plan: { ...common, expireInSeconds: 30 * 60, retryLimit: PLAN_ATTEMPTS - 1 },
    run: { ...common, expireInSeconds: 6 * 3600, retryLimit: RUN_ATTEMPTS - 1 },
  }
  for (const [name, settings] of Object.entries(queues)) {
    await boss.createQueue(name, settings)
    await boss.updateQueue(name, settings)
  }
}

export function createJobsInTransaction(boss: PgBoss | undefined): JobsInTransaction {
  return {
    enqueue: async (trx, job, afterMs) => {
      if (boss === undefined) throw new Error("Can't enqueue jobs: the store was opened read-only.")
      await boss.send(queueOf(job), job, {
        db: fromKysely(trx),
        id: idOf(job),
        retryLimit: attemptsOf(job) - 1,
        ...defined({
          startAfter: afterMs > 0 ? afterMs / 1000 : undefined,
          group: job.kind === 'run' ? { id: await environmentOf(trx, job.release) } : undefined,
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

async function environmentOf(trx: Kysely<Tables>, release: number): Promise<string> {
  const { app, environment } = await trx
    .selectFrom('release')
    .select(['app', 'environment'])
    .where('number', '=', release)
    .executeTakeFirstOrThrow()
  return `${app}/${environment}`
}

/**
 * The job's row, if it is active in the attempt of this claim; a takeover increments the retry count. `beatAge`: ms since
 * its last heartbeat in the store.
 */
async function heldJob(db: Kysely<Tables>, claim: Claim, lock = sql``): Promise<{ beatAge: number } | undefined> {
  const { rows } = await sql<{ beatAge: number }>`
    select extract(epoch from clock_timestamp() - coalesce(heartbeat_on, started_on))::float8 * 1000 as "beatAge"
    from pgboss.job
    where name = ${queueOf(claim.job)} and id = ${claim.id}::uuid
      and state = 'active' and retry_count = ${claim.attempt - 1}
    ${lock}`.execute(db)
  return rows[0]
}

/**
 * What may forbid work on a job that was just fetched: a newer version of the program and, for a run
 * (`isEnvironmentRun`), another active run of the same environment in any process. pg-boss's groupConcurrency prevents
 * most of those, but not two fetches at the same moment. Each process looks after its own fetch is committed, so at most
 * one finds no other.
 */
async function lookBeforeWork(
  db: Kysely<Tables>,
  claim: Claim,
): Promise<{ isEnvironmentRun: boolean; minimum: number }> {
  const isEnvironmentRun = sql<boolean>`exists (
    select from pgboss.job other join pgboss.job mine on other.group_id = mine.group_id and other.id <> mine.id
    where mine.name = 'run' and mine.id = ${claim.id}::uuid and other.name = 'run' and other.state = 'active'
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
  readonly version: VersionWatch
  readonly report: Report
}

/** As the port says. Handlers' errors go to `report` and not into the store: they may contain secrets. */
export function createJobs({ boss, db, timing, version, report }: JobsParts): Jobs {
  return {
    isLive: async (job) => {
      const { rows } = await sql`
        select 1 from pgboss.job
        where name = ${queueOf(job)} and id = ${idOf(job)}::uuid and state in ('created', 'retry', 'active')`.execute(
        db,
      )
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
        const lost = new AbortController()
        const over = new AbortController()
        let isTooLate = () => false
        const claim: Claim = {
          job: held.data,
          id: held.id,
          attempt: held.retryCount + 1,
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
        isTooLate = watchClaim(db, claim, lose, over.signal)
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
        }
      }

      const poll = timing.pollSeconds ?? 2
      const options = {
        batchSize: 1,
        pollingIntervalSeconds: poll,
        notifyPollingIntervalSeconds: poll,
        heartbeatRefreshSeconds: beatEverySeconds,
      }
      await boss.work<Job>('plan', { ...options, localConcurrency: atOnce.plan }, take)
      await boss.work<Job>('run', { ...options, localConcurrency: atOnce.run, groupConcurrency: 1 }, take)

      let left: Promise<unknown> | undefined
      const leave = () => {
        takesMore = false
        left ??= Promise.all([boss.offWork('plan'), boss.offWork('run')])
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

/**
 * Calls `lose` when the claim is lost. While the store can't be reached, pg-boss reports nothing: then it calls `lose`
 * before another worker can take the job over, which is `heartbeatSeconds` after its last heartbeat. Returns a function
 * that tells whether that time has come, for callers that can't wait for a timer.
 */
function watchClaim(
  db: Kysely<Tables>,
  claim: Claim,
  lose: (reason: ClaimLost) => void,
  over: AbortSignal,
): () => boolean {
  const safeMs = (heartbeatSeconds - 2) * 1000
  const tooLate = () => lose(claimLost(claim))
  let safeUntil = performance.now() + safeMs
  let deadline = setTimeout(tooLate, safeMs)
  const look = async () => {
    const asked = performance.now()
    const held = await heldJob(db, claim)
    if (over.aborted) return
    if (held === undefined) return tooLate()
    clearTimeout(deadline)
    safeUntil = asked - held.beatAge + safeMs
    deadline = setTimeout(tooLate, Math.max(0, safeUntil - performance.now()))
  }
  const timer = setInterval(() => look().catch(() => undefined), beatEverySeconds * 1000)
  over.addEventListener(
    'abort',
    () => {
      clearInterval(timer)
      clearTimeout(deadline)
    },
    { once: true },
  )
  return () => performance.now() >= safeUntil
}
