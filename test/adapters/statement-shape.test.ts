import { loadModule } from 'libpg-query'
import { beforeAll, expect, it } from 'vitest'
import { shapeOf } from '../../src/adapters/alembic/statement-shape.ts'

beforeAll(() => loadModule())

it.each([
  'SELECT 1',
  'SELECT id, name FROM users WHERE id = 5 ORDER BY name LIMIT 3',
  'WITH big AS (SELECT * FROM users) SELECT count(*) FROM big',
  "SELECT c.relname FROM pg_catalog.pg_class c WHERE pg_catalog.pg_table_is_visible(c.oid) AND c.relname = 'users'",
  'SELECT format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a, pg_attrdef d',
  'SELECT version()',
  'SELECT current_schema()',
  'SHOW standard_conforming_strings',
  'VALUES (1), (2)',
  'SELECT lower(name) FROM users WHERE created_at < now()',
])('runs as a query: %s', (sql) => {
  expect(shapeOf(sql).kind).toBe('query')
})

it.each([
  ["SELECT pg_read_file('/etc/passwd')", 'pg_read_file'],
  ['SELECT pg_sleep(60)', 'pg_sleep'],
  ['SELECT pg_terminate_backend(1)', 'pg_terminate_backend'],
  ["SELECT lo_export(1, '/tmp/x')", 'lo_export'],
  ["SELECT * FROM dblink('host=x', 'SELECT 1') AS t (a int)", 'dblink'],
  ['SELECT id FROM users WHERE pg_sleep(1) IS NULL', 'pg_sleep'],
  ["SELECT nextval('users_id_seq')", 'nextval'],
  ["SELECT setval('users_id_seq', 1)", 'setval'],
  ["SELECT set_config('transaction_read_only', 'off', true)", 'set_config'],
  ['SELECT public.abs(id) FROM users', 'abs'],
  ['SELECT now()', 'now'],
  ['SELECT gen_random_uuid()', 'gen_random_uuid'],
  ['SELECT (SELECT import_all())', 'import_all'],
  ["SELECT query_to_xml('DELETE FROM users', true, true, '')", 'query_to_xml'],
  ['SELECT id FROM users FOR UPDATE', 'FOR UPDATE'],
])('does not run, and says why: %s', (sql, why) => {
  expect(shapeOf(sql)).toMatchObject({ kind: 'statement', functions: [why] })
})

it.each([
  'WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone',
  'SELECT id INTO other FROM users',
  'SELECT 1; DELETE FROM users',
  'EXPLAIN ANALYZE DELETE FROM users',
  'EXPLAIN SELECT 1',
  "COPY users TO PROGRAM 'touch /tmp/x'",
  'COPY (SELECT 1) TO STDOUT',
  'FETCH 1 FROM c',
  'CALL p()',
  'EXECUTE prepared',
  'SELECT 1) AS q; DROP TABLE users; --',
  'LISTEN a',
])('does not run: %s', (sql) => {
  expect(shapeOf(sql).kind).toBe('statement')
})

it.each([
  ['COMMIT', true],
  ['commit;', true],
  ['END', true],
  ['ROLLBACK', true],
  ["COMMIT PREPARED 'a'", true],
  ["PREPARE TRANSACTION 'a'", true],
  ['SELECT 1; COMMIT; BEGIN', true],
  ['BEGIN', false],
  ['SAVEPOINT a', false],
  ['RELEASE a', false],
  ['ROLLBACK TO a', false],
  ["COMMENT ON TABLE users IS 'COMMIT'", false],
  ['not sql at all, commit', true],
  ['not sql at all', false],
])('%s ends a transaction: %s', (sql, commits) => {
  expect(shapeOf(sql).commits).toBe(commits)
})

it.each([
  ['SET search_path TO reports, "Old"', { name: 'search_path', value: '"reports", "Old"' }],
  ["SET TIME ZONE 'UTC'", { name: 'timezone', value: 'UTC' }],
  ["SELECT set_config('search_path', 'reports', false)", { name: 'search_path', value: 'reports' }],
  ['SET search_path TO DEFAULT', { name: 'search_path', value: undefined }],
  ['SET default_transaction_read_only = off', undefined],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', undefined],
  ['SET standard_conforming_strings = off', undefined],
])('%s is a setting', (sql, setting) => {
  expect(shapeOf(sql)).toMatchObject({ kind: 'setting' })
  expect(shapeOf(sql).setting).toEqual(setting)
})

it.each([
  ['ALTER TABLE users ADD COLUMN a int', { definitions: ['users'], rewritten: [], widened: ['users'] }],
  ['ALTER TABLE users ALTER a SET NOT NULL', { definitions: ['users'], rewritten: [], widened: [] }],
  ['ALTER TABLE users ALTER a TYPE text', { definitions: ['users'], rewritten: ['users'] }],
  ['ALTER TABLE users DROP COLUMN a', { rewritten: ['users'] }],
  ['CREATE INDEX ix ON users (a)', { definitions: ['users', 'ix'], rewritten: [] }],
  ['DROP TABLE users', { rewritten: ['users'] }],
  ['DROP TABLE users CASCADE', { anything: true }],
  ['TRUNCATE users', { rows: [{ name: 'users', columns: undefined }] }],
  ['UPDATE users SET a = 1, b = 2', { rows: [{ name: 'users', columns: ['a', 'b'] }] }],
  ['INSERT INTO users VALUES (1)', { rows: [{ name: 'users', columns: undefined }] }],
  ['UPDATE users SET a = import_all()', { anything: true }],
  ['WITH a AS (DELETE FROM b) UPDATE users SET a = 1', { anything: true }],
  ["ALTER TYPE mood RENAME VALUE 'a' TO 'b'", { anything: true }],
  ['DO $$ BEGIN END $$', { anything: true }],
  ['REFRESH MATERIALIZED VIEW a', { anything: true }],
  ['not sql', { anything: true }],
])('%s changes what it says', (sql, changes) => {
  expect(shapeOf(sql).changes).toMatchObject(changes)
})
