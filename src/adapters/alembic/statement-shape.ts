import { type Node, parseSync, type RangeVar, type SelectStmt } from 'libpg-query'
import { defined } from '../../lib/defined.ts'
import { walk } from '../../lib/sql-tree.ts'
import {
  type Asked,
  askedFor,
  type Mentions,
  mentionsOf,
  type Setting,
  setConfig,
  settingOf,
} from './question-shape.ts'
import { changingFunctions, lastName, strangeFunctions } from './sql-nodes.ts'

/** What a statement is, as far as a preview must know. */
export interface StatementShape {
  /**
   * `query`: changes nothing and may be run read-only. `setting`: of the session. `statement`: anything else.
   */
  readonly kind: 'query' | 'setting' | 'statement'
  /** It ends a transaction. */
  readonly commits: boolean
  /** The functions it calls that are not known to be harmless. */
  readonly functions: readonly string[]
  /** The tables and views that a query reads, but not its own WITH queries. */
  readonly reads: readonly TableName[]
  /** For a query of the catalog: the names or numbers of the only relations that it asks for. */
  readonly asksOnlyFor?: Asked
  readonly mentions?: Mentions
  readonly changes: Changes
  /** Parameters for set_config(name, value). */
  readonly setting?: Setting
  /** The columns that it returns. `count`: how many rows, if the statement alone determines that. */
  readonly returns?: { readonly columns: readonly string[]; readonly count: number | undefined }
  /** The rows that an INSERT of plain values adds. */
  readonly rowcount?: number
}

export interface TableName {
  readonly schema: string | undefined
  readonly name: string
}

/** What a statement changes, for later queries. */
export interface Changes {
  /** Nobody can tell what else has changed after this statement. */
  readonly anything: boolean
  /** Relations that it defines, alters or drops. */
  readonly definitions: readonly string[]
  /** Those of them whose rows it changes, or may change. */
  readonly rewritten: readonly string[]
  /** Those of them that get a new column. */
  readonly widened: readonly string[]
  /** Types that it defines or drops. */
  readonly types: boolean
  /** Tables whose rows it changes: in these columns only, or in all. Triggers and foreign keys may change others. */
  readonly rows: readonly { readonly name: string; readonly columns: readonly string[] | undefined }[]
}

const NO_CHANGES: Changes = {
  anything: false,
  definitions: [],
  rewritten: [],
  widened: [],
  types: false,
  rows: [],
}

/** Of a statement that can't be parsed: it may do anything, but it commits only if a word says so. */
export function unparsed(sql: string): StatementShape {
  const commits = /\b(commit|rollback|abort|end|prepare)\b/i.test(sql)
  return { kind: 'statement', commits, functions: [], reads: [], changes: { ...NO_CHANGES, anything: true } }
}

/** Parses SQL that was written for Postgres. Pure; `loadModule` of libpg-query must have been awaited. */
export function shapeOf(sql: string): StatementShape {
  let statements: readonly Node[]
  try {
    statements = (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]))
  } catch {
    return unparsed(sql)
  }
  const shapes = statements.map(shapeOfStatement)
  const [only] = shapes
  if (shapes.length === 1 && only !== undefined) return only
  return {
    kind: 'statement',
    commits: shapes.some(({ commits }) => commits),
    functions: shapes.flatMap(({ functions }) => functions),
    reads: [],
    changes: {
      anything: shapes.some(({ changes }) => changes.anything),
      definitions: shapes.flatMap(({ changes }) => changes.definitions),
      rewritten: shapes.flatMap(({ changes }) => changes.rewritten),
      widened: shapes.flatMap(({ changes }) => changes.widened),
      types: shapes.some(({ changes }) => changes.types),
      rows: shapes.flatMap(({ changes }) => changes.rows),
    },
  }
}

function shapeOfStatement(node: Node): StatementShape {
  const functions = strangeFunctions(node)
  const plain: StatementShape = { kind: 'statement', commits: false, functions, reads: [], changes: NO_CHANGES }
  if ('TransactionStmt' in node) {
    const { kind = 'TRANS_STMT_BEGIN' } = node.TransactionStmt
    const ends = !/BEGIN|START|SAVEPOINT|RELEASE|ROLLBACK_TO/.test(kind)
    return { ...plain, commits: ends }
  }
  if ('VariableSetStmt' in node) {
    return { ...plain, kind: 'setting', ...defined({ setting: settingOf(node.VariableSetStmt) }) }
  }
  if ('VariableShowStmt' in node) return { ...plain, kind: 'query' }
  if ('SelectStmt' in node) return select(node, plain)
  return { ...plain, changes: changesOf(node, functions), ...returned(node) }
}

