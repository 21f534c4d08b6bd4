import type { Node, TypeName } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'
import { type Schema, type Table, typeFact } from './schema.ts'
import { dotted, relationsOf } from './tree.ts'
import { typeOf } from './types.ts'

/** Values that the open transaction has added to enums that were there before it, by type. */
export type NewValues = Map<string, Set<string>>

/** Notes the value that a statement adds. One that may be there already is noted only if it certainly is not. */
export function noteNewValue(node: Node, schema: Schema, values: NewValues, ownTypes: ReadonlySet<string>): void {
  if (!('AlterEnumStmt' in node)) return
  const { typeName = [], oldVal, newVal, skipIfNewValExists } = node.AlterEnumStmt
  const type = typeName.map(dotted).join('.')
  if (oldVal !== undefined || newVal === undefined || ownTypes.has(type)) return
  const known = typeFact(schema)(type)?.values
  if (skipIfNewValExists === true && (known === undefined || known.includes(newVal))) return
  values.set(type, (values.get(type) ?? new Set()).add(newVal))
}

interface Use {
  readonly value: string
  readonly type: string
  /** Whether the value is certainly used as one of the type. */
  readonly isCertain: boolean
}

/** The first use of a new value, and whether it is one for certain: the same letters may be a text. */
export function useOfNewValue(node: Node, schema: Schema, values: NewValues): Use | undefined {
  if (values.size === 0 || 'AlterEnumStmt' in node) return undefined
  const uses: Use[] = []
  const tables = relationsOf(node).flatMap((name) => schema.tables.get(name) ?? [])
  for (const { value, column, type } of literals(node)) {
    const known = type ?? (column === undefined ? undefined : typeOfColumn(tables, column))
    for (const [name, added] of values) {
      if (!added.has(value)) continue
      const isSame = known === undefined ? undefined : isSameType(known, name, schema)
      if (isSame !== false) uses.push({ value, type: name, isCertain: isSame === true })
    }
  }
  return uses.find(({ isCertain }) => isCertain) ?? uses[0]
}

/** Undefined where a name without a schema may mean either of two types. */
function isSameType(one: string, other: string, { types, version }: Schema): boolean | undefined {
  const name = bare(one)
  const isEither = one !== other && one.includes('.') && other.includes('.')
  if (name !== bare(other) || isEither) return false
  // The catalog leaves a name out that two schemas have.
  if (version !== undefined) return types.has(name) ? true : undefined
  return one === other ? true : undefined
}

const bare = (name: string) => name.split('.').at(-1) ?? name

function typeOfColumn(tables: readonly Table[], column: string): string | undefined {
  const types = new Set(tables.flatMap(({ columns }) => columns.get(column)?.type?.name ?? []))
  return types.size === 1 ? [...types][0] : undefined
}

interface Literal {
  readonly value: string
  /** The column that it is set to or compared with. */
  readonly column?: string | undefined
  readonly type?: string | undefined
}

/** The string literals of a statement, with the column or type that each is for, where the statement shows it. */
function literals(node: unknown): readonly Literal[] {
  const found = new Map<object, Literal>()
  const add = (inner: unknown, about: Omit<Literal, 'value'>) => {
    walk(inner, (kind, each) => {
      const value = (each.sval as { sval?: string } | undefined)?.sval
      if (kind === 'A_Const' && value !== undefined) found.set(each, { value, ...about })
    })
  }
  add(node, {})
  // Nearer ones are seen later, and count.
  walk(node, (kind, inner) => {
    if (kind === 'ResTarget' && typeof inner.name === 'string') add(inner.val, { column: inner.name })
    if (kind === 'AlterTableCmd' && inner.subtype === 'AT_ColumnDefault')
      add(inner.def, { column: inner.name as string })
    if (kind === 'ColumnDef') add(inner.constraints, { type: typeOf(inner.typeName as TypeName)?.name })
    if (kind === 'A_Expr') {
      const [column] = [inner.lexpr, inner.rexpr].flatMap((side) => columnName(side as Node | undefined))
      add([inner.lexpr, inner.rexpr], { column })
    }
    if (kind === 'InsertStmt') {
      const columns = ((inner.cols as Node[] | undefined) ?? []).map((each) =>
        'ResTarget' in each ? each.ResTarget.name : undefined,
      )
      walk(inner.selectStmt, (inside, { items }) => {
        if (inside === 'List' && Array.isArray(items)) {
          for (const [index, item] of items.entries()) add([item], { column: columns[index] })
        }
      })
    }
    if (kind === 'FuncCall') add(inner.args, {})
    if (kind === 'TypeCast')
      add(inner.arg === undefined ? [] : [inner.arg], { type: typeOf(inner.typeName as TypeName)?.name })
  })
  return [...found.values()]
}

function columnName(node: Node | undefined): readonly string[] {
  if (node === undefined || !('ColumnRef' in node)) return []
  const last = node.ColumnRef.fields?.at(-1)
  return last !== undefined && 'String' in last && last.String.sval !== undefined ? [last.String.sval] : []
}
