import { CLOCK } from '../lib/clock.ts'

/** The part of Slack's socket client that matters here. Its own reconnect calls `start` and catches nothing (3.1.0). */
export interface SocketClient<Opened> {
  start(): Promise<Opened>
}

const TRY_AGAIN_MS = 5_000

/**
 * Makes a socket client reconnect until it succeeds: otherwise a failed reconnect ends the process by an unhandled
 * rejection, or leaves the bot without a connection. The first start still rejects, so that wrong tokens are reported at
 * once. After `stopping` has aborted nothing is tried again.
 */
export function keepReconnecting<Opened>(
  client: SocketClient<Opened | undefined>,
  {
    stopping,
    failed,
    againMs = TRY_AGAIN_MS,
  }: { stopping: AbortSignal; failed: (error: unknown) => void; againMs?: number },
): void {
  const start = client.start.bind(client)
  let isFirst = true
  client.start = async () => {
    if (isFirst) {
      isFirst = false
      return start()
    }
    while (!stopping.aborted) {
      try {
        return await start()
      } catch (error) {
        if (stopping.aborted) break
        failed(error)
        await CLOCK.sleep(againMs, stopping)
      }
    }
    return undefined
  }
}