function select(node: { SelectStmt: SelectStmt }, plain: StatementShape): StatementShape {
  const setting = setConfig(node.SelectStmt)
  if (setting !== undefined) {
    return { ...plain, kind: 'setting', setting, returns: { columns: ['set_config'], count: 1 }, functions: [] }
  }
  const inside = seenKinds(node)
  const returns = { columns: columnsOf(node.SelectStmt.targetList), count: undefined }
  const writes = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'IntoClause'].some((kind) => inside.has(kind))
  if (writes) return { ...plain, changes: changesOf(node, plain.functions), returns }
  if (plain.functions.length > 0 && plain.functions.every((name) => LOCK_FUNCTIONS.test(name))) {
    return { ...plain, returns: { ...returns, count: 1 } }
  }
  if (plain.functions.length > 0) return { ...plain, changes: { ...NO_CHANGES, anything: true }, returns }
  const changing = changingFunctions(node.SelectStmt.targetList ?? [])
  if (changing.length > 0) return { ...plain, functions: changing, returns }
  if (inside.has('LockingClause')) return { ...plain, functions: ['FOR UPDATE'], returns }
  const reads = tablesRead(node)
  return {
    ...plain,
    kind: 'query',
    reads,
    mentions: mentionsOf(node),
    ...defined({ asksOnlyFor: askedFor(node.SelectStmt) }),
  }
}

const LOCK_FUNCTIONS = /^pg_(try_)?advisory_/

/** The statements whose changes are exactly the relations that they name. */
const OF_NAMED_RELATIONS = new Set([
  ...['AlterTableStmt', 'CreateStmt', 'IndexStmt', 'ViewStmt', 'CreateTableAsStmt', 'CommentStmt', 'CreateSeqStmt'],
  ...['AlterSeqStmt', 'GrantStmt', 'CreateStatsStmt', 'LockStmt', 'CreateSchemaStmt', 'CreateExtensionStmt'],
])

function changesOf(node: Node, functions: readonly string[]): Changes {
  if (functions.length > 0) return { ...NO_CHANGES, anything: true }
  const [kind = ''] = Object.keys(node)
  const inner = Object.values(node)[0] as Readonly<Record<string, unknown>>
  if (kind === 'InsertStmt' || kind === 'UpdateStmt' || kind === 'DeleteStmt' || kind === 'MergeStmt') {
    const relation = inner.relation as RangeVar | undefined
    // A WITH query may change other tables.
    const isAlone = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].every((each) => !seenKinds(inner).has(each))
    return isAlone && relation !== undefined
      ? {
          ...NO_CHANGES,
          rows: [{ name: relation.relname ?? '', columns: kind === 'UpdateStmt' ? targetsOf(inner) : undefined }],
        }
      : { ...NO_CHANGES, anything: true }
  }
  if (kind === 'TruncateStmt' && inner.behavior !== 'DROP_CASCADE') {
    return { ...NO_CHANGES, rows: relationNames(inner).map((name) => ({ name, columns: undefined })) }
  }
  if (kind === 'CreateEnumStmt' || kind === 'CreateDomainStmt') return { ...NO_CHANGES, types: true }
  if (kind === 'VariableSetStmt' || kind === 'LockStmt' || kind === 'TransactionStmt') return NO_CHANGES
  if (kind === 'DropStmt') {
    const names = ((inner.objects as Node[] | undefined) ?? []).map(lastName)
    if (inner.behavior === 'DROP_CASCADE') return { ...NO_CHANGES, anything: true }
    const rewritten = inner.removeType === 'OBJECT_INDEX' ? [] : names
    return { ...NO_CHANGES, definitions: names, rewritten, types: inner.removeType === 'OBJECT_TYPE' }
  }
  if (kind === 'RenameStmt' && /TABLE|COLUMN|INDEX|CONSTRAINT/.test(String(inner.renameType))) {
    // What refers to the old name is shown with the new one.
    const names = relationNames(inner)
    return { ...NO_CHANGES, anything: inner.renameType === 'OBJECT_TABLE', definitions: names, rewritten: names }
  }
  if (!OF_NAMED_RELATIONS.has(kind)) return { ...NO_CHANGES, anything: true }
  const definitions = [...relationNames(inner), ...indexName(inner)]
  if (kind === 'AlterTableStmt') return { ...NO_CHANGES, definitions, ...alteredRows(inner, definitions) }
  return { ...NO_CHANGES, definitions, rewritten: KEEP_ROWS.has(kind) ? [] : definitions }
}

