/** A receiver of webhooks on this machine, as a team would have one: it verifies what comes, and answers as a test says. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly id: string
  readonly raw: string
  readonly body: {
    readonly type: string
    readonly timestamp: string
    readonly data: Record<string, Record<string, unknown>>
  }
  /** Which of the secrets verify it, by their place. */
  readonly verifiedBy: readonly number[]
}

/** A status, or what is done with the answer; `undefined`: 204. */
export type Answering = (
  received: Received,
  response: ServerResponse,
) => number | undefined | 'handled' | Promise<number | undefined | 'handled'>

export interface Receiver {
  readonly url: string
  /** Every request, in the order in which it came. */
  readonly received: Received[]
  answer: Answering
  close(): Promise<void>
}

/** 32 bytes, different for each letter. */
export function secretOf(letter: string): string {
  return `whsec_${Buffer.alloc(32, letter).toString('base64')}`
}

export async function startReceiver(secrets: readonly string[], path = '/signoff'): Promise<Receiver> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const raw = await text(request)
    const headers = request.headers
    const verifiedBy = secrets.flatMap((secret, place) => {
      try {
        new Webhook(secret).verify(raw, headers as Record<string, string>)
        return place
      } catch {
        return []
      }
    })
    const one: Received = {
      path: request.url ?? '',
      headers,
      id: String(headers['webhook-id']),
      raw,
      body: JSON.parse(raw),
      verifiedBy,
    }
    received.push(one)
    const status = await receiver.answer(one, response)
    if (status !== 'handled') response.writeHead(status ?? 204).end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    received,
    answer: () => undefined,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
  return receiver
}
