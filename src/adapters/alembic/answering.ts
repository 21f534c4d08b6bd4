import pg from 'pg'
import { defined } from '../../lib/defined.ts'
import type { Parser } from './parser.ts'
import type { Mentions } from './question-shape.ts'
import { limited, type ReadOnlyDatabase } from './read-only.ts'
import { type Changes, type StatementShape, type TableName, unparsed } from './statement-shape.ts'

/** The answer to a statement that the application would run. */
export type StatementAnswer =
  | {
      readonly kind: 'rows'
      readonly columns: readonly [string, number][]
      readonly rows: readonly (string | null)[][]
    }
  | {
      readonly kind: 'statement' | 'setting'
      readonly commits?: true
      readonly rowcount?: number
      readonly returns?: {
        readonly columns: readonly string[]
        readonly count: number | undefined
        readonly why: string
      }
    }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'refused'; readonly why: string }

const EARLIER = 'it reads what an earlier statement of this release changes'

/** What the statements of a preview, which are not run, would have changed. */
export interface Ledger {
  readonly changes: Changes[]
  /** What else has changed is not known: a revision could not be previewed to its end. */
  isLost: boolean
}

export const newLedger = (): Ledger => ({ changes: [], isLost: false })

/** The statements of one connection, in their order. */
export interface Conversation {
  answer(sql: string): Promise<StatementAnswer>
}

/**
 * Answers an application that only seems to be connected to its database. Queries are answered from the real one, unless an
 * earlier statement, which was not run, would have changed the answer. Statements are only acknowledged.
 */
export function converse(parser: Parser, database: ReadOnlyDatabase, ledger: Ledger): Conversation {
  const settings = new Map<string, string>()

  async function answerQuery(sql: string, shape: StatementShape): Promise<StatementAnswer> {
    if (ledger.isLost && shape.reads.length > 0) {
      return { kind: 'refused', why: 'it reads the database after a revision that could not be previewed' }
    }
    if (/^\s*show\b/i.test(sql)) return database.query(sql, settings)
    const refusal = await untrue(shape, ledger.changes, (text) => database.query(text, settings))
    return refusal === undefined ? database.query(limited(sql), settings) : { kind: 'refused', why: refusal }
  }

  return {
    async answer(sql) {
      const shape = await parser.shape(sql)
      if (shape.kind === 'query') return answerQuery(sql, shape)
      const { setting, returns, rowcount } = shape
      if (shape.kind === 'setting') {
        if (setting?.value === undefined) settings.delete(setting?.name ?? '')
        else settings.set(setting.name.toLowerCase(), setting.value)
        return { kind: 'setting', ...defined({ returns: returns && { ...returns, why: 'it reads a setting' } }) }
      }
      const made = existing(sql)
      const isThere = made !== undefined && !ledger.isLost && (await exists(made, database, settings))
      if (!isThere) ledger.changes.push(shape.changes)
      return {
        kind: 'statement',
        ...(shape.commits && { commits: true as const }),
        ...defined({ rowcount, returns: returns && { ...returns, why: whyUnknown(shape) } }),
      }
    },
  }
}

/** For databases that only the application's own drivers can read. */
export function withoutDatabase(ledger: Ledger): Conversation {
  return {
    async answer(sql) {
      const returns = { columns: ['value'], count: undefined, why: 'it reads the database' }
      if (/^\s*(select|show|with|values|pragma|explain|describe)\b/i.test(sql)) return { kind: 'setting', returns }
      const { commits, changes } = unparsed(sql)
      ledger.changes.push(changes)
      return { kind: 'statement', ...(commits && { commits: true as const }) }
    },
  }
}

function whyUnknown({ functions }: StatementShape): string {
  if (functions.includes('FOR UPDATE')) return 'it locks rows while it reads them'
  const [first] = functions
  return first === undefined ? 'it reads what its own statement returns' : `it reads the result of ${first}()`
}

/** `CREATE … IF NOT EXISTS` of env.py changes nothing where the object exists. */
function existing(sql: string): { what: string; name: string } | undefined {
  const match = /^\s*create\s+(schema|extension)\s+if\s+not\s+exists\s+("[^"]+"|[\w$]+)/i.exec(sql)
  if (match === null) return undefined
  const [, what = '', written = ''] = match
  const name = written.startsWith('"') ? written.slice(1, -1) : written.toLowerCase()
  return { what: what.toLowerCase(), name }
}

async function exists(
  { what, name }: { what: string; name: string },
  database: ReadOnlyDatabase,
  settings: ReadonlyMap<string, string>,
): Promise<boolean> {
  const table = what === 'schema' ? 'pg_catalog.pg_namespace WHERE nspname' : 'pg_catalog.pg_extension WHERE extname'
  const found = await database.query(`SELECT 1 FROM ${table} = ${pg.escapeLiteral(name)}`, settings)
  return found.kind === 'rows' && found.rows.length > 0
}

type Ask = (sql: string) => Promise<Awaited<ReturnType<ReadOnlyDatabase['query']>>>

