import { parseSync, type TypeName } from 'libpg-query'
import { typeName } from './tree.ts'

/** A column's type: its name without the schema of Postgres's own types, and its modifiers, such as the 50 of varchar(50). */
export interface Type {
  readonly name: string
  readonly modifiers: readonly number[]
  readonly isArray: boolean
}

/** What is known of a type that Postgres does not come with. */
export interface TypeFact {
  readonly kind: 'enum' | 'domain' | 'other'
  readonly values?: readonly string[]
  readonly base?: Type
  readonly isConstrained?: boolean
}

export function typeOf(written: TypeName | undefined): Type | undefined {
  if (written === undefined) return undefined
  const modifiers = (written.typmods ?? []).map((node) =>
    'A_Const' in node ? ((node.A_Const as { ival?: { ival?: number } }).ival?.ival ?? 0) : Number.NaN,
  )
  // Without a length, char is char(1).
  const name = typeName(written)
  const implied = name === 'bpchar' && modifiers.length === 0 && (written.names?.length ?? 0) > 1 ? [1] : modifiers
  return { name, modifiers: implied, isArray: (written.arrayBounds ?? []).length > 0 }
}

/** A type as the catalog writes it; undefined if it can't be read. */
export function parsedType(text: string): Type | undefined {
  try {
    const [first] = parseSync(`SELECT NULL::${text}`).stmts ?? []
    const [target] =
      first?.stmt !== undefined && 'SelectStmt' in first.stmt ? (first.stmt.SelectStmt.targetList ?? []) : []
    const value = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined
    return value !== undefined && 'TypeCast' in value ? typeOf(value.TypeCast.typeName) : undefined
  } catch {
    return undefined
  }
}

/** Types whose length or precision may grow, or be taken away, without a change of what is stored. */
const WIDENS = new Set(['varchar', 'varbit', 'numeric', 'timestamp', 'timestamptz', 'time', 'timetz'])
const OF_TIME = /^time/
/** What is stored for the first type is valid as it is for the second, of any length. */
const SAME_STORAGE = new Set(['varchar text', 'text varchar', 'cidr inet'])

/** Whether every value of a column can stay as it is stored when its type changes. False where it isn't known. */
export function keepsStorage(from: Type, to: Type, factOf: (name: string) => TypeFact | undefined): boolean {
  const old = baseOf(from, factOf, 'with rules')
  const next = baseOf(to, factOf)
  if (old === undefined || next === undefined) return isSame(from, to)
  if (isSame(old, next)) return true
  if (old.isArray || next.isArray) return false
  if (old.name !== next.name) return SAME_STORAGE.has(`${old.name} ${next.name}`) && next.modifiers.length === 0
  if (!WIDENS.has(old.name)) return false
  if (next.modifiers.length === 0) return true
  const [length = 0, scale = 0] = next.modifiers
  if (OF_TIME.test(old.name) && length === 6) return true
  const [oldLength, oldScale = 0] = old.modifiers
  return oldLength !== undefined && length >= oldLength && scale === oldScale
}

/** The type under a domain; undefined for a domain with rules, which each value would be held to. */
function baseOf(type: Type, factOf: (name: string) => TypeFact | undefined, also?: 'with rules'): Type | undefined {
  const fact = factOf(type.name)
  if (fact?.kind !== 'domain') return type
  if ((fact.isConstrained && also === undefined) || fact.base === undefined || type.isArray) return undefined
  return baseOf(fact.base, factOf, also)
}

const isSame = (a: Type, b: Type) =>
  a.name === b.name && a.isArray === b.isArray && a.modifiers.join() === b.modifiers.join()

/** Types of Postgres and of its usual extensions that are no domains. */
const NO_DOMAINS = new Set(
  (
    'bool bytea char name int8 int2 int4 text oid xml json jsonb float4 float8 money bpchar varchar date time timestamp ' +
    'timestamptz timetz interval bit varbit numeric uuid inet cidr macaddr macaddr8 point line lseg box path polygon circle ' +
    'tsvector tsquery int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange ' +
    'tsmultirange tstzmultirange datemultirange pg_lsn jsonpath regclass xid8 record serial bigserial smallserial serial2 ' +
    'serial4 serial8 citext hstore ltree geometry geography raster box2d box3d vector halfvec sparsevec cube earth isbn'
  ).split(' '),
)

/** Whether a new column of the type is made by the catalog alone: not for a domain with rules, nor for a type that is unknown. */
export function isPlain(type: Type, factOf: (name: string) => TypeFact | undefined): boolean | undefined {
  // The element's rules apply to values, and a new column without a default has none.
  if (type.isArray) return true
  const fact = factOf(type.name)
  if (fact !== undefined) return fact.kind !== 'domain' || fact.isConstrained !== true
  return NO_DOMAINS.has(type.name.split('.').at(-1) ?? '') ? true : undefined
}
