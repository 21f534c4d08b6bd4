/** What the statements of a release do together: locks that are kept, columns that it adds, commits, and what must fail. */
import { beforeAll, describe, expect, it } from 'vitest'
import { KINDS, type KindName } from '../../src/adapters/sql-risks/kinds.ts'
import { loadParser, readRevisions } from '../../src/adapters/sql-risks/reading.ts'
import { createSqlRisks } from '../../src/adapters/sql-risks/sql-risks.ts'
import type { Catalog, Circumstances, RevisionRisks } from '../../src/release/ports/sql-risks.ts'

beforeAll(async () => {
  // It says how WebAssembly is compiled, which the parser needs for its memory.
  createSqlRisks()
  await loadParser()
})

type Release = readonly (readonly string[])[]

const kindsOf = ({ findings }: RevisionRisks): readonly (KindName | undefined)[] =>
  findings.map(({ why }) => (Object.keys(KINDS) as KindName[]).find((kind) => KINDS[kind].why === why))
const kinds = (release: Release, about: Circumstances = {}) => readRevisions(release, about).map(kindsOf)
const whats = (release: Release, about: Circumstances = {}) =>
  readRevisions(release, about).map(({ findings }) => findings.map(({ what }) => what))
/** What is told of locks that are kept, of all revisions. */
const held = (release: Release, about: Circumstances = {}) =>
  whats(release, about)
    .flat()
    .filter((what) => what.startsWith('holds'))

const ADD = 'ALTER TABLE users ADD COLUMN city text'
const CHANGE = 'UPDATE orders SET total = 0 WHERE total IS NULL'

describe('M16: locks are kept until the commit', () => {
  it.each<[string, Release, Circumstances, readonly string[]]>([
    ['in a revision', [[ADD, CHANGE]], {}, ['holds users while it changes rows of orders']],
    ['over revisions', [[ADD], [CHANGE]], {}, ['holds users while it changes rows of orders']],
    ['not, where each revision commits', [[ADD], [CHANGE]], { transactionPerMigration: true }, []],
    ['not, where a transaction is ended between', [[ADD, 'COMMIT;', 'BEGIN;', CHANGE]], {}, []],
    ['not, where the connection commits each statement', [[ADD, CHANGE]], { commitsEachStatement: true }, []],
    ['not, outside of a transaction', [['COMMIT;', ADD, CHANGE, 'BEGIN;']], {}, []],
    [
      'again, in the transaction after',
      [['COMMIT;', 'BEGIN;', ADD, CHANGE]],
      {},
      ['holds users while it changes rows of orders'],
    ],
    [
      'after a savepoint too',
      [['SAVEPOINT a', ADD, 'ROLLBACK TO a', CHANGE]],
      {},
      ['holds users while it changes rows of orders'],
    ],
    [
      'of the table itself',
      [[ADD, "UPDATE users SET name = 'x'"]],
      {},
      ['holds users while it changes all rows of users'],
    ],
    [
      'of a filled column',
      [[ADD, "UPDATE users SET city = 'x'"]],
      {},
      ['holds users while it fills new columns of users'],
    ],
    ['not, of what is quick', [[ADD, 'INSERT INTO orders VALUES (1)']], {}, []],
    ['not, of a new table', [['CREATE TABLE fresh (id int)', CHANGE]], {}, []],
    [
      'not, of what waits for as many itself',
      [['CREATE INDEX a ON users (name)', 'CREATE INDEX b ON users (id)']],
      {},
      [],
    ],
    [
      'of writes',
      [['CREATE INDEX a ON users (name)', CHANGE]],
      {},
      ['holds writes to users while it changes rows of orders'],
    ],
    [
      'of a table that a new one refers to',
      [['CREATE TABLE fresh (id int REFERENCES users (id))', CHANGE]],
      {},
      ['holds writes to users while it changes rows of orders'],
    ],
    [
      'once for all that follows',
      [[ADD, CHANGE, 'DELETE FROM orders']],
      {},
      ['holds users while it changes rows of orders'],
    ],
    [
      'under its new name',
      [['ALTER TABLE users RENAME TO people', CHANGE]],
      {},
      ['holds people while it changes rows of orders'],
    ],
    [
      'for a block that may do anything',
      [[ADD, 'DO $$ BEGIN PERFORM 1; END $$']],
      {},
      ['holds users while it runs a DO block'],
    ],
    [
      'of several',
      [['a', 'b', 'c', 'd', 'e'].map((name) => `ALTER TABLE ${name} ADD COLUMN x int`), [CHANGE]],
      {},
      ['holds a, b, c and 2 more while it changes rows of orders'],
    ],
  ])('%s', (_, release, about, expected) => expect(held(release, about)).toEqual(expected))

  it('and the advice is to do it in a later release', () => {
    expect(KINDS['held table'].instead).toContain('in a later release')
  })
})

