import type { DatabaseAddress } from './database-url.ts'
import { type DirectAnswer, readDirectly } from './direct.ts'

export type RevisionsRead =
  | { readonly read: 'revisions'; readonly revisions: readonly string[]; readonly isWorking?: true }
  /** Several tables look like alembic's, and none of them is the one that a plain name means. */
  | { readonly read: 'ambiguous' }

// alembic's table has one column, version_num. Its name and schema are the application's to choose.
const FIND_TABLE = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid = to_regclass('alembic_version') AS visible
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%'
    AND (SELECT array_agg(a.attname::text) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) = ARRAY['version_num']`

/** Sessions of alembic as we start it, by PGAPPNAME: this role's own are always visible to it (pg_stat_activity). */
const AT_WORK = `
  SELECT 1 FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND application_name = 'signoff' LIMIT 1`

/** Reads what alembic has noted in a database, with one short connection. */
export async function readRevisions(
  address: DatabaseAddress,
  sslMode: string | undefined,
): Promise<DirectAnswer<RevisionsRead>> {
  return readDirectly(address, sslMode, async (client): Promise<RevisionsRead> => {
    const { rows: tables } = await client.query<{ name: string; visible: boolean | null }>(FIND_TABLE)
    const table = tables.find((one) => one.visible === true) ?? (tables.length === 1 ? tables[0] : undefined)
    const atWork = (await client.query(AT_WORK)).rows.length > 0
    const working = atWork ? ({ isWorking: true } as const) : {}
    if (table === undefined) {
      return tables.length === 0 ? { read: 'revisions', revisions: [], ...working } : { read: 'ambiguous' }
    }
    const { rows } = await client.query<{ version_num: string }>(`SELECT version_num FROM ${table.name} ORDER BY 1`)
    return { read: 'revisions', revisions: rows.map((row) => row.version_num), ...working }
  })
}
