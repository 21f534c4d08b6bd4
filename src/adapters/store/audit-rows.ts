import type { Kysely } from 'kysely'
import type { ChainRow } from '../../release/record.ts'
import type { Tables } from './schema.ts'

const BATCH = 10_000

/** Every stored event in order, in batches, so that memory stays flat however many there are. Reads only. */
export async function* readChainRows(db: Kysely<Tables>): AsyncGenerator<readonly ChainRow[]> {
  // Ids that somebody changed may be below 1: from the smallest that the column holds.
  for (let after = -(2 ** 31); ; ) {
    const rows = await db
      .selectFrom('event')
      .select(['id', 'release', 'type', 'actor', 'at', 'body', 'hash', 'previous_hash as previousHash'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(BATCH)
      .execute()
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last.id
  }
}

/** The head that the chain's own row remembers. */
export async function readRememberedHead(db: Kysely<Tables>): Promise<{ count: number; hash: string }> {
  return db.selectFrom('event_chain').select(['count', 'hash']).executeTakeFirstOrThrow()
}
