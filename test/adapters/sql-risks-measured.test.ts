/**
 * Each kind of statement is run on real Postgres, and what the classifier says is compared with what Postgres did: its locks,
 * and whether it rewrote, read or indexed a table. The expectation is a rule over the measurement, not an opinion of a row.
 */
import { existsSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCatalog } from '../../src/adapters/alembic/catalog.ts'
import { KINDS, type KindName } from '../../src/adapters/sql-risks/kinds.ts'
import { loadParser, readRevisions } from '../../src/adapters/sql-risks/reading.ts'
import { createSqlRisks } from '../../src/adapters/sql-risks/sql-risks.ts'
import type { Catalog, RevisionRisks } from '../../src/release/ports/sql-risks.ts'
import { RISKS } from '../../src/release/risks.ts'
import type { MigrationRisk } from '../../src/release/settings.ts'
import { type Measured, measure, prepared } from '../support/measured-sql/measure.ts'
import { PREPARED } from '../support/measured-sql/prepared.ts'
import { MEASURED_ROWS, type MeasuredRow } from '../support/measured-sql/rows.ts'
import { startOtherPostgres, startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const FIFTEEN = '/usr/lib/postgresql/15/bin'
const SERVERS: readonly { version: number; isHere: boolean; start: () => Promise<TestPostgres> }[] = [
  { version: 18, isHere: true, start: startTestPostgres },
  { version: 15, isHere: existsSync(`${FIFTEEN}/initdb`), start: () => startOtherPostgres(FIFTEEN) },
]

/** Kinds whose harm is not in the database, or comes later. */
const MORE_THAN_MEASURED: Partial<Record<KindName, string>> = {
  'dropped object': 'code that uses it fails',
  'dropped constraint': 'ON CONFLICT fails without it',
  'unique index drop': 'ON CONFLICT fails without it',
  'renamed constraint': 'ON CONFLICT can name it',
  'replaced view': 'its rows may be others from then on',
  inheritance: 'queries on the parent get its rows',
  'row security': 'queries get fewer rows',
  'lost privilege': 'queries fail',
  'new owner': 'privileges go with the owner',
  'explicit lock': 'it keeps others waiting on purpose',
  'no time limit': 'it removes what keeps others from waiting',
  'restarted sequence': 'later inserts may fail',
  'dropped numbering': 'later inserts fail',
}
/** Kinds whose effect depends on what the statement does not show. */
const UNKNOWN: readonly (KindName | undefined)[] = [
  ...(['query', 'function call', 'function body', 'trigger', 'rule', 'trigger switch'] as const),
  ...(['block', 'new enum value'] as const),
]

/** The tables whose readers or writers wait, until the transaction ends. */
const blocked = ({ locks }: Measured) =>
  Object.entries(locks).filter(
    ([table, lock]) => BLOCKING.includes(lock) && (lock === 'AccessExclusiveLock' || !VIEWS.includes(table)),
  )

/** The least that must be said of what was measured. `isOwn`: it is about what the release itself has made. */
function least(measured: Measured, isOwn: (name: string) => boolean): MigrationRisk {
  const lost = [...measured.gone, ...measured.emptied].filter((name) => !isOwn(name))
  if (lost.length > 0) return 'destroys'
  const blocks = blocked(measured).some(([table]) => !isOwn(table))
  const works = measured.readRows > 0 || [...measured.work, ...measured.rewritten].some((line) => !isOwn(line))
  return blocks && works ? 'locks' : 'adds'
}
/** They are locked with their table, under whose name it is told. */
const PARTITIONS = ['events_1']
/** Views, on which only the strongest lock keeps anybody waiting. */
const VIEWS = ['totals', 'all_users']
const BLOCKING = ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']

const partsOf = (row: MeasuredRow) =>
  typeof row === 'string'
    ? { sql: row, before: [], since: 0, more: undefined, unnamed: undefined }
    : { before: [], since: 0, more: undefined, unnamed: undefined, ...row }
const nameOf = (row: MeasuredRow) => {
  const { sql, before } = partsOf(row)
  return [...before, sql].join('; ')
}
/** The tables and columns that statements make. */
const ownNames = (before: readonly string[]) =>
  before.flatMap((each) => /^(?:CREATE TABLE|ALTER TABLE \w+ ADD COLUMN) (\w+)/.exec(each)?.[1] ?? [])
const worst = ({ findings }: RevisionRisks) =>
  RISKS.find((risk) => findings.some((each) => each.risk === risk)) ?? 'adds'
const rank = (risk: MigrationRisk) => RISKS.indexOf(risk)
const kindsOf = ({ findings }: RevisionRisks) =>
  findings.map(({ why }) => (Object.keys(KINDS) as KindName[]).find((kind) => KINDS[kind].why === why))

for (const { version, isHere, start } of SERVERS) {
  if (!isHere) console.log(`Postgres ${version} is not on this machine: its measurements are skipped`)
  describe.skipIf(!isHere)(`M10, M16, M17 and the words: what Postgres ${version} does`, () => {
    const rows = MEASURED_ROWS.filter((row) => partsOf(row).since <= version)
    const measured = new Map<string, Measured>()
    let server: TestPostgres | undefined
    let client: pg.Client | undefined
    let catalog: Catalog
    beforeAll(async () => {
      // It says how WebAssembly is compiled, which the parser needs for its memory.
      createSqlRisks()
      await loadParser()
      server = await start()
      client = new pg.Client({ connectionString: (await server.createDatabase()).url })
      await client.connect()
      await client.query('do $$ begin create role reader; exception when duplicate_object then null; end $$')
      await client.query(PREPARED)
      catalog = await readCatalog(
        client,
        rows.flatMap((row) => [partsOf(row).sql, ...partsOf(row).before]),
      )
      const database = await prepared(client)
      for (const row of rows) measured.set(nameOf(row), await measure(database, partsOf(row).sql, partsOf(row).before))
    })
    afterAll(async () => {
      await client?.end()
      await server?.stop()
    })

    /** The statement's own risks, after those before it in the same transaction. */
    const said = (row: MeasuredRow, about: { catalog?: Catalog } = {}) => {
      const { sql, before } = partsOf(row)
      return readRevisions([[...before], [sql]], about)[1] as RevisionRisks
    }

    it.each(rows.map((row) => [nameOf(row), row] as const))('%s', (name, row) => {
      const { before, sql } = partsOf(row)
      const found = measured.get(name) as Measured
      const known = said(row, { catalog })
      const blind = said(row)
      if (found.refused !== undefined) {
        const isExpected = ['25001', '55P04'].includes(found.refused)
        expect(isExpected || found.refused === '23502').toBe(true)
        // A type of the same transaction: refused by 15, not by 18, so nothing certain is said.
        if (isExpected && !before.some((each) => each.startsWith('CREATE TYPE'))) expect(known.fails).toBeDefined()
        if (found.refused === '23502') expect(kindsOf(known)).toContain('required column')
        return
      }
      expect(known.fails).toBeUndefined()
      expect(blind.fails).toBeUndefined()

      const own = ownNames(before)
      const isOwn = (text: string) =>
        [text, text.startsWith('validating') ? sql : ''].some((each) =>
          own.some((name) => new RegExp(`\\b${name}\\b`).test(each)),
        )
      const needed = least(found, isOwn)
      // Never too little, with and without the catalog.
      for (const each of [known, blind]) expect(rank(worst(each))).toBeLessThanOrEqual(rank(needed))
      // Rows that are changed or deleted are values that are lost, but in what this release has made.
      const isLoss = found.changedRows > 0 && !isOwn(sql)
      if (isLoss) expect(['destroys', 'unknown']).toContain(worst(known))
      // Never too much.
      const isMore = partsOf(row).more !== undefined || kindsOf(known).some((kind) => kind && MORE_THAN_MEASURED[kind])
      if (!isMore && !kindsOf(known).some((kind) => UNKNOWN.includes(kind)) && found.changedRows === 0)
        expect(worst(known)).toBe(needed)
    })

    it.each(rows.map((row) => [nameOf(row), row] as const))('M16: what it holds until the commit: %s', (name, row) => {
      const found = measured.get(name) as Measured
      if (found.refused !== undefined) return
      const { sql, before } = partsOf(row)
      // Any statement that takes long and locks no table tells what is held.
      const [, risks] = readRevisions([[...before, sql], ['SELECT some_work()']], { catalog })
      const told = (risks?.findings ?? []).flatMap(({ what }) => {
        const [, writes, tables = ''] = /^holds (writes to )?(.+) while it calls/.exec(what) ?? []
        return tables
          .split(/, | and /)
          .flatMap((table) =>
            table === '' || PARTITIONS.includes(table) ? [] : [`${writes === undefined ? 'all' : 'writes'}: ${table}`],
          )
      })
      if (partsOf(row).unnamed !== undefined) return
      const measuredLocks = blocked(found)
        .filter(([table]) => !PARTITIONS.includes(table) && !ownNames(before).some((each) => table.startsWith(each)))
        .map(([table, lock]) => `${lock === 'AccessExclusiveLock' ? 'all' : 'writes'}: ${table}`)
      expect(told.toSorted()).toEqual(measuredLocks.toSorted())
    })

    it('is measured in at least 140 kinds of statements', () => {
      expect(rows.length).toBeGreaterThanOrEqual(140)
      expect(measured.size).toBe(rows.length)
    })
  })
}
