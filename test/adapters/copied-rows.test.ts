import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyRows } from '../../src/adapters/store/copied-rows.ts'
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'

let postgres: TestPostgres
let database: TestDatabase
let client: pg.Client
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.createDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
  await postgres.stop()
})

const LONG = 'ü'.repeat(200_000)

describe('copied rows', () => {
  it('are what a result has, whatever their length, sign and characters', async () => {
    const select = `select n::bigint, case when n % 2 = 0 then repeat('ü', 200000) else 'a🚀' || n end from generate_series(-2, 40) n order by n`
    const rows = await copyRows(client, select, (fields) => [fields.number(), fields.text()])
    expect(rows).toEqual(Array.from({ length: 43 }, (_, at) => [at - 2, at % 2 === 0 ? LONG : `a🚀${at - 2}`]))
  })

  it('are exact for numbers of more than 32 bits', async () => {
    const numbers = [Number.MAX_SAFE_INTEGER, 2 ** 32, 2 ** 31, -(2 ** 32) - 1, Number.MIN_SAFE_INTEGER]
    const select = `select unnest(array[${numbers.join()}]::bigint[])`
    expect(await copyRows(client, select, (fields) => fields.number())).toEqual(numbers)
  })

  it('are none of an empty result, and an empty text and NaN where null is', async () => {
    expect(await copyRows(client, `select 'x' where false`, (fields) => fields.text())).toEqual([])
    const nulls = await copyRows(client, 'select null::bigint, null::text, 7::bigint', (fields) => [
      fields.number(),
      fields.text(),
      fields.number(),
    ])
    expect(nulls).toEqual([[Number.NaN, '', 7]])
  })

  it.each([
    ['the server refuses the statement', 'select * from no_such_table', () => 1, /no_such_table/],
    ['the server fails after some rows', 'select 1 / (300 - n) from generate_series(1, 300) n', () => 1, /zero/],
    [
      'a row can’t be taken',
      'select 1',
      () => {
        throw new Error('not taken')
      },
      /not taken/,
    ],
  ])('reject when %s, and the connection can be used again', async (_what, select, toRow, why) => {
    await expect(copyRows(client, select, toRow)).rejects.toThrow(why)
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  it('reject when the connection is lost', async () => {
    const lost = new pg.Client({ connectionString: database.url })
    lost.on('error', () => undefined)
    await lost.connect()
    await expect(copyRows(lost, 'select pg_terminate_backend(pg_backend_pid())::text', () => 1)).rejects.toThrow()
    await lost.end()
  })
})
