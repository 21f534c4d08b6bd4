import { type Kysely, type SqlBool, sql } from 'kysely'
import type pg from 'pg'
import type { WebhookBacklog, WebhookEndpoint, WebhookQueue, WebhookRequest } from '../../release/ports/webhooks.ts'
import type { WebhookMessage } from '../../release/webhooks.ts'
import type { Report } from './connection.ts'
import { createListener, type Listener } from './listener.ts'
import { withLock } from './lock.ts'
import { WEBHOOK_CHANNEL } from './put-webhooks.ts'
import { storable, type Tables } from './schema.ts'
import { countTry, giveUp, postponeTry, waitForDue, waitingWebhooks } from './undelivered.ts'
import { minimumVersion, type VersionWatch } from './version.ts'
import { present } from './whole-releases.ts'

export interface WebhookQueueParts {
  readonly db: Kysely<Tables>
  readonly connect: pg.ClientConfig
  readonly version: VersionWatch
  readonly report: Report
}

const unnamed = sql<SqlBool>`named_at < now() - interval '10 minutes'`

/** As the port says. `close` ends the listening connection. */
export function createWebhookQueue(parts: WebhookQueueParts): WebhookQueue & { close(): Promise<void> } {
  const { db, connect, version, report } = parts
  const listener: Listener = createListener(connect, WEBHOOK_CHANNEL, report)
  /** The count of notifications at the last read of what is due. */
  let looked = 0

  return {
    name: (endpoints) => put(db, endpoints, { isStart: true }),
    keepNaming: (endpoints) => put(db, endpoints, { isStart: false }),

    deliverAlone: async (work) => (await withLock(connect, 'webhooks', work)) !== 'held',

    due: async (endpoints, limit) => {
      looked = listener.signs()
      const { requests, minimum } = await readDue(db, endpoints, limit)
      return version.mayWork(minimum) ? requests : []
    },

    trying: (id) => countTry(db, version, id),

    delivered: async (id) => {
      await db
        .updateTable('outbox')
        .set({ state: 'sent', settled_at: sql<Date>`now()`, reason: null })
        .where('id', '=', id)
        .where(waitingWebhooks)
        .execute()
    },

    postpone: (id, afterMs, reason) =>
      postponeTry(db, id, {
        at: sql<Date>`now() + make_interval(secs => ${Math.max(0, afterMs) / 1000}::float8)`,
        reason,
      }),

    giveUp: (id, reason) => giveUp(db, id, reason),

    gone: async (endpoint, reason) =>
      db.transaction().execute(async (trx) => {
        await trx
          .updateTable('webhook_endpoint')
          .set({ gone_at: sql<Date>`now()` })
          .where('id', '=', endpoint)
          .where('gone_at', 'is', null)
          .execute()
        return giveUpAll(trx, endpoint, reason)
      }),

    backlogs: () => readBacklogs(db),

    wait: (timeoutMs, signal) => waitForDue({ db, listener, rows: waitingWebhooks, looked, timeoutMs, signal }),

    close: () => listener.close(),
  }
}

async function put(
  db: Kysely<Tables>,
  endpoints: readonly WebhookEndpoint[],
  { isStart }: { readonly isStart: boolean },
): Promise<void> {
  // In one order, so that two bots that start don't wait for each other in a circle.
  for (const { id, events } of endpoints.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const told = events === undefined ? null : [...events]
    const now = sql<Date>`now()`
    await db
      .insertInto('webhook_endpoint')
      .values({ id, events: told, named_at: now, gone_at: null })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ named_at: now, ...(isStart && { events: told, gone_at: null }) }),
      )
      .execute()
  }
}

/** Ends what waits for URLs that no bot has named for 10 minutes: they are no longer in releases.yml. Safe to repeat. */
export async function forgetUnnamed(db: Kysely<Tables>): Promise<void> {
  const left = await db.selectFrom('webhook_endpoint').select('id').where(unnamed).execute()
  for (const { id } of left) {
    await db.transaction().execute(async (trx) => {
      const ended = await trx.deleteFrom('webhook_endpoint').where('id', '=', id).where(unnamed).executeTakeFirst()
      if (ended.numDeletedRows > 0n) await giveUpAll(trx, id, 'its URL is no longer in releases.yml')
    })
  }
}

async function giveUpAll(trx: Kysely<Tables>, endpoint: string, reason: string): Promise<number> {
  const { numUpdatedRows } = await trx
    .updateTable('outbox')
    .set({ state: 'given up', settled_at: sql<Date>`now()`, reason: storable(reason) })
    .where('endpoint', '=', endpoint)
    .where(waitingWebhooks)
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

interface RequestRow {
  id: number
  endpoint: string
  stream: string
  release: number | null
  message: WebhookMessage
  tries: number
  since_ms: number
  minimum: number
}

/** Of each URL the first waiting row of each stream, if its time has come. Its index has all that is asked of rows behind. */
async function readDue(db: Kysely<Tables>, endpoints: readonly string[], limit: number) {
  const { rows } = await sql<RequestRow>`
    select o.id, o.endpoint, o.stream, o.release, o.message, o.tries,
      coalesce(extract(epoch from now() - o.first_tried_at), 0)::float8 * 1000 as since_ms,
      ${minimumVersion} as minimum
    from unnest(${[...endpoints]}::text[]) as told(id) cross join lateral (
      select * from outbox w where w.id = any(array(
        select first.id from (
          select distinct on (stream) id, not_before from outbox
          where kind = 'webhook' and state = 'waiting' and endpoint = told.id
          order by stream, id
        ) first
        where first.not_before <= now()
        order by first.id limit ${limit}
      ))
    ) o
    order by o.id`.execute(db)
  return { requests: rows.map(toRequest), minimum: rows[0]?.minimum ?? 0 }
}

function toRequest({ id, endpoint, stream, release, message, tries, since_ms }: RequestRow): WebhookRequest {
  return { id, endpoint, stream, message, tries, sinceFirstTryMs: since_ms, ...present('release', release) }
}

interface BacklogRow {
  endpoint: string
  waiting: number
  oldest_ms: number
  failing: string | null
  given_up: number
  is_gone: boolean
}

async function readBacklogs(db: Kysely<Tables>): Promise<readonly WebhookBacklog[]> {
  const { rows } = await sql<BacklogRow>`
    select e.id as endpoint, e.gone_at is not null as is_gone, w.waiting, w.oldest_ms,
      (select f.reason from outbox f where f.kind = 'webhook' and f.state = 'waiting' and f.endpoint = e.id
        and f.reason is not null order by f.id limit 1) as failing,
      (select count(*)::int from outbox g where g.kind = 'webhook' and g.state = 'given up' and g.endpoint = e.id
        and g.settled_at > now() - interval '24 hours' and not (g.kind = 'outcome' and g.posted_ts is not null)) as given_up
    from webhook_endpoint e cross join lateral (
      select count(*)::int as waiting,
        coalesce(extract(epoch from now() - min(o.put_in_at)), 0)::float8 * 1000 as oldest_ms
      from outbox o where o.kind = 'webhook' and o.state = 'waiting' and o.endpoint = e.id
    ) w
    order by e.id`.execute(db)
  return rows.map(({ endpoint, waiting: count, oldest_ms, failing, given_up, is_gone }) => ({
    endpoint,
    waiting: count,
    oldestAgeMs: oldest_ms,
    givenUp: given_up,
    isGone: is_gone,
    ...present('failing', failing),
  }))
}
