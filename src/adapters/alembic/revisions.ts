import pg from 'pg'
import type { Backend } from '../../release/ports/migrator.ts'
import type { DatabaseAddress } from './database-url.ts'
import { type DirectAnswer, readDirectly } from './direct.ts'
import type { VersionTable } from './status-answer.ts'

export interface RevisionsRead {
  readonly revisions: readonly string[]
  readonly isWorking?: true
}

/** The sessions that our upgrades have told, or that bear their PGAPPNAME. A role always sees its own in pg_stat_activity. */
const AT_WORK = `
  SELECT 1 FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND usename = current_user
    AND (application_name = 'signoff' OR (pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
      IN (SELECT * FROM unnest($1::int[], $2::text[]))) LIMIT 1`

const INVALID_INDEXES = `
  SELECT indexrelid::regclass::text AS name FROM pg_catalog.pg_index WHERE NOT indisvalid ORDER BY 1 LIMIT 100`

/** The names of indexes that an interrupted or failed build has left behind. */
export async function readInvalidIndexes(
  address: DatabaseAddress,
  sslMode: string | undefined,
): Promise<DirectAnswer<readonly string[]>> {
  return readDirectly(address, sslMode, async (client) => {
    const { rows } = await client.query<{ name: string }>(INVALID_INDEXES)
    return rows.map(({ name }) => name)
  })
}

/** Reads alembic's revisions from this table with one short connection; none if the table does not exist yet. */
export async function readRevisions(
  address: DatabaseAddress,
  sslMode: string | undefined,
  { schema, name }: VersionTable,
  backends: readonly Backend[],
): Promise<DirectAnswer<RevisionsRead>> {
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
  return readDirectly(address, sslMode, async (client): Promise<RevisionsRead> => {
    const told = [backends.map(({ pid }) => pid), backends.map(({ startedAt }) => startedAt)]
    const isWorking = (await client.query(AT_WORK, told)).rows.length > 0
    const { rows: there } = await client.query<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', [table])
    const { rows } = there[0]?.is
      ? await client.query<{ version_num: string }>(`SELECT version_num FROM ${table} ORDER BY 1`)
      : { rows: [] }
    return { revisions: rows.map((row) => row.version_num), ...(isWorking && { isWorking }) }
  })
}
