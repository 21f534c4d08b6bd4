/** The fault proxy itself: what it spoils is spoiled as it says, and what it does not is as it was. */
import { createServer } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type FaultProxy, type Harm, startFaultProxy } from '../support/fault-proxy.ts'

let origin = ''
let seen: string[] = []
let proxy: FaultProxy
const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text
  })
  request.on('end', () => {
    seen.push(`${request.method} ${request.url} ${body}`)
    const said = JSON.stringify({ next: `${origin}/2.0/next`, said: 'A long enough answer' })
    response.writeHead(201, { 'content-type': 'application/json', location: `${origin}/task` }).end(said)
  })
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  proxy = await startFaultProxy(origin)
})
beforeEach(() => {
  seen = []
})
afterAll(async () => {
  await proxy.close()
  server.close()
})

const ask = () => fetch(`${proxy.origin}/merge?x=1`, { method: 'POST', body: 'a=b+c%20d' })

it('hands on what is not spoiled, and stands for the origin in answers', async () => {
  const answer = await ask()
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(`${proxy.origin}/task`)
  expect(await answer.json()).toEqual({ next: `${proxy.origin}/2.0/next`, said: 'A long enough answer' })
  expect(seen).toEqual(['POST /merge?x=1 a=b+c%20d'])
})

it.each<[Harm, number, number | 'no answer']>([
  ['reset before', 0, 'no answer'],
  ['reset after', 1, 'no answer'],
  ['500 before', 0, 500],
  ['500 after', 1, 500],
  ['429', 0, 429],
  ['429 without Retry-After', 0, 429],
  ['cut body', 1, 'no answer'],
  ['HTML with 200', 1, 200],
  ['delay', 1, 201],
])('%s: the service has seen %i, the caller %s', async (harm, arrived, status) => {
  proxy.harm(({ path, body }) => path.startsWith('/merge') && body === 'a=b c d', harm)
  const answered = await ask()
    .then(async (answer) => {
      await answer.text()
      return answer.status
    })
    .catch(() => 'no answer')
  expect(answered).toBe(status)
  expect(seen).toHaveLength(arrived)
  expect((await ask()).status).toBe(201)
})

it('holds a request before the service sees it, or its answer, until it is let go', async () => {
  const before = proxy.hold(() => true, 'before')
  const first = ask()
  await before.arrived
  expect(seen).toEqual([])
  before.letGo()
  expect((await first).status).toBe(201)

  const after = proxy.hold(() => true, 'after')
  const second = ask()
  await after.arrived
  expect(seen).toHaveLength(2)
  after.drop()
  await expect(second).rejects.toThrow()
})

it('refuses connections until it accepts them again, at the same address', async () => {
  await proxy.refuse()
  await expect(ask()).rejects.toThrow()
  await proxy.accept()
  expect((await ask()).status).toBe(201)
})
