/** What is read of a database's catalog for the classifier: what statements name, as it is, and nothing else. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readCatalog } from '../../src/adapters/alembic/catalog.ts'
import { KINDS } from '../../src/adapters/sql-risks/kinds.ts'
import { createSqlRisks } from '../../src/adapters/sql-risks/sql-risks.ts'
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts'

const PREPARED = `
create schema other;
create type mood as enum ('glad', 'sad');
create domain positive as int check (value > 0);
create domain words as text;
create table "Users" (id bigint generated always as identity primary key, name varchar(50) not null default 'x', feeling mood);
alter table "Users" add constraint named check (name <> '') not valid;
create table orders (id int);
create table other.orders (id bigint);
create table hidden (id int);
create index hidden_id on hidden (id) where id > 3;
create view shown as select id from hidden;`

let database: TestDatabase
let client: pg.Client
beforeAll(async () => {
  database = await (await startTestPostgres()).createDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(PREPARED)
  await client.query('set default_transaction_read_only = on')
})
afterAll(async () => {
  await client?.end()
  await database?.drop()
})

const namesIn = async (...statements: string[]) =>
  (await readCatalog(client, statements)).tables.map(({ schema, name }) => `${schema}.${name}`).toSorted()

it('has the tables that are named, in any schema, quoted or not, or by an index', async () => {
  expect(await namesIn('ALTER TABLE "Users" ADD city text', 'DELETE FROM ORDERS')).toEqual([
    'other.orders',
    'public.Users',
    'public.orders',
  ])
  expect(await namesIn('DROP INDEX hidden_id')).toEqual(['public.hidden'])
  expect(await namesIn('ALTER TABLE users ADD city text', 'SELECT 1', '')).toEqual([])
})

it('has columns, constraints, indexes and types as they are', async () => {
  const { version, tables, types } = await readCatalog(client, ['UPDATE "Users" SET name = 1'])
  expect(version).toBe(18)
  expect(tables).toEqual([
    {
      schema: 'public',
      name: 'Users',
      columns: [
        { name: 'id', type: 'bigint', notNull: true, hasDefault: true },
        { name: 'name', type: 'character varying(50)', notNull: true, hasDefault: true },
        { name: 'feeling', type: 'mood', notNull: false, hasDefault: false },
      ],
      constraints: expect.arrayContaining([
        { name: 'named', definition: "CHECK (((name)::text <> ''::text)) NOT VALID" },
        { name: 'Users_pkey', definition: 'PRIMARY KEY (id)' },
      ]),
      indexes: ['CREATE UNIQUE INDEX "Users_pkey" ON public."Users" USING btree (id)'],
    },
  ])
  expect(types).toEqual(
    expect.arrayContaining([
      { schema: 'public', name: 'mood', kind: 'enum', values: ['glad', 'sad'] },
      { schema: 'public', name: 'positive', kind: 'domain', base: 'integer', isConstrained: true },
      { schema: 'public', name: 'words', kind: 'domain', base: 'text' },
    ]),
  )
})

it('M10 to M17: gives the classifier what a statement alone does not tell, through its thread', async () => {
  const statements = [
    'ALTER TABLE "Users" ALTER COLUMN name TYPE varchar(80)',
    'ALTER TABLE orders ALTER COLUMN id TYPE int',
    'ALTER TABLE public.orders ALTER COLUMN id TYPE int',
    'DROP INDEX hidden_id',
    'ALTER TABLE "Users" ADD COLUMN amount positive',
    'ALTER TABLE "Users" ADD COLUMN said words',
  ]
  const catalog = await readCatalog(client, statements)
  const read = await createSqlRisks().classify(
    statements.map((sql) => [sql]),
    { catalog, transactionPerMigration: true },
  )
  expect(read.map(({ findings }) => findings.map(({ why }) => why))).toEqual([
    // A CHECK is on it.
    [KINDS['type change with reading'].why],
    // Two schemas have it, and the application's search path is not known.
    [KINDS['type change from unknown'].why],
    [KINDS['wider type'].why],
    [KINDS['index drop'].why],
    [KINDS['column of a domain'].why],
    [KINDS['new column'].why],
  ])
})
