import { type Constraint, type IndexStmt, type Node, parseSync } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'
import type { Catalog, CatalogTable } from '../../release/ports/sql-risks.ts'
import { columnsOf, tableName } from './tree.ts'
import { parsedType, type Type, type TypeFact } from './types.ts'

/** A column, as far as it is known. */
export interface Column {
  type?: Type | undefined
  notNull?: boolean
  hasDefault?: boolean
  /** This release adds it. */
  isNew?: true
  /** It has been filled from other columns. */
  holdsCopies?: true
  /** The revision, by index, that last said whether it must have a value. */
  decidedBy?: number
  /** It is told already that running code fails to insert. */
  isTold?: true
}

interface ConstraintFact {
  readonly kind: Constraint['contype']
  readonly columns: readonly string[]
  /** The columns that a valid row has values in. */
  readonly notNull: readonly string[]
  readonly isValid: boolean
  /** The table that a foreign key refers to. */
  readonly references?: string | undefined
}

interface IndexFact {
  readonly columns: readonly string[]
  /** Every column that it names, also in expressions and in WHERE. */
  readonly uses: readonly string[]
  readonly isUnique: boolean
  /** Of columns alone, and of all rows. */
  readonly isPlain: boolean
}

/** A table, as far as it is known: by the catalog, and by what earlier statements of the release have done to it. */
export interface Table {
  readonly columns: Map<string, Column>
  readonly constraints: Map<string, ConstraintFact>
  readonly indexes: Map<string, IndexFact>
  /** This release creates it, so no other session uses it. */
  readonly isNew: boolean
  /** All of its columns, constraints and indexes are known. */
  readonly isComplete: boolean
  /** It has been filled from other tables. */
  holdsCopies?: boolean
}

/** The database as the statements so far leave it, as far as it is known. */
export interface Schema {
  readonly tables: Map<string, Table>
  readonly types: Map<string, TypeFact>
  /** The tables of indexes. */
  readonly tableOfIndex: Map<string, string>
  readonly version: number | undefined
  /** Names without a schema that mean more than one of the catalog's tables. */
  readonly ambiguous: ReadonlySet<string>
  /** An earlier statement has taken rows, columns or values away, which a new table may hold copies of. */
  hasLost: boolean
  /** The index of the revision that is being read. */
  revision: number
}

/** The table that a command alters. */
export interface Altered {
  readonly schema: Schema
  readonly name: string
  readonly table: Table
}

const newTable = (about: { isNew: boolean; isComplete: boolean }): Table => ({
  columns: new Map(),
  constraints: new Map(),
  indexes: new Map(),
  ...about,
})

/** What the catalog says; without one nothing is known. */
export function schemaOf(catalog: Catalog | undefined): Schema {
  const tables = catalog?.tables ?? []
  const schema: Schema = {
    tables: new Map(),
    types: new Map(),
    tableOfIndex: new Map(),
    version: catalog?.version,
    ambiguous: new Set(tables.filter(({ name }) => !isOnly(tables, name)).map(({ name }) => name)),
    hasLost: false,
    revision: 0,
  }
  for (const table of tables) readTable(schema, table, isOnly(tables, table.name))
  for (const type of catalog?.types ?? []) {
    const base = type.base === undefined ? undefined : parsedType(type.base)
    const fact: TypeFact = {
      kind: type.kind,
      isConstrained: type.isConstrained === true,
      ...(type.values !== undefined && { values: type.values }),
      ...(base !== undefined && { base }),
    }
    schema.types.set(`${type.schema}.${type.name}`, fact)
    if (isOnly(catalog?.types ?? [], type.name)) schema.types.set(type.name, fact)
  }
  return schema
}

/** Whether a name without its schema can only mean this one: the search path of the application is not known. */
const isOnly = (list: readonly { readonly name: string }[], name: string) =>
  list.filter((each) => each.name === name).length === 1

function readTable(schema: Schema, { schema: place, name, ...about }: CatalogTable, isOnlyOne: boolean): void {
  const table = newTable({ isNew: false, isComplete: true })
  for (const { name: column, type, notNull, hasDefault } of about.columns) {
    table.columns.set(column, { type: parsedType(type), notNull, hasDefault })
  }
  for (const { name: constraint, definition } of about.constraints) {
    const node = parsedConstraint(definition)
    if (node !== undefined) table.constraints.set(constraint, constraintFact(node))
  }
  schema.tables.set(`${place}.${name}`, table)
  if (isOnlyOne) schema.tables.set(name, table)
  for (const definition of about.indexes) {
    const index = parsedIndex(definition)
    if (index?.idxname === undefined) continue
    table.indexes.set(index.idxname, indexFact(index))
    schema.tableOfIndex.set(`${place}.${index.idxname}`, isOnlyOne ? name : `${place}.${name}`)
    if (isOnlyOne) schema.tableOfIndex.set(index.idxname, name)
  }
}

function parsedStatement(sql: string): Node | undefined {
  try {
    return parseSync(sql).stmts?.[0]?.stmt
  } catch {
    return undefined
  }
}

function parsedConstraint(definition: string): Constraint | undefined {
  const node = parsedStatement(`ALTER TABLE a ADD ${definition}`)
  const [command] = node !== undefined && 'AlterTableStmt' in node ? (node.AlterTableStmt.cmds ?? []) : []
  const def = command !== undefined && 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined
  return def !== undefined && 'Constraint' in def ? def.Constraint : undefined
}

