/** What the migration makes of the releases that older versions have stored. */
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { makeRollbacks } from '../../src/adapters/store/rollback-tables.ts'
import { aPlan } from '../support/builders.ts'
import { makeRelease, openedStore, stopPostgres } from './store-opened.ts'

afterAll(stopPostgres)

it('takes what each succeeded release proved from its confirm step or, in old rows, from its plan', async () => {
  const opened = await openedStore()
  const { store, sql } = opened
  const commit = 'a'.repeat(40)
  for (const environment of ['confirmed', 'planned', 'failed']) {
    const { number } = await makeRelease(opened, { environment })
    await store.transaction(async (tx) => {
      const bound = { result: { how: 'commit' as const, commit, tree: commit } }
      await tx.changeRelease(number, { plan: aPlan({ bound, warnings: ['NUL \0'] }), state: 'approved' })
      await tx.changeRelease(number, { state: 'running' })
      await tx.changeRelease(number, { state: environment === 'failed' ? 'failed' : 'succeeded' })
      if (environment === 'confirmed') {
        const result = { commit: 'b'.repeat(40), said: 'NUL \0' }
        await tx.putStep(number, { name: 'confirm', state: 'done', attempt: 1, effect: 'none', result })
      }
    })
  }
  await sql('alter table release drop column rollback, drop column proven_commit; drop table release_mark')
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: opened.url }) }),
  })
  await makeRollbacks(db)
  await db.destroy()
  const proven = (await store.releases({ limit: 9 })).map(({ environment, provenCommit }) => [
    environment,
    provenCommit,
  ])
  expect(Object.fromEntries(proven)).toEqual({ confirmed: 'b'.repeat(40), planned: commit, failed: undefined })
})
