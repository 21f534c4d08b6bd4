import { type Kysely, sql } from 'kysely'

/** Truncated like JavaScript's times, as in migrations.ts. */
const thisMoment = sql`date_trunc('milliseconds', now())`

/** Migration 013: locks of people, the deliveries that have changed one, and who waits for an environment. Empty names: over all. */
export async function makeLocks(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table environment_lock (
      id integer generated always as identity primary key,
      app text not null,
      environment text not null,
      holder_id text not null,
      holder_name text not null,
      reason text not null,
      since timestamptz(3) not null default ${thisMoment},
      until timestamptz(3),
      ended_at timestamptz(3),
      ended_how text,
      ended_by_id text,
      ended_by_name text
    )`.execute(db)
  await sql`
    create unique index environment_lock_one_open on environment_lock (app, environment)
    where ended_at is null`.execute(db)
  await sql`create index environment_lock_by_environment on environment_lock (app, environment, id desc)`.execute(db)
  await sql`
    create table lock_delivery (
      key text primary key,
      lock integer not null references environment_lock (id),
      at timestamptz(3) not null default ${thisMoment}
    )`.execute(db)
  await sql`create index lock_delivery_by_time on lock_delivery (at)`.execute(db)
  await sql`
    create table free_watch (
      id integer generated always as identity primary key,
      app text not null,
      environment text not null,
      person_id text not null,
      unique (app, environment, person_id)
    )`.execute(db)
}
