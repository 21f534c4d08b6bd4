/** Holds a run around the intent of a step: before it is written, or as soon as it is. */
import pg from 'pg'
import { expect, vi } from 'vitest'
import { ask, type Team } from './team.ts'

const LOCK = 4711

/**
 * From now on a worker that writes the intent of this step waits until it is let go. `held` resolves when one does; the row of
 * its release is locked then, so that nobody can press anything.
 */
export async function holdAt(team: Team, step: string): Promise<{ held(): Promise<void>; letGo(): Promise<void> }> {
  const client = new pg.Client({ connectionString: team.databases.store.url })
  await client.connect()
  await client.query(`
    select pg_advisory_lock(${LOCK});
    create or replace function hold() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(${LOCK}); return new; end';
    create trigger hold before insert or update on step
      for each row when (new.name = '${step}' and new.state = 'running') execute function hold()`)
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`
  return {
    async held() {
      const look = async () => expect(await ask(team.databases.store.url, waiting)).not.toEqual([])
      await vi.waitFor(look, { timeout: 30_000, interval: 20 })
    },
    async letGo() {
      await client.query(`select pg_advisory_unlock(${LOCK})`)
      await client.query('drop trigger hold on step')
      await client.end()
    },
  }
}

/**
 * From now on a worker that commits the intent of this step waits in that commit until it is let go: then the intent is there,
 * and nothing of the step has begun. `letGo` resolves when it is committed.
 */
export async function holdCommitOf(
  team: Team,
  step: string,
): Promise<{ held(): Promise<void>; letGo(): Promise<void> }> {
  const client = new pg.Client({ connectionString: team.databases.store.url })
  await client.connect()
  await client.query(`
    select pg_advisory_lock(${LOCK});
    create or replace function hold() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(${LOCK}); return null; end';
    create constraint trigger hold after insert or update on step deferrable initially deferred
      for each row when (new.name = '${step}' and new.state = 'running') execute function hold()`)
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`
  return {
    async held() {
      const look = async () => expect(await ask(team.databases.store.url, waiting)).not.toEqual([])
      await vi.waitFor(look, { timeout: 30_000, interval: 20 })
    },
    async letGo() {
      await client.query(`select pg_advisory_unlock(${LOCK})`)
      await client.query('drop trigger hold on step')
      await client.end()
    },
  }
}
