import { hash } from 'node:crypto'
import { Socket } from 'node:net'
import pg from 'pg'
import { settlesWithin } from '../../lib/timeout.ts'

/** Called with errors outside of any call, such as a lost connection or a handler's error. They are thrown nowhere. */
export type Report = (what: string, error: unknown) => void

/** The server's limits in ms for a query, and for an idle transaction. */
export const SERVER_LIMITS = { statement_timeout: 30_000, idle_in_transaction_session_timeout: 30_000 }

/** The interval and timeout of the heartbeat of a watched connection. */
const beatEveryMs = 5000
const beatWithinMs = 5000

/** Before the text of a statement that each connection prepares: to parse and plan it takes longer than to run it. */
export const PREPARED = '/* prepared */'

/** A client that prepares the statements that are marked so, each once, by a name of its text. */
export class PreparingClient extends pg.Client {
  readonly #names = new Map<string, string>()

  override query = ((text: unknown, ...given: unknown[]): unknown => {
    const query = pg.Client.prototype.query as (...given: unknown[]) => unknown
    if (typeof text !== 'string' || !text.includes(PREPARED)) return query.call(this, text, ...given)
    const name = this.#names.get(text) ?? hash('sha256', text).slice(0, 32)
    this.#names.set(text, name)
    const [values, ...rest] = given
    return query.call(this, { name, text, values }, ...rest)
  }) as pg.Client['query']
}

export interface WatchedConnection {
  readonly client: pg.Client
  /** One statement, after those before it. Rejects when the connection is lost. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<Row>>
  /** Aborts when the connection ends other than by `close`, or when a heartbeat fails. */
  readonly lost: AbortSignal
  close(): Promise<void>
}

/**
 * A dedicated connection for features of a session (locks, LISTEN). If the other side is gone silently, we notice within
 * about 10 s, and the server within 20 s, when it frees the locks.
 */
export async function openWatched(config: pg.ClientConfig): Promise<WatchedConnection> {
  const socket = new Socket()
  const client = new pg.Client({ ...config, stream: () => socket, keepAlive: true, keepAliveInitialDelayMillis: 5000 })
  const lost = new AbortController()
  const lose = (error?: Error) => {
    lost.abort(error ?? new Error('The connection to the store has ended.'))
    // Rejects pending queries.
    socket.destroy()
  }
  client.on('error', lose)
  client.on('end', () => lose())
  try {
    await client.connect()
    // No effect on a unix socket, whose other side can't vanish silently.
    await client.query(
      'set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; set idle_session_timeout = 0',
    )
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  // One after another, because pg gives up its own queue of statements.
  let before: Promise<unknown> = Promise.resolve()
  const query = <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
    const answer = before.then(() => client.query<Row>(text, [...values]))
    before = answer.catch(() => undefined)
    return answer
  }
  let answer: NodeJS.Timeout | undefined
  const beat = setInterval(() => {
    if (answer !== undefined) return
    answer = setTimeout(() => lose(new Error('The store does not answer (no heartbeat).')), beatWithinMs)
    query('select 1').then(
      () => {
        clearTimeout(answer)
        answer = undefined
      },
      (error: Error) => lose(error),
    )
  }, beatEveryMs)
  const still = () => {
    clearInterval(beat)
    clearTimeout(answer)
  }
  lost.signal.addEventListener('abort', still, { once: true })
  return {
    client,
    query,
    lost: lost.signal,
    close: async () => {
      still()
      client.removeAllListeners('end')
      if (!lost.signal.aborted) await settlesWithin(1000, client.end()).catch(() => undefined)
      socket.destroy()
    },
  }
}

/**
 * A socket that is closed after `silentMs` without data, so that pending queries fail. Without it a query waits for the
 * operating system's timeout, which can take 15 minutes.
 */
export function cutWhenSilent(silentMs: number): Socket {
  const socket = new Socket()
  return socket.setTimeout(silentMs, () => socket.destroy(new Error('The store does not answer (no heartbeat).')))
}
