import { type Kysely, sql } from 'kysely'

/** Truncated like JavaScript's times, as in migrations.ts. */
const thisMoment = sql`date_trunc('milliseconds', now())`

/** Migration 018: the direct messages that people have switched off, and the people to whom Slack delivers none. */
export async function makeDirectMessages(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table direct_message_off (
      person_id text not null,
      kind text not null,
      at timestamptz(3) not null default ${thisMoment},
      primary key (person_id, kind)
    )`.execute(db)
  await sql`
    create table direct_message_refused (
      person_id text primary key,
      error text not null,
      at timestamptz(3) not null default ${thisMoment}
    )`.execute(db)
}
