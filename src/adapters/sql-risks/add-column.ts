import type { ColumnDef, Constraint, Node } from 'libpg-query'
import type { KindName } from './kinds.ts'
import { type Altered, typeFact } from './schema.ts'
import { type Found, isNull, isWorkedOutByRow, tableName, typeName } from './tree.ts'
import { isPlain, typeOf } from './types.ts'

const SERIAL = /^(small|big)?serial[248]?$/

export const columnDefinition = (node: Node | undefined): ColumnDef | undefined =>
  node !== undefined && 'ColumnDef' in node ? node.ColumnDef : undefined

/** `mayExist`: it says IF NOT EXISTS. */
export function addColumn(column: ColumnDef | undefined, altered: Altered, mayExist: boolean): readonly Found[] {
  const { name: table, table: about, schema } = altered
  const name = column?.colname ?? ''
  const shown = `${table}.${name}`
  if (mayExist && about.columns.get(name)?.type !== undefined)
    return [{ kind: 'nothing to do', what: `adds column ${shown}` }]
  const constraints = (column?.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []))
  const has = (type: Constraint['contype']) => constraints.find(({ contype }) => contype === type)
  const set = has('CONSTR_DEFAULT')
  const generated = has('CONSTR_GENERATED') as (Constraint & { generated_kind?: string }) | undefined
  const isNumbered = SERIAL.test(typeName(column?.typeName)) || has('CONSTR_IDENTITY') !== undefined
  const hasDefault = isNumbered || generated !== undefined || (set !== undefined && !isNull(set.raw_expr))
  const isWork =
    isNumbered ||
    (generated !== undefined && generated.generated_kind !== 'v') ||
    (set !== undefined && isWorkedOutByRow(set.raw_expr))
  const notNull = has('CONSTR_NOTNULL') !== undefined || has('CONSTR_PRIMARY') !== undefined
  const type = typeOf(column?.typeName)
  const plain = type === undefined ? undefined : isPlain(type, typeFact(schema))
  const foreign = has('CONSTR_FOREIGN')
  const kinds: readonly (readonly [isSo: boolean, kind: KindName, words: string])[] = [
    [isWork, 'column with work', ' with a value for each row'],
    [plain === false, 'column of a domain', ` of domain ${typeName(column?.typeName)}`],
    [plain === undefined, 'column of an unknown type', ` of type ${typeName(column?.typeName)}`],
    [notNull && !hasDefault, 'required column', ', required and without a default'],
    [
      has('CONSTR_UNIQUE') !== undefined || has('CONSTR_PRIMARY') !== undefined,
      'column with index',
      ' with a unique index',
    ],
    [has('CONSTR_CHECK') !== undefined, 'column with check', ' with a check'],
    [foreign !== undefined && hasDefault, 'column with foreign key', ' with a foreign key'],
  ]
  // Where it says IF NOT EXISTS, a column may be there, of another type and with values.
  if (!mayExist || about.isComplete) {
    const isTold = notNull && !hasDefault ? ({ isTold: true } as const) : {}
    about.columns.set(name, { type, notNull, hasDefault, isNew: true, decidedBy: schema.revision, ...isTold })
  }
  if (has('CONSTR_CHECK') !== undefined) {
    const fact = { kind: 'CONSTR_CHECK', columns: [name], notNull: [], isValid: false } as const
    about.constraints.set(`#${about.constraints.size}`, fact)
  }
  const referred = foreign?.pktable === undefined ? [] : [[tableName(foreign.pktable), 'share row exclusive'] as const]
  const found = kinds.flatMap(([isSo, kind, words]): Found[] =>
    isSo ? [{ kind, what: `adds column ${shown}${words}` }] : [],
  )
  const [first = { kind: 'new column', what: `adds column ${shown}` } as const, ...others] = found
  return [referred.length === 0 ? first : { ...first, also: referred }, ...others]
}
