import pg from 'pg'
import type { DatabaseAddress } from './database-url.ts'

export type DirectAnswer<T> =
  | { readonly read: 'done'; readonly value: T }
  | { readonly read: 'failed'; readonly why: 'database unreachable' | 'database refused'; readonly detail: string }

const TIME_LIMIT_MS = 5000

/** Calls `read` with one short connection. Returns the database's errors as values. */
export async function readDirectly<T>(
  address: DatabaseAddress,
  sslMode: string | undefined,
  work: (client: pg.Client) => Promise<T>,
): Promise<DirectAnswer<T>> {
  const mode = address.query.sslmode ?? sslMode ?? 'prefer'
  if (mode !== 'prefer') return attempt(address, tlsFor(mode), work)
  // libpq's default: TLS if the server supports it.
  const encrypted = await attempt(address, tlsFor('require'), work)
  const plainOnly = encrypted.read === 'failed' && encrypted.detail.includes('does not support SSL')
  return plainOnly ? attempt(address, false, work) : encrypted
}

function tlsFor(mode: string): false | { rejectUnauthorized: boolean } {
  return mode === 'disable' || mode === 'allow' ? false : { rejectUnauthorized: mode.startsWith('verify') }
}

async function attempt<T>(
  address: DatabaseAddress,
  tls: false | { rejectUnauthorized: boolean },
  work: (client: pg.Client) => Promise<T>,
): Promise<DirectAnswer<T>> {
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.name,
    user: address.user,
    password: address.password ?? '',
    ssl: address.host.startsWith('/') ? false : tls,
    application_name: 'signoff look',
    ...(address.query.options !== undefined && { options: address.query.options }),
    connectionTimeoutMillis: TIME_LIMIT_MS,
    query_timeout: TIME_LIMIT_MS,
  })
  // Without a handler, an error of an idle connection would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return { read: 'done', value: await work(client) }
  } catch (error) {
    const message = error instanceof Error ? error.message || error.name : 'no reason given'
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
    // Classes 28 (not authorized), 3D (no such database), 42501 (no privilege). Encryption that is demanded and not there.
    const refused = /^(28|3D|42501)/.test(code) || /does not support SSL|certificate|self.signed/i.test(message)
    const detail = code === '' || message.includes(code) ? message : `${message} (${code})`
    return { read: 'failed', why: refused ? 'database refused' : 'database unreachable', detail }
  } finally {
    await client.end().catch(() => undefined)
  }
}
