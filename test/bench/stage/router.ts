/**
 * The stand-ins of several apps, each with its own Bitbucket and Heroku, behind the two addresses that a Signoff knows.
 * Addresses in answers are made the router's own. git goes to each stand-in directly.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Workplace } from './workplace.ts'

export interface Router {
  /** For BITBUCKET_API_URL and HEROKU_API_URL. All stand-ins have the same credentials. */
  readonly bitbucketUrl: string
  readonly herokuUrl: string
  close(): Promise<void>
}

export async function routeToServices(workplaces: readonly Workplace[]): Promise<Router> {
  const bitbuckets = new Map(workplaces.map((each) => [each.name, new URL(each.bitbucket.apiUrl).origin]))
  const herokus = new Map(
    workplaces.flatMap((each) => Object.values(each.herokuApps).map((app) => [app, each.heroku.apiUrl] as const)),
  )
  const bitbucket = await route(bitbuckets, /^\/2\.0\/repositories\/[^/]+\/([^/?]+)/)
  const heroku = await route(herokus, /^\/apps\/([^/?]+)/)
  return {
    bitbucketUrl: `${originOf(bitbucket)}/2.0`,
    herokuUrl: originOf(heroku),
    async close() {
      for (const server of [bitbucket, heroku]) {
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeAllConnections()
        await closed
      }
    },
  }
}

const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** By the name in the path; what has none goes to the first. */
async function route(targets: ReadonlyMap<string, string>, name: RegExp): Promise<Server> {
  const [first] = targets.values()
  const server = createServer((incoming, response) => {
    const target = targets.get(name.exec(incoming.url ?? '')?.[1] ?? '') ?? first
    if (target === undefined) response.writeHead(404).end()
    else pass(target, originOf(server), incoming, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
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
