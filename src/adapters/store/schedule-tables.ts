import { type Kysely, sql } from 'kysely'

/** When a release was asked to start, and in whose time zone; the state `scheduled` keeps its environment busy. */
export async function makeSchedule(db: Kysely<unknown>): Promise<void> {
  await sql`alter table release add column start_at timestamptz(3), add column start_time_zone text`.execute(db)
  await sql`drop index release_one_not_ended`.execute(db)
  await sql`
    create unique index release_one_not_ended on release (app, environment)
    where state in ('planning', 'awaiting sign-off', 'scheduled', 'approved', 'running', 'needs attention')`.execute(db)
}

/** What a card shows of freezes, and the proof of its commit as last looked at. */
export async function makeFreezesAndOrder(db: Kysely<unknown>): Promise<void> {
  await sql`alter table release add column freeze_shown text, add column proof json`.execute(db)
}
