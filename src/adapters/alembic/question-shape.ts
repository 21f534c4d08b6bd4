import type { Node, SelectStmt, VariableSetStmt } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'
import { lastName } from './sql-nodes.ts'

/** What a query mentions: these columns, or perhaps others too. */
export interface Mentions {
  readonly columns: readonly string[]
  readonly others: boolean
}

/** The names or numbers of the only relations that a query of the catalog asks for. */
export interface Asked {
  readonly names: readonly string[]
  readonly numbers: readonly number[]
}

/** A setting of the session that changes what a query finds. */
export interface Setting {
  readonly name: string
  /** Undefined: its default. */
  readonly value: string | undefined
}

/** Columns of the catalogs that hold a relation's name or number. */
const OF_RELATION = /^(relname|table_name|tablename|attrelid|conrelid|indrelid|oid|objoid|conname)$/

/** Looks for a condition that every row meets, such as `c.relname = 'users'`. */
export function askedFor({ whereClause, fromClause, op }: SelectStmt): Asked | undefined {
  const isSimple = op === undefined || op === 'SETOP_NONE'
  if (!isSimple) return undefined
  for (const condition of conjuncts(whereClause)) {
    const found = 'A_Expr' in condition ? comparedWith(condition.A_Expr) : undefined
    if (found !== undefined) return found
  }
  // SQLAlchemy selects from queries that have the condition inside.
  for (const from of fromClause ?? []) {
    const inner = 'RangeSubselect' in from ? from.RangeSubselect.subquery : undefined
    const found = inner !== undefined && 'SelectStmt' in inner ? askedFor(inner.SelectStmt) : undefined
    if (found !== undefined && fromClause?.length === 1) return found
  }
  return undefined
}

function conjuncts(node: Node | undefined): readonly Node[] {
  if (node === undefined) return []
  if ('BoolExpr' in node && node.BoolExpr.boolop === 'AND_EXPR') return (node.BoolExpr.args ?? []).flatMap(conjuncts)
  return [node]
}

function comparedWith(expression: { name?: Node[]; lexpr?: Node; rexpr?: Node; kind?: string }) {
  const { name = [], lexpr, rexpr, kind = '' } = expression
  const isEquality = name.map(lastName).join() === '=' && /^AEXPR_(OP|OP_ANY|IN)$/.test(kind)
  if (!isEquality || lexpr === undefined || rexpr === undefined || !('ColumnRef' in lexpr)) return undefined
  if (!OF_RELATION.test(lastName({ List: { items: lexpr.ColumnRef.fields ?? [] } }))) return undefined
  const values = constants(rexpr)
  if (values === undefined) return undefined
  return {
    names: values.filter((value) => typeof value === 'string'),
    numbers: values.filter((value) => typeof value === 'number'),
  }
}

/** The constants of an expression that consists of nothing else. */
function constants(node: Node): readonly (string | number)[] | undefined {
  if ('TypeCast' in node) return node.TypeCast.arg === undefined ? undefined : constants(node.TypeCast.arg)
  const many = 'List' in node ? node.List.items : 'A_ArrayExpr' in node ? node.A_ArrayExpr.elements : undefined
  if (many !== undefined) {
    const each = many.map(constants)
    return each.some((one) => one === undefined) ? undefined : each.flatMap((one) => one ?? [])
  }
  if (!('A_Const' in node)) return undefined
  const { sval, ival, fval } = node.A_Const
  if (sval !== undefined) return [sval.sval ?? '']
  if (ival !== undefined) return [ival.ival ?? 0]
  return fval === undefined ? undefined : [Number(fval.fval)]
}

/** Settings that change what a query finds or shows. The others are not needed for a preview. */
const SETTINGS = /^(search_path|role|timezone|session_authorization)$/i

export function settingOf({ name = '', kind, args = [] }: VariableSetStmt): Setting | undefined {
  if (!SETTINGS.test(name)) return undefined
  if (kind !== 'VAR_SET_VALUE') return { name, value: undefined }
  const values = args.map((arg) => constants(arg)?.[0])
  if (values.some((value) => value === undefined)) return { name, value: undefined }
  const isList = name.toLowerCase() === 'search_path'
  return { name, value: values.map((value) => (isList ? identifier(String(value)) : String(value))).join(', ') }
}

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`

/** `SELECT set_config('search_path', 'reports', false)` */
export function setConfig({ targetList = [], fromClause }: SelectStmt): Setting | undefined {
  const [target] = targetList
  const value = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined
  if (targetList.length !== 1 || fromClause !== undefined || value === undefined || !('FuncCall' in value))
    return undefined
  if (lastName({ List: { items: value.FuncCall.funcname ?? [] } }) !== 'set_config') return undefined
  const [name, wanted] = (value.FuncCall.args ?? []).map((arg) => constants(arg)?.[0])
  return typeof name === 'string' && typeof wanted === 'string' && SETTINGS.test(name)
    ? { name, value: wanted }
    : undefined
}

/** The columns that a query mentions. */
export function mentionsOf(node: Node): Mentions {
  const columns = new Set<string>()
  const tables = new Set<string>()
  let others = false
  walk(node, (kind, inner) => {
    if (kind === 'ColumnRef') {
      const last = ((inner.fields as Node[] | undefined) ?? []).at(-1)
      if (last !== undefined && 'A_Star' in last) others = true
      else if (last !== undefined) columns.add(lastName(last))
    }
    if (kind === 'JoinExpr' && (inner.isNatural === true || inner.usingClause !== undefined)) others = true
    if (kind === 'RangeVar')
      tables.add(((inner.alias as { aliasname?: string } | undefined)?.aliasname ?? inner.relname) as string)
  })
  // A table's name as a value is the whole row.
  return { columns: [...columns], others: others || [...columns].some((column) => tables.has(column)) }
}
