/** What people have chosen of direct messages, and to whom Slack delivers none. */
import { type Kysely, sql } from 'kysely'
import {
  choicesWithout,
  type DirectMessageChoices,
  type DirectMessageKind,
  type DirectMessageRefusal,
} from '../../release/direct-messages.ts'
import { storable, type Tables } from './schema.ts'

/** As Store.directMessages. */
export async function readDirectMessages(db: Kysely<Tables>, person: string): Promise<DirectMessageChoices> {
  const off = await db.selectFrom('direct_message_off').select('kind').where('person_id', '=', person).execute()
  return choicesWithout(off.map(({ kind }) => kind))
}

/** As Transaction.setDirectMessages. */
export async function setDirectMessages(
  trx: Kysely<Tables>,
  person: string,
  kind: DirectMessageKind,
  on: boolean,
): Promise<void> {
  if (on) {
    await trx.deleteFrom('direct_message_off').where('person_id', '=', person).where('kind', '=', kind).execute()
    return
  }
  await trx
    .insertInto('direct_message_off')
    .values({ person_id: person, kind })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** As Store.directMessageRefusal. */
export async function readRefusal(db: Kysely<Tables>, person: string): Promise<DirectMessageRefusal | undefined> {
  return db
    .selectFrom('direct_message_refused')
    .select(['error', 'at'])
    .where('person_id', 'in', [person, 'all'])
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** As Transaction.noteDirectMessageRefusal. */
export async function noteRefusal(trx: Kysely<Tables>, person: string, error: string | undefined): Promise<boolean> {
  if (error === undefined) {
    const { numDeletedRows } = await trx
      .deleteFrom('direct_message_refused')
      .where('person_id', '=', person)
      .executeTakeFirstOrThrow()
    return numDeletedRows > 0n
  }
  const before = await trx
    .selectFrom('direct_message_refused')
    .select('error')
    .where('person_id', '=', person)
    .forUpdate()
    .executeTakeFirst()
  const last = { error: storable(error), at: sql<Date>`now()` }
  await trx
    .insertInto('direct_message_refused')
    .values({ person_id: person, ...last })
    .onConflict((conflict) => conflict.column('person_id').doUpdateSet(last))
    .execute()
  return before?.error !== error
}
