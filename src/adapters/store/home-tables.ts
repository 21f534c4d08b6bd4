import { type Kysely, sql } from 'kysely'

/** The App Homes that people have opened, how often they were published of late, and an index for a person's releases. */
export async function makeHomes(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table home (
      person text primary key,
      opened_at timestamptz(3) not null,
      asked_at timestamptz(3),
      looked_at timestamptz(3),
      looked_events integer,
      not_before timestamptz(3) not null,
      published_at timestamptz(3),
      claim integer not null default 0,
      claimed_until timestamptz(3),
      hash text,
      shown text
    )`.execute(db)
  await sql`create index home_opened on home (opened_at)`.execute(db)
  await sql`create table home_pace (at timestamptz[] not null)`.execute(db)
  await sql`insert into home_pace (at) values ('{}')`.execute(db)
  await sql`create unique index home_pace_is_one_row on home_pace ((true))`.execute(db)
  await sql`create index sign_off_emergency on sign_off (at) where kind = 'emergency'`.execute(db)
  await sql`create index release_by_requester on release (requester_id, number desc)`.execute(db)
}