describe('M17: a column that running code does not set', () => {
  const broken = (release: Release, about: Circumstances = {}) =>
    readRevisions(release, about).map(({ findings }) =>
      findings.filter(({ breaksOldCode }) => breaksOldCode === true).map(({ what }) => what),
    )
  const city = 'requires new column users.city, which running code does not set'
  it.each<[string, Release, readonly (readonly string[])[]]>([
    [
      'added with a default that is dropped',
      [
        [
          "ALTER TABLE users ADD COLUMN city text DEFAULT '' NOT NULL",
          'ALTER TABLE users ALTER COLUMN city DROP DEFAULT',
        ],
      ],
      [[city]],
    ],
    [
      'added, filled, and required',
      [[ADD, "UPDATE users SET city = ''", 'ALTER TABLE users ALTER COLUMN city SET NOT NULL']],
      [[city]],
    ],
    [
      'required by a later revision',
      [[ADD], [CHANGE], ['ALTER TABLE users ALTER COLUMN city SET NOT NULL']],
      [[], [], [city]],
    ],
    ['required by a CHECK', [[ADD, 'ALTER TABLE users ADD CONSTRAINT c CHECK (city IS NOT NULL) NOT VALID']], [[city]]],
    ['required by a key', [[ADD, 'ALTER TABLE users ADD PRIMARY KEY (city)']], [[city]]],
    [
      'required under another name',
      [[ADD, 'ALTER TABLE users RENAME city TO town', 'ALTER TABLE users ALTER COLUMN town SET NOT NULL']],
      [[city.replace('city', 'town')]],
    ],
    [
      'required at once',
      [['ALTER TABLE users ADD COLUMN city text NOT NULL']],
      [['adds column users.city, required and without a default']],
    ],
    [
      'required at once by DEFAULT NULL',
      [['ALTER TABLE users ADD COLUMN city text DEFAULT NULL NOT NULL']],
      [['adds column users.city, required and without a default']],
    ],
    ['not: it keeps its default', [["ALTER TABLE users ADD COLUMN city text DEFAULT '' NOT NULL"]], [[]]],
    [
      'not: it gets another default in the end',
      [
        [ADD, 'ALTER TABLE users ALTER COLUMN city SET NOT NULL'],
        ["ALTER TABLE users ALTER COLUMN city SET DEFAULT ''"],
      ],
      [[], []],
    ],
    [
      'not: it need not have a value in the end',
      [[ADD, 'ALTER TABLE users ALTER COLUMN city SET NOT NULL', 'ALTER TABLE users ALTER COLUMN city DROP NOT NULL']],
      [[]],
    ],
    [
      'not: its CHECK goes again',
      [[ADD, 'ALTER TABLE users ADD CONSTRAINT c CHECK (city IS NOT NULL)', 'ALTER TABLE users DROP CONSTRAINT c']],
      [[]],
    ],
    ['not: it is numbered', [['ALTER TABLE users ADD COLUMN number int GENERATED ALWAYS AS IDENTITY NOT NULL']], [[]]],
    [
      'not: the table is new',
      [['CREATE TABLE fresh (id int)', 'ALTER TABLE fresh ADD COLUMN city text NOT NULL']],
      [[]],
    ],
    ['not: it is an older column', [['ALTER TABLE users ALTER COLUMN name SET NOT NULL']], [[]]],
  ])('%s', (_, release, expected) => expect(broken(release)).toEqual(expected))
})

