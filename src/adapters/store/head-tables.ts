import { type Kysely, sql } from 'kysely'

/** The head of each environment that is deployed automatically, and with it the message `channel` of the outbox. */
export async function makeHeads(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table head (
      app text not null,
      environment text not null,
      configuration text not null,
      commit text not null,
      state text not null,
      seen_at timestamptz(3) not null,
      told text,
      release integer references release (number),
      held_back integer references release (number),
      watchers json not null,
      primary key (app, environment)
    )`.execute(db)
}
