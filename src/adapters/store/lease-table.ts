import { type Kysely, sql } from 'kysely'

/** The lease of each environment, and the fencing number under which a step was written. */
export async function makeLeases(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table environment_lease (
      app text not null,
      environment text not null,
      fence integer not null,
      holder text not null,
      session text not null,
      expires_at timestamptz not null,
      primary key (app, environment)
    )`.execute(db)
  await sql`alter table step add column fence integer`.execute(db)
}
