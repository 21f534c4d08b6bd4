/** Opens the ports of a process: health and metrics, and Slack's requests in HTTP mode. */
import type { RequestListener } from 'node:http'
import { defined } from '../lib/defined.ts'
import { type HealthOptions, requestsOnly, startHealthServer } from '../operations/health.ts'
import { type HttpServer, startHttpServer } from '../operations/http-server.ts'

export interface Listening {
  /** The port of Slack's requests in HTTP mode; otherwise that of health and metrics. */
  readonly port: number
  readonly healthPort: number
  close(): Promise<void>
}

interface Ports {
  readonly port: number
  /** Set: health and metrics are there alone, and `port` is opened only for Slack's requests. */
  readonly healthPort?: number
}

/** Throws what to do where a port can't be opened, after closing what was opened. */
export async function startListening(
  { port, healthPort }: Ports,
  { requests, ...health }: Omit<HealthOptions, 'fallback'> & { readonly requests?: RequestListener },
): Promise<Listening> {
  const fallback = requests
  if (healthPort === undefined) {
    const server = await named('PORT', port, startHealthServer({ port, ...health, ...defined({ fallback }) }))
    return { port: server.port, healthPort: server.port, close: server.close }
  }
  const own = await named('HEALTH_PORT', healthPort, startHealthServer({ port: healthPort, ...health }))
  if (requests === undefined) return { port: own.port, healthPort: own.port, close: own.close }
  try {
    const server = await named('PORT', port, startHttpServer(port, requestsOnly(requests)))
    const close = async () => void (await Promise.all([server.close(), own.close()]))
    return { port: server.port, healthPort: own.port, close }
  } catch (error) {
    await own.close()
    throw error
  }
}

function named(setting: string, port: number, opened: Promise<HttpServer>): Promise<HttpServer> {
  return opened.catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === 'EADDRINUSE'
        ? 'is used by another program'
        : error.code === 'EACCES'
          ? 'needs rights that this user lacks'
          : `can't be used (${error.code})`
    throw new Error(`${setting} ${port} ${why}. Check whether Signoff already runs here, or set another ${setting}.`, {
      cause: error,
    })
  })
}
