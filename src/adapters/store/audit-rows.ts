import type { Kysely } from 'kysely'
import pg from 'pg'
import type { ChainRow, StoredChain } from '../../release/record.ts'
import type { Tables } from './schema.ts'

const BATCH = 2_000

/** In the order of `toRow`. The time in the words that the event's text has it in. */
const COLUMNS = `id, release, type, actor, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), body, hash, previous_hash`

type Values = [number, number | null, string, string, string, string, string, string]

function toRow([id, release, type, actor, at, body, hash, previousHash]: Values): ChainRow {
  return { id, release, type, actor, at, body, hash, previousHash }
}

/**
 * Reads the record as it stands at one moment, on a connection of its own, so that a service that goes on writing does
 * not look like a fault. Memory stays flat however many events there are. Changes nothing.
 */
export async function readChain<T>(connect: pg.ClientConfig, work: (chain: StoredChain) => Promise<T>): Promise<T> {
  const client = new pg.Client(connect)
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const { rows: heads } = await client.query<{ count: number; hash: string }>('select count, hash from event_chain')
    const [remembered] = heads
    return await work({ rows: readRows(client), remembered: heads.length === 1 ? remembered : undefined })
  } finally {
    await client.end()
  }
}

/** The next batch is on its way while one is worked on. */
async function* readRows(client: pg.Client): AsyncGenerator<readonly ChainRow[]> {
  await client.query(`declare chain no scroll cursor for select ${COLUMNS} from event order by id`)
  const fetch = () => client.query<Values>({ text: `fetch ${BATCH} from chain`, rowMode: 'array' })
  let coming = fetch()
  try {
    for (;;) {
      const { rows } = await coming
      if (rows.length === 0) return
      coming = fetch()
      yield rows.map(toRow)
    }
  } finally {
    await coming.catch(() => undefined)
  }
}
