/**
 * Two connections to Slack in Socket Mode. Slack renews each every few hours, and the client is without that connection for
 * some seconds; Slack does not repeat a press that it could not deliver meanwhile. It gives each delivery to one of the
 * connections that are open, so the second takes what comes during the renewal of the first.
 */
import { type App, type Logger, SocketModeReceiver } from '@slack/bolt'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import type { DeliveryLog } from './outbox/sending.ts'
import { keepReconnecting } from './reconnecting.ts'

export interface SocketSettings {
  readonly appToken: string
  readonly apiUrl: string
  readonly logger: Logger
  readonly log: DeliveryLog
  /** How long a connection is away when Slack renews it; by default Bolt's ping timeout. */
  readonly pingTimeoutMs?: number
  /** The time between the two starts, and so between their renewals. */
  readonly apartMs?: number
  /** Whether other bots may share our store, and so our app. */
  readonly isStoreShared?: boolean
}

export interface Sockets {
  /** For the app, which handles what arrives at either. */
  readonly first: SocketModeReceiver
  /** Opens the first connection, and the second a while later. Rejects where Slack refuses the first. */
  start(app: App): Promise<void>
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
  const open = new Set<SocketModeReceiver>()
  const receivers = [receiverOf(settings), receiverOf(settings)] as const
  for (const receiver of receivers) {
    receiver.client.on('connected', () => open.add(receiver))
    for (const event of ['disconnected', 'reconnecting', 'close'] as const) {
      receiver.client.on(event, () => open.delete(receiver))
    }
    // After Bolt's own listener, so that this connection is counted among the open ones.
    receiver.client.on('ws_message', (data: unknown) => {
      const connections = connectionsIn(data)
      if (connections !== undefined && open.size === receivers.length) compare(connections)
    })
    keepReconnecting(receiver.client, {
      stopping: ending.signal,
      failed: (err) => log.warn({ err }, 'the connection to Slack could not be renewed'),
    })
  }
  const [first, second] = receivers

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
    first,
    async start(app) {
      second.init(app)
      await first.start()
      starting = startSecond()
    },
    isConnected: () => open.size > 0,
    async stop() {
      ending.abort()
      await starting
      await Promise.all(receivers.map((receiver) => receiver.stop()))
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

function receiverOf({ appToken, apiUrl, logger, pingTimeoutMs }: SocketSettings): SocketModeReceiver {
  return new SocketModeReceiver({
    appToken,
    logger,
    installerOptions: { clientOptions: { slackApiUrl: apiUrl } },
    ...defined({ clientPingTimeout: pingTimeoutMs }),
  })
}
