import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

export type ReceivedWebhook = {
  id: string
  type: string
  /** What it is about: `#12 api production`, or a lock's environment. */
  about: string
  /** The body as it came. */
  body: string
}

export type WebhookReceiver = {
  url: string
  secret: string
  /** Newest first, each once however often it came. */
  received(): readonly ReceivedWebhook[]
  close(): Promise<void>
}

const MOST_KEPT = 30

/**
 * A receiver as a team would write one: it verifies each webhook, answers, and remembers what it has handled. It refuses what
 * it can't verify.
 */
export async function startWebhookReceiver(options: { port: number; onChange: () => void }): Promise<WebhookReceiver> {
  const secret = `whsec_${Buffer.from('the webhook secret of a sandbox').toString('base64')}`
  const webhook = new Webhook(secret)
  const received: ReceivedWebhook[] = []
  const server = createServer(async (request, response) => {
    try {
      const body = await text(request)
      const { type, data } = webhook.verify(body, request.headers as Record<string, string>) as Body
      const id = String(request.headers['webhook-id'])
      if (!received.some((one) => one.id === id)) {
        received.unshift({ id, type, about: aboutOf(data), body })
        received.splice(MOST_KEPT)
        options.onChange()
      }
      response.writeHead(204).end()
    } catch {
      response.writeHead(401).end()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    secret,
    received: () => received,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

type Place = { app: string | null; environment: string | null }
type Body = { type: string; data: { release?: Place & { number: number }; lock?: Place } }

function aboutOf({ release, lock }: Body['data']): string {
  const { app, environment } = release ?? lock ?? { app: null, environment: null }
  const place = app === null ? 'all environments' : `${app} ${environment}`
  return release === undefined ? place : `#${release.number} ${place}`
}
