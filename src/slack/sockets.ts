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

export function createSockets(settings: SocketSettings): Sockets {
  const { log, apartMs = APART_MS } = settings
  const ending = new AbortController()
  const open = new Set<SocketModeReceiver>()
  const receivers = [receiverOf(settings), receiverOf(settings)] as const
  for (const receiver of receivers) {
    receiver.client.on('connected', () => open.add(receiver))
    for (const event of ['disconnected', 'reconnecting', 'close'] as const) {
      receiver.client.on(event, () => open.delete(receiver))
    }
    keepReconnecting(receiver.client, {
      stopping: ending.signal,
      failed: (err) => log.warn({ err }, 'the connection to Slack could not be renewed'),
    })
  }
  const [first, second] = receivers

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

function receiverOf({ appToken, apiUrl, logger, pingTimeoutMs }: SocketSettings): SocketModeReceiver {
  return new SocketModeReceiver({
    appToken,
    logger,
    installerOptions: { clientOptions: { slackApiUrl: apiUrl } },
    ...defined({ clientPingTimeout: pingTimeoutMs }),
  })
}
