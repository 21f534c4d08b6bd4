import { AT_ONCE, adds, breaks, destroys, type Kind, LONG, locks, ROWS, unknown } from './kind.ts'

const EXPAND_FIRST = 'Deploy code that no longer uses it first, and take it away in a later release.'
const LATER_RELEASE = 'Do the part that takes long in a later release, or in a transaction of its own.'
const NOT_VALID_FIRST = 'Add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own.'
const COPY_IN_PARTS = 'Add a new column, fill it in parts, move the code over, and drop the old one in a later release.'

/**
 * The effects of each kind of statement: its lock, whether it reads or rewrites the table, and whether rows or names are
 * gone afterwards. Measured on Postgres 15 and 18 by test/adapters/sql-risks-measured.test.ts.
 */
export const KINDS = {
  // ---------------------------------------------------------------------------------------------- adds
  'new object': adds('No running code uses it.'),
  'new column': adds('Only the catalog changes: the lock on the table is held for a moment.', AT_ONCE),
  'new rows': adds("Existing rows don't change."),
  'copied rows': adds("Existing rows don't change; it takes as long as there are rows to copy.", ROWS),
  'new privilege': adds('Nobody loses a privilege.'),
  'looser rule': adds('Only the catalog changes, and every valid row stays valid.', AT_ONCE),
  'unchecked constraint': adds('It applies to new rows; existing rows are not checked, so nothing waits.', AT_ONCE),
  'unchecked foreign key': adds('It applies to new rows; existing rows are not checked, so nothing waits.', {
    lock: 'share row exclusive',
  }),
  'validated constraint': adds('It reads every row while reads and writes continue.', ROWS),
  'constraint by index': adds('The index exists already, so only the catalog changes.', AT_ONCE),
  'proven not null': adds(
    'No value can be missing already, so no row is read; the lock is held for a moment.',
    AT_ONCE,
  ),
  'wider type': adds(
    'The stored values stay as they are: only the catalog changes, and the lock is held for a moment.',
    AT_ONCE,
  ),
  'concurrent index': adds('Reads and writes continue during the build; a failed build leaves an invalid index.'),
  'concurrent index drop': adds('Reads and writes continue; queries that used it get slower.'),
  'index drop': adds('Reads and writes wait for a moment; queries that used it get slower.', AT_ONCE),
  'dropped rule': adds(
    'Reads and writes wait for a moment; rows that break the rule are possible from then on.',
    AT_ONCE,
  ),
  'on a new table': adds('This release creates the table, so nothing waits for it.'),
  'own column': adds('This release adds the column, so no running code uses it.', AT_ONCE),
  'nothing to do': adds('It is so already, so nothing happens; the lock on the table is held for a moment.', AT_ONCE),
  'renamed index': adds('Only the catalog changes, and no query names an index.'),
  'storage setting': adds('It only changes how the table is stored from now on.'),
  'column storage': adds(
    'It only changes how the column is stored from now on; the lock is held for a moment.',
    AT_ONCE,
  ),
  'session setting': adds('It ends with this connection.'),
  'constant query': adds('It reads no table and changes nothing.'),
  upkeep: adds('It maintains statistics and dead rows while reads and writes continue.'),
  'concurrent refresh': adds('Reads of the view continue while it is computed.', ROWS),
  comment: adds('Only the catalog changes.'),

  // ---------------------------------------------------------------------------------------------- locks
  'blocking index': locks(
    'All writes to the table wait until the index is built.',
    'CREATE INDEX CONCURRENTLY, in an autocommit_block of its own.',
    { lock: 'share', effort: 'rows' },
  ),
  'unique index drop': locks(
    'Reads and writes wait for a moment; values may repeat from then on, and a query with ON CONFLICT on it fails.',
    'Make sure that no query depends on it, such as ON CONFLICT.',
    AT_ONCE,
  ),
  'blocking reindex': locks('All writes to the table wait until it is done.', 'REINDEX … CONCURRENTLY.', {
    lock: 'share',
    effort: 'rows',
  }),
  'type change': locks(
    'The whole table is rewritten while reads and writes wait; values may not fit.',
    COPY_IN_PARTS,
    LONG,
  ),
  'type change from unknown': locks(
    'It depends on the present type: unless the new one only widens it, the whole table is rewritten while reads and writes wait.',
    COPY_IN_PARTS,
    LONG,
  ),
  'type change with reading': locks(
    'The stored values stay, but a check or an index on the column is made again while reads and writes wait.',
    COPY_IN_PARTS,
    LONG,
  ),
  'set not null': locks(
    'Every row is read while reads and writes wait, and it fails if a value is missing.',
    'Add CHECK (… IS NOT NULL) NOT VALID, validate it, then SET NOT NULL, which then reads nothing.',
    LONG,
  ),
  'key of nullable columns': locks(
    'Unless its columns are NOT NULL already, every row is read while reads and writes wait.',
    'Add CHECK (… IS NOT NULL) NOT VALID, validate it, and SET NOT NULL first.',
    LONG,
  ),
  'column with work': locks(
    'Its value is computed for each row, so the whole table is rewritten while reads and writes wait.',
    'Add it without the default, set the default for new rows, and fill the old ones in parts.',
    LONG,
  ),
  'column of a domain': locks(
    'Its type is a domain with a constraint or a default, so the whole table is rewritten while reads and writes wait.',
    'Use the type under the domain, and add the constraint NOT VALID.',
    LONG,
  ),
  'column of an unknown type': locks(
    'If its type is a domain with a constraint or a default, the whole table is rewritten while reads and writes wait.',
    'Use the type under the domain, and add the constraint NOT VALID.',
    LONG,
  ),
  'column with index': locks(
    'An index is built while reads and writes wait.',
    'Add the column, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
    LONG,
  ),
  'column with check': locks('Every row is read while reads and writes wait.', NOT_VALID_FIRST, LONG),
  'column with foreign key': locks(
    'Every row is looked up while reads and writes wait.',
    'Add the column without the default, then the foreign key NOT VALID.',
    LONG,
  ),
  'foreign key': locks('Every row is looked up while writes to both tables wait.', NOT_VALID_FIRST, {
    lock: 'share row exclusive',
    effort: 'rows',
  }),
  'check constraint': locks('Every row is read while reads and writes wait.', NOT_VALID_FIRST, LONG),
  'domain constraint': locks(
    'Every row of each table that uses the domain is read while writes to it wait.',
    NOT_VALID_FIRST,
    ROWS,
  ),
  'unique constraint': locks(
    'An index is built while reads and writes wait, and it fails if values repeat.',
    'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
    LONG,
  ),
  'exclusion constraint': locks(
    'An index is built while reads and writes wait, and it fails if rows exclude each other.',
    'Run it when the table is quiet: there is no concurrent way.',
    LONG,
  ),
  'dropped constraint': locks(
    'Reads and writes wait for a moment; if it keeps values unique, a query with ON CONFLICT on it fails from then on.',
    'Make sure that no query depends on it, such as ON CONFLICT.',
    AT_ONCE,
  ),
  'renamed constraint': locks(
    'Reads and writes wait for a moment; a query that names it in ON CONFLICT fails.',
    'Leave the name as it is.',
    AT_ONCE,
  ),
  'table rewrite': locks(
    'The whole table is rewritten while reads and writes wait.',
    'Run it when the table is quiet, or use pg_repack.',
    LONG,
  ),
  'filled column': locks(
    'Each row that it fills is locked until the migration commits; no older value is lost.',
    'Fill it in parts, outside the migration.',
    ROWS,
  ),
  'explicit lock': locks(
    'Others wait for the lock until the migration ends.',
    'Remove it: each statement takes the weakest lock that it needs.',
  ),
  'held table': locks(
    'An earlier statement of the same transaction locks it until the commit, so all of its reads and writes wait meanwhile.',
    LATER_RELEASE,
  ),
  'held writes': locks(
    'An earlier statement of the same transaction locks it until the commit, so all writes to it wait meanwhile.',
    LATER_RELEASE,
  ),
  'blocking refresh': locks(
    'Reads of the view wait until it is computed.',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index.',
    LONG,
  ),
  'replaced view': locks(
    'Queries on the view wait for a moment, and get its new rows from then on.',
    'Create a new view with a new name, and change the code.',
    AT_ONCE,
  ),
  'new partition': locks(
    'Reads and writes of the parent wait for a moment; the rows of a default partition are read.',
    'Make the table first with a matching CHECK, then ATTACH PARTITION.',
    AT_ONCE,
  ),
  partition: locks(
    'The rows are read while reads and writes of the partition wait, unless a CHECK proves that they fit.',
    'Make the table first with a matching CHECK, then ATTACH PARTITION.',
    LONG,
  ),
  inheritance: locks('Reads and writes wait for a moment.', 'Run it when the table is quiet.', AT_ONCE),
  'no time limit': locks(
    'It removes the time limit that keeps a waiting migration from stopping all traffic.',
    'Leave the limits to releases.yml.',
  ),
  'row security': locks(
    'From then on each role sees only the rows that a policy allows.',
    "Create the policies first, and test them as the application's role.",
    AT_ONCE,
  ),
  'lost privilege': locks('Queries of roles that lose it fail at once.', 'Make sure that no running code needs it.'),
  'new owner': locks(
    'Privileges change with the owner, and reads and writes wait for a moment.',
    'Grant the privileges that are needed.',
    AT_ONCE,
  ),

  // ---------------------------------------------------------------------------------------------- destroys
  'dropped column': breaks('Its values are gone for good; running code that names it fails.', EXPAND_FIRST, AT_ONCE),
  'dropped table': breaks('Its rows are gone for good; running code that uses it fails.', EXPAND_FIRST, AT_ONCE),
  'required column': breaks(
    'It fails on a table that has rows, and running code fails to insert because it does not set the column.',
    'Give it a default, or add it nullable, fill it, and require it in a later release.',
    AT_ONCE,
  ),
  'required without default': breaks(
    'Running code does not know the new column, so its INSERT fails.',
    'Keep a default until the new code runs, and drop it in a later release.',
  ),
  'dropped object': breaks('Code that uses it fails from then on.', EXPAND_FIRST),
  'dropped numbering': breaks('Code that leaves the number to the database fails to insert.', EXPAND_FIRST, AT_ONCE),
  'dropped everything': breaks(
    'CASCADE also drops everything that depends on it, without naming it.',
    'Drop each object by its name.',
  ),
  'detached partition': breaks('Its rows are no longer visible through the parent.', EXPAND_FIRST, AT_ONCE),
  'renamed table': breaks(
    'Running code uses the old name, and fails.',
    'Create a view with the old name, or migrate to a new table.',
    AT_ONCE,
  ),
  'renamed column': breaks('Running code uses the old name, and fails.', COPY_IN_PARTS, AT_ONCE),
  'renamed object': breaks('Running code uses the old name, and fails.', EXPAND_FIRST),
  'moved to a schema': breaks('Running code uses the old schema, and fails.', EXPAND_FIRST, AT_ONCE),
  'deleted rows': destroys(
    'The rows are gone for good, and are locked until the migration commits.',
    'Keep a copy of them first; delete in parts where there are many.',
    ROWS,
  ),
  'deleted all rows': destroys(
    'There is no WHERE: every row is gone for good.',
    'Keep a copy of the table first.',
    ROWS,
  ),
  truncated: destroys(
    'Every row is gone for good, while reads and writes wait.',
    'Keep a copy of the table first.',
    AT_ONCE,
  ),
  'changed rows': destroys(
    'The old values are gone for good, and the rows are locked until the migration commits.',
    'Write into a new column, in parts, outside the migration.',
    ROWS,
  ),
  'changed all rows': destroys(
    'There is no WHERE: every row is written, and locked until the migration commits.',
    'Fill it in parts, outside the migration.',
    ROWS,
  ),
  'merged rows': destroys('Rows that match are changed or deleted.', 'Keep a copy of them first.', ROWS),
  'overwritten rows': destroys('Existing rows are overwritten.', 'Use ON CONFLICT DO NOTHING, if that is meant.', ROWS),
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
    ROWS,
  ),
  'function body': unknown(
    'Its effect shows only when it runs, and running code may call it.',
    'Give a changed function a new name, and change the code.',
  ),
  trigger: unknown('It runs a function at each change of the table, also for running code.', 'Try it on a copy.', {
    lock: 'share row exclusive',
  }),
  rule: unknown('It changes what a query on the table does, also for running code.', 'Try it on a copy.', AT_ONCE),
  'trigger switch': unknown('Triggers of the table stop running, or run again.', 'Try it on a copy.', {
    lock: 'share row exclusive',
  }),
  'new enum value': unknown(
    'If it is the value that this transaction adds to the type, Postgres refuses it until the transaction has committed.',
    'Add the value in an autocommit_block, or in an earlier release.',
  ),
  block: unknown('A DO block can do anything.', 'Write what it does as statements.', ROWS),
  'stored statement': unknown('What it runs is not in the statement.', 'Write what it does as statements.'),
  'other program': unknown('It runs a program on the database server.', 'Leave that out of a migration.'),
  'switched-off triggers': unknown(
    "Triggers and foreign keys don't apply to the statements that follow.",
    'Leave it out.',
  ),
  unlisted: unknown('Signoff does not know this kind of statement.'),
  unreadable: unknown("Postgres’s parser can't read it."),
  'unreadable values': unknown(
    "Postgres’s parser can't read it with placeholders in place of its values.",
    'Write the values into the statement.',
  ),
  'too long': unknown('It is too long to be parsed within the time for a plan.'),
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS
