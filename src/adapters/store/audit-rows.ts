import type { Kysely } from 'kysely'
import pg from 'pg'
import type { ChainRow, EventRow, StoredChain, StoredMessage } from '../../release/record.ts'
import { type CopiedFields, copyRows } from './copied-rows.ts'
import type { Tables } from './schema.ts'

const BATCH = 2_000

/** Joins fields into few columns, because each column costs as much as hashing. The lengths delimit the fields. */
const COLUMNS = `id::bigint, hash::text, previous_hash || body, concat_ws(' ', length(previous_hash), coalesce(release, 0), length(type), type, actor, at)`

function toRow(fields: CopiedFields): ChainRow {
  return { id: fields.number(), hash: fields.text(), text: fields.text(), columns: fields.text() }
}

/**
 * Reads a snapshot of the record on its own connection, so that concurrent writes don't look like faults. Memory use does
 * not depend on the number of events. Changes nothing.
 */
export async function readChain<T>(connect: pg.ClientConfig, work: (chain: StoredChain) => Promise<T>): Promise<T> {
  const client = new pg.Client(connect)
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query("set timezone = 'UTC'; set datestyle = 'ISO'")
    await client.query('begin isolation level repeatable read read only')
    const { rows: heads } = await client.query<{ count: number; hash: string }>('select count, hash from event_chain')
    const [remembered] = heads
    return await work({ rows: readRows(client), remembered: heads.length === 1 ? remembered : undefined })
  } finally {
    await client.end()
  }
}

/** Reads the next batch while the current one is processed. */
async function* readRows(client: pg.Client): AsyncGenerator<readonly ChainRow[]> {
  const readAfter = (id: number) => copyRows(client, batchAfter(id), toRow)
  let coming = readAfter(Number.MIN_SAFE_INTEGER)
  try {
    for (;;) {
      const rows = await coming
      const last = rows.at(-1)
      if (last === undefined) return
      coming = readAfter(last.id)
      yield rows
    }
  } finally {
    await coming.catch(() => undefined)
  }
}

/**
 * With ties, so that a number that somebody gave to a second event is not passed over between two batches. The order is by the
 * column itself and its index: a bare `id` would be what is selected, and sort all that is left for each batch.
 */
function batchAfter(id: number): string {
  return `select ${COLUMNS} from event where id > ${id} order by event.id fetch first ${BATCH} rows with ties`
}

/** A release's stored events, in order. */
export async function readRowsOf(db: Kysely<Tables>, release: number): Promise<readonly EventRow[]> {
  return db
    .selectFrom('event')
    .select(['id', 'body', 'hash', 'previous_hash as previousHash'])
    .where('release', '=', release)
    .orderBy('id')
    .execute()
}

/** The places in Slack of a release's messages, once each, in the order of the outbox. */
export async function readPosted(db: Kysely<Tables>, release: number): Promise<readonly StoredMessage[]> {
  const rows = await db
    .selectFrom('outbox')
    .select(['kind', 'posted_channel as channel', 'posted_ts as ts', 'settled_at as at'])
    .where('release', '=', release)
    .where('state', '=', 'sent')
    .orderBy('id')
    .execute()
  const seen = new Set<string>()
  return rows.flatMap(({ kind, channel, ts, at }) => {
    if (kind === 'webhook' || channel === null || ts === null || at === null || seen.has(`${channel} ${ts}`)) return []
    seen.add(`${channel} ${ts}`)
    return [{ kind, channel, ts, at }]
  })
}
