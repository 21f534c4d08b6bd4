/**
 * Several Bitbucket stand-ins, each with its own repository, behind the one address that a Signoff knows. Addresses in answers
 * are made the router's own. git goes to each stand-in directly.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Bitbucket } from '../../../src/sandbox/bitbucket/bitbucket.ts'
import { closedAtTheEnd } from './closing.ts'

/** Gives the address for BITBUCKET_API_URL. All stand-ins have the same token. */
export async function routeToBitbuckets(
  bitbuckets: ReadonlyMap<string, Bitbucket>,
): Promise<{ apiUrl: string; close(): Promise<void> }> {
  const server = createServer((incoming, response) => {
    const repository = /^\/2\.0\/repositories\/([^/?]+\/[^/?]+)/.exec(incoming.url ?? '')?.[1]
    const [first] = bitbuckets.values()
    const to = bitbuckets.get(repository ?? '') ?? first
    if (to === undefined) response.writeHead(404).end()
    else pass(new URL(to.apiUrl).origin, `http://127.0.0.1:${portOf()}`, incoming, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const portOf = () => (server.address() as AddressInfo).port
  const close = closedAtTheEnd(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return { apiUrl: `http://127.0.0.1:${portOf()}/2.0`, close }
}

function pass(target: string, ours: string, incoming: IncomingMessage, response: ServerResponse): void {
  const headers = { ...incoming.headers, host: new URL(target).host }
  const outgoing = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers }, (answer) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk: Buffer) => chunks.push(chunk))
    answer.on('end', () => {
      const body = Buffer.from(Buffer.concat(chunks).toString('utf8').replaceAll(target, ours))
      const { 'transfer-encoding': _chunked, ...rest } = answer.headers
      response.writeHead(answer.statusCode ?? 502, { ...rest, 'content-length': String(body.length) }).end(body)
    })
  })
  outgoing.once('error', () => response.destroy())
  incoming.pipe(outgoing)
}
