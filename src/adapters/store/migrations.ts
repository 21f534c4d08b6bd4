import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'
import { makeDirectMessages } from './direct-message-tables.ts'
import { hasExactly } from './executed-migrations.ts'
import { makeFigures } from './figure-tables.ts'
import { makeHeads } from './head-tables.ts'
import { makeHistoryIndexes } from './history-indexes.ts'
import { makeHomes } from './home-tables.ts'
import { makeLeases } from './lease-table.ts'
import { makeLocks } from './lock-tables.ts'
import { makeTested } from './qa-tables.ts'
import { makeReceipts } from './receipt-tables.ts'
import { makeRollbacks } from './rollback-tables.ts'
import { makeFreezesAndOrder, makeSchedule } from './schedule-tables.ts'
import { makeWebhooks } from './webhook-tables.ts'
import { makeWorkerGroups } from './worker-tables.ts'

/**
 * The store's schema, forward only: a released migration is never changed, and new ones are added below. Times are stored
 * to the millisecond, as in JavaScript, so that what is read equals what was written.
 */
const migrations: Record<string, Migration> = {
  '001 releases': { up: makeReleases },
  '002 events': { up: makeEvents },
  '003 slack': { up: makeSlack },
  '004 workers': { up: makeWorkers },
  '005 forgetting': { up: makeForgetting },
  '006 evidence': { up: keepOutcomes },
  '007 versions': { up: makeVersion },
  '008 environments': { up: makeEnvironments },
  '009 merge requirements': { up: keepMergeRequirements },
  '010 slack as people use it': { up: makePeople },
  '011 leases': { up: makeLeases },
  '012 subjects of buttons': { up: makeSubjects },
  '013 locks': { up: makeLocks },
  '014 schedule': { up: makeSchedule },
  '015 rollbacks': { up: makeRollbacks },
  '016 heads': { up: makeHeads },
  '017 freezes and order': { up: makeFreezesAndOrder },
  '018 direct messages': { up: makeDirectMessages },
  '019 qa': { up: makeTested },
  '020 figures': { up: makeFigures },
  '021 webhooks': { up: makeWebhooks },
  '022 home': { up: makeHomes },
  '023 receipts': { up: makeReceipts },
  '024 history': { up: makeHistoryIndexes },
  '025 worker groups': { up: makeWorkerGroups },
}

/**
 * This program's version of the store. Each migration increments it, and processes of older versions stop. So a change that
 * is incompatible with running older processes, such as a new kind of job, adds a migration, even an empty one.
 */
export const STORE_VERSION = Object.keys(migrations).length

const provider: MigrationProvider = { getMigrations: async () => migrations }

/** Truncated like JavaScript's times; Postgres would round, and a row could be later than its transaction. */
const thisMoment = sql`date_trunc('milliseconds', now())`

/** Migrates the schema to this program's version. Throws if the store is newer. Safe to repeat. */
export async function migrate<DB>(db: Kysely<DB>): Promise<void> {
  if (await hasExactly(Object.keys(migrations), db)) return
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined) throw new Error('The store could not be brought to this version.', { cause: error })
}

/** Whether the store is `older` or `newer` than this program; for programs that only read it. */
export async function schemaAge<DB>(db: Kysely<DB>): Promise<'same' | 'older' | 'newer'> {
  const known = await new Migrator({ db, provider }).getMigrations()
  if (known.some((migration) => migration.executedAt === undefined)) return 'older'
  const { rows } = await sql`select 1 from kysely_migration offset ${known.length}`.execute(db)
  return rows.length === 0 ? 'same' : 'newer'
}

async function makeReleases(db: Kysely<unknown>): Promise<void> {
  await sql`create table release_number (last integer not null)`.execute(db)
  await sql`insert into release_number (last) values (0)`.execute(db)
  await sql`create unique index release_number_is_one_row on release_number ((true))`.execute(db)
  await sql`
    create table release (
      number integer primary key,
      app text not null,
      environment text not null,
      kind text not null,
      state text not null,
      requester_id text not null,
      requester_name text not null,
      reason text,
      picks json,
      configuration text not null,
      request_key text not null unique,
      response_url text,
      replaces integer references release (number),
      plan json,
      fingerprint text,
      problem json,
      ended_by_id text,
      ended_by_name text,
      end_reason text,
      replaced_by integer references release (number),
      card_channel text,
      card_ts text,
      announcement_channel text,
      announcement_ts text,
      cancel_requested_by_id text,
      cancel_requested_by_name text,
      attempt integer not null default 0,
      requested_at timestamptz(3) not null default ${thisMoment},
      planned_at timestamptz(3),
      card_posted_at timestamptz(3),
      approved_at timestamptz(3),
      started_at timestamptz(3),
      ended_at timestamptz(3),
      expires_at timestamptz(3),
      newer_commits integer
    )`.execute(db)
  await sql`
    create unique index release_one_not_ended on release (app, environment)
    where state in ('planning', 'awaiting sign-off', 'approved', 'running', 'needs attention')`.execute(db)
  await sql`create index release_by_environment on release (app, environment, number desc)`.execute(db)
  await sql`
    create table sign_off (
      position integer generated always as identity,
      release integer not null references release (number),
      kind text not null,
      person_id text not null,
      person_name text not null,
      fingerprint text not null,
      note text,
      "right" text not null,
      at timestamptz(3) not null default ${thisMoment},
      primary key (release, kind, person_id, fingerprint)
    )`.execute(db)
  await sql`
    create table step (
      position integer generated always as identity,
      release integer not null references release (number),
      name text not null,
      state text not null,
      attempt integer not null,
      effect text not null,
      started_at timestamptz(3),
      ended_at timestamptz(3),
      result json,
      primary key (release, name)
    )`.execute(db)
}