/** Why the database's answer would not be what the revision gets when it really runs; undefined if it would. */
async function untrue(shape: StatementShape, changes: readonly Changes[], ask: Ask): Promise<string | undefined> {
  if (changes.length === 0 || shape.reads.length === 0) return undefined
  if (changes.some(({ anything }) => anything)) return EARLIER
  const catalog = shape.reads.filter(isCatalog)
  const tables = shape.reads.filter((read) => !isCatalog(read))
  const definitions = new Set(changes.flatMap((change) => change.definitions))
  if (catalog.length > 0 && (await isDefinitionChanged(shape, catalog, changes, definitions, ask))) return EARLIER
  if (tables.length === 0) return undefined
  const rows = changes.flatMap((change) => change.rows)
  if (tables.some(({ name }) => areRowsChanged(name, shape.mentions, changes))) return EARLIER
  if (definitions.size === 0 && rows.length === 0) return undefined
  // Views and parents read other tables; triggers and foreign keys change others.
  if (!(await arePlainTables(tables, ask)) || !(await haveNoEffects(rows, ask))) return EARLIER
  return undefined
}

function areRowsChanged(name: string, mentions: Mentions | undefined, changes: readonly Changes[]): boolean {
  const { columns = [], others = true } = mentions ?? {}
  return changes.some(
    ({ rewritten, widened, rows }) =>
      rewritten.includes(name) ||
      (others && widened.includes(name)) ||
      rows.some(
        (row) =>
          row.name === name &&
          (others || row.columns === undefined || row.columns.some((each) => columns.includes(each))),
      ),
  )
}

const isCatalog = ({ schema, name }: TableName) =>
  schema === 'pg_catalog' || schema === 'information_schema' || (schema === undefined && name.startsWith('pg_'))

const TYPE_CATALOGS = new Set(['pg_type', 'pg_enum', 'pg_namespace', 'pg_collation', 'pg_constraint'])
/** They don't change with tables. */
const SERVER_CATALOGS = new Set(['pg_namespace', 'pg_database', 'pg_roles', 'pg_settings', 'pg_extension', 'pg_am'])

async function isDefinitionChanged(
  { asksOnlyFor }: StatementShape,
  catalog: readonly TableName[],
  changes: readonly Changes[],
  definitions: ReadonlySet<string>,
  ask: Ask,
): Promise<boolean> {
  if (definitions.size === 0 && !changes.some(({ types }) => types)) return false
  if (catalog.every(({ name }) => SERVER_CATALOGS.has(name))) return false
  const isOfTypes =
    catalog.some(({ name }) => name === 'pg_type') && catalog.every(({ name }) => TYPE_CATALOGS.has(name))
  if (isOfTypes) return changes.some(({ types }) => types)
  if (asksOnlyFor === undefined) return true
  const { names, numbers } = asksOnlyFor
  if (names.some((name) => definitions.has(name))) return true
  // An index or a sequence goes with its table.
  const owners = await ask(OWNERS(names, numbers))
  return owners.kind !== 'rows' || owners.rows.flat().some((name) => name !== null && definitions.has(name))
}

const OWNERS = (names: readonly string[], numbers: readonly number[]) => `
  SELECT c.relname, t.relname FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
  WHERE c.relname = ANY (${arrayOf(names)}::text[]) OR c.oid = ANY (${arrayOf(numbers.map(String))}::text[]::oid[])
  UNION ALL
  SELECT k.conname, t.relname FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class t ON t.oid = k.conrelid
  WHERE k.conname = ANY (${arrayOf(names)}::text[])`

async function arePlainTables(tables: readonly TableName[], ask: Ask): Promise<boolean> {
  const found = await ask(`
    SELECT 1 FROM pg_catalog.pg_class WHERE relname = ANY (${arrayOf(tables.map(({ name }) => name))}::text[])
      AND (relkind NOT IN ('r', 'S') OR relhassubclass OR relispartition) LIMIT 1`)
  return found.kind === 'rows' && found.rows.length === 0
}

async function haveNoEffects(tables: readonly { readonly name: string }[], ask: Ask): Promise<boolean> {
  if (tables.length === 0) return true
  const named = `SELECT oid FROM pg_catalog.pg_class WHERE relname = ANY (${arrayOf(tables.map(({ name }) => name))}::text[])`
  const found = await ask(`
    SELECT 1 FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgrelid IN (${named})
    UNION ALL
    SELECT 1 FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND confrelid IN (${named}) AND (confdeltype NOT IN ('a', 'r') OR confupdtype NOT IN ('a', 'r'))
    UNION ALL
    SELECT 1 FROM pg_catalog.pg_class WHERE oid IN (${named}) AND (relkind <> 'r' OR relhasrules OR relhassubclass OR relispartition)
    LIMIT 1`)
  return found.kind === 'rows' && found.rows.length === 0
}

const arrayOf = (names: readonly string[]) => `ARRAY[${names.map((name) => pg.escapeLiteral(name)).join(', ')}]`
