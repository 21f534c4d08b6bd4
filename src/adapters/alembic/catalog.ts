import type pg from 'pg'
import { z } from 'zod'
import type { Catalog } from '../../release/ports/sql-risks.ts'

/** One query, so that all of it is of one moment. Only tables and types with one of the names are read. */
const CATALOG = `
  with chosen as (
    select c.oid, n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and (c.relname = any($1) or c.oid in (
        select i.indrelid from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid where x.relname = any($1)))
  )
  select json_build_object(
    'version', current_setting('server_version_num')::int / 10000,
    'tables', (select coalesce(json_agg(json_build_object(
      'schema', schema, 'name', name,
      'columns', (select coalesce(json_agg(json_build_object(
          'name', attname, 'type', pg_catalog.format_type(atttypid, atttypmod), 'notNull', attnotnull,
          'hasDefault', atthasdef or attidentity <> '')), '[]')
        from pg_catalog.pg_attribute where attrelid = chosen.oid and attnum > 0 and not attisdropped),
      'constraints', (select coalesce(json_agg(json_build_object(
          'name', conname, 'definition', pg_catalog.pg_get_constraintdef(oid))), '[]')
        from pg_catalog.pg_constraint where conrelid = chosen.oid and contype in ('c', 'f', 'p', 'u', 'x', 'n')),
      'indexes', (select coalesce(json_agg(pg_catalog.pg_get_indexdef(indexrelid)), '[]')
        from pg_catalog.pg_index where indrelid = chosen.oid)
    )), '[]') from chosen),
    'types', (select coalesce(json_agg(json_strip_nulls(json_build_object(
        'schema', n.nspname, 'name', t.typname,
        'kind', case t.typtype when 'e' then 'enum' when 'd' then 'domain' else 'other' end,
        'values', (select json_agg(enumlabel order by enumsortorder) from pg_catalog.pg_enum where enumtypid = t.oid),
        'base', case when t.typtype = 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
        'isConstrained', case when t.typtype = 'd' and (t.typnotnull or t.typdefault is not null
          or exists (select from pg_catalog.pg_constraint where contypid = t.oid)) then true end))), '[]')
      from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and t.typelem = 0
        and (t.typtype in ('e', 'd') or t.typname = any($1))
        and not exists (select from pg_catalog.pg_class where oid = t.typrelid and relkind <> 'c'))
  ) as catalog`

const catalogAnswer = z.object({
  version: z.number(),
  tables: z.array(
    z.object({
      schema: z.string(),
      name: z.string(),
      columns: z.array(z.object({ name: z.string(), type: z.string(), notNull: z.boolean(), hasDefault: z.boolean() })),
      constraints: z.array(z.object({ name: z.string(), definition: z.string() })),
      indexes: z.array(z.string()),
    }),
  ),
  types: z.array(
    z.object({
      schema: z.string(),
      name: z.string(),
      kind: z.enum(['enum', 'domain', 'other']),
      values: z.array(z.string()).optional(),
      base: z.string().optional(),
      isConstrained: z.literal(true).optional(),
    }),
  ),
})

/** The most words of statements that are looked up. */
const MOST_WORDS = 20_000

/** Reads what the catalog has of the tables, indexes and types that the statements name. Changes nothing; throws pg's errors. */
export async function readCatalog(client: pg.Client, statements: readonly string[]): Promise<Catalog> {
  const words = new Set<string>()
  for (const statement of statements) {
    for (const [word] of statement.matchAll(/[\p{L}_][\p{L}\d_$]*|"(?:[^"]|"")+"/gu)) {
      words.add(word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase())
    }
    if (words.size > MOST_WORDS) break
  }
  const { rows } = await client.query<{ catalog: unknown }>(CATALOG, [[...words]])
  const { tables, types, version } = catalogAnswer.parse(rows[0]?.catalog)
  // An absent key and one without a value are the same.
  return JSON.parse(JSON.stringify({ version, tables, types })) as Catalog
}
