import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import { fromKysely, type Job as HeldJob, type PgBoss } from 'pg-boss'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { settlesWithin } from '../../lib/timeout.ts'
import { type Claim, ClaimLost, type Job, type Jobs } from '../../release/ports/jobs.ts'
import type { Report } from './connection.ts'
import type { Tables } from './schema.ts'
import type { JobsInTransaction } from './transaction.ts'
import { minimumVersion, type VersionWatch } from './version.ts'

/** How often a job is taken up in all; after that it is left, and the worker's sweep ends its release. */
const PLAN_ATTEMPTS = 6
const RUN_ATTEMPTS = 21
/** Nobody waits for what is done after a release's end, and nothing else does it: for over three hours. */
const AFTERWARDS_ATTEMPTS = 200

export function attemptsOf({ kind }: Job): number {
  if (kind === 'run') return RUN_ATTEMPTS
  return kind === 'tidy' || kind === 'carry' ? AFTERWARDS_ATTEMPTS : PLAN_ATTEMPTS
}

type Queue = 'plan' | 'run'

/** What only tests change. All in seconds. */
export interface JobTiming {
  /** How often dead workers' jobs are looked for. */
  readonly superviseSeconds?: number
  /** How often a worker looks for jobs that nobody announced: delayed ones, and those to be taken up again. */
  readonly pollSeconds?: number
  /** The wait before the second attempt; it doubles up to a minute. */
  readonly retrySeconds?: number
}

/** The smallest that pg-boss takes; after that long without a sign of life a job is taken up by another worker. */
const heartbeatSeconds = 10
const beatEverySeconds = 2
const atOnce: Record<Queue, number> = { plan: 4, run: 8 }

function queueOf(job: Job): Queue {
  return job.kind === 'run' ? 'run' : 'plan'
}

/** The same job has the same id, so that it is enqueued once. In the form of a UUID (RFC 9562, version 8: our own). */
export function idOf(job: Job): string {
  // A preview is known by the command that asked for it, not by when it was asked again.
  const same = job.kind === 'preview' ? { kind: job.kind, id: job.id } : job
  const hex = createHash('sha256').update(canonicalJson(same)).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/**
 * Makes the queues, or brings them to this program's settings. Jobs that are over are kept for a week: until then the
 * same job is known to have been.
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
      if (boss === undefined) throw new Error('The store was opened for reading.')
      await boss.send(queueOf(job), job, {
        db: fromKysely(trx),
        id: idOf(job),
        retryLimit: attemptsOf(job) - 1,
        ...(afterMs > 0 ? { startAfter: afterMs / 1000 } : {}),
        ...(job.kind === 'run' ? { group: { id: await environmentOf(trx, job.release) } } : {}),
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
 * The job's row, while it is active in the attempt of this claim. Taking it over makes the row anew, with one more retry.
 * `beatAge`: ms since the last sign of life that the store has of it.
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
 * What stands against a job that was just taken: a newer version of the program, and for a run (`isEnvironmentRun`)
 * another run of the same environment in hand, here or elsewhere. pg-boss's groupConcurrency holds most of those back, but
 * two fetches at the same moment pass it. Each looks after its own fetch is committed, so at most one sees nobody.
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

/** As the port says. Handlers' errors go to `report`, and not into the store: they may hold what nobody should read. */
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
      if (boss === undefined) throw new Error('This process was not opened to work on jobs.')
      const stopping = new AbortController()
      let takesMore = true
      const take = async ([held]: HeldJob<Job>[]): Promise<void> => {
        if (held === undefined) return
        // Fetched in the moment of the stop: back to the queue.
        if (!takesMore) throw new Error('the worker stops')
        const lost = new AbortController()
        const over = new AbortController()
        let isTooLate = () => false
        const claim: Claim = {
          job: held.data,
          id: held.id,
          attempt: held.retryCount + 1,
          get signal() {
            // A process that stood still goes on where it was, before its timers run: whoever looks, looks at the time.
            if (isTooLate()) lose(claimLost(claim))
            return lost.signal
          },
        }
        const lose = (reason: unknown) => {
          // pg-boss aborts its signal when a job is done, too.
          if (!over.signal.aborted) lost.abort(reason)
        }
        held.signal.addEventListener('abort', () => lose(claimLost(claim)), { signal: over.signal })
        stopping.signal.addEventListener('abort', () => lose(stopping.signal.reason), { signal: over.signal })
        isTooLate = watchClaim(db, claim, lose, over.signal)
        try {
          const { isEnvironmentRun, minimum } = await lookBeforeWork(db, claim)
          version.assertMayWork(minimum)
          if (claim.job.kind === 'run' && isEnvironmentRun) {
            throw new EnvironmentIsRun(`the environment of #${claim.job.release} is being run`)
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
          // What still has not ended when told to is left to the end of the process, and its job to the next worker.
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
 * Calls `lose` when the claim is gone, and before anyone can have taken it over when the store can't be asked: pg-boss
 * says nothing then. The store gives a job away `heartbeatSeconds` after its last sign of life, not before. Gives whether
 * that time has come, for whoever can't wait for a timer.
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
