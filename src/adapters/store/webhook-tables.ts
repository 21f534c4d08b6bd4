import { type Kysely, sql } from 'kysely'

/**
 * Migration 021: the URLs that webhooks tell, and their requests as rows of the outbox. `stream`: what a row is in order with.
 * What waits for Slack has an index without them, so that neither slows down the other.
 */
export async function makeWebhooks(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table webhook_endpoint (
      id text primary key,
      events text[],
      named_at timestamptz not null default now(),
      gone_at timestamptz
    )`.execute(db)
  await sql`alter table outbox add column endpoint text, add column stream text`.execute(db)
  await sql`drop index outbox_waiting`.execute(db)
  await sql`create index outbox_waiting on outbox (id) where state = 'waiting' and kind <> 'webhook'`.execute(db)
  await sql`
    create index outbox_webhooks_waiting on outbox (endpoint, stream, id) include (not_before)
    where state = 'waiting' and kind = 'webhook'`.execute(db)
}