describe('M10: what Postgres is certain to refuse', () => {
  const CONCURRENTLY = 'CREATE INDEX CONCURRENTLY users_name ON users (name)'
  const VALUE = "ALTER TYPE mood ADD VALUE 'calm'"
  const catalog: Catalog = {
    version: 18,
    tables: [
      {
        schema: 'public',
        name: 'users',
        columns: [
          { name: 'feeling', type: 'mood', notNull: false, hasDefault: false },
          { name: 'name', type: 'text', notNull: false, hasDefault: false },
        ],
        constraints: [],
        indexes: [],
      },
    ],
    types: [{ schema: 'public', name: 'mood', kind: 'enum', values: ['glad', 'sad'] }],
  }
  const fails = (release: Release, about: Circumstances = {}) =>
    readRevisions(release, about).map((each) => each.fails?.why)
  it.each<[string, Release, Circumstances, readonly (string | undefined)[]]>([
    ['an index in a transaction', [[CONCURRENTLY]], {}, ['in a transaction']],
    ['not, in an autocommit block', [['COMMIT;', CONCURRENTLY, 'BEGIN;']], {}, [undefined]],
    ['after an autocommit block', [['COMMIT;', CONCURRENTLY, 'BEGIN;', 'VACUUM users']], {}, ['in a transaction']],
    [
      'not, after a COMMIT of its own, since the driver may have begun or not',
      [['COMMIT', CONCURRENTLY]],
      {},
      [undefined],
    ],
    ['not, in the revision after that', [['COMMIT'], [CONCURRENTLY]], {}, [undefined, undefined]],
    [
      'in the revision after that, where it has its own transaction',
      [['COMMIT'], [CONCURRENTLY]],
      { transactionPerMigration: true },
      [undefined, 'in a transaction'],
    ],
    ['not, where the migrator may have left the transaction', [[CONCURRENTLY]], { maybeOutside: [0] }, [undefined]],
    [
      'with another statement, wherever it runs',
      [['COMMIT;', `${CONCURRENTLY}; SELECT 1`, 'BEGIN;']],
      {},
      ['with others'],
    ],
    ['a used enum value', [[VALUE, "UPDATE users SET feeling = 'calm'"]], { catalog }, ['new enum value']],
    ['over revisions', [[VALUE], ["UPDATE users SET feeling = 'calm'"]], { catalog }, [undefined, 'new enum value']],
    ['by its type', [[VALUE, "SELECT 'calm'::mood"]], {}, ['new enum value']],
    ['in a list', [[VALUE, "DELETE FROM users WHERE feeling IN ('sad', 'calm')"]], { catalog }, ['new enum value']],
    [
      'in a row',
      [[VALUE, "INSERT INTO users (name, feeling) VALUES ('Ada', 'calm')"]],
      { catalog },
      ['new enum value'],
    ],
    [
      'not, of another column of the row',
      [[VALUE, "INSERT INTO users (name, feeling) VALUES ('calm', 'sad')"]],
      { catalog },
      [undefined],
    ],
    [
      'not, in a transaction of its own',
      [['COMMIT;', VALUE, 'BEGIN;', "UPDATE users SET feeling = 'calm'"]],
      { catalog },
      [undefined],
    ],
    [
      'not, in a later revision with its own transaction',
      [[VALUE], ["UPDATE users SET feeling = 'calm'"]],
      { catalog, transactionPerMigration: true },
      [undefined, undefined],
    ],
    ['not, of an older value', [[VALUE, "UPDATE users SET feeling = 'sad'"]], { catalog }, [undefined]],
    ['not, of a text', [[VALUE, "UPDATE users SET name = 'calm'"]], { catalog }, [undefined]],
    ['not, of what may be a text', [[VALUE, "UPDATE users SET feeling = 'calm'"]], {}, [undefined]],
    [
      'not, of a type of the same transaction',
      [["CREATE TYPE mood AS ENUM ('sad')", VALUE, "SELECT 'calm'::mood"]],
      {},
      [undefined],
    ],
    [
      'not, of a value that may be there',
      [["ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm'", "SELECT 'calm'::mood"]],
      {},
      [undefined],
    ],
    [
      'of a value that is not there',
      [["ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm'", "SELECT 'calm'::mood"]],
      { catalog },
      ['new enum value'],
    ],
  ])('%s', (_, release, about, expected) => expect(fails(release, about)).toEqual(expected))

  it('is not refused where the type may be of another schema', () => {
    const inTwo: Catalog = {
      ...catalog,
      types: ['a', 'b'].map((schema) => ({ schema, name: 'mood', kind: 'enum', values: ['sad'] }) as const),
    }
    const use = "UPDATE users SET feeling = 'calm'"
    expect(fails([[VALUE, use]], { catalog: inTwo })).toEqual([undefined])
    expect(kinds([[VALUE, use]], { catalog: inTwo })[0]).toContain('new enum value')
    expect(fails([["ALTER TYPE a.mood ADD VALUE 'calm'", "SELECT 'calm'::b.mood"]], { catalog: inTwo })).toEqual([
      undefined,
    ])
    expect(fails([["ALTER TYPE public.mood ADD VALUE 'calm'", use]], { catalog })).toEqual(['new enum value'])
  })

  it('and where it may be one, people read of it', () => {
    expect(kinds([[VALUE, "UPDATE users SET feeling = 'calm'"]])[0]).toContain('new enum value')
    expect(kinds([[VALUE, "UPDATE users SET name = 'calm'"]], { catalog })[0]).not.toContain('new enum value')
  })

  it('names the statement and what to look for', () => {
    expect(readRevisions([[CONCURRENTLY]])[0]?.fails).toEqual({
      why: 'in a transaction',
      what: 'CREATE INDEX CONCURRENTLY',
      statement: CONCURRENTLY,
      names: ['users_name', 'users'],
    })
  })
})

