import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OpenStore, openStore } from '../../src/adapters/store/open.ts'
import { exportAudit, verifyAudit } from '../../src/audit.ts'
import { verifyChain } from '../../src/operations/audit.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'

let postgres: TestPostgres
let database: TestDatabase
let opened: OpenStore
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(async () => {
  await postgres.stop()
})

/** As somebody with every right on the store's server would do it. */
async function tamper(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  for (const statement of ['alter table event disable trigger user', ...statements]) await client.query(statement)
  await client.end()
}

describe('signoff audit verify', () => {
  let heads: string[]
  let place: { storeUrl: string; dataDir: string }

  beforeEach(async () => {
    database = await postgres.createDatabase()
    place = { storeUrl: database.url, dataDir: 'unused' }
    opened = await openStore({ pool: { connectionString: database.url } })
    heads = []
    for (let round = 1; round <= 6; round++) {
      await opened.store.transaction(async (tx) => {
        tx.addEvent({ type: 'first', actor: 'worker', data: { round } })
        tx.addEvent({ type: 'second', actor: 'U1', data: { text: 'ünïcode "quoted"' } })
      })
      heads.push((await opened.store.chainHead()).hash)
    }
    await opened.close()
    return () => database.drop()
  })

  it('says that an untouched record is as it was written, and holds the heads that left the store', async () => {
    const { line, exitCode } = await verifyAudit(place, [heads[2]?.slice(0, 12) ?? '', heads[5] ?? ''])
    expect(line).toMatch(/^✓ 12 events are as they were written/)
    expect(exitCode).toBe(0)
  })

  it.each([
    ['a changed text', ["update event set body = replace(body, 'round', 'raund') where id = 5"], /event 5 was changed/],
    ['a changed column', ["update event set actor = 'U2' where id = 4"], /columns of event 4 were changed/],
    ['a moved time', ["update event set at = at + interval '1 second' where id = 4"], /columns of event 4/],
    ['a missing event', ['delete from event where id = 7'], /event 7 is missing/],
    [
      'an added event',
      ['insert into event select 13, release, type, actor, at, body, hash, hash from event where id = 12'],
      /event 13 was changed/,
    ],
    [
      'two events that changed places',
      [
        'create temp table t as select * from event where id in (3, 4)',
        'delete from event where id in (3, 4)',
        'insert into event select 7 - id, release, type, actor, at, body, hash, previous_hash from t',
      ],
      /event 3 does not follow/,
    ],
    ['a cut tail', ['delete from event where id > 9'], /ends after event 9, and 12 were written/],
  ])('finds %s', async (_what, statements, why) => {
    await tamper(...statements)
    const { line, exitCode } = await verifyAudit(place, [])
    expect(line).toMatch(why)
    expect(exitCode).toBe(1)
  })

  it('finds a tail that was cut together with the store’s memory of it, by a head that had left the store', async () => {
    await tamper('delete from event where id > 10', `update event_chain set count = 10, hash = '${heads[4]}'`)
    expect((await verifyAudit(place, [])).exitCode).toBe(0)
    const { line, exitCode } = await verifyAudit(place, [heads[5]?.slice(0, 12) ?? ''])
    expect(line).toContain('the end of the chain is missing')
    expect(exitCode).toBe(1)
  })

  it('says that there is no such release', async () => {
    expect(await exportAudit(place, 99)).toBeUndefined()
  })
})

it('an empty chain is as it was written', async () => {
  const none = (async function* () {})()
  expect(await verifyChain(none, { count: 0, hash: '0'.repeat(64) })).toMatchObject({ ok: true, count: 0 })
})
