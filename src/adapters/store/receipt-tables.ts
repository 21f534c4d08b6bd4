import { type Kysely, sql } from 'kysely'

/** Truncated like JavaScript's times, as in migrations.ts. */
const thisMoment = sql`date_trunc('milliseconds', now())`

/**
 * Migration 023: sign-offs that are void, because their person says that they did not give them. They are moved here from
 * `sign_off`, so that nothing that reads that table can count them.
 */
export async function makeReceipts(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table disputed_sign_off (
      position integer not null,
      release integer not null references release (number),
      kind text not null,
      person_id text not null,
      person_name text not null,
      fingerprint text not null,
      note text,
      "right" text not null,
      at timestamptz(3) not null,
      disputed_at timestamptz(3) not null default ${thisMoment},
      primary key (release, position)
    )`.execute(db)
}
