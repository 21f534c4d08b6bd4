import pg from 'pg'
import type { DatabaseAddress } from './database-url.ts'

export type RevisionsRead =
  | { readonly read: 'revisions'; readonly revisions: readonly string[]; readonly isWorking?: true }
  /** Several tables look like alembic's, and none of them is the one that a plain name means. */
  | { readonly read: 'ambiguous' }
  | { readonly read: 'failed'; readonly why: 'database unreachable' | 'database refused'; readonly detail: string }

const TIME_LIMIT_MS = 5000

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
export async function readRevisions(address: DatabaseAddress, sslMode: string | undefined): Promise<RevisionsRead> {
  const mode = address.query.sslmode ?? sslMode ?? 'prefer'
  if (mode !== 'prefer') return attempt(address, tlsFor(mode))
  // As libpq does when nothing is said: with TLS where the server has it.
  const encrypted = await attempt(address, tlsFor('require'))
  const plainOnly = encrypted.read === 'failed' && encrypted.detail.includes('does not support SSL')
  return plainOnly ? attempt(address, false) : encrypted
}

function tlsFor(mode: string): false | { rejectUnauthorized: boolean } {
  return mode === 'disable' || mode === 'allow' ? false : { rejectUnauthorized: mode.startsWith('verify') }
}

async function attempt(address: DatabaseAddress, tls: false | { rejectUnauthorized: boolean }): Promise<RevisionsRead> {
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.name,
    user: address.user,
    password: address.password ?? '',
    ssl: address.host.startsWith('/') ? false : tls,
    application_name: 'signoff look',
    connectionTimeoutMillis: TIME_LIMIT_MS,
    query_timeout: TIME_LIMIT_MS,
  })
  // A connection that breaks while nothing is asked of it would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows: tables } = await client.query<{ name: string; visible: boolean | null }>(FIND_TABLE)
    const table = tables.find((one) => one.visible === true) ?? (tables.length === 1 ? tables[0] : undefined)
    const atWork = (await client.query(AT_WORK)).rows.length > 0
    const working = atWork ? ({ isWorking: true } as const) : {}
    if (table === undefined) {
      return tables.length === 0 ? { read: 'revisions', revisions: [], ...working } : { read: 'ambiguous' }
    }
    const { rows } = await client.query<{ version_num: string }>(`SELECT version_num FROM ${table.name} ORDER BY 1`)
    return { read: 'revisions', revisions: rows.map((row) => row.version_num), ...working }
  } catch (error) {
    const message = error instanceof Error ? error.message || error.name : 'no reason given'
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
    // Classes 28 (who may connect), 3D (no such database), 42501 (may not read).
    const refused = /^(28|3D|42501)/.test(code)
    const detail = code === '' || message.includes(code) ? message : `${message} (${code})`
    return { read: 'failed', why: refused ? 'database refused' : 'database unreachable', detail }
  } finally {
    await client.end().catch(() => undefined)
  }
}
