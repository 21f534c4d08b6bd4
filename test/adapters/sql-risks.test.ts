import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { KINDS, type KindName } from '../../src/adapters/sql-risks/kinds.ts'
import { loadParser, readRevisions } from '../../src/adapters/sql-risks/reading.ts'
import { createSqlRisks } from '../../src/adapters/sql-risks/sql-risks.ts'
import type { MigrationRisk } from '../../src/release/settings.ts'

/** A statement, what is said of it, worst first, and what kind it is. `[]`: nothing to say. */
type Row = readonly [sql: string, ...found: readonly (readonly [risk: MigrationRisk, what: string, kind: KindName])[]]

const adds = (what: string, kind: KindName) => ['adds', what, kind] as const
const locks = (what: string, kind: KindName) => ['locks', what, kind] as const
const destroys = (what: string, kind: KindName) => ['destroys', what, kind] as const
const unknown = (what: string, kind: KindName) => ['unknown', what, kind] as const

const TABLE: Readonly<Record<string, readonly Row[]>> = {
  'new things': [
    ['CREATE TABLE fresh (id SERIAL NOT NULL, PRIMARY KEY (id))', adds('creates table fresh', 'new object')],
    ['CREATE TABLE a.notes (id int, user_id int REFERENCES users (id))', adds('creates table a.notes', 'new object')],
    ["CREATE TYPE mood AS ENUM ('glad', 'sad')", adds('creates type mood', 'new object')],
    ["ALTER TYPE mood ADD VALUE 'calm' AFTER 'glad'", adds('adds value calm to type mood', 'new object')],
    ['CREATE VIEW open_notes AS SELECT * FROM notes', adds('creates view open_notes', 'new object')],
    ['CREATE SEQUENCE numbers', adds('creates sequence numbers', 'new object')],
    ['CREATE EXTENSION IF NOT EXISTS "uuid-ossp"', adds('creates extension uuid-ossp', 'new object')],
    ['CREATE SCHEMA IF NOT EXISTS audit', adds('creates schema audit', 'new object')],
    ["COMMENT ON COLUMN notes.id IS 'number'", adds('sets a comment', 'comment')],
    ['GRANT SELECT ON notes TO reader', adds('grants rights on notes', 'new privilege')],
    ['BEGIN'],
    ['COMMIT'],
    ['-- nothing but words'],
  ],
  'new columns': [
    ['ALTER TABLE notes ADD COLUMN title VARCHAR(200)', adds('adds column notes.title', 'new column')],
    ["ALTER TABLE notes ADD COLUMN lang text DEFAULT 'en' NOT NULL", adds('adds column notes.lang', 'new column')],
    ['ALTER TABLE notes ADD COLUMN at timestamptz DEFAULT now() NOT NULL', adds('adds column notes.at', 'new column')],
    [
      'ALTER TABLE notes ADD COLUMN title text NOT NULL',
      destroys('adds column notes.title, required and without a default', 'required column'),
    ],
    [
      'ALTER TABLE notes ADD COLUMN key uuid DEFAULT gen_random_uuid()',
      locks('adds column notes.key with a value for each row', 'column with work'),
    ],
    [
      'ALTER TABLE notes ADD COLUMN number bigserial',
      locks('adds column notes.number with a value for each row', 'column with work'),
    ],
    [
      "ALTER TABLE notes ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED",
      locks('adds column notes.words with a value for each row', 'column with work'),
    ],
    [
      'ALTER TABLE notes ADD COLUMN number int UNIQUE',
      locks('adds column notes.number with a unique index', 'column with index'),
    ],
    ['ALTER TABLE notes ADD COLUMN user_id int REFERENCES users (id)', adds('adds column notes.user_id', 'new column')],
    [
      'ALTER TABLE notes ADD COLUMN length int CHECK (length > 0)',
      locks('adds column notes.length with a check', 'column with check'),
    ],
  ],
  'columns that change': [
    ['ALTER TABLE notes ALTER COLUMN title DROP NOT NULL', adds('lets notes.title be empty', 'looser rule')],
    ["ALTER TABLE notes ALTER COLUMN title SET DEFAULT ''", adds('sets the default of notes.title', 'looser rule')],
    ['ALTER TABLE notes ALTER COLUMN title DROP DEFAULT', adds('takes away the default of notes.title', 'looser rule')],
    [
      'ALTER TABLE notes ALTER COLUMN id TYPE BIGINT',
      locks('changes the type of notes.id to int8', 'type change from unknown'),
    ],
    [
      'ALTER TABLE notes ALTER COLUMN title TYPE uuid USING title::uuid',
      locks('changes the type of notes.title to uuid', 'type change from unknown'),
    ],
    ['ALTER TABLE notes ALTER COLUMN title SET NOT NULL', locks('requires a value in notes.title', 'set not null')],
    [
      'ALTER TABLE notes ALTER COLUMN body SET STORAGE EXTERNAL',
      adds('changes how notes.body is kept', 'column storage'),
    ],
    ['ALTER TABLE notes DROP COLUMN title', destroys('drops column notes.title', 'dropped column')],
    [
      'ALTER TABLE notes DROP COLUMN title CASCADE',
      destroys('drops column notes.title', 'dropped column'),
      destroys('drops column notes.title with all that depends on it', 'dropped everything'),
    ],
    [
      'ALTER TABLE notes DROP COLUMN a, ADD COLUMN b int',
      destroys('drops column notes.a', 'dropped column'),
      adds('adds column notes.b', 'new column'),
    ],
  ],
  indexes: [
    ['CREATE INDEX ix_notes_title ON notes (title)', locks('builds index ix_notes_title on notes', 'blocking index')],
    ['CREATE UNIQUE INDEX ix ON notes (title)', locks('builds unique index ix on notes', 'blocking index')],
    ['CREATE INDEX CONCURRENTLY ix ON notes (title)', adds('builds index ix on notes', 'concurrent index')],
    ['DROP INDEX ix', locks('drops index ix', 'unique index drop')],
    ['DROP INDEX CONCURRENTLY IF EXISTS ix', adds('drops index ix', 'concurrent index drop')],
    ['REINDEX TABLE notes', locks('builds the index again of notes', 'blocking reindex')],
    ['REINDEX INDEX CONCURRENTLY ix', adds('builds the index again of ix', 'concurrent index')],
    ['ALTER INDEX ix RENAME TO iy', adds('renames index ix to iy', 'renamed index')],
  ],
  constraints: [
    [
      'ALTER TABLE notes ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id)',
      locks('adds constraint fk to notes', 'foreign key'),
    ],
    [
      'ALTER TABLE notes ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID',
      adds('adds constraint fk to notes', 'unchecked foreign key'),
    ],
    ['ALTER TABLE notes VALIDATE CONSTRAINT fk', adds('validates fk on notes', 'validated constraint')],
    ['ALTER TABLE notes ADD CONSTRAINT c CHECK (id > 0)', locks('adds constraint c to notes', 'check constraint')],
    [
      'ALTER TABLE notes ADD CONSTRAINT c CHECK (title IS NOT NULL) NOT VALID',
      adds('adds constraint c to notes', 'unchecked constraint'),
    ],
    ['ALTER TABLE notes ADD CONSTRAINT u UNIQUE (title)', locks('adds constraint u to notes', 'unique constraint')],
    ['ALTER TABLE notes ADD PRIMARY KEY (id)', locks('adds a constraint to notes', 'unique constraint')],
    [
      'ALTER TABLE notes ADD CONSTRAINT u UNIQUE USING INDEX ix',
      adds('adds constraint u to notes', 'constraint by index'),
    ],
    [
      'ALTER TABLE rooms ADD CONSTRAINT e EXCLUDE USING gist (span WITH &&)',
      locks('adds constraint e to rooms', 'exclusion constraint'),
    ],
    ['ALTER TABLE notes DROP CONSTRAINT u', locks('drops constraint u of notes', 'dropped constraint')],
    ['ALTER TABLE notes RENAME CONSTRAINT u TO v', locks('renames constraint u of notes to v', 'renamed constraint')],
  ],
  'what takes away or renames': [
    ['DROP TABLE notes', destroys('drops table notes', 'dropped table')],
    [
      'DROP TABLE IF EXISTS a.notes, b CASCADE',
      destroys('drops table a.notes, b', 'dropped table'),
      destroys('drops table a.notes, b with all that depends on it', 'dropped everything'),
    ],
    ['DROP TYPE mood', destroys('drops type mood', 'dropped object')],
    ['DROP VIEW open_notes', destroys('drops view open_notes', 'dropped object')],
    ['DROP FUNCTION count_notes(int)', destroys('drops function count_notes', 'dropped object')],
    ['DROP SEQUENCE numbers', destroys('drops sequence numbers', 'dropped object')],
    ['DROP TRIGGER t ON notes', destroys('drops trigger notes.t', 'dropped object')],
    ['ALTER TABLE notes RENAME TO remarks', destroys('renames table notes to remarks', 'renamed table')],
    ['ALTER TABLE notes RENAME title TO name', destroys('renames column notes.title to name', 'renamed column')],
    [
      "ALTER TYPE mood RENAME VALUE 'sad' TO 'low'",
      destroys('renames value sad of type mood to low', 'renamed object'),
    ],
    ['ALTER TABLE notes SET SCHEMA archive', destroys('moves notes to schema archive', 'moved to a schema')],
    [
      'ALTER TABLE notes DETACH PARTITION notes_2020',
      destroys('detaches a partition from notes', 'detached partition'),
    ],
  ],
  rows: [
    ["INSERT INTO roles (name) VALUES ('admin'), ('user')", adds('adds rows to roles', 'new rows')],
    [
      "INSERT INTO roles VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
      destroys('adds rows to roles, or overwrites them', 'overwritten rows'),
    ],
    ['INSERT INTO roles VALUES (1) ON CONFLICT DO NOTHING', adds('adds rows to roles', 'new rows')],
    [
      'INSERT INTO roles SELECT make_role(id) FROM users',
      unknown('calls make_role() for roles', 'function call'),
      adds('adds rows to roles', 'copied rows'),
    ],
    ["UPDATE notes SET lang = 'en' WHERE lang IS NULL", destroys('changes rows of notes', 'changed rows')],
    ['UPDATE notes SET seen = false', destroys('changes all rows of notes', 'changed all rows')],
    ['UPDATE notes SET lang=%(lang)s WHERE notes.id = %(id_1)s', destroys('changes rows of notes', 'changed rows')],
    ['DELETE FROM notes WHERE id < 100', destroys('deletes rows of notes', 'deleted rows')],
    ['DELETE FROM notes', destroys('deletes all rows of notes', 'deleted all rows')],
    [
      'WITH gone AS (DELETE FROM notes WHERE id < 9 RETURNING *) INSERT INTO archive SELECT * FROM gone',
      destroys('deletes rows of notes', 'deleted rows'),
      adds('adds rows to archive', 'copied rows'),
    ],
    [
      'WITH gone AS (DELETE FROM notes RETURNING id) SELECT count(*) FROM gone',
      destroys('deletes all rows of notes', 'deleted all rows'),
      unknown('asks the database something', 'query'),
    ],
    ['TRUNCATE notes, marks', destroys('empties notes, marks', 'truncated')],
    [
      'MERGE INTO notes n USING news s ON n.id = s.id WHEN MATCHED THEN UPDATE SET title = s.title',
      destroys('merges rows into notes', 'merged rows'),
    ],
    ['CREATE TABLE old AS SELECT * FROM notes', adds('creates table old from a query', 'copied rows')],
    ["SELECT setval('numbers', 100)", destroys('sets a sequence', 'restarted sequence')],
    ['ALTER SEQUENCE numbers RESTART WITH 1', destroys('changes sequence numbers', 'restarted sequence')],
    ['ALTER SEQUENCE numbers OWNED BY notes.id', adds('changes sequence numbers', 'storage setting')],
  ],
  'locks and limits': [
    ['LOCK TABLE notes IN ACCESS EXCLUSIVE MODE', locks('locks notes', 'explicit lock')],
    ['VACUUM FULL notes', locks('writes tables again', 'table rewrite')],
    ['ANALYZE notes', adds('looks after tables', 'upkeep')],
    ['CLUSTER notes USING ix', locks('writes notes again', 'table rewrite')],
    ['REFRESH MATERIALIZED VIEW totals', locks('refreshes view totals', 'blocking refresh')],
    ['REFRESH MATERIALIZED VIEW CONCURRENTLY totals', adds('refreshes view totals', 'concurrent refresh')],
    ["SET lock_timeout = '3s'", adds('sets lock_timeout', 'session setting')],
    ['SET LOCAL statement_timeout = 0', locks('sets statement_timeout', 'no time limit')],
    ["SET lock_timeout = '0s'", locks('sets lock_timeout', 'no time limit')],
    ["SELECT pg_catalog.set_config('search_path', '', false)", adds('sets a parameter', 'session setting')],
    ['SET session_replication_role = replica', unknown('sets session_replication_role', 'switched-off triggers')],
    ['CREATE OR REPLACE VIEW v AS SELECT 1', locks('replaces view v', 'replaced view')],
    ['REVOKE ALL ON notes FROM reader', locks('takes rights on notes away', 'lost privilege')],
    ['ALTER TABLE notes OWNER TO other', locks('changes the owner of notes', 'new owner')],
    ['ALTER TABLE notes ENABLE ROW LEVEL SECURITY', locks('changes row security of notes', 'row security')],
  ],
  'what nobody can tell': [
    ['DO $$ BEGIN DELETE FROM notes; END $$', unknown('runs a DO block', 'block')],
    [
      "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      unknown('replaces function f', 'function body'),
    ],
    [
      'CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION f()',
      unknown('creates trigger t on notes', 'trigger'),
    ],
    ['ALTER TABLE notes DISABLE TRIGGER ALL', unknown('switches triggers of notes', 'trigger switch')],
    ['SELECT clean_up_notes()', unknown('calls clean_up_notes()', 'function call')],
    ['SELECT 1', adds('asks the database for a constant', 'constant query')],
    ['SELECT now()', unknown('asks the database something', 'query')],
    [
      "SELECT set_config('lock_timeout', '1s', false), count(*) FROM notes",
      unknown('asks the database something', 'query'),
    ],
    ['SELECT id, title FROM notes', unknown('asks the database something', 'query')],
    ['CALL tidy(1)', unknown('calls tidy', 'function call')],
    ['EXECUTE prepared', unknown('runs the prepared statement prepared', 'stored statement')],
    ["COPY notes FROM PROGRAM 'cat /etc/passwd'", unknown('runs a program for notes', 'other program')],
    ['CREATE PUBLICATION p FOR ALL TABLES', unknown('runs CreatePublication', 'unlisted')],
    ['delete from users where id = %(i)s', destroys('deletes rows of users', 'deleted rows')],
    ['DELETE FROM users WHERE name = :name::text', destroys('deletes rows of users', 'deleted rows')],
    ['UPDATE users SET age = %(age 1)s::INTEGER', destroys('changes all rows of users', 'changed all rows')],
    ['DELETE FROM %(table)s', unknown('runs “DELETE FROM %(table)s”', 'unreadable values')],
    ['ALTER TABL notes', unknown('runs “ALTER TABL notes”', 'unreadable')],
  ],
}

