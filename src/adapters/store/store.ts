import { type Kysely, sql } from 'kysely'
import { defined } from '../../lib/defined.ts'
import type { Store } from '../../release/ports/store.ts'
import { readChainHead, readEvents } from './chain.ts'
import { readNow } from './changes.ts'
import { readDirectMessages, readRefusal } from './direct-messages.ts'
import { readFigures, readUsualRun } from './figures.ts'
import { readHeads } from './heads.ts'
import { readLock, readLocks } from './locks.ts'
import { readCurrent, readHotfixesToFollowUp, readNewest, readRelease, readReleases } from './reads.ts'
import type { Tables } from './schema.ts'
import { createTokens } from './tokens.ts'
import type { RunTransaction } from './transaction.ts'
import { minimumVersion, type VersionWatch } from './version.ts'

/** The store of the release domain on an open database. Refuses to work once a newer version uses it. */
export function createStore(db: Kysely<Tables>, transaction: RunTransaction, version: VersionWatch): Store {
  return {
    transaction: (work, options) => transaction(work, options),
    now: async () => {
      const { now, minimum } = await readNow(db)
      version.mayWork(minimum)
      return now
    },
    release: (number) => readRelease(db, number),
    releases: (filter) => readReleases(db, filter),
    current: (app, environment) => readCurrent(db, app, environment),
    newest: (of) => readNewest(db, of),
    hotfixesToFollowUp: (ended) => readHotfixesToFollowUp(db, ended),
    events: (number) => readEvents(db, number),
    chainHead: () => readChainHead(db),

    ...createTokens(db),

    noteChannel: async (name, id) => {
      await db
        .insertInto('channel_id')
        .values({ name, id })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ id }))
        .execute()
    },

    notedChannel: async (name) => {
      const noted = await db.selectFrom('channel_id').select('id').where('name', '=', name).executeTakeFirst()
      return noted?.id
    },

    workerSeen: async ({ id, configurations, host, group }) => {
      const seen = {
        at: sql<Date>`clock_timestamp()`,
        configurations: JSON.stringify(configurations),
        host: host ?? null,
        worker_group: group ?? null,
      }
      const { minimum } = await db
        .insertInto('worker')
        .values({ id, ...seen })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(seen))
        .returning(minimumVersion.as('minimum'))
        .executeTakeFirstOrThrow()
      version.mayWork(minimum)
    },

    heads: () => readHeads(db),

    workers: async () => {
      const rows = await db.selectFrom('worker').selectAll().orderBy('at', 'desc').execute()
      return rows.map(({ host, worker_group: group, ...seen }) => ({
        ...seen,
        ...defined({ host: host ?? undefined, group: group ?? undefined }),
      }))
    },

    noteDatabase: async (identity, app, environment) => {
      await db
        .insertInto('database_identity')
        .values({ identity, app, environment })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      return db
        .selectFrom('database_identity')
        .select(['app', 'environment'])
        .where('identity', '=', identity)
        .executeTakeFirstOrThrow()
    },

    locks: (filter) => readLocks(db, filter),
    lock: (id) => readLock(db, id),
    directMessages: (person) => readDirectMessages(db, person),
    directMessageRefusal: (person) => readRefusal(db, person),

    figures: (asked) => readFigures(db, asked),
    usualRunMs: (release) => readUsualRun(db, release),
  }
}
