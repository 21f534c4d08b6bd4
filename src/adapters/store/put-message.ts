import { type Kysely, type SqlBool, sql } from 'kysely'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { OutboxMessage } from '../../release/messages.ts'
import type { Tables } from './schema.ts'

/** The channel of notifications about new messages (LISTEN). */
export const OUTBOX_CHANNEL = 'signoff_outbox'

/**
 * Adds a message to the outbox in this transaction. The same key of the same release and kind is added once. A waiting card
 * that was not tried yet replaces this one: it is drawn from the store when it is sent. Returns false for a known key.
 */
export async function putMessage(trx: Kysely<Tables>, message: OutboxMessage): Promise<boolean> {
  let isNew = true
  const insert = trx.insertInto('outbox').values({
    kind: message.kind,
    release: message.kind === 'private' || message.kind === 'channel' ? null : message.release,
    key: message.kind === 'card' ? null : message.key,
    message: canonicalJson(message),
  })
  if (message.kind === 'card') {
    // An update that changes nothing locks the row, so that the next try draws what we commit.
    await insert
      .onConflict((conflict) =>
        conflict
          .column('release')
          .where(sql<SqlBool>`kind = 'card' and state = 'waiting' and tries = 0`)
          .doUpdateSet({ kind: 'card' }),
      )
      .execute()
  } else {
    const { numInsertedOrUpdatedRows = 0n } = await insert
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow()
    isNew = numInsertedOrUpdatedRows > 0n
  }
  await sql`select pg_notify(${OUTBOX_CHANNEL}, '')`.execute(trx)
  return isNew
}
