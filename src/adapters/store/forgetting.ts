import { type Kysely, sql } from 'kysely'
import { hasEnded, RELEASE_STATES } from '../../release/release.ts'
import type { Tables } from './schema.ts'

const ended = RELEASE_STATES.filter(hasEnded)

/** At once, so that no transaction is long; the next time takes the next ones. */
const most = 500

/** Each drawing of a card has its row: the first of each message says where it stands. */
const isEvidence = sql<boolean>`(
  o.posted_ts is not null and (o.kind in ('announcement', 'outcome') or (o.kind = 'card' and not exists (
    select from outbox e
    where e.release = o.release and e.kind = 'card' and e.posted_ts = o.posted_ts and e.id < o.id
  )))
)`

const longAgo = sql<Date>`now() - interval '30 days'`

/**
 * Takes away what nobody needs any more, 30 days after its end by the store's time: deliveries that were handled,
 * messages that were sent or given up, and workers that are gone but for the one that was seen last. What waits stays,
 * and so do the messages of a release that has not ended: their keys keep them from being said twice. Releases, events,
 * and where a release's card, announcement and outcome stand in Slack are never taken away: an auditor comes later. Safe
 * to repeat, and from several processes.
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
          and not ${isEvidence}
        order by settled_at limit ${most} for update skip locked
      )`.execute(db)
    await sql`
      delete from worker where id in (
        select id from worker where at < ${longAgo} and at < (select max(at) from worker) limit ${most}
      )`.execute(db)
  }
}