const rows = Object.values(TABLE).flat()
const RANK: readonly MigrationRisk[] = ['destroys', 'unknown', 'locks', 'adds']

describe('each statement of a migration is told for what it does', async () => {
  // It says how WebAssembly is compiled, which the parser needs for its memory.
  createSqlRisks()
  await loadParser()
  // A release each, so that no table is new or locked for another: those are tested below.
  const found = rows.map(([sql]) => readRevisions([[sql]])[0])
  for (const [group, list] of Object.entries(TABLE)) {
    describe(group, () => {
      it.each(list.map(([sql, ...expected]) => ({ sql, expected })))('$sql', ({ sql, expected }) => {
        const worstFirst = (found[rows.findIndex((row) => row[0] === sql)]?.findings ?? []).toSorted(
          (a, b) => RANK.indexOf(a.risk) - RANK.indexOf(b.risk),
        )
        expect(worstFirst.map(({ risk, what, why }) => [risk, what, why])).toEqual(
          expected.map(([risk, what, kind]) => [risk, what, KINDS[kind].why]),
        )
      })
    })
  }

  it('knows at least sixty', () => {
    expect(rows.length).toBeGreaterThanOrEqual(60)
  })
})

describe('what is said of each kind', () => {
  it.each(Object.entries(KINDS))('%s', (_, kind: (typeof KINDS)[KindName] & { instead?: string }) => {
    expect(kind.why).toMatch(/^[A-Z].*[^.]\.$/)
    if (kind.risk === 'locks' || kind.risk === 'destroys') expect(kind.instead).toMatch(/\.$/)
  })
})