async function makeEvents(db: Kysely<unknown>): Promise<void> {
  await sql`create table event_chain (count integer not null, hash text not null)`.execute(db)
  await sql`insert into event_chain (count, hash) values (0, repeat('0', 64))`.execute(db)
  await sql`create unique index event_chain_is_one_row on event_chain ((true))`.execute(db)
  await sql`
    create table event (
      id integer primary key,
      release integer references release (number),
      type text not null,
      actor text not null,
      at timestamptz(3) not null,
      body text not null,
      hash text not null,
      previous_hash text not null
    )`.execute(db)
  await sql`create index event_by_release on event (release, id)`.execute(db)
  await sql`
    create function refuse_change_of_events() returns trigger language plpgsql as $$
    begin
      raise exception 'events are only added, never changed or removed (%)', lower(tg_op);
    end
    $$`.execute(db)
  await sql`
    create trigger events_are_only_added before update or delete or truncate on event
    for each statement execute function refuse_change_of_events()`.execute(db)
}

async function makeSlack(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table inbox (
      id text primary key,
      payload json,
      received_at timestamptz(3) not null default ${thisMoment},
      claimed_until timestamptz(3),
      handled_at timestamptz(3)
    )`.execute(db)
  await sql`create index inbox_left on inbox (received_at) where handled_at is null`.execute(db)
  await sql`
    create table outbox (
      id integer generated always as identity primary key,
      release integer references release (number),
      kind text not null,
      key text,
      message json not null,
      state text not null default 'waiting',
      tries integer not null default 0,
      put_in_at timestamptz(3) not null default ${thisMoment},
      first_tried_at timestamptz(3),
      not_before timestamptz(3) not null default ${thisMoment},
      settled_at timestamptz(3),
      posted_channel text,
      posted_ts text,
      reason text
    )`.execute(db)
  await sql`
    create unique index outbox_same_message on outbox (kind, (coalesce(release, 0)), key)
    where key is not null`.execute(db)
  await sql`
    create unique index outbox_one_untried_card on outbox (release)
    where kind = 'card' and state = 'waiting' and tries = 0`.execute(db)
  await sql`create index outbox_waiting on outbox (id) where state = 'waiting'`.execute(db)
  await sql`create index outbox_waiting_by_release on outbox (release, id) where state = 'waiting'`.execute(db)
  await sql`
    create table button_token (
      token text primary key,
      release integer not null,
      action text not null,
      unique (release, action)
    )`.execute(db)
}

async function makeWorkers(db: Kysely<unknown>): Promise<void> {
  await sql`create table worker (id text primary key, at timestamptz not null, configurations json not null)`.execute(
    db,
  )
  await sql`
    create table database_identity (identity text primary key, app text not null, environment text not null)`.execute(
    db,
  )
}

/** Indexes to find rows to delete without reading all. */
async function makeForgetting(db: Kysely<unknown>): Promise<void> {
  await sql`create index inbox_handled on inbox (handled_at) where handled_at is not null`.execute(db)
  await sql`create index outbox_settled on outbox (settled_at) where settled_at is not null`.execute(db)
}

/** Excludes outcomes, which are kept and would slow down the search for rows to delete. */
async function keepOutcomes(db: Kysely<unknown>): Promise<void> {
  await sql`drop index outbox_settled`.execute(db)
  await sql`
    create index outbox_settled on outbox (settled_at)
    where settled_at is not null and not (kind = 'outcome' and posted_ts is not null)`.execute(db)
}

/** One row: the minimum version of the program that may work on the store. version.ts raises it. */
async function makeVersion(db: Kysely<unknown>): Promise<void> {
  await sql`create table store_version (minimum integer not null)`.execute(db)
  await sql`insert into store_version (minimum) values (0)`.execute(db)
  await sql`create unique index store_version_is_one_row on store_version ((true))`.execute(db)
}

/** Rows to lock: one per environment, created at its first lock, and one without names for all environments. */
async function makeEnvironments(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table environment_row (
      app text not null,
      environment text not null,
      primary key (app, environment)
    )`.execute(db)
  await sql`insert into environment_row (app, environment) values ('', '')`.execute(db)
}

/** What the forge asks for before it merges, and with it the job `look`, which older processes don't know. */
async function keepMergeRequirements(db: Kysely<unknown>): Promise<void> {
  await sql`alter table release add column merge_requirements json`.execute(db)
}

/**
 * Buttons know whether they asked before the click: those of older versions count as without. Channels that the
 * configuration names have the id that they were last found by.
 */
async function makePeople(db: Kysely<unknown>): Promise<void> {
  await sql`alter table button_token add column asks boolean not null default false`.execute(db)
  await sql`alter table button_token drop constraint button_token_release_action_key`.execute(db)
  await sql`alter table button_token add unique (release, action, asks)`.execute(db)
  await sql`create table channel_id (name text primary key, id text not null)`.execute(db)
}

/** Tokens of buttons that don't act on one release. */
async function makeSubjects(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table subject_token (
      token text primary key,
      subject text not null,
      action text not null,
      unique (subject, action)
    )`.execute(db)
}
