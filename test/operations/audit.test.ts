import { hash } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OpenStore, openStore } from '../../src/adapters/store/open.ts'
import { exportAudit, verifyAudit } from '../../src/cli/audit.ts'
import { canonicalJson } from '../../src/lib/canonical-json.ts'
import { parseHead, verifyChain } from '../../src/operations/audit/record.ts'
import { anyEvent } from '../support/builders.ts'
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
        tx.addEvent(anyEvent({ type: 'first', actor: 'worker', data: { round } }))
        tx.addEvent(anyEvent({ type: 'second', actor: 'U1', data: { text: 'ünïcode "quoted"' } }))
      })
      heads.push((await opened.store.chainHead()).hash)
    }
    await opened.close()
    return () => database.drop()
  })

  it('verifies an untouched record and the heads that left the store', async () => {
    const [older = '', newest = ''] = [heads[2]?.slice(0, 12), heads[5]]
    const { lines, exitCode } = await verifyAudit(place, [older, newest])
    expect(lines[0]).toMatch(/^✓ 12 events verified/)
    expect(lines.slice(1)).toEqual([
      `✓ Head ${older} is the hash of event 6.`,
      `✓ Head ${newest} is the hash of event 12.`,
    ])
    expect(exitCode).toBe(0)
  })

  it('is not disturbed by events that are added while it reads', async () => {
    const writing = await openStore({ pool: { connectionString: database.url } })
    const found = await writing.audit.readChain(async (chain) => {
      await writing.store.transaction(async (tx) =>
        tx.addEvent(anyEvent({ type: 'meanwhile', actor: 'bot', data: {} })),
      )
      return verifyChain(chain)
    })
    await writing.close()
    expect(found).toMatchObject({ ok: true, count: 12 })
    expect((await verifyAudit(place, [])).lines[0]).toContain('13 events')
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
      /event 3 does not continue/,
    ],
    [
      'text that moved from an event to the hash before it',
      ['update event set previous_hash = previous_hash || left(body, 2), body = substr(body, 3) where id = 6'],
      /columns of event 6 were changed/,
    ],
    [
      'text that moved from one column to the next',
      ["update event set type = type || ' w', actor = 'orker' where id = 5"],
      /columns of event 5 were changed/,
    ],
    [
      'another release',
      ['alter table event drop constraint event_release_fkey', 'update event set release = 3 where id = 2'],
      /columns of event 2/,
    ],
    ['no word of where it ends', ['delete from event_chain'], /its row in event_chain is missing/],
    ['a cut tail', ['delete from event where id > 9'], /ends after event 9, but 12 were written/],
  ])('finds %s', async (_what, statements, why) => {
    await tamper(...statements)
    const { lines, exitCode } = await verifyAudit(place, [])
    expect(lines.join()).toMatch(why)
    expect(exitCode).toBe(1)
  })

  it('reads a record of several batches, and finds a number that was given twice where two of them meet', async () => {
    const writing = await openStore({ pool: { connectionString: database.url } })
    await writing.store.transaction(async (tx) => {
      for (let more = 0; more < 4_000; more++) tx.addEvent(anyEvent({ type: 'more', actor: 'bot', data: { more } }))
    })
    await writing.close()
    expect((await verifyAudit(place, [])).lines[0]).toMatch(/^✓ 4012 events verified/)
    await tamper(
      'alter table event drop constraint event_pkey',
      'insert into event select * from event where id = 2000',
    )
    expect((await verifyAudit(place, [])).lines.join()).toMatch(/event 2000 is in the place of event 2001/)
  })

  it('finds a tail that was cut together with the store’s memory of it, by a head that had left the store', async () => {
    await tamper('delete from event where id > 10', `update event_chain set count = 10, hash = '${heads[4]}'`)
    expect((await verifyAudit(place, [])).exitCode).toBe(0)
    const { lines, exitCode } = await verifyAudit(place, [heads[5]?.slice(0, 12) ?? ''])
    expect(lines.join()).toContain('the chain was cut before that event, or rewritten')
    expect(exitCode).toBe(1)
    expect((await verifyAudit(place, [heads[4]?.slice(0, 12) ?? ''])).exitCode).toBe(0)
  })

  it('O5: tells a mistyped head from a chain that was cut, and leaves the verdict to who compares', async () => {
    const head = heads[2]?.slice(0, 12) ?? ''
    const mistyped = `${head.slice(0, 5)}${head[5] === '0' ? '1' : '0'}${head.slice(6)}`
    const { lines, exitCode } = await verifyAudit(place, [mistyped])
    expect(lines.join()).toMatch(
      new RegExp(
        `^✗ 12 events verified, but a head was not found: no event has the hash ${mistyped}; that of event \\d+ is nearly`,
      ),
    )
    expect(lines.join()).toContain('Check the head for a typing mistake')
    expect(exitCode).toBe(1)
    const other = await verifyAudit(place, ['0123456789ab'])
    expect(other).toMatchObject({ exitCode: 1 })
    expect(other.lines.join()).not.toContain('typing mistake')
    expect(other.lines.join()).toContain('If it stands like that in the thread, the chain was cut')
  })

  it('does not find an event that was forged at the end with a right hash, as docs/promises.md says; one with a wrong hash it does', async () => {
    const last = heads[5] ?? ''
    const [actor, at, type] = ['U9', '2026-11-22T08:00:00.000Z', 'sign_off_given']
    const body = canonicalJson({ actor, at, data: {}, id: 13, type })
    const forge = (digest: string) => [
      `insert into event values (13, null, '${type}', '${actor}', '${at}', '${body}', '${digest}', '${last}')`,
      `update event_chain set count = 13, hash = '${digest}'`,
    ]
    await tamper(...forge(hash('sha256', last + body)))
    expect((await verifyAudit(place, heads)).lines[0]).toMatch(/^✓ 13 events verified/)
    await tamper('delete from event where id = 13', ...forge(hash('sha256', body)))
    expect((await verifyAudit(place, heads)).lines.join()).toContain('event 13 was changed')
  })

  it('says that there is no such release', async () => {
    expect(await exportAudit(place, 99, 'json', (text) => text)).toBeUndefined()
  })
})

it('an empty chain is verified', async () => {
  const rows = (async function* () {})()
  const found = await verifyChain({ rows, remembered: { count: 0, hash: '0'.repeat(64) } })
  expect(found).toMatchObject({ ok: true, count: 0 })
})

it('a head is what a thread shows, and nothing so short that it stands in any chain', () => {
  expect(parseHead(' 4BE109C277AA ')).toBe('4be109c277aa')
  for (const none of ['', '4be1', '4be109c277a', 'Head', '4be109c277aag', '0'.repeat(65)]) {
    expect(parseHead(none)).toBeUndefined()
  }
})
