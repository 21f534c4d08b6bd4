import { type Kysely, sql } from 'kysely'
import { hasEnded, RELEASE_STATES } from '../../release/terms.ts'
import { forgetFigures } from './figures-fill.ts'
import type { Tables } from './schema.ts'
import { forgetUnnamed } from './webhooks.ts'

const ended = RELEASE_STATES.filter(hasEnded)

/** The most rows for one call, so that transactions stay short. */
const most = 500

const longAgo = sql<Date>`now() - interval '30 days'`

/**
 * Deletes rows 30 days after their end by the store's time: handled deliveries, also those of locks, messages that were sent or given up, Homes that nobody has
 * opened since, and gone workers except the last seen of each group. Keeps what still waits, and the messages of releases that have not ended, because
 * their keys prevent duplicates. What waits for a webhook that is no longer in releases.yml is given up. Never deletes releases, events and the places of outcomes, which the audit needs. Safe to
 * repeat, also from several processes.
 */
export function createForgetting(db: Kysely<Tables>): () => Promise<void> {
  return async () => {
    await forgetUnnamed(db)
    await sql`
      delete from inbox where id in (
        select id from inbox where handled_at < ${longAgo} order by handled_at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from outbox where id in (
        select id from outbox o
        where state <> 'waiting' and settled_at < ${longAgo}
          and (o.release is null or (select r.state from release r where r.number = o.release) = any(${[...ended]}))
          and not (kind = 'outcome' and posted_ts is not null)
        order by settled_at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from lock_delivery where key in (
        select key from lock_delivery where at < ${longAgo} order by at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from home where person in (
        select person from home where opened_at < ${longAgo} order by opened_at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from worker where id in (
        select id from worker w
        where at < ${longAgo}
          and at < (select max(at) from worker other where other.worker_group is not distinct from w.worker_group)
        limit ${most}
      )`.execute(db)
    await forgetFigures(db)
  }
}
