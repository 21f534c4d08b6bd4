import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type SwitchableServer = {
  port: number
  /** `http://127.0.0.1:<port>`; the same after `down()` and `up()`. */
  origin: string
  /** Refuses new connections and breaks open ones. Safe to repeat. */
  down(): Promise<void>
  /** Listens again on the same port. Safe to repeat. */
  up(): Promise<void>
}

/** Starts an HTTP server on 127.0.0.1 that can go down and come back. Port 0, the default, takes any free port. */
export async function startSwitchableServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  port = 0,
): Promise<SwitchableServer> {
  const server = createServer(handle)
  server.keepAliveTimeout = 60_000
  server.requestTimeout = 0

  const listen = (on: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(on, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })

  await listen(port)
  const bound = (server.address() as AddressInfo).port
  return {
    port: bound,
    origin: `http://127.0.0.1:${bound}`,
    async down() {
      if (!server.listening) return
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
    async up() {
      if (!server.listening) await listen(bound)
    },
  }
}
