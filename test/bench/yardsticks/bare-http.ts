/**
 * What any receiver of Slack's requests does at least: node:http, the same check of the signature, an answer. With a store's
 * address, one insert before the answer: bare-http.ts [store].
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'

const [store] = process.argv.slice(2)
const secret = process.env.SLACK_SIGNING_SECRET ?? ''
const pool = store === undefined ? undefined : new pg.Pool({ connectionString: store, max: 8 })
if (pool) await pool.query('create table if not exists received (id text primary key, payload json)')

const FIVE_MINUTES_S = 300

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString('utf8')
  const timestamp = String(request.headers['x-slack-request-timestamp'])
  const expected = Buffer.from(`v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`)
  const given = Buffer.from(String(request.headers['x-slack-signature']))
  const isRecent = Math.abs(Date.now() / 1_000 - Number(timestamp)) < FIVE_MINUTES_S
  if (!isRecent || given.length !== expected.length || !timingSafeEqual(given, expected)) {
    response.writeHead(401).end()
    return
  }
  const fields = Object.fromEntries(new URLSearchParams(body))
  if (pool) {
    const values = [fields.trigger_id, JSON.stringify(fields)]
    await pool.query('insert into received (id, payload) values ($1, $2) on conflict do nothing', values)
  }
  response.writeHead(200, { 'content-length': '0' }).end()
})
server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`))
