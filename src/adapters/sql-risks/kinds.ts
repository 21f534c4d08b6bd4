import { defined } from '../../lib/defined.ts'
import type { MigrationRisk } from '../../release/settings.ts'

export interface Kind {
  readonly risk: MigrationRisk
  /** One sentence: its effect on rows, traffic or running code. */
  readonly why: string
  /** One sentence: the usual alternative. */
  readonly instead?: string
  readonly breaksOldCode?: true
}

const adds = (why: string): Kind => ({ risk: 'adds', why })
const locks = (why: string, instead: string): Kind => ({ risk: 'locks', why, instead })
const destroys = (why: string, instead: string): Kind => ({ risk: 'destroys', why, instead })
const breaks = (why: string, instead: string): Kind => ({ risk: 'destroys', why, instead, breaksOldCode: true })
const unknown = (why: string, instead?: string): Kind => ({
  risk: 'unknown',
  why,
  ...defined({ instead }),
})

const EXPAND_FIRST = 'Deploy code that no longer uses it first, and take it away in a later release.'
const NOT_VALID_FIRST = 'Add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own.'
const COPY_IN_PARTS = 'Add a new column, fill it in parts, move the code over, and drop the old one in a later release.'

/**
 * The effects of each kind of statement, as documented for Postgres 14 to 18: its lock, whether it reads or rewrites the
 * table, and whether rows or names are gone afterwards.
 */
