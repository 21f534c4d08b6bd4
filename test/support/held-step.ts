/** Holds a worker: around the intent of a step, before it is written or as it is committed, or before a plan is stored. */
import pg from 'pg'
import { ask } from './postgres.ts'
import type { Team } from './team.ts'

const LOCK = 4711

export interface HeldStep {
  /** Resolves when a worker is held. */
  held(): Promise<void>
  /** Resolves when what was held is committed. */
  letGo(): Promise<void>
}

/** From now on a worker that writes the intent of this step waits: its release is locked, so that nobody can press anything. */
export function holdAt(team: Team, step: string): Promise<HeldStep> {
  return hold(team, step, 'create trigger hold before insert or update on step')
}

/** The same in the commit of the intent: then it is there, and nothing of the step has begun. */
export function holdCommitOf(team: Team, step: string): Promise<HeldStep> {
  return hold(team, step, 'create constraint trigger hold after insert or update on step deferrable initially deferred')
}

/** From now on every release stays in planning: a worker that has worked out its plan waits before it stores the plan. */
export function holdPlans(storeUrl: string): Promise<Pick<HeldStep, 'letGo'>> {
  return lockOut(
    storeUrl,
    'release',
    "create trigger hold before update on release for each row when (old.state = 'planning' and new.state <> 'planning')",
  )
}

async function hold(team: Team, step: string, trigger: string): Promise<HeldStep> {
  const storeUrl = team.databases.store.url
  const when = `for each row when (new.name = '${step}' and new.state = 'running')`
  const { letGo } = await lockOut(storeUrl, 'step', `${trigger} ${when}`)
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`
  return {
    async held() {
      await team.waitFor(`a worker at ${step}`, async () => (await ask(storeUrl, waiting)).length > 0)
    },
    letGo,
  }
}

/** Every transaction for which this trigger fires waits, until let go. */
async function lockOut(storeUrl: string, table: string, trigger: string): Promise<Pick<HeldStep, 'letGo'>> {
  const client = new pg.Client({ connectionString: storeUrl })
  await client.connect()
  await client.query(`
    select pg_advisory_lock(${LOCK});
    create or replace function hold() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(${LOCK}); return new; end';
    ${trigger} execute function hold()`)
  return {
    async letGo() {
      await client.query(`select pg_advisory_unlock(${LOCK})`)
      await client.query(`drop trigger hold on ${table}`)
      await client.end()
    },
  }
}
