import { type Kysely, sql } from 'kysely'
import type { HeadState } from '../../release/automatic.ts'
import type { ReleaseState } from '../../release/terms.ts'
import type { Tables } from './schema.ts'

/** A release that has not ended. */
export interface OpenRelease {
  readonly app: string
  readonly environment: string
  readonly state: ReleaseState
  readonly forMs: number
}

/** A new head that is not deployed yet. */
export interface WaitingHead {
  readonly app: string
  readonly environment: string
  readonly state: HeadState
  readonly forMs: number
}

/** The states of `release_one_not_ended`, spelled as in that index, so that Postgres uses it. */
const NOT_ENDED = sql.raw(`('planning', 'awaiting sign-off', 'scheduled', 'approved', 'running', 'needs attention')`)
/** The events that bring a release into one of these states. */
const STATE_BEGAN = sql.raw(
  `('release_requested', 'plan_made', 'release_scheduled', 'release_approved', 'run_started', 'attention_needed')`,
)

/** What is under way and what waits, for metrics. Each read is bounded by what has not ended. */
export function createWaiting(db: Kysely<Tables>) {
  return {
    async outbox(): Promise<{ waiting: number; oldestAgeMs: number }> {
      const { waiting, age } = await db
        .selectFrom('outbox')
        .where('state', '=', 'waiting')
        .where('kind', '<>', 'webhook')
        .select([
          sql<number>`count(*)::int`.as('waiting'),
          sql<number>`coalesce(extract(epoch from now() - min(put_in_at)), 0)::float8 * 1000`.as('age'),
        ])
        .executeTakeFirstOrThrow()
      return { waiting, oldestAgeMs: age }
    },
    async inboxUnhandled(): Promise<number> {
      const { left } = await db
        .selectFrom('inbox')
        .where('handled_at', 'is', null)
        .select(sql<number>`count(*)::int`.as('left'))
        .executeTakeFirstOrThrow()
      return left
    },
    /** Every release that has not ended, at most one of each environment, and for how long it has been in its state. */
    async releases(): Promise<readonly OpenRelease[]> {
      const { rows } = await sql<OpenRelease>`
        select r.app, r.environment, r.state,
          extract(epoch from now() - coalesce(
            (select max(e.at) from event e where e.release = r.number and e.type in ${STATE_BEGAN}), r.requested_at
          ))::float8 * 1000 as "forMs"
        from release r where r.state in ${NOT_ENDED}`.execute(db)
      return rows
    },
    /** The releases whose time has come and that have not started, and for how long it is past. */
    async overdueStarts(): Promise<readonly OpenRelease[]> {
      const { rows } = await sql<OpenRelease>`
        select app, environment, state, extract(epoch from now() - start_at)::float8 * 1000 as "forMs"
        from release where state in ('awaiting sign-off', 'scheduled') and start_at <= now()`.execute(db)
      return rows
    },
    /** The heads that wait to be deployed automatically, and for how long each commit has waited. */
    async heads(): Promise<readonly WaitingHead[]> {
      const { rows } = await sql<WaitingHead>`
        select app, environment, state, extract(epoch from now() - seen_at)::float8 * 1000 as "forMs"
        from head where state in ('due', 'builds')`.execute(db)
      return rows
    },
    /** How long ago a worker was last seen; undefined if none is known. */
    async workerSeenMs(): Promise<number | undefined> {
      const { age } = await db
        .selectFrom('worker')
        .select(sql<number | null>`extract(epoch from now() - max(at))::float8 * 1000`.as('age'))
        .executeTakeFirstOrThrow()
      return age ?? undefined
    },
  }
}