const KEEP_ROWS = new Set(['IndexStmt', 'CommentStmt', 'GrantStmt', 'CreateStatsStmt', 'LockStmt'])

/** Parts of ALTER TABLE that leave what the rows have. */
const KEEPS_ROWS =
  /^AT_(ColumnDefault|SetNotNull|DropNotNull|AddConstraint|ValidateConstraint|DropConstraint|AddIndex|SetStatistics|SetStorage)$/

function alteredRows(
  inner: Readonly<Record<string, unknown>>,
  definitions: readonly string[],
): Pick<Changes, 'rewritten' | 'widened'> {
  const parts = ((inner.cmds as Node[] | undefined) ?? []).map((cmd) =>
    'AlterTableCmd' in cmd ? (cmd.AlterTableCmd.subtype ?? '') : '',
  )
  const isKept = parts.every((part) => part === 'AT_AddColumn' || KEEPS_ROWS.test(part))
  return { rewritten: isKept ? [] : definitions, widened: parts.includes('AT_AddColumn') ? definitions : [] }
}

const targetsOf = (inner: Readonly<Record<string, unknown>>) =>
  ((inner.targetList as Node[] | undefined) ?? []).map((target) =>
    'ResTarget' in target ? (target.ResTarget.name ?? '') : '',
  )

const indexName = (inner: Readonly<Record<string, unknown>>) =>
  typeof inner.idxname === 'string' ? [inner.idxname] : []

function relationNames(node: unknown): readonly string[] {
  const names: string[] = []
  // Relations are written as themselves below some nodes, and as RangeVar below others.
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (typeof value === 'object' && value !== null) {
      if ('relname' in value && typeof value.relname === 'string') names.push(value.relname)
      Object.values(value).forEach(visit)
    }
  }
  visit(node)
  return names
}

/** INSERT … RETURNING and its like. */
function returned(node: Node): Pick<StatementShape, 'returns' | 'rowcount'> {
  const inner = Object.values(node)[0] as Readonly<Record<string, unknown>>
  const clause = inner.returningClause as { exprs?: Node[] } | undefined
  const rowcount = 'InsertStmt' in node ? insertedRows(inner) : undefined
  const returns = clause?.exprs === undefined ? undefined : { columns: columnsOf(clause.exprs), count: rowcount }
  return defined({ rowcount, returns })
}

function insertedRows(inner: Readonly<Record<string, unknown>>): number | undefined {
  const source = inner.selectStmt as { SelectStmt?: SelectStmt } | undefined
  if (inner.onConflictClause !== undefined) return undefined
  if (source === undefined) return 1
  return source.SelectStmt?.valuesLists?.length
}

function columnsOf(targets: readonly Node[] = []): readonly string[] {
  return targets.map((target) => {
    if (!('ResTarget' in target)) return '?column?'
    const { name, val } = target.ResTarget
    if (name !== undefined) return name
    if (val !== undefined && 'ColumnRef' in val) return lastName({ List: { items: val.ColumnRef.fields ?? [] } }) || '*'
    return val !== undefined && 'FuncCall' in val
      ? lastName({ List: { items: val.FuncCall.funcname ?? [] } })
      : '?column?'
  })
}

function tablesRead(node: Node): readonly TableName[] {
  const own = new Set<string>()
  const found: TableName[] = []
  walk(node, (kind, inner) => {
    if (kind === 'CommonTableExpr' && typeof inner.ctename === 'string') own.add(inner.ctename)
    if (kind === 'RangeVar') found.push(nameOf(inner as RangeVar))
  })
  return found.filter(({ schema, name }) => schema !== undefined || !own.has(name))
}

function seenKinds(node: unknown): ReadonlySet<string> {
  const kinds = new Set<string>()
  walk(node, (kind) => kinds.add(kind))
  // Clauses that are no nodes of their own.
  if (JSON.stringify(node).includes('"intoClause"')) kinds.add('IntoClause')
  return kinds
}

const nameOf = ({ schemaname, relname = '' }: RangeVar): TableName => ({ schema: schemaname, name: relname })
