import { type Kysely, sql } from 'kysely'

/** Truncated like JavaScript's times, as in migrations.ts. */
const thisMoment = sql`date_trunc('milliseconds', now())`

/** In canonical JSON. Postgres reads no field of stored JSON that has a NUL escape anywhere, so its text is matched. */
const OF_STEP = '"commit":"([0-9a-f]{40})"'
const OF_PLAN = '"result":[{]"commit":"([0-9a-f]{40})"'

/**
 * Migration 015: what was asked of a rollback, the commit that each succeeded release proved, and marks. Also the job
 * `record`, which older processes don't know.
 */
export async function makeRollbacks(db: Kysely<unknown>): Promise<void> {
  await sql`alter table release add column rollback json, add column proven_commit text`.execute(db)
  await sql`
    update release set proven_commit = coalesce(
      (select substring(result::text from ${OF_STEP}::text) from step
       where step.release = release.number and name = 'confirm'),
      substring(plan::text from ${OF_PLAN}::text)
    ) where state = 'succeeded'`.execute(db)
  await sql`
    create index release_by_proven_commit on release (app, environment, proven_commit text_pattern_ops, number desc)
    where proven_commit is not null`.execute(db)
  await sql`
    create table release_mark (
      release integer primary key references release (number),
      mark text not null,
      by_id text not null,
      by_name text not null,
      reason text,
      rollback integer references release (number),
      at timestamptz(3) not null default ${thisMoment}
    )`.execute(db)
}
