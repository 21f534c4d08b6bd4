import { type Kysely, sql } from 'kysely'

/**
 * Migration 020: a row for each release that is counted. It takes no lock on the releases: those of before are counted
 * afterwards (figures-fill.ts), the newest first. `figures_filled.below`: all of them from this number on are there.
 */
export async function makeFigures(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table release_figures (
      release integer primary key,
      app text not null,
      environment text not null,
      kind text not null,
      at timestamptz(3) not null,
      outcome text,
      ended_at timestamptz(3),
      confirmed_at timestamptz(3),
      attention_at timestamptz(3),
      rolled_back_at timestamptz(3),
      signed_after_ms bigint,
      emergency boolean not null,
      run_ms bigint,
      step_ms json not null,
      steps text not null,
      lead_seconds bigint[] not null,
      commits integer not null
    )`.execute(db)
  await sql`create index release_figures_by_time on release_figures (app, environment, at)`.execute(db)
  await sql`create index release_figures_by_number on release_figures (app, environment, release desc)`.execute(db)
  await sql`create index release_figures_old on release_figures (at)`.execute(db)
  await sql`create index release_figures_open on release_figures (app, environment) where ended_at is null`.execute(db)
  await sql`create table figures_filled (below integer)`.execute(db)
  await sql`insert into figures_filled (below) values (null)`.execute(db)
  await sql`create unique index figures_filled_is_one_row on figures_filled ((true))`.execute(db)
}