describe('M12: a revision that commits is found by the parser', () => {
  it.each<[string, boolean]>([
    ['commit', true],
    ['COMMIT;', true],
    ['  CoMmIt  ; -- half way', true],
    ['END', true],
    ['end transaction;', true],
    ['ROLLBACK', true],
    ['ABORT', true],
    ["PREPARE TRANSACTION 'x'", true],
    ['COMMIT AND CHAIN', true],
    ['UPDATE a SET b = 1; COMMIT; BEGIN', true],
    ['CALL tidy()', true],
    ['DO $$ BEGIN UPDATE a SET b = 1; COMMIT; END $$', true],
    ['CREATE INDEX CONCURRENTLY i ON a (b)', true],
    ['VACUUM a', true],
    ['COMITT; COMMIT', true],
    ['BEGIN', false],
    ['SAVEPOINT a', false],
    ['RELEASE SAVEPOINT a', false],
    ['ROLLBACK TO SAVEPOINT a', false],
    ["INSERT INTO notes VALUES ('commit;')", false],
    ['-- commit', false],
    ['COMMENT ON TABLE a IS $$COMMIT;$$', false],
    ['DO $$ BEGIN UPDATE a SET b = 1; END $$', false],
    ['UPDATE a SET committed = true', false],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$', false],
  ])('%s: %s', (sql, commits) => {
    expect(readRevisions([[sql]])[0]?.commits).toBe(commits)
    expect(readRevisions([['SELECT 1'], ['UPDATE a SET b = 1', sql]]).map((each) => each.commits)).toEqual([
      false,
      commits,
    ])
  })
})

it('M12, M13: where the connection commits each statement, every revision with SQL commits', () => {
  const read = readRevisions([['UPDATE a SET b = 1'], []], { commitsEachStatement: true })
  expect(read.map(({ commits }) => commits)).toEqual([true, false])
})

