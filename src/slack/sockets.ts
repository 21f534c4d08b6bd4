/**
 * Two connections to Slack in Socket Mode. Slack renews each every few hours, and the client is without that connection for
 * some seconds; Slack does not repeat a press that it could not deliver meanwhile. It gives each delivery to one of the
 * connections that are open, so the second takes what comes during the renewal of the first.
 */
import { type Logger, LogLevel, SocketModeClient } from '@slack/socket-mode'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import type { Deliver } from './http-receiver.ts'
import type { DeliveryLog } from './outbox/sending.ts'
import { keepReconnecting } from './reconnecting.ts'

export interface SocketSettings {
  readonly appToken: string
  readonly apiUrl: string
  /** Receives what arrives at either. */
  readonly deliver: Deliver
  readonly log: DeliveryLog
  /** How long a connection is away when Slack renews it; by default the client's ping timeout. */
  readonly pingTimeoutMs?: number
  /** The time between the two starts, and so between their renewals. */
  readonly apartMs?: number
  /** Whether other bots may share our store, and so our app. */
  readonly isStoreShared?: boolean
}

export interface Sockets {
  /** Opens the first connection, and the second a while later. Rejects where Slack refuses the first. */
  start(): Promise<void>
  isConnected(): boolean
  stop(): Promise<void>
}

/** Slack renews a connection by its age: two of the same age would be away together. */
const APART_MS = 60_000
const TRY_AGAIN_MS = 30_000
/** Slack may still count a connection of ours that it is renewing. */
const RENEWED_AT_ONCE = 1

export function createSockets(settings: SocketSettings): Sockets {
  const { log, apartMs = APART_MS, isStoreShared = false } = settings
  const ending = new AbortController()
  const open = new Set<SocketModeClient>()
  const clients = [clientOf(settings), clientOf(settings)] as const
  for (const client of clients) {
    client.on('connected', () => open.add(client))
    for (const event of ['disconnected', 'reconnecting', 'close'] as const) {
      client.on(event, () => open.delete(client))
    }
    // After the client's own listener, so that this connection is counted among the open ones.
    client.on('ws_message', (data: unknown) => {
      const connections = connectionsIn(data)
      if (connections !== undefined && open.size === clients.length) compare(connections)
    })
    keepReconnecting(client, {
      stopping: ending.signal,
      failed: (err) => log.warn({ err }, 'the connection to Slack could not be renewed'),
    })
  }
  const [first, second] = clients

  /** Slack's `hello` tells how many connections the app has; only a second Signoff with a store of its own is a mistake. */
  function compare(connections: number): void {
    const fields = { connections, ours: open.size }
    if (connections <= open.size + RENEWED_AT_ONCE) return
    if (isStoreShared)
      log.info(fields, 'other connections to this Slack app are open: those of other bots on this store')
    else log.warn(fields, ANOTHER_SIGNOFF)
  }

  async function startSecond(): Promise<void> {
    await CLOCK.sleep(apartMs, ending.signal)
    while (!ending.signal.aborted) {
      try {
        await second.start()
        return
      } catch (err) {
        if (ending.signal.aborted) return
        log.warn({ err }, 'the second connection to Slack could not be opened')
        await CLOCK.sleep(TRY_AGAIN_MS, ending.signal)
      }
    }
  }

  let starting: Promise<void> = Promise.resolve()
  return {
    async start() {
      await first.start()
      starting = startSecond()
    },
    isConnected: () => open.size > 0,
    async stop() {
      ending.abort()
      await starting
      for (const client of clients) void client.disconnect()
      open.clear()
    },
  }
}

const ANOTHER_SIGNOFF =
  'another program is connected to this Slack app and takes some of the commands and presses. Stop the other Signoff, or give both the same STORE_URL; ignore this if Signoff was restarted just now'

/** How many connections the app has, as Slack says in its `hello`; undefined for other messages. */
function connectionsIn(data: unknown): number | undefined {
  const text = typeof data === 'string' ? data : data instanceof Uint8Array ? Buffer.from(data).toString() : ''
  if (!text.includes('"hello"')) return undefined
  try {
    const message: { type?: unknown; num_connections?: unknown } = JSON.parse(text)
    return message.type === 'hello' && typeof message.num_connections === 'number' ? message.num_connections : undefined
  } catch {
    return undefined
  }
}

/** The part of an envelope that matters here. */
interface Envelope {
  readonly body: unknown
  readonly ack: (response?: object) => Promise<void>
}

function clientOf({ appToken, apiUrl, log, deliver, pingTimeoutMs }: SocketSettings): SocketModeClient {
  const client = new SocketModeClient({
    appToken,
    logger: quietLogger(log),
    clientOptions: { slackApiUrl: apiUrl },
    ...defined({ clientPingTimeout: pingTimeoutMs }),
  })
  client.on('slack_event', ({ body, ack }: Envelope) => {
    deliver(body, ack).catch((err: unknown) => log.error({ err }, 'a delivery from Slack could not be handled'))
  })
  return client
}

/** Sends the client's own messages to our log, and never payloads or tokens. */
function quietLogger(log: DeliveryLog): Logger {
  const words = (parts: unknown[]) =>
    parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ')
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (...parts) => log.warn({ from: 'socket-mode' }, words(parts)),
    error: (...parts) => log.error({ from: 'socket-mode' }, words(parts)),
    setLevel: () => undefined,
    getLevel: () => LogLevel.WARN,
    setName: () => undefined,
  }
}
