import { defined } from '../../lib/defined.ts'
import type { MigrationRisk } from '../../release/settings.ts'

export interface Kind {
  readonly risk: MigrationRisk
  /** One sentence: what it does to rows, traffic or the code that runs. */
  readonly why: string
  /** One sentence: what people usually do instead. */
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
 * What statements do, by what they are, as Postgres 14 to 18 documents it: the lock that each takes, whether it reads or
 * writes the table again, and whether rows or names are gone afterwards.
 */
export const KINDS = {
  // ---------------------------------------------------------------------------------------------- adds
  'new object': adds('Nothing that runs now knows it.'),
  'new column': adds('Only the catalog changes: the lock on the table is held for a moment.'),
  'new rows': adds('Rows that are there already stay as they are.'),
  'new privilege': adds('Nobody loses a right.'),
  'looser rule': adds('Only the catalog changes, and every row that was valid stays so.'),
  'unchecked constraint': adds('New rows are held to it; those that are there are not looked at, so nothing waits.'),
  'validated constraint': adds('It reads every row, while reading and writing go on.'),
  'constraint by index': adds('The index is there already, so only the catalog changes.'),
  'concurrent index': adds(
    'Reading and writing go on while it is built; a failed build leaves an invalid index behind.',
  ),
  'concurrent index drop': adds('Reading and writing go on; queries that used it get slower.'),
  'on a new table': adds('The table is made by this release, so nobody waits for it.'),
  'renamed index': adds('Only the catalog changes, and no query names an index.'),
  'storage setting': adds('Only how the table is kept from now on changes.'),
  'session setting': adds('It ends with this connection.'),
  upkeep: adds('Statistics and dead rows are looked after while reading and writing go on.'),
  comment: adds('Only the catalog changes.'),

  // ---------------------------------------------------------------------------------------------- locks
  'blocking index': locks(
    'All writing to the table waits until the index is built.',
    'CREATE INDEX CONCURRENTLY, in an autocommit_block of its own.',
  ),
  'blocking index drop': locks(
    'Reading and writing wait for it, and it waits for every query that runs.',
    'DROP INDEX CONCURRENTLY, in an autocommit_block of its own.',
  ),
  'blocking reindex': locks('All writing to the table waits until it is done.', 'REINDEX … CONCURRENTLY.'),
  'type change': locks(
    'Most changes of type write the whole table again while reading and writing wait; values may not fit.',
    COPY_IN_PARTS,
  ),
  'set not null': locks(
    'Every row is read while reading and writing wait, and it fails where a value is missing.',
    'Add CHECK (… IS NOT NULL) NOT VALID, validate it, then SET NOT NULL, which then reads nothing.',
  ),
  'required column': locks(
    'It fails on a table that has rows; and code that runs now fails to insert, since it does not know the column.',
    'Give it a default, or add it nullable, fill it, and require it in a later release.',
  ),
  'column with work': locks(
    'Its value is worked out for each row, so the whole table is written again while reading and writing wait.',
    'Add it without the default, set the default for new rows, and fill the old ones in parts.',
  ),
  'column with index': locks(
    'An index is built while reading and writing wait.',
    'Add the column, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
  ),
  'column with check': locks('Every row is read while reading and writing wait.', NOT_VALID_FIRST),
  'foreign key': locks('Every row is looked up while writing to both tables waits.', NOT_VALID_FIRST),
  'check constraint': locks('Every row is read while reading and writing wait.', NOT_VALID_FIRST),
  'unique constraint': locks(
    'An index is built while reading and writing wait, and it fails where values repeat.',
    'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.',
  ),
  'exclusion constraint': locks(
    'An index is built while reading and writing wait, and it fails where rows exclude each other.',
    'Run it when the table is quiet: there is no concurrent way.',
  ),
  'dropped constraint': locks(
    'Reading and writing wait for it, and wrong rows can come in from then on.',
    'Make sure that no query leans on it, such as ON CONFLICT.',
  ),
  'renamed constraint': locks(
    'Reading and writing wait for a moment; a query that names it in ON CONFLICT fails.',
    'Leave the name as it is.',
  ),
  'table rewrite': locks(
    'The whole table is written again while reading and writing wait.',
    'Run it when the table is quiet, or use pg_repack.',
  ),
  'explicit lock': locks(
    'Others wait for the lock until the migration ends.',
    'Leave it to the statements, which take the least lock that they need.',
  ),
  'blocking refresh': locks(
    'Reading the view waits until it is worked out.',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index.',
  ),
  'replaced view': locks(
    'Queries on the view wait for a moment, and get its new rows from then on.',
    'Make a new view under a new name, and move the code over.',
  ),
  partition: locks(
    'The rows are read while writing to the partition waits; as PARTITION OF the parent is locked too.',
    'Make the table first with a matching CHECK, then ATTACH PARTITION.',
  ),
  inheritance: locks('Reading and writing wait for it.', 'Run it when the table is quiet.'),
  'no time limit': locks(
    'It takes away the time limit that keeps a waiting migration from stopping all traffic.',
    'Leave the limits to releases.yml.',
  ),
  'row security': locks(
    'From then on each role sees only what a policy lets it see.',
    'Make the policies first, and try them as the role of the application.',
  ),
  'lost privilege': locks('Whoever loses it is refused at once.', 'Make sure that no code that runs now needs it.'),
  'new owner': locks(
    'Rights change with the owner, and reading and writing wait for a moment.',
    'Grant what is needed.',
  ),

  // ---------------------------------------------------------------------------------------------- destroys
  'dropped column': breaks('Its values are gone for good; code that runs now and names it fails.', EXPAND_FIRST),
  'dropped table': breaks('Its rows are gone for good; code that runs now and uses it fails.', EXPAND_FIRST),
  'dropped object': breaks('What uses it fails from then on.', EXPAND_FIRST),
  'dropped everything': breaks(
    'With CASCADE whatever depends on it goes too, named nowhere.',
    'Drop each thing by its name.',
  ),
  'detached partition': breaks('Its rows are no longer found by way of the parent.', EXPAND_FIRST),
  'renamed table': breaks(
    'Code that runs now still says the old name, and fails.',
    'Make a view under the old name, or move over by a new table.',
  ),
  'renamed column': breaks('Code that runs now still says the old name, and fails.', COPY_IN_PARTS),
  'renamed object': breaks('Code that runs now still says the old name, and fails.', EXPAND_FIRST),
  'moved to a schema': breaks('Code that runs now looks for it where it was, and fails.', EXPAND_FIRST),
  'deleted rows': destroys(
    'The rows are gone for good, and are locked until the migration commits.',
    'Keep a copy of them first; delete in parts where there are many.',
  ),
  'deleted all rows': destroys('There is no WHERE: every row is gone for good.', 'Keep a copy of the table first.'),
  truncated: destroys('Every row is gone for good, while reading and writing wait.', 'Keep a copy of the table first.'),
  'changed rows': destroys(
    'The old values are gone for good, and the rows are locked until the migration commits.',
    'Write into a new column, in parts, outside the migration.',
  ),
  'changed all rows': destroys(
    'There is no WHERE: every row is written, and locked until the migration commits.',
    'Fill it in parts, outside the migration.',
  ),
  'merged rows': destroys('Rows that match are changed or deleted.', 'Keep a copy of them first.'),
  'overwritten rows': destroys(
    'Rows that are there already are overwritten.',
    'ON CONFLICT DO NOTHING, where that is meant.',
  ),
  'restarted sequence': destroys(
    'Numbers may be given twice, and inserting then fails.',
    'Set it above the highest number in use, while nobody writes.',
  ),

  // ---------------------------------------------------------------------------------------------- unknown
  query: unknown(
    'A migration that asks the database may do something else with the answer, which no preview shows.',
    'Write what it does as one statement.',
  ),
  'function call': unknown(
    'A function can do anything, and its name does not tell.',
    'Write what it does as statements.',
  ),
  'function body': unknown(
    'What it does is told only when it runs, and code that runs now may call it.',
    'Give a changed function a new name, and move the code over.',
  ),
  trigger: unknown('It runs a function at each change of the table, also for code that runs now.', 'Try it on a copy.'),
  'trigger switch': unknown('What ran at each change of the table no longer does, or does again.', 'Try it on a copy.'),
  block: unknown('A DO block can do anything.', 'Write what it does as statements.'),
  'stored statement': unknown('What it runs is not in the statement.', 'Write what it does as statements.'),
  'other program': unknown('It runs a program on the database’s own machine.', 'Leave that out of a migration.'),
  'switched-off triggers': unknown('Triggers and foreign keys no longer hold for what follows.', 'Leave it out.'),
  unlisted: unknown('This kind of statement is not one that Signoff knows.'),
  unreadable: unknown('Postgres’s parser does not read it as it stands.'),
  'too long': unknown('It is too long to be read in the time that a plan may take.'),
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS
