import { Socket } from 'node:net'
import pg from 'pg'
import { settlesWithin } from '../../lib/timeout.ts'

/** What went wrong beside any call: a lost connection, a handler's error. Nothing of it is thrown anywhere. */
export type Report = (what: string, error: unknown) => void

/** How often a connection that must not be lost unnoticed is asked for a sign of life, and how long it may take. */
const beatEveryMs = 3000
const beatWithinMs = 5000

export interface WatchedConnection {
  readonly client: pg.Client
  /** Aborts when the connection has ended, other than by `close`, or gives no sign of life. */
  readonly lost: AbortSignal
  close(): Promise<void>
}

/**
 * A connection of its own, for what lives in a session (locks, LISTEN). Both sides notice within about 10 s (we) and
 * 20 s (the server, which then frees its locks) when the other is gone without a word.
 */
export async function openWatched(config: pg.ClientConfig): Promise<WatchedConnection> {
  const socket = new Socket()
  const client = new pg.Client({ ...config, stream: () => socket, keepAlive: true, keepAliveInitialDelayMillis: 5000 })
  const lost = new AbortController()
  const lose = (error?: Error) => {
    lost.abort(error ?? new Error('The connection to the store has ended.'))
    // What waits for an answer is told so.
    socket.destroy()
  }
  client.on('error', lose)
  client.on('end', () => lose())
  try {
    await client.connect()
    // Nothing to a unix socket, where the other side can't vanish.
    await client.query(
      'set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; set idle_session_timeout = 0',
    )
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  let answer: NodeJS.Timeout | undefined
  const beat = setInterval(() => {
    if (answer !== undefined) return
    answer = setTimeout(() => lose(new Error('The store gives no sign of life.')), beatWithinMs)
    client.query('select 1').then(
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
 * The socket of a connection that is never silent for so long while it is used: cut then, so that whoever waits for an answer is
 * told. Without it a query waits until the system gives up, which can take a quarter of an hour.
 */
export function cutWhenSilent(silentMs: number): Socket {
  const socket = new Socket()
  return socket.setTimeout(silentMs, () => socket.destroy(new Error('The store gives no sign of life.')))
}
