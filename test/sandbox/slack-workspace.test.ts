import { ErrorCode, WebClient } from '@slack/web-api'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { button, errorOf, quiet, section, workspaceWithPeople } from './slack-support.ts'

describe('faults', () => {
  it('separate what happened from what the app was told', async () => {
    const { slack, product, client } = await workspaceWithPeople()
    const post = () => errorOf(client.chat.postMessage({ channel: product.id, text: 'once' }))
    const outcomes: unknown[] = []
    for (const kind of ['http_500_before', 'reset_before', 'error', 'rate_limited'] as const) {
      slack.fault({ method: 'chat.postMessage', kind, error: 'fatal_error', retryAfter: 7 })
      outcomes.push(await post())
    }
    expect(outcomes).toEqual([ErrorCode.HTTPError, ErrorCode.RequestError, 'fatal_error', ErrorCode.RateLimitedError])
    expect(slack.messages(product)).toHaveLength(0)
    for (const kind of ['http_500_after', 'reset_after', 'cut_body'] as const) {
      slack.fault({ method: 'chat.postMessage', kind })
      expect(await post()).not.toBe('no error')
    }
    expect(slack.messages(product)).toHaveLength(3)
    expect(slack.log.filter((call) => call.method === 'chat.postMessage').map((call) => call.isApplied)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
      true,
    ])
    expect(await post()).toBe('no error')
  })

  it('make a call hang or answer late, and take Slack down', async () => {
    const { slack, product } = await workspaceWithPeople()
    const client = new WebClient(slack.botToken, {
      slackApiUrl: slack.apiUrl,
      timeout: 150,
      retryConfig: { retries: 0 },
      logger: quiet,
    })
    const post = () => errorOf(client.chat.postMessage({ channel: product.id, text: 'once' }))
    slack.fault({ kind: 'hang' })
    expect(await post()).toBe(ErrorCode.RequestError)
    slack.fault({ kind: 'delay_answer', ms: 400 })
    expect(await post()).toBe(ErrorCode.RequestError)
    expect(slack.messages(product)).toHaveLength(1)
    slack.down()
    expect(await post()).toBe(ErrorCode.RequestError)
    slack.up()
    expect(await post()).toBe('no error')
    expect(slack.messages(product)).toHaveLength(2)
    expect(JSON.stringify(slack.log)).not.toContain(slack.botToken)
  })

  it('affect only the matching calls, as many times as configured', async () => {
    const { slack, product, client } = await workspaceWithPeople()
    const post = (text: string) => errorOf(client.chat.postMessage({ channel: product.id, text }))
    const fault = slack.fault({
      method: 'chat.postMessage',
      kind: 'rate_limited_bare',
      times: 2,
      when: (args) => args.text === 'unlucky',
    })
    expect(await post('lucky')).toBe('no error')
    expect(await post('unlucky')).not.toBe('no error')
    expect(fault.remaining).toBe(1)
    fault.clear()
    expect(await post('unlucky')).toBe('no error')
    expect(slack.log.filter((call) => call.fault !== undefined)).toMatchObject([{ status: 429, isApplied: false }])
  })

  it('can limit posts to one per second and channel after a burst', async () => {
    let now = Date.now()
    const { product, client } = await workspaceWithPeople({ enforceRateLimits: true, now: () => now })
    const post = () => errorOf(client.chat.postMessage({ channel: product.id, text: 'x' }))
    for (let count = 0; count < 5; count += 1) expect(await post()).toBe('no error')
    expect(await post()).toBe(ErrorCode.RateLimitedError)
    now += 1000
    expect(await post()).toBe('no error')
  })
})

it('a wait that times out shows the transcript', async () => {
  const { slack, ada, product } = await workspaceWithPeople()
  slack.say({ user: ada, channel: product, text: 'anyone?' })
  const waited = slack.waitFor(() => undefined, { silenceMs: 20, what: 'an answer' })
  await expect(waited).rejects.toThrow(/while waiting for an answer\n── #product\nada: anyone\?/)
})

describe('what people read', () => {
  it('has names, labels and buttons', async () => {
    const { slack, ada, product, client } = await workspaceWithPeople()
    const group = slack.addGroup({ handle: 'qa', users: [ada] })
    await client.chat.postMessage({
      channel: product.id,
      text: 'fallback',
      blocks: [
        section(`<@${ada.id}> asks <!subteam^${group.id}> in <#${product.id}> &lt;now&gt;: <https://x.test/1|#12>`),
        { type: 'context', elements: [{ type: 'mrkdwn', text: '<!date^1700000000^{date}|Nov 14>' }] },
        {
          type: 'plan',
          title: 'Steps',
          tasks: [{ type: 'task_card', task_id: '1', title: 'merge', status: 'complete' }],
        },
        { type: 'actions', elements: [button('QA passed'), button('Approve')] },
      ],
    })
    expect(slack.messages(product).map(slack.plainText)).toEqual([
      '@ada asks @qa in #product <now>: #12\nNov 14\nSteps\n- merge (complete)\n[QA passed] [Approve]',
    ])
    await client.chat.postMessage({ channel: product.id, text: 'only *text* &amp; more' })
    expect(slack.messages(product).map(slack.plainText).at(-1)).toBe('only *text* & more')
  })

  it('is a copy that later changes do not affect', async () => {
    const { slack, product, client } = await workspaceWithPeople()
    const { ts = '' } = await client.chat.postMessage({ channel: product.id, text: 'before' })
    const [before] = slack.messages(product)
    await client.chat.update({ channel: product.id, ts, text: 'after' })
    expect([before?.text, slack.messages(product)[0]?.text]).toEqual(['before', 'after'])
  })
})

it('closing leaves no connection and no timer', async () => {
  const kinds = ['TCPServerWrap', 'TCPSocketWrap', 'Timeout']
  const active = () => process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind))
  const before = active().length
  const slack = await startSlackWorkspace({ acknowledgeWithinMs: 60_000 })
  const client = new WebClient(slack.appToken, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    logger: quiet,
  })
  const { url = '' } = await client.apps.connections.open({})
  const socket = new WebSocket(url)
  await slack.waitFor(() => slack.sockets === 1, { what: 'the socket' })
  slack.fault({ kind: 'hang' })
  const hanging = errorOf(client.auth.test())
  const unanswered = slack.command({
    user: slack.addUser({ name: 'ada' }),
    channel: slack.addChannel({ name: 'x' }),
    command: '/deploy',
  })
  await slack.close()
  expect(await hanging).toBe(ErrorCode.RequestError)
  expect((await unanswered).seen).toBe('operation_timeout')
  socket.terminate()
  await expect.poll(() => active().length).toBeLessThanOrEqual(before)
})
