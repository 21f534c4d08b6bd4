/** The queues of jobs: two for the workers without a group, and two for each group. */
import { type Kysely, sql } from 'kysely'
import type { PgBoss } from 'pg-boss'
import type { Job } from '../../release/ports/jobs.ts'
import type { WorkerGroups } from '../../release/workers.ts'
import { heartbeatSeconds } from './claim-watch.ts'
import type { Tables } from './schema.ts'

const PLAN_ATTEMPTS = 6
const RUN_ATTEMPTS = 21
/** Enough for over three hours: no person waits for what follows a release's end, and nothing else does it. */
const AFTERWARDS_ATTEMPTS = 200

/** The names of the queues of workers without a group. A group's are these with `.` and its name. */
export const QUEUES = ['plan', 'run'] as const
export type Queue = (typeof QUEUES)[number]

export type JobQueues = Readonly<Record<Job['kind'], { readonly queue: Queue; readonly attempts: number }>>

/**
 * The queue of each kind of job, and its attempts in all. After the last attempt the job stays failed, and the worker's
 * sweep ends its release.
 */
export const JOB_QUEUES: JobQueues = {
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

export const NO_GROUPS: WorkerGroups = { names: [], of: {} }

/** The name of a group's queue, or of that of the workers without a group. */
export function queueNamed(queue: Queue, group: string | undefined): string {
  return group === undefined ? queue : `${queue}.${group}`
}

/**
 * Creates the queues, or updates them to this program's settings. Ended jobs are kept for a week, during which the same
 * job is not enqueued again.
 */
export async function prepareQueues(boss: PgBoss, retrySeconds: number, groups: readonly string[]): Promise<void> {
  const common = {
    heartbeatSeconds,
    retryDelay: retrySeconds,
    retryBackoff: true,
    retryDelayMax: 60,
    deleteAfterSeconds: 7 * 24 * 3600,
    notify: true,
  }
  const queues = {
    plan: { ...common, expireInSeconds: 30 * 60, retryLimit: PLAN_ATTEMPTS - 1 },
    run: { ...common, expireInSeconds: 6 * 3600, retryLimit: RUN_ATTEMPTS - 1 },
  }
  for (const group of [undefined, ...groups]) {
    for (const queue of QUEUES) {
      const name = queueNamed(queue, group)
      await boss.createQueue(name, queues[queue])
      await boss.updateQueue(name, queues[queue])
    }
  }
}

/**
 * Moves jobs that nobody holds to the queue of the workers that release their environment now: the groups in releases.yml
 * have changed since they were enqueued. What a queue has already is not put there twice. Safe to repeat.
 */
export async function rerouteJobs(db: Kysely<Tables>, groups: WorkerGroups): Promise<void> {
  const { rows } = await sql`select from pgboss.queue where name like any (array['plan.%', 'run.%']) limit 1`.execute(
    db,
  )
  if (rows.length === 0) return
  const misplaced = sql`
    select job.name, job.id,
      split_part(job.name, '.', 1)
        || coalesce('.' || (${JSON.stringify(groups.of)}::json ->> (place.app || '/' || place.environment)), '') as queue
    from pgboss.job
    left join release on release.number = (job.data ->> 'release')::integer
    cross join lateral (
      select coalesce(release.app, job.data ->> 'app') as app,
        coalesce(release.environment, job.data ->> 'environment') as environment
    ) place
    where job.state < 'active' and (job.name in ('plan', 'run') or job.name like any (array['plan.%', 'run.%']))`
  await sql`
    delete from pgboss.job using (${misplaced}) misplaced
    where job.name = misplaced.name and job.id = misplaced.id and job.state < 'active' and misplaced.queue <> job.name
      and exists (select from pgboss.job other where other.name = misplaced.queue and other.id = job.id)`.execute(db)
  await sql`
    update pgboss.job set name = misplaced.queue from (${misplaced}) misplaced
    where job.name = misplaced.name and job.id = misplaced.id and job.state < 'active' and misplaced.queue <> job.name
      and exists (select from pgboss.queue where queue.name = misplaced.queue)`.execute(db)
}
