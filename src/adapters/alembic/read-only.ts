import pg from 'pg'
import type { DatabaseAddress } from './database-url.ts'
import { readDirectly } from './direct.ts'

const MOST_ROWS = 10_000
const MOST_BYTES = 16 * 1024 * 1024
const MOST_QUERIES = 2000

/** For one query, and for its locks. */
const LIMITS = "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'"
/** The forms in which values are read back. */
const FORMS = "SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'"

export type Answer =
  | {
      readonly kind: 'rows'
      readonly columns: readonly [string, number][]
      readonly rows: readonly (string | null)[][]
    }
  /** Postgres's own message. */
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'refused'; readonly why: string }

export interface ReadOnlyDatabase {
  /** Runs one query in a read-only transaction of its own, with these settings, and rolls it back. Never throws. */
  query(sql: string, settings: ReadonlyMap<string, string>): Promise<Answer>
  close(): Promise<void>
}

/** Connects when the first query comes. */
export function openReadOnly(address: DatabaseAddress, sslMode: string | undefined): ReadOnlyDatabase {
  let opened: Promise<pg.Client | { problem: string }> | undefined
  let close: () => void = () => undefined
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })
  let ended: Promise<unknown> = Promise.resolve()
  let queries = 0
  const connect = () =>
    new Promise<pg.Client | { problem: string }>((resolve) => {
      ended = readDirectly(address, sslMode, async (client) => {
        limitBytes(client)
        resolve(client)
        await closed
      }).then((answer) => {
        if (answer.read === 'failed') resolve({ problem: answer.detail })
      })
    })
  return {
    async query(sql, settings) {
      opened ??= connect()
      const client = await opened
      if ('problem' in client)
        return { kind: 'refused', why: `Signoff can't read the database for it: ${client.problem}` }
      queries += 1
      if (queries > MOST_QUERIES)
        return { kind: 'refused', why: `it asks the database more than ${MOST_QUERIES} times` }
      return answer(client, sql, settings)
    },
    async close() {
      close()
      await ended
    },
  }
}

async function answer(client: pg.Client, sql: string, settings: ReadonlyMap<string, string>): Promise<Answer> {
  const wanted = [...settings].map(([name, value]) => {
    const form = name === 'search_path' ? value : pg.escapeLiteral(value)
    return `SET LOCAL ${pg.escapeIdentifier(name)} = ${form}`
  })
  try {
    await client.query(['BEGIN READ ONLY', ...wanted, LIMITS, FORMS].join('; '))
    const { fields, rows } = await client.query<(string | null)[]>({
      text: sql,
      rowMode: 'array',
      // The extended protocol takes one statement only, whatever the text is.
      queryMode: 'extended',
      types: { getTypeParser: () => (text: string) => text },
    } as pg.QueryArrayConfig)
    if (rows.length > MOST_ROWS) return { kind: 'refused', why: `it reads more than ${MOST_ROWS} rows` }
    return { kind: 'rows', columns: fields.map(({ name, dataTypeID }) => [name, dataTypeID]), rows }
  } catch (error) {
    return problemOf(error)
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

/** A query that returns at most one row more than a preview reads. */
export function limited(sql: string): string {
  return `SELECT * FROM (${sql.replace(/;\s*$/, '')}\n) AS "query" LIMIT ${MOST_ROWS + 1}`
}

function problemOf(error: unknown): Answer {
  const message = error instanceof Error ? error.message || error.name : 'no reason given'
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === '57014')
    return { kind: 'refused', why: 'it asks the database something that takes longer than five seconds' }
  if (code === '55P03') return { kind: 'refused', why: 'it reads a table that is locked now' }
  if (code === '25006') return { kind: 'refused', why: 'it asks for something that changes the database' }
  // Without a code it is the connection's.
  if (code === '' || /^E[A-Z]+$/.test(code))
    return { kind: 'refused', why: `it reads the database, which gave no answer` }
  return { kind: 'error', message }
}

/** Ends the connection when a query's answer is too large, before it is all in memory. */
function limitBytes(client: pg.Client): void {
  const { connection } = client as unknown as { connection?: { stream?: NodeJS.ReadableStream & { destroy(): void } } }
  const stream = connection?.stream
  let bytes = 0
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MOST_BYTES) stream.destroy()
  })
}
