import { type Kysely, sql } from 'kysely'
import { hasEnded, RELEASE_STATES } from '../../release/terms.ts'
import type { Tables } from './schema.ts'

const ended = RELEASE_STATES.filter(hasEnded)

/** At once, so that no transaction is long; the next time takes the next ones. */
const most = 500

const longAgo = sql<Date>`now() - interval '30 days'`

/**
 * Takes away what nobody needs any more, 30 days after its end by the store's time: deliveries that were handled,
 * messages that were sent or given up, and workers that are gone but for the one that was seen last. What waits stays,
 * and so do the messages of a release that has not ended: their keys keep them from being said twice. Releases, events
 * (which say where card and announcement stand) and where an outcome stands are never taken away: an auditor comes later.
 * Safe to repeat, and from several processes.
 */
export function createForgetting(db: Kysely<Tables>): () => Promise<void> {
  return async () => {
    await sql`
      delete from inbox where id in (
        select id from inbox where handled_at < ${longAgo} order by handled_at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from outbox where id in (
        select id from outbox o
        where state <> 'waiting' and settled_at < ${longAgo}
          and (o.release is null or exists (select from release r where r.number = o.release and r.state = any(${[...ended]})))
          and not (kind = 'outcome' and posted_ts is not null)
        order by settled_at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from worker where id in (
        select id from worker where at < ${longAgo} and at < (select max(at) from worker) limit ${most}
      )`.execute(db)
  }
}
