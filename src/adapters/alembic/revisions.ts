import pg from 'pg'
import type { DatabaseAddress } from './database-url.ts'
import { type DirectAnswer, readDirectly } from './direct.ts'
import type { VersionTable } from './status-answer.ts'

export interface RevisionsRead {
  readonly revisions: readonly string[]
  readonly isWorking?: true
}

/** The PGAPPNAME of our upgrades. A role always sees its own sessions in pg_stat_activity. */
const AT_WORK = `
  SELECT 1 FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND application_name = 'signoff' LIMIT 1`

/** Reads alembic's revisions from this table with one short connection; none if the table does not exist yet. */
export async function readRevisions(
  address: DatabaseAddress,
  sslMode: string | undefined,
  { schema, name }: VersionTable,
): Promise<DirectAnswer<RevisionsRead>> {
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
  return readDirectly(address, sslMode, async (client): Promise<RevisionsRead> => {
    const isWorking = (await client.query(AT_WORK)).rows.length > 0
    const { rows: there } = await client.query<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', [table])
    const { rows } = there[0]?.is
      ? await client.query<{ version_num: string }>(`SELECT version_num FROM ${table} ORDER BY 1`)
      : { rows: [] }
    return { revisions: rows.map((row) => row.version_num), ...(isWorking && { isWorking }) }
  })
}