function parsedIndex(definition: string): IndexStmt | undefined {
  const node = parsedStatement(definition)
  return node !== undefined && 'IndexStmt' in node ? node.IndexStmt : undefined
}

const strings = (nodes: readonly Node[] = []) =>
  nodes.flatMap((node) => ('String' in node && node.String.sval !== undefined ? [node.String.sval] : []))

export function constraintFact(constraint: Constraint): ConstraintFact {
  const keys = strings(constraint.keys)
  const isCheck = constraint.contype === 'CONSTR_CHECK'
  return {
    kind: constraint.contype,
    columns: isCheck ? columnsOf(constraint.raw_expr) : [...keys, ...strings(constraint.fk_attrs)],
    notNull: isCheck ? provenBy(constraint.raw_expr) : constraint.contype === 'CONSTR_NOTNULL' ? keys : [],
    isValid: constraint.skip_validation !== true,
    references: constraint.pktable === undefined ? undefined : tableName(constraint.pktable),
  }
}

/** The columns that have a value where the expression is true: `a IS NOT NULL`, alone or joined by AND. */
function provenBy(expression: Node | undefined): readonly string[] {
  if (expression === undefined) return []
  if ('BoolExpr' in expression && expression.BoolExpr.boolop === 'AND_EXPR') {
    return (expression.BoolExpr.args ?? []).flatMap(provenBy)
  }
  if ('NullTest' in expression && expression.NullTest.nulltesttype === 'IS_NOT_NULL') {
    const { arg } = expression.NullTest
    return arg !== undefined && 'ColumnRef' in arg ? columnsOf(arg) : []
  }
  return []
}

export function indexFact({ indexParams = [], whereClause, unique, indexIncludingParams = [] }: IndexStmt): IndexFact {
  const columns = indexParams.flatMap((node) =>
    'IndexElem' in node && node.IndexElem.name ? [node.IndexElem.name] : [],
  )
  const expressions: string[] = []
  walk([indexParams, whereClause], (kind, inner) => {
    if (kind === 'ColumnRef') expressions.push(...columnsOf({ ColumnRef: inner } as Node))
  })
  return {
    columns,
    uses: [
      ...columns,
      ...expressions,
      ...indexIncludingParams.flatMap((node) =>
        'IndexElem' in node && node.IndexElem.name ? [node.IndexElem.name] : [],
      ),
    ],
    isUnique: unique === true,
    isPlain: whereClause === undefined && columns.length === indexParams.length,
  }
}

// ------------------------------------------------------------------------------------------------ what is known of a name

/** The table of that name as written. One that nothing is known of is remembered from here on. */
export function tableOf(schema: Schema, name: string): Table {
  const known = schema.tables.get(name)
  if (known !== undefined) return known
  const table = newTable({ isNew: false, isComplete: false })
  schema.tables.set(name, table)
  return table
}

/** Whether there is certainly no table of that name. */
export const isAbsent = ({ tables, version, ambiguous }: Schema, name: string): boolean =>
  version !== undefined && !tables.has(name) && !ambiguous.has(name)

export function columnOf(table: Table, name: string): Column {
  const known = table.columns.get(name)
  if (known !== undefined) return known
  const column: Column = {}
  table.columns.set(name, column)
  return column
}

/** Whether every row is known to have a value in the column, before any of them is read. */
export function isProvenNotNull(table: Table, name: string): boolean {
  if (table.columns.get(name)?.notNull === true) return true
  return [...table.constraints.values()].some(({ isValid, notNull }) => isValid && notNull.includes(name))
}

/** Whether this release adds the column, and no value is in it alone that was elsewhere before. */
export function isOwn(column: Column | undefined, { hasLost }: Schema): boolean {
  return column?.isNew === true && !(column.holdsCopies === true && hasLost)
}

/** Facts of a type by its name as written. */
export const typeFact = (schema: Schema) => (name: string) => schema.types.get(name)

export function addNewTable(schema: Schema, name: string): Table {
  const table = newTable({ isNew: true, isComplete: true })
  schema.tables.set(name, table)
  return table
}

/** Names without a schema may mean other tables from here on, when the search path changes. */
export function forgetNamesWithoutSchema(schema: Schema): void {
  for (const names of [schema.tables, schema.types, schema.tableOfIndex]) {
    for (const name of [...names.keys()]) if (!name.includes('.')) names.delete(name)
  }
}

/** The table has another name from here on. `to` undefined: it is gone. */
export function renameTable(schema: Schema, from: string, to?: string): void {
  const table = schema.tables.get(from)
  for (const [name, each] of schema.tables) if (each === table) schema.tables.delete(name)
  schema.tables.delete(from)
  if (to === undefined) return
  schema.tables.delete(to)
  // Under the name of a table that was taken away, running code may use it.
  if (table !== undefined) schema.tables.set(to, { ...table, isNew: table.isNew && !schema.hasLost })
}

export function renameColumn({ columns, constraints, indexes }: Table, from: string, to: string): void {
  const column = columns.get(from)
  columns.delete(from)
  if (column !== undefined) columns.set(to, column)
  const renamed = (names: readonly string[]) => names.map((name) => (name === from ? to : name))
  for (const [name, fact] of constraints) {
    constraints.set(name, { ...fact, columns: renamed(fact.columns), notNull: renamed(fact.notNull) })
  }
  for (const [name, fact] of indexes)
    indexes.set(name, { ...fact, columns: renamed(fact.columns), uses: renamed(fact.uses) })
}
