import { expect, it } from 'vitest'
import { keepReconnecting } from '../../src/slack/reconnecting.ts'

function clientThatFails(times: number) {
  let starts = 0
  return {
    count: () => starts,
    client: {
      async start(): Promise<string | undefined> {
        starts += 1
        if (starts > 1 && starts <= 1 + times) return Promise.reject(undefined)
        return 'open'
      },
    },
  }
}

it('tells a first start that fails, since the tokens may be wrong', async () => {
  const client = { start: () => Promise.reject(new Error('invalid_auth')) }
  keepReconnecting(client, { stopping: new AbortController().signal, failed: () => undefined })
  await expect(client.start()).rejects.toThrow('invalid_auth')
})

it('tries again until the connection is back', async () => {
  const { client, count } = clientThatFails(3)
  const failures: unknown[] = []
  keepReconnecting(client, {
    stopping: new AbortController().signal,
    failed: (error) => failures.push(error),
    againMs: 1,
  })
  await client.start()
  expect(await client.start()).toBe('open')
  expect([count(), failures.length]).toEqual([5, 3])
})

it('is quiet about a connection that a stop cuts off, and tries no more', async () => {
  const { client, count } = clientThatFails(Number.POSITIVE_INFINITY)
  const stopping = new AbortController()
  const failures: unknown[] = []
  keepReconnecting(client, { stopping: stopping.signal, failed: (error) => failures.push(error), againMs: 1 })
  await client.start()
  const again = client.start()
  stopping.abort()
  expect(await again).toBeUndefined()
  expect(await client.start()).toBeUndefined()
  expect([count(), failures.length]).toEqual([2, 0])
})
