import type { Node, RangeVar, TypeName } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'
import type { Lock } from './kind.ts'
import type { KindName } from './kinds.ts'

/** A statement's kind and object, such as `drops column documents.language`. */
export interface Found {
  readonly kind: KindName
  readonly what: string
  /** The tables in use that its kind's lock is on. */
  readonly tables?: readonly string[]
  /** Other tables in use that it locks. */
  readonly also?: readonly (readonly [table: string, lock: Lock])[]
}

/** A table's name as written. */
export function tableName(relation: RangeVar | undefined): string {
  return [relation?.schemaname, relation?.relname].filter(Boolean).join('.') || 'a table'
}

/** The last parts of a name that is a list of strings, or of types. */
export function dotted(node: Node | undefined): string {
  if (node === undefined) return ''
  if ('List' in node) return (node.List.items ?? []).map(dotted).filter(Boolean).join('.')
  if ('String' in node) return node.String.sval ?? ''
  if ('TypeName' in node) return typeName(node.TypeName)
  if ('ObjectWithArgs' in node) return (node.ObjectWithArgs.objname ?? []).map(dotted).join('.')
  if ('RangeVar' in node) return tableName(node.RangeVar)
  return ''
}

/** A type as people write it, without the schema of Postgres's own types. */
export function typeName(type: TypeName | undefined): string {
  return (type?.names ?? [])
    .map(dotted)
    .filter((name) => name !== 'pg_catalog')
    .join('.')
}

/** A new name in the schema of the old one. */
export const withSchemaOf = (name: string, newname: string) => [...name.split('.').slice(0, -1), newname].join('.')

export const isNull = (node: Node | undefined): boolean =>
  node !== undefined && 'A_Const' in node && (node.A_Const as { isnull?: boolean }).isnull === true

/** The columns that an expression names. */
export function columnsOf(node: unknown): readonly string[] {
  const found = new Set<string>()
  walk(node, (kind, { fields }) => {
    const last = kind === 'ColumnRef' ? (fields as Node[] | undefined)?.at(-1) : undefined
    if (last !== undefined && 'String' in last && last.String.sval !== undefined) found.add(last.String.sval)
  })
  return [...found]
}

/** The tables that a statement names, as written. */
export function relationsOf(node: unknown): readonly string[] {
  const found = new Set<string>()
  const see = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return
    if ('relname' in each) found.add(tableName(each as RangeVar))
    for (const inner of Object.values(each)) see(inner)
  }
  see(node)
  return [...found]
}

/** Built-in functions that change nothing, and return the same for every row or are harmless otherwise. */
const HARMLESS = new Set(
  (
    'now current_timestamp transaction_timestamp statement_timestamp clock_timestamp date_trunc date_part extract age timezone ' +
    'to_char to_date to_timestamp to_number make_date make_interval lower upper initcap trim btrim ltrim rtrim length ' +
    'char_length substr substring split_part replace regexp_replace regexp_matches concat concat_ws format left right lpad ' +
    'rpad repeat reverse strpos position overlay translate md5 sha256 encode decode digest abs ceil floor round trunc mod power ' +
    'sqrt random gen_random_uuid uuid_generate_v4 uuidv4 uuidv7 nextval count sum min max avg array_agg string_agg ' +
    'jsonb_agg json_agg jsonb_build_object json_build_object jsonb_build_array to_json to_jsonb jsonb_set jsonb_strip_nulls ' +
    'jsonb_object_agg row_to_json jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text array_length ' +
    'array_append array_cat array_remove array_to_string string_to_array unnest cardinality generate_series row_number rank ' +
    'dense_rank lag lead first_value last_value greatest least coalesce nullif to_tsvector to_tsquery plainto_tsquery setweight ' +
    'st_setsrid st_makepoint st_geomfromtext hashtext text int4 int8 numeric date timestamp timestamptz interval bool ' +
    'any_value bool_and bool_or every exists quote_ident quote_literal current_setting set_config similar_to_escape'
  ).split(' '),
)

/** Those of them that differ by row, so that a default by them rewrites the table. */
const VOLATILE = /^(random|gen_random_uuid|uuid_generate_v\d\w*|uuidv[47]|clock_timestamp|timeofday|nextval|setval)$/

const nameOf = (call: Readonly<Record<string, unknown>>) =>
  ((call.funcname as Node[] | undefined) ?? []).map(dotted).at(-1)?.toLowerCase() ?? ''

/** The called functions that are not known to be harmless. */
export function strangeFunctions(node: unknown): readonly string[] {
  const found = new Set<string>()
  walk(node, (kind, inner) => {
    if (kind === 'FuncCall' && !HARMLESS.has(nameOf(inner))) found.add(nameOf(inner))
  })
  return [...found]
}

/** Whether the value may differ by row; unknown functions count as if it does. */
export function isWorkedOutByRow(node: unknown): boolean {
  let isSo = false
  walk(node, (kind, inner) => {
    if (kind === 'FuncCall' && (VOLATILE.test(nameOf(inner)) || !HARMLESS.has(nameOf(inner)))) isSo = true
  })
  return isSo
}