describe('a whole plan', () => {
  const risks = createSqlRisks()
  const kindsOf = async (...revisions: readonly (readonly string[])[]) =>
    (await risks.classify(revisions)).map(({ findings }) => findings.map(({ risk }) => risk))

  it('makes nobody wait for a table that it makes itself, also in a revision before', async () => {
    expect(
      await kindsOf(
        ['CREATE TABLE notes (id int)', 'CREATE INDEX ix ON notes (id)'],
        [
          'ALTER TABLE notes ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES users (id)',
          'ALTER TABLE notes ADD k int NOT NULL',
        ],
        ['CREATE INDEX iy ON users (id)', 'DROP TABLE notes'],
      ),
    ).toEqual([
      ['adds', 'adds'],
      ['adds', 'adds'],
      ['locks', 'adds'],
    ])
  })

  it('takes a table for new only where it is made for sure, and goes by its name no longer than it has it', async () => {
    const index = 'CREATE INDEX ix ON notes (id)'
    expect(await kindsOf(['CREATE TABLE IF NOT EXISTS notes (id int)', index])).toEqual([['adds', 'locks']])
    expect(
      await kindsOf([
        'CREATE TABLE notes (id int)',
        'ALTER TABLE notes RENAME TO b',
        'ALTER TABLE c RENAME TO notes',
        index,
      ]),
      // The last: what was c is locked while the index is built.
    ).toEqual([['adds', 'adds', 'destroys', 'locks', 'locks']])
  })

  it('reads several statements of one op.execute, each for itself', async () => {
    expect(await kindsOf(['UPDATE a SET b = 1; CREATE TABLE c (id int); DROP TABLE d'])).toEqual([
      ['destroys', 'adds', 'destroys'],
    ])
  })

  it('says what old code meets only of what takes a name away', async () => {
    const [found] = await risks.classify([['DROP TABLE a', 'DELETE FROM b', 'ALTER TABLE c RENAME d TO e']])
    expect(
      found?.findings.filter(({ risk }) => risk !== 'locks').map(({ breaksOldCode }) => breaksOldCode === true),
    ).toEqual([true, false, true])
  })

  it('reads a very long statement not at all, and says so', async () => {
    const long = `INSERT INTO a VALUES ${Array.from({ length: 40_000 }, (_, n) => `(${n})`).join(',')}`
    const [{ findings: found = [] } = {}] = await risks.classify([['CREATE TABLE a (n int)', long]])
    expect(found.map(({ risk }) => risk)).toEqual(['adds', 'unknown'])
    expect(found.at(-1)?.what).toMatch(/a statement of \d+ characters/)
  })

  it('gives up in time, and lets everything else go on meanwhile', async () => {
    const many = Array.from({ length: 8 }, () => `INSERT INTO a VALUES ${'(1),'.repeat(20_000)}(1)`)
    const begun = performance.now()
    let turns = 0
    const turning = setInterval(() => turns++, 10)
    const [found] = await createSqlRisks({ timeLimitMs: 250 }).classify([many, []])
    clearInterval(turning)
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(turns).toBeGreaterThan(5)
    expect(found).toMatchObject({ findings: [{ risk: 'unknown' }], commits: true })
  })

  it('takes little memory: the whole worker may have 512 MB', async () => {
    const program = `
      const { createSqlRisks } = await import(process.argv[1])
      const { classify } = createSqlRisks()
      const plan = Array(300).fill(Array(10).fill('ALTER TABLE notes ADD title text'))
      const found = [...(await classify(plan)), ...(await classify(plan)), ...(await classify(plan))]
      console.log(found.length, process.resourceUsage().maxRSS / 1024)`
    const adapter = new URL('../../src/adapters/sql-risks/sql-risks.ts', import.meta.url).href
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, adapter])
    const [read, mostMegabytes] = stdout.split(' ').map(Number)
    expect(read).toBe(900)
    expect(mostMegabytes).toBeLessThan(300)
  })

  it('survives what is no SQL at all', async () => {
    const strange = ['', ';;;', '\0', '%', "'", '🙂', 'SELECT (((((((((', 'x'.repeat(90_000)]
    const answers = await risks.classify([strange, ['CREATE TABLE a (n int)']])
    expect(answers[1]).toMatchObject({ findings: [{ risk: 'adds' }] })
    expect(answers[0]?.findings.every(({ risk }) => risk === 'unknown')).toBe(true)
  })
})
