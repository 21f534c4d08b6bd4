/**
 * Hubot with a route that checks Slack's signature and answers: hubot.ts <checkout>. Its parser drops the body as it came, so
 * the route makes it again. Hubot is not among our dependencies; the checkout is a directory with node_modules/hubot.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createRequire } from 'node:module'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Robot {
  readonly router: { post(path: string, handle: (request: Asked, response: Answered) => void): void }
  readonly server: Server
  setupExpress(): Promise<void>
}
type Asked = { body: Record<string, string>; headers: Record<string, string | undefined> }
type Answered = { status(code: number): Answered; end(): void }

const [checkout = ''] = process.argv.slice(2)
const secret = process.env.SLACK_SIGNING_SECRET ?? ''
process.env.PORT = '0'
process.env.EXPRESS_BIND_ADDRESS = '127.0.0.1'
const found = createRequire(join(checkout, 'index.js')).resolve('hubot')
const hubot = (await import(pathToFileURL(found).href)) as {
  default?: { Robot: new (adapter: string, http: boolean, name: string) => Robot }
}
if (hubot.default === undefined) throw new Error(`${found} is no Hubot that this yardstick knows`)
const robot = new hubot.default.Robot('Shell', true, 'bench')
await robot.setupExpress()
robot.router.post('/slack/events', ({ body, headers }, response) => {
  const again = new URLSearchParams(body).toString()
  const signed = `v0:${headers['x-slack-request-timestamp']}:${again}`
  const expected = Buffer.from(`v0=${createHmac('sha256', secret).update(signed).digest('hex')}`)
  const given = Buffer.from(headers['x-slack-signature'] ?? '')
  const isRight = given.length === expected.length && timingSafeEqual(given, expected)
  response.status(isRight ? 200 : 401).end()
})
console.log(`listening on ${(robot.server.address() as AddressInfo).port}`)
