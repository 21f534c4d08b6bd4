import { type Kysely, sql } from 'kysely'
import type { ReleaseEvent } from '../../release/events.ts'
import { subjectOf, type WebhookDraft, type WebhookMessage, webhookId, webhookOf } from '../../release/webhooks.ts'
import type { Appended } from './chain.ts'
import { readLock } from './locks.ts'
import { readRelease } from './reads.ts'
import type { Tables } from './schema.ts'

/** The channel of notifications about new requests (LISTEN). */
export const WEBHOOK_CHANNEL = 'signoff_webhooks'

/** What webhooks tell of these events, in their order, with the release or the lock as this transaction leaves it. */
export async function draftWebhooks(
  trx: Kysely<Tables>,
  events: readonly ReleaseEvent[],
): Promise<readonly (WebhookDraft | undefined)[]> {
  const drafts: (WebhookDraft | undefined)[] = []
  for (const event of events) {
    const about = subjectOf(event)
    if (about === undefined) drafts.push(undefined)
    else {
      const release = 'release' in about ? await readRelease(trx, about.release) : undefined
      const lock = 'lock' in about ? await readLock(trx, about.lock) : undefined
      drafts.push(webhookOf(event, { ...(release && { release }), ...(lock && { lock }) }))
    }
  }
  return drafts
}

/**
 * Adds a row for each URL that is told. To be called while the chain is locked: then the rows' ids follow the record's
 * order, whichever transaction commits first.
 */
export async function putWebhooks(
  trx: Kysely<Tables>,
  drafts: readonly (WebhookDraft | undefined)[],
  appended: readonly Appended[],
): Promise<void> {
  let isPut = false
  for (const [index, draft] of drafts.entries()) {
    const event = appended[index]
    if (draft === undefined || event === undefined) continue
    const { type, data, stream, release } = draft
    const id = webhookId(event.hash)
    const message: WebhookMessage = { kind: 'webhook', id, type, timestamp: event.at.toISOString(), data }
    await sql`
      insert into outbox (kind, release, key, message, endpoint, stream)
      select 'webhook', ${release ?? null}::integer, ${id}::text || ' ' || e.id, ${JSON.stringify(message)}::json, e.id, ${stream}::text
      from webhook_endpoint e
      where e.gone_at is null and (e.events is null or ${type}::text = any(e.events))`.execute(trx)
    isPut = true
  }
  if (isPut) await sql`select pg_notify(${WEBHOOK_CHANNEL}, '')`.execute(trx)
}
