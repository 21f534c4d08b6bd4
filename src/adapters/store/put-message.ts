import { type Kysely, type SqlBool, sql } from 'kysely'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { OutboxMessage } from '../../release/messages.ts'
import type { Tables } from './schema.ts'

/** Where a sign is given for each message that was put in (LISTEN). */
export const OUTBOX_CHANNEL = 'signoff_outbox'

/**
 * Puts a message into the outbox in this transaction. The same key of the same release and kind is put in once. A card
 * that waits and has not been tried stands for this one too: it is drawn from what is stored when it is sent.
 */
export async function putMessage(trx: Kysely<Tables>, message: OutboxMessage): Promise<void> {
  const insert = trx.insertInto('outbox').values({
    kind: message.kind,
    release: message.kind === 'private' ? null : message.release,
    key: message.kind === 'card' ? null : message.key,
    message: canonicalJson(message),
  })
  if (message.kind === 'card') {
    // An update, though it changes nothing: it holds the row, so that whoever tries it next draws what we commit.
    await insert
      .onConflict((conflict) =>
        conflict
          .column('release')
          .where(sql<SqlBool>`kind = 'card' and state = 'waiting' and tries = 0`)
          .doUpdateSet({ kind: 'card' }),
      )
      .execute()
  } else {
    await insert.onConflict((conflict) => conflict.doNothing()).execute()
  }
  await sql`select pg_notify(${OUTBOX_CHANNEL}, '')`.execute(trx)
}