describe('what this release has made', () => {
  it.each<[string, Release, readonly (readonly string[])[]]>([
    [
      'a column that is filled loses nothing',
      [[ADD], ["UPDATE users SET city = 'x'"]],
      [['new column'], ['filled column', 'held table']],
    ],
    [
      'nor when it is filled from another',
      [[ADD, 'UPDATE users SET city = name']],
      [['new column', 'filled column', 'held table']],
    ],
    [
      'but another column beside it does',
      [[ADD, "UPDATE users SET city = 'x', name = ''"]],
      [['new column', 'changed all rows', 'held table']],
    ],
    [
      'and so does one that may have been there',
      [['ALTER TABLE users ADD COLUMN IF NOT EXISTS city text', "UPDATE users SET city = ''"]],
      [['new column', 'changed all rows', 'held table']],
    ],
    [
      'a column that holds the only copy is not of this release alone',
      [[ADD, 'UPDATE users SET city = name', 'ALTER TABLE users DROP COLUMN name', "UPDATE users SET city = ''"]],
      [['new column', 'filled column', 'held table', 'dropped column', 'changed all rows']],
    ],
    [
      'a new column is renamed and dropped',
      [[ADD, 'ALTER TABLE users RENAME city TO town', 'ALTER TABLE users DROP COLUMN town']],
      [['new column', 'own column', 'own column']],
    ],
    [
      'a new table that holds the only copy is not of this release alone',
      [['CREATE TABLE moved AS SELECT * FROM users', 'DROP TABLE users', 'DELETE FROM moved']],
      [['copied rows', 'dropped table', 'deleted all rows', 'held table']],
    ],
    [
      'a new table with copies may be changed while the originals are there',
      [['CREATE TABLE moved AS SELECT * FROM users', 'DELETE FROM moved']],
      [['copied rows', 'on a new table']],
    ],
    [
      'a new table that takes the place of an old one is in use',
      [
        [
          'CREATE TABLE fresh (id int)',
          'ALTER TABLE users RENAME TO old',
          'ALTER TABLE fresh RENAME TO users',
          'CREATE INDEX i ON users (id)',
        ],
      ],
      [['new object', 'renamed table', 'on a new table', 'blocking index', 'held table']],
    ],
    [
      'a name means another table on another search path',
      [['CREATE TABLE fresh (id int)', 'SET search_path = b', 'DELETE FROM fresh']],
      [['new object', 'session setting', 'deleted all rows']],
    ],
    [
      'what is rolled back was not made',
      [['CREATE TABLE fresh (id int)', 'ROLLBACK', 'DELETE FROM fresh']],
      [['new object', 'deleted all rows']],
    ],
    [
      'a partition is in use through its parent',
      [['CREATE TABLE p PARTITION OF events DEFAULT', 'CREATE INDEX i ON p (id)']],
      [['new partition', 'blocking index', 'held table']],
    ],
  ])('%s', (_, release, expected) => expect(kinds(release)).toEqual(expected))
})

describe('by the statements alone, the stricter', () => {
  it.each<[string, KindName]>([
    ['ALTER TABLE users ALTER COLUMN name TYPE varchar(80)', 'type change from unknown'],
    ['ALTER TABLE users ALTER COLUMN name SET NOT NULL', 'set not null'],
    ['ALTER TABLE users ADD CONSTRAINT k PRIMARY KEY USING INDEX i', 'key of nullable columns'],
    ['ALTER TABLE users ADD COLUMN feeling mood', 'column of an unknown type'],
    ['ALTER TABLE users ADD COLUMN place public.geometry(Point, 4326)', 'new column'],
    ['ALTER TABLE users DROP CONSTRAINT c', 'dropped constraint'],
    ['DROP INDEX i', 'unique index drop'],
  ])('%s', (sql, kind) => expect(kinds([[sql]])).toEqual([[kind]]))

  it.each(['unique index drop', 'index drop', 'dropped constraint', 'dropped rule'] as const)(
    '%s is for a moment',
    (kind) => {
      expect(KINDS[kind].why).toContain('for a moment')
    },
  )

  it('an unnamed CHECK proves nothing later, because its name is not known when it is dropped', () => {
    const release = [
      'ALTER TABLE users ADD CHECK (name IS NOT NULL)',
      'ALTER TABLE users DROP CONSTRAINT users_name_check',
    ]
    expect(kinds([[...release, 'ALTER TABLE users ALTER COLUMN name SET NOT NULL']])[0]).toContain('set not null')
  })

  it('a name that two schemas have is not looked up', () => {
    const table = {
      name: 'users',
      columns: [{ name: 'name', type: 'text', notNull: true, hasDefault: false }],
      constraints: [],
      indexes: [],
    }
    const catalog: Catalog = {
      version: 18,
      types: [],
      tables: [
        { ...table, schema: 'a' },
        { ...table, schema: 'b' },
      ],
    }
    expect(kinds([['ALTER TABLE users ALTER name SET NOT NULL']], { catalog })).toEqual([['set not null']])
    expect(kinds([['ALTER TABLE a.users ALTER name SET NOT NULL']], { catalog })).toEqual([['proven not null']])
    expect(kinds([['DROP TABLE IF EXISTS users']], { catalog })).toEqual([['dropped table']])
  })
})