export const KINDS = {
  // ---------------------------------------------------------------------------------------------- adds
  'new object': adds('No running code uses it.'),
  'new column': adds('Only the catalog changes: the lock on the table is held for a moment.'),
  'new rows': adds("Existing rows don't change."),
  'new privilege': adds('Nobody loses a privilege.'),
  'looser rule': adds('Only the catalog changes, and every valid row stays valid.'),
  'unchecked constraint': adds('It applies to new rows; existing rows are not checked, so nothing waits.'),
  'validated constraint': adds('It reads every row while reads and writes continue.'),
  'constraint by index': adds('The index exists already, so only the catalog changes.'),
  'concurrent index': adds('Reads and writes continue during the build; a failed build leaves an invalid index.'),
  'concurrent index drop': adds('Reads and writes continue; queries that used it get slower.'),
  'on a new table': adds('This release creates the table, so nothing waits for it.'),
  'renamed index': adds('Only the catalog changes, and no query names an index.'),
  'storage setting': adds('It only changes how the table is stored from now on.'),
  'session setting': adds('It ends with this connection.'),
  upkeep: adds('It maintains statistics and dead rows while reads and writes continue.'),
  comment: adds('Only the catalog changes.'),

  // ---------------------------------------------------------------------------------------------- locks
  'blocking index': locks(
    'All writes to the table wait until the index is built.',
    'CREATE INDEX CONCURRENTLY, in an autocommit_block of its own.',
  ),
  'blocking index drop': locks(
    'Reads and writes wait for it, and it waits for every running query.',
    'DROP INDEX CONCURRENTLY, in an autocommit_block of its own.',
  ),
  'blocking reindex': locks('All writes to the table wait until it is done.', 'REINDEX … CONCURRENTLY.'),
  'type change': locks(
    'Most type changes rewrite the whole table while reads and writes wait; values may not fit.',
    COPY_IN_PARTS,
  ),
  'set not null': locks(
    'Every row is read while reads and writes wait, and it fails if a value is missing.',
    'Add CHECK (… IS NOT NULL) NOT VALID, validate it, then SET NOT NULL, which then reads nothing.',
  ),
  'required column': locks(
    'It fails on a table that has rows, and running code fails to insert because it does not set the column.',
    'Give it a default, or add it nullable, fill it, and require it in a later release.',
  ),
  'column with work': locks(
    'Its value is computed for each row, so the whole table is rewritten while reads and writes wait.',
    'Add it without the default, set the default for new rows, and fill the old ones in parts.',
  ),
  'column with index': locks(
    'An index is built while reads and writes wait.',
    'Add the column, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
  ),
  'column with check': locks('Every row is read while reads and writes wait.', NOT_VALID_FIRST),
  'foreign key': locks('Every row is looked up while writes to both tables wait.', NOT_VALID_FIRST),
  'check constraint': locks('Every row is read while reads and writes wait.', NOT_VALID_FIRST),
  'unique constraint': locks(
    'An index is built while reads and writes wait, and it fails if values repeat.',
    'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
  ),
  'exclusion constraint': locks(
    'An index is built while reads and writes wait, and it fails if rows exclude each other.',
    'Run it when the table is quiet: there is no concurrent way.',
  ),
  'dropped constraint': locks(
    'Reads and writes wait for it, and invalid rows are possible from then on.',
    'Make sure that no query depends on it, such as ON CONFLICT.',
  ),
  'renamed constraint': locks(
    'Reads and writes wait for a moment; a query that names it in ON CONFLICT fails.',
    'Leave the name as it is.',
  ),
  'table rewrite': locks(
    'The whole table is rewritten while reads and writes wait.',
    'Run it when the table is quiet, or use pg_repack.',
  ),
  'explicit lock': locks(
    'Others wait for the lock until the migration ends.',
    'Remove it: each statement takes the weakest lock that it needs.',
  ),
  'blocking refresh': locks(
    'Reads of the view wait until it is computed.',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index.',
  ),
  'replaced view': locks(
    'Queries on the view wait for a moment, and get its new rows from then on.',
    'Create a new view with a new name, and change the code.',
  ),
  partition: locks(
    'The rows are read while writes to the partition wait; with PARTITION OF, the parent is locked too.',
    'Make the table first with a matching CHECK, then ATTACH PARTITION.',
  ),
  inheritance: locks('Reads and writes wait for it.', 'Run it when the table is quiet.'),
  'no time limit': locks(
    'It removes the time limit that keeps a waiting migration from stopping all traffic.',
    'Leave the limits to releases.yml.',
  ),
  'row security': locks(
    'From then on each role sees only the rows that a policy allows.',
    "Create the policies first, and test them as the application's role.",
  ),
  'lost privilege': locks('Queries of roles that lose it fail at once.', 'Make sure that no running code needs it.'),
  'new owner': locks(
    'Privileges change with the owner, and reads and writes wait for a moment.',
    'Grant the privileges that are needed.',
  ),

  // ---------------------------------------------------------------------------------------------- destroys
  'dropped column': breaks('Its values are gone for good; running code that names it fails.', EXPAND_FIRST),
  'dropped table': breaks('Its rows are gone for good; running code that uses it fails.', EXPAND_FIRST),
  'dropped object': breaks('Code that uses it fails from then on.', EXPAND_FIRST),
  'dropped everything': breaks(
    'CASCADE also drops everything that depends on it, without naming it.',
    'Drop each object by its name.',
  ),
  'detached partition': breaks('Its rows are no longer visible through the parent.', EXPAND_FIRST),
  'renamed table': breaks(
    'Running code uses the old name, and fails.',
    'Create a view with the old name, or migrate to a new table.',
  ),
  'renamed column': breaks('Running code uses the old name, and fails.', COPY_IN_PARTS),
  'renamed object': breaks('Running code uses the old name, and fails.', EXPAND_FIRST),
  'moved to a schema': breaks('Running code uses the old schema, and fails.', EXPAND_FIRST),
  'deleted rows': destroys(
    'The rows are gone for good, and are locked until the migration commits.',
    'Keep a copy of them first; delete in parts where there are many.',
  ),
  'deleted all rows': destroys('There is no WHERE: every row is gone for good.', 'Keep a copy of the table first.'),
  truncated: destroys('Every row is gone for good, while reads and writes wait.', 'Keep a copy of the table first.'),
  'changed rows': destroys(
    'The old values are gone for good, and the rows are locked until the migration commits.',
    'Write into a new column, in parts, outside the migration.',
  ),
  'changed all rows': destroys(
    'There is no WHERE: every row is written, and locked until the migration commits.',
    'Fill it in parts, outside the migration.',
  ),
  'merged rows': destroys('Rows that match are changed or deleted.', 'Keep a copy of them first.'),
  'overwritten rows': destroys('Existing rows are overwritten.', 'Use ON CONFLICT DO NOTHING, if that is meant.'),
  'restarted sequence': destroys(
    'Numbers may be assigned twice, and inserts then fail.',
    'Set it above the highest number in use while nothing writes.',
  ),

  // ---------------------------------------------------------------------------------------------- unknown
  query: unknown(
    'A migration that queries the database may act on the answer, which no preview shows.',
    'Write what it does as one statement.',
  ),
  'function call': unknown(
    'A function can do anything, and its name does not show what.',
    'Write what it does as statements.',
  ),
  'function body': unknown(
    'Its effect shows only when it runs, and running code may call it.',
    'Give a changed function a new name, and change the code.',
  ),
  trigger: unknown('It runs a function at each change of the table, also for running code.', 'Try it on a copy.'),
  'trigger switch': unknown('Triggers of the table stop running, or run again.', 'Try it on a copy.'),
  block: unknown('A DO block can do anything.', 'Write what it does as statements.'),
  'stored statement': unknown('What it runs is not in the statement.', 'Write what it does as statements.'),
  'other program': unknown('It runs a program on the database server.', 'Leave that out of a migration.'),
  'switched-off triggers': unknown(
    "Triggers and foreign keys don't apply to the statements that follow.",
    'Leave it out.',
  ),
  unlisted: unknown('Signoff does not know this kind of statement.'),
  unreadable: unknown("Postgres’s parser can't read it."),
  'too long': unknown('It is too long to be parsed within the time for a plan.'),
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS
