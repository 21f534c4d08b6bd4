import type { Node } from 'libpg-query'
import { walk } from '../../lib/sql-tree.ts'

/** Functions of Postgres that change nothing and reach nothing outside of the database. */
const HARMLESS = new Set(
  (
    'now transaction_timestamp statement_timestamp clock_timestamp date_trunc date_part date_bin extract age timezone to_char ' +
    'to_date to_timestamp to_number make_date make_time make_timestamp make_timestamptz make_interval justify_days lower upper ' +
    'initcap trim btrim ltrim rtrim length char_length character_length octet_length bit_length substr substring split_part ' +
    'replace regexp_replace regexp_matches regexp_match regexp_split_to_array regexp_split_to_table concat concat_ws format ' +
    'left right lpad rpad repeat reverse strpos position overlay translate starts_with chr ascii md5 sha256 sha224 sha384 sha512 ' +
    'encode decode digest abs ceil ceiling floor round trunc mod power sqrt exp ln log sign greatest least coalesce nullif ' +
    'count sum min max avg stddev variance array_agg string_agg jsonb_agg json_agg ' +
    'bool_and bool_or every any_value bit_and bit_or jsonb_build_object json_build_object jsonb_build_array json_build_array ' +
    'to_json to_jsonb jsonb_set jsonb_insert jsonb_strip_nulls json_strip_nulls jsonb_object_agg json_object_agg row_to_json ' +
    'jsonb_array_elements json_array_elements jsonb_array_elements_text json_array_elements_text jsonb_array_length ' +
    'json_array_length jsonb_each json_each jsonb_each_text json_each_text jsonb_object_keys json_object_keys jsonb_typeof ' +
    'json_typeof jsonb_extract_path jsonb_extract_path_text json_extract_path json_extract_path_text jsonb_pretty ' +
    'jsonb_path_query jsonb_path_exists jsonb_to_record jsonb_to_recordset array_length array_append array_prepend array_cat ' +
    'array_remove array_replace array_position array_to_string string_to_array array_upper array_lower array_ndims unnest ' +
    'cardinality generate_series generate_subscripts row_number rank dense_rank ntile lag lead first_value last_value nth_value ' +
    'percent_rank cume_dist percentile_cont percentile_disc mode to_tsvector to_tsquery plainto_tsquery setweight quote_ident ' +
    'quote_literal quote_nullable similar_to_escape like_escape text int4 int8 int2 numeric float8 date timestamp timestamptz ' +
    'interval bool varchar bpchar name overlaps isfinite width_bucket num_nulls num_nonnulls ' +
    // The catalog, as SQLAlchemy's inspector and psql ask.
    'version current_database current_schema current_schemas current_setting pg_backend_pid has_table_privilege ' +
    'has_column_privilege has_schema_privilege has_database_privilege has_sequence_privilege has_type_privilege ' +
    'has_any_column_privilege has_function_privilege pg_has_role format_type to_regclass to_regtype to_regproc ' +
    'to_regnamespace to_regrole pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_viewdef pg_get_triggerdef ' +
    'pg_get_functiondef pg_get_serial_sequence pg_get_userbyid pg_get_partkeydef pg_get_ruledef pg_get_statisticsobjdef ' +
    'pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_encoding_to_char ' +
    'pg_table_is_visible pg_type_is_visible pg_function_is_visible pg_is_in_recovery pg_index_column_has_property ' +
    'pg_indexam_has_property pg_my_temp_schema pg_is_other_temp_schema pg_sequence_parameters pg_relation_size ' +
    'pg_total_relation_size pg_table_size pg_column_size obj_description col_description shobj_description ' +
    '_pg_expandarray information_schema._pg_expandarray'
  ).split(' '),
)

/** The functions that a statement calls and that are not known to be harmless. */
export function strangeFunctions(node: unknown): readonly string[] {
  const found = new Set<string>()
  walk(node, (kind, inner) => {
    if (kind !== 'FuncCall') return
    const parts = ((inner.funcname as Node[] | undefined) ?? []).map(lastName)
    const name = parts.at(-1)?.toLowerCase() ?? ''
    const isOurs = parts.length === 1 || /^(pg_catalog|information_schema)$/.test(parts[0] ?? '')
    if (!isOurs || !HARMLESS.has(name)) found.add(name)
  })
  return [...found]
}

/** The functions among a query's results that give another value each time. */
export function changingFunctions(targets: readonly Node[]): readonly string[] {
  const found = new Set<string>()
  walk(targets, (kind, inner) => {
    if (kind === 'FuncCall') {
      const name = lastName({ List: { items: (inner.funcname as Node[] | undefined) ?? [] } })
      if (/^(now|(transaction|statement|clock)_timestamp|pg_backend_pid|age)$/.test(name)) found.add(name)
    }
    if (kind === 'SQLValueFunction' && /TIME|DATE/.test(String(inner.op))) found.add('now')
  })
  return [...found]
}

/** The last part of a name. */
export function lastName(node: Node): string {
  if ('String' in node) return node.String.sval ?? ''
  if ('List' in node) return lastName(node.List.items?.at(-1) ?? { String: {} })
  if ('TypeName' in node) return lastName(node.TypeName.names?.at(-1) ?? { String: {} })
  return ''
}
