import type { InsertStmt, MergeStmt, Node, SelectStmt, UpdateStmt } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'
import { addNewTable, forgetNamesWithoutSchema, isOwn, type Schema, tableOf } from './schema.ts'
import { dotted, type Found, relationsOf, strangeFunctions, tableName } from './tree.ts'

/** What statements do to rows. */
export function insert({ relation, onConflictClause, selectStmt }: InsertStmt, schema: Schema): readonly Found[] {
  const table = tableName(relation)
  const isCopy = readsTables(selectStmt)
  if (isCopy) tableOf(schema, table).holdsCopies = true
  const overwrites = onConflictClause?.action === 'ONCONFLICT_UPDATE'
  const rows: Found = overwrites
    ? { kind: 'overwritten rows', what: `adds rows to ${table}, or overwrites them`, tables: [table] }
    : { kind: isCopy ? 'copied rows' : 'new rows', what: `adds rows to ${table}`, tables: [table] }
  return [rows, ...called(selectStmt, table)]
}

/** The findings of an UPDATE. One that sets only columns of this release loses nothing. */
export function update({ relation, targetList, whereClause }: UpdateStmt, schema: Schema): readonly Found[] {
  const table = tableName(relation)
  const about = tableOf(schema, table)
  const targets = (targetList ?? []).flatMap((node) => ('ResTarget' in node ? [node.ResTarget] : []))
  const columns = targets.map(({ name }) => about.columns.get(name ?? ''))
  const isFill = columns.length > 0 && columns.every((column) => isOwn(column, schema))
  for (const [index, { val }] of targets.entries()) {
    const column = columns[index]
    if (column !== undefined && readsColumns(val)) column.holdsCopies = true
  }
  const what = `changes ${whereClause === undefined ? 'all rows' : 'rows'} of ${table}`
  if (isFill) return [{ kind: 'filled column', what: `fills new columns of ${table}`, tables: [table] }]
  return [{ kind: whereClause === undefined ? 'changed all rows' : 'changed rows', what, tables: [table] }]
}

export function merge({ relation, mergeWhenClauses }: MergeStmt, schema: Schema): readonly Found[] {
  const table = tableName(relation)
  let changes = false
  walk(mergeWhenClauses, (kind, { commandType }) => {
    if (kind === 'MergeWhenClause' && (commandType === 'CMD_UPDATE' || commandType === 'CMD_DELETE')) changes = true
  })
  tableOf(schema, table).holdsCopies = true
  if (changes) return [{ kind: 'merged rows', what: `merges rows into ${table}`, tables: [table] }]
  return [{ kind: 'copied rows', what: `adds rows to ${table}`, tables: [table] }]
}

/** A table that a query makes: new, and with copies of the rows that the query reads. */
export function createTableByQuery(table: string, query: unknown, schema: Schema, mayExist: boolean): readonly Found[] {
  if (!mayExist) addNewTable(schema, table).holdsCopies = readsTables(query)
  return [
    { kind: readsTables(query) ? 'copied rows' : 'new object', what: `creates table ${table} from a query` },
    ...called(query, table),
  ]
}

export function called(node: unknown, table: string): readonly Found[] {
  return strangeFunctions(node).map((name) => ({ kind: 'function call', what: `calls ${name}() for ${table}` }))
}

/** The findings of queries. A call that only changes a session setting is a kind of its own. */
export function select(node: { SelectStmt: SelectStmt }, schema: Schema): readonly Found[] {
  const made = node.SelectStmt.intoClause?.rel
  if (made !== undefined) return createTableByQuery(tableName(made), node.SelectStmt.fromClause, schema, false)
  const names: string[] = []
  walk(node, (kind, inner) => {
    if (kind === 'FuncCall') names.push(((inner.funcname as Node[] | undefined) ?? []).map(dotted).at(-1) ?? '')
  })
  if (names.includes('setval')) return [{ kind: 'restarted sequence', what: 'sets a sequence' }]
  const strange = strangeFunctions(node)
  if (strange.length > 0) return strange.map((name) => ({ kind: 'function call', what: `calls ${name}()` }))
  if (names.includes('set_config')) forgetNamesWithoutSchema(schema)
  if (readsTables(node)) return [{ kind: 'query', what: 'asks the database something' }]
  if (names.length === 0) return [{ kind: 'constant query', what: 'asks the database for a constant' }]
  if (names.every((name) => name === 'set_config')) return [{ kind: 'session setting', what: 'sets a parameter' }]
  return [{ kind: 'query', what: 'asks the database something' }]
}

const readsTables = (node: unknown): boolean => relationsOf(node).length > 0

function readsColumns(node: unknown): boolean {
  let reads = false
  walk(node, (kind) => {
    if (kind === 'ColumnRef' || kind === 'SubLink') reads = true
  })
  return reads
}
