import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { Store } from '../../release/ports/store.ts'
import type { Subject } from '../../release/subjects.ts'
import type { Tables } from './schema.ts'

const newToken = () => randomBytes(24).toString('base64url')

/** The tokens of buttons, as Store has them. */
export function createTokens(
  db: Kysely<Tables>,
): Pick<Store, 'buttonToken' | 'resolveButton' | 'subjectToken' | 'resolveSubject'> {
  return {
    buttonToken: async (release, action, { asks = false } = {}) => {
      await db
        .insertInto('button_token')
        .values({ token: newToken(), release, action, asks })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const { token } = await db
        .selectFrom('button_token')
        .select('token')
        .where('release', '=', release)
        .where('action', '=', action)
        .where('asks', '=', asks)
        .executeTakeFirstOrThrow()
      return token
    },

    resolveButton: (token) =>
      db.selectFrom('button_token').select(['release', 'action', 'asks']).where('token', '=', token).executeTakeFirst(),

    subjectToken: async (subject, action) => {
      const row = { subject: canonicalJson(subject), action }
      await db
        .insertInto('subject_token')
        .values({ token: newToken(), ...row })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const { token } = await db
        .selectFrom('subject_token')
        .select('token')
        .where('subject', '=', row.subject)
        .where('action', '=', action)
        .executeTakeFirstOrThrow()
      return token
    },

    resolveSubject: async (token) => {
      const found = await db
        .selectFrom('subject_token')
        .select(['subject', 'action'])
        .where('token', '=', token)
        .executeTakeFirst()
      return found && { subject: JSON.parse(found.subject) as Subject, action: found.action }
    },
  }
}
