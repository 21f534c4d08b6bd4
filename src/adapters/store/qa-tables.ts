import { type Kysely, sql } from 'kysely'

/**
 * Migration 019: who has tested which change of a release. Rows are added only, and kept as long as their release, like
 * sign-offs. Both statements that read them begin with the release, as the primary key does.
 */
export async function makeTested(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table change_tested (
      position integer generated always as identity,
      release integer not null references release (number),
      change text not null,
      person_id text not null,
      person_name text not null,
      "right" text not null,
      is_own boolean not null,
      note text,
      at timestamptz(3) not null default date_trunc('milliseconds', now()),
      primary key (release, change, person_id)
    )`.execute(db)
}
