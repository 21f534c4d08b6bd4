import type { BlockAction } from '@slack/bolt'
import type { KnownBlock, View } from '@slack/types'
import { WebClient } from '@slack/web-api'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { button, errorOf, modal, section, startApp, workspaceWithPeople } from './slack-support.ts'

describe.each(['socket', 'http'] as const)('a bolt app over %s', (mode) => {
  it('answers a command privately and posts in the channel', async () => {
    const { slack, ada, ben, product } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, mode)
    app.command('/deploy', async ({ command, ack, client, respond }) => {
      await ack(`planning ${command.text}`)
      await client.chat.postMessage({
        channel: command.channel_id,
        text: 'a release',
        blocks: [section('*A release*')],
      })
      await respond('later')
    })
    await start()

    const seen = await slack.command({ user: ada, channel: product, command: '/deploy', text: 'to @ben & #product' })
    expect(seen).toMatchObject({ seen: 'acknowledged' })
    await slack.waitFor(() => slack.ephemerals(ada).length === 2, { what: 'both answers' })
    expect(slack.ephemerals(ada).map((one) => [one.source, one.text])).toEqual([
      ['acknowledgement', `planning to <@${ben.id}|ben> &amp; <#${product.id}|product>`],
      ['response_url', 'later'],
    ])
    expect(slack.messages(product).map((one) => slack.plainText(one))).toEqual(['*A release*'])
    expect(slack.ephemerals(ben)).toEqual([])
  })

  it('receives a click, opens a modal, shows its errors and takes its submission', async () => {
    const { slack, ada, product, client } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, mode)
    const submissions: unknown[] = []
    app.action('press-Reject', async ({ ack, body, client: bot }) => {
      await ack()
      if ('trigger_id' in body) await bot.views.open({ trigger_id: body.trigger_id, view: modal })
    })
    app.view('reason', async ({ ack, view }) => {
      submissions.push([view.state.values, view.private_metadata])
      if (view.state.values.why?.text?.value === 'no') {
        await ack({ response_action: 'errors', errors: { why: 'Say more.' } })
      } else await ack()
    })
    await start()
    const blocks = [section('#12'), { type: 'actions' as const, elements: [button('Reject', { style: 'danger' })] }]
    const { ts = '' } = await client.chat.postMessage({ channel: product.id, text: '#12', blocks })

    await slack.click({ user: ada, channel: product, ts, label: 'Reject' })
    const view = await slack.waitFor(() => slack.openView(ada), { what: 'the modal' })
    expect(view.title).toBe('Reject')

    expect((await slack.submit({ user: ada, values: {} })).errors).toEqual({
      Reason: 'Please complete this required field.',
    })
    expect(submissions).toEqual([])
    expect((await slack.submit({ user: ada, values: { Reason: 'no' } })).errors).toEqual({ Reason: 'Say more.' })
    expect(slack.openView(ada)?.id).toBe(view.id)
    const seen = await slack.submit({ user: ada, values: { Reason: 'broken', 'I am sure': true } })
    expect(seen).toMatchObject({ seen: 'acknowledged', errors: {} })
    expect(slack.openView(ada)).toBeUndefined()
    expect(submissions.at(-1)).toMatchObject([
      { why: { text: { value: 'broken' } }, sure: { box: { selected_options: [{ value: 'sure' }] } } },
      'kept',
    ])
  })

  it('receives an event once per delivery, and publishes a home', async () => {
    const { slack, ada } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, mode)
    const heard: unknown[] = []
    app.event('app_home_opened', async ({ event, body, context, client }) => {
      heard.push([body.event_id, context.retryNum])
      await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [section('Nothing runs.')] } })
    })
    await start()
    const event = slack.captureEvent({ type: 'app_home_opened', user: ada.id, channel: 'D1', tab: 'home' })
    await slack.deliver(event)
    await slack.deliver(event, { retry: { attempt: 1, reason: 'http_timeout' } })
    const home = await slack.waitFor(() => slack.homeView(ada), { what: 'the home' })
    expect(slack.plainText(home)).toBe('Nothing runs.')
    await slack.waitFor(() => slack.log.filter((call) => call.method === 'views.publish').length === 2, {
      what: 'both',
    })
    expect(heard).toEqual([
      [event.payload.event_id, undefined],
      [event.payload.event_id, 1],
    ])
  })

  it('can answer a command publicly in a channel that it is not in', async () => {
    const { slack, ada } = await workspaceWithPeople()
    const other = slack.addChannel({ name: 'other', botIsMember: false })
    const { app, start } = await startApp(slack, mode)
    const failures: unknown[] = []
    app.command('/deploy', async ({ ack, client, command, respond }) => {
      await ack({ response_type: 'in_channel', text: 'in the open' })
      failures.push(await errorOf(client.chat.postMessage({ channel: command.channel_id, text: 'no' })))
      slack.fault({ method: 'response_url', kind: 'http_500_before' })
      failures.push(
        await respond('lost').then(
          () => 'sent',
          (error: Error) => error.name,
        ),
      )
      await respond('kept')
    })
    await start()
    await slack.command({ user: ada, channel: other, command: '/deploy' })
    await slack.waitFor(() => slack.ephemerals(ada).length > 0, { what: 'the answer' })
    expect(failures).toEqual(['not_in_channel', expect.not.stringMatching(/^sent$/)])
    expect(slack.messages(other).map((one) => one.text)).toEqual(['in the open'])
    expect(slack.ephemerals(ada).map((one) => one.text)).toEqual(['kept'])
  })

  it('times out if it does not acknowledge in time', async () => {
    const { slack, ada, product } = await workspaceWithPeople({ acknowledgeWithinMs: 150 })
    const { app, start } = await startApp(slack, mode)
    app.command('/deploy', async () => {})
    await start()
    expect((await slack.command({ user: ada, channel: product, command: '/deploy' })).seen).toBe('operation_timeout')
    expect(slack.ephemerals(ada).map((one) => one.text)).toEqual(['/deploy failed with the error "operation_timeout"'])
  })

  it('gets a delivery as often as the test says, including stale and forged ones', async () => {
    const { slack, ada, product, client } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, mode)
    const heard: [string, string][] = []
    app.action('press-Approve', async ({ ack, body }) => {
      heard.push([body.user.id, 'trigger_id' in body ? body.trigger_id : ''])
      await ack()
    })
    await start()
    const { ts = '' } = await client.chat.postMessage({
      channel: product.id,
      text: '#12',
      blocks: [{ type: 'actions', elements: [button('Approve')] }],
    })
    const click = slack.captureClick({ user: ada, channel: product, ts, label: 'Approve' })
    await client.chat.update({ channel: product.id, ts, text: 'done' })
    await expect(slack.click({ user: ada, channel: product, ts, label: 'Approve' })).rejects.toThrow(
      /no button "Approve"/,
    )

    const same = await slack.deliver(click, { repeat: 3 })
    expect(same.map((one) => one.seen)).toEqual(['acknowledged', 'acknowledged', 'acknowledged'])
    expect(new Set(heard.map(([, trigger]) => trigger)).size).toBe(1)
    await slack.deliver(click, { repeat: 2, sameId: false, inTurn: true })
    expect(new Set(heard.map(([, trigger]) => trigger)).size).toBe(2)
    click.payload.user = { id: 'U0FORGED', name: 'eve' }
    await slack.deliver(click)
    expect(heard.map(([user]) => user)).toEqual([ada.id, ada.id, ada.id, ada.id, ada.id, 'U0FORGED'])
  })
})

describe('a click', () => {
  it('that is denied at the confirmation is not sent', async () => {
    const { slack, ada, product, client } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, 'socket')
    let heard = 0
    app.action('press-Approve', async ({ ack }) => {
      heard += 1
      await ack()
    })
    await start()
    const label = (text: string) => ({ type: 'plain_text' as const, text })
    const confirm = {
      title: label('Sure?'),
      text: label('This starts #12.'),
      confirm: label('Start'),
      deny: label('No'),
    }
    const blocks = [{ type: 'actions' as const, elements: [button('Approve', { confirm })] }]
    const { ts = '' } = await client.chat.postMessage({ channel: product.id, text: '#12', blocks })
    const click = { user: ada, channel: product, ts, label: 'Approve' }
    expect(await slack.click({ ...click, confirm: false })).toMatchObject({ seen: 'denied', confirmation: confirm })
    expect(heard).toBe(0)
    expect(await slack.click(click)).toMatchObject({ seen: 'acknowledged', confirmation: confirm })
    expect(heard).toBe(1)
  })

  it('on a private message can replace that message', async () => {
    const { slack, ada, ben, product, client } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, 'http')
    app.action('press-Help', async ({ ack, respond, body }) => {
      await ack()
      expect(body).toMatchObject({ container: { is_ephemeral: true } })
      await respond({ replace_original: true, text: 'here is help' })
    })
    await start()
    const blocks = [{ type: 'actions' as const, elements: [button('Help')] }]
    await client.chat.postEphemeral({ channel: product.id, user: ada.id, text: 'lost?', blocks })
    const ts = slack.ephemerals(ada)[0]?.ts ?? ''
    await expect(slack.click({ user: ben, channel: product, ts, label: 'Help' })).rejects.toThrow(/sees no message/)
    await slack.click({ user: ada, channel: product, ts, label: 'Help' })
    await slack.waitFor(() => slack.ephemerals(ada)[0]?.text === 'here is help', { what: 'the help' })
    expect(slack.ephemerals(ada)).toHaveLength(1)
  })

  it('needs a person who is in the channel', async () => {
    const { slack, ada, product, client } = await workspaceWithPeople()
    const blocks = [{ type: 'actions' as const, elements: [button('Approve')] }]
    const { ts = '' } = await client.chat.postMessage({ channel: product.id, text: '#12', blocks })
    slack.deactivate(ada)
    const click = { user: ada, channel: product, ts, label: 'Approve' }
    await expect(slack.click(click)).rejects.toThrow(/the account is deactivated/)
  })
})

describe('a modal', () => {
  it('changes as fields are chosen, answers with another view, and says when it is closed', async () => {
    const { slack, ada, product } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, 'socket')
    const label = (text: string) => ({ type: 'plain_text' as const, text })
    const choice = (name: string, names: string[]): KnownBlock => ({
      type: 'input',
      block_id: name,
      dispatch_action: true,
      label: label(name),
      element: {
        type: 'static_select',
        action_id: `pick-${name}`,
        options: names.map((one) => ({ text: label(one), value: one })),
      },
    })
    const form = (blocks: KnownBlock[]): View => ({
      type: 'modal',
      callback_id: 'deploy',
      title: label('Deploy'),
      submit: label('Ask'),
      notify_on_close: true,
      blocks,
    })
    const heard: unknown[] = []
    app.command('/deploy', async ({ ack, body, client }) => {
      await ack()
      await client.views.open({ trigger_id: body.trigger_id, view: form([choice('App', ['api', 'web'])]) })
    })
    app.action<BlockAction>('pick-App', async ({ ack, body, client }) => {
      await ack()
      const blocks = [choice('App', ['api', 'web']), choice('Environment', ['integration', 'production'])]
      await client.views.update({ view_id: body.view?.id ?? '', hash: body.view?.hash ?? '', view: form(blocks) })
    })
    app.view('deploy', async ({ ack, view }) => {
      heard.push(Object.values(view.state.values).map((one) => Object.values(one)[0]?.selected_option?.value))
      await ack({ response_action: 'push', view: { ...form([section('Asked.')]), callback_id: 'asked' } })
    })
    app.view({ callback_id: 'asked', type: 'view_closed' }, async ({ ack }) => {
      heard.push('closed')
      await ack()
    })
    await start()

    await slack.command({ user: ada, channel: product, command: '/deploy' })
    await slack.waitFor(() => slack.openView(ada), { what: 'the form' })
    await expect(slack.submit({ user: ada, values: { Environment: 'production' } })).rejects.toThrow(
      /no input "Environment"/,
    )
    await expect(slack.choose({ user: ada, label: 'App', value: 'cms' })).rejects.toThrow(
      /no option "cms" among: api, web/,
    )
    await slack.choose({ user: ada, label: 'App', value: 'api' })
    await slack.waitFor(() => slack.openView(ada)?.blocks.length === 2, { what: 'the second field' })
    await slack.submit({ user: ada, values: { Environment: 'production' } })
    expect(slack.plainText(slack.openView(ada) ?? { blocks: [] })).toBe('Deploy\nAsked.')
    await slack.closeView({ user: ada })
    expect(slack.openView(ada)?.callbackId).toBe('deploy')
    expect(heard).toEqual([['api', 'production'], 'closed'])
  })
})

describe('signed requests', () => {
  it('are refused by the app with an old time or another secret', async () => {
    const { slack, ada, product } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, 'http')
    app.command('/deploy', async ({ ack }) => ack())
    await start()
    const command = slack.captureCommand({ user: ada, channel: product, command: '/deploy' })
    const old = Math.floor(Date.now() / 1000) - 600
    expect(await slack.deliver(command, { timestamp: old })).toMatchObject([
      { seen: 'dispatch_failed', why: 'HTTP 401' },
    ])
    expect(await slack.deliver(command, { secret: 'wrong' })).toMatchObject([
      { seen: 'dispatch_failed', why: 'HTTP 401' },
    ])
    expect(await slack.deliver(command)).toMatchObject([{ seen: 'acknowledged' }])
  })
})

describe('Socket Mode', () => {
  it('fails a command while no socket is connected, and works again after a refresh', async () => {
    const { slack, ada, product } = await workspaceWithPeople()
    const { app, start } = await startApp(slack, 'socket')
    app.command('/deploy', async ({ ack }) => ack())
    await start()
    slack.refreshSockets()
    const failed = await slack.command({ user: ada, channel: product, command: '/deploy' })
    expect(failed).toMatchObject({ seen: 'dispatch_failed' })
    await slack.waitFor(() => slack.sockets === 1, { what: 'the new socket' })
    const seen = await slack.command({ user: ada, channel: product, command: '/deploy' })
    expect(seen).toMatchObject({ seen: 'acknowledged' })
  })

  it('opens one socket per ticket', async () => {
    const { slack } = await workspaceWithPeople()
    const app = new WebClient(slack.appToken, { slackApiUrl: slack.apiUrl })
    const { url = '' } = await app.apps.connections.open({})
    const first = new WebSocket(url)
    const hello = await new Promise<string>((resolve) => first.once('message', (data) => resolve(String(data))))
    expect(JSON.parse(hello)).toMatchObject({
      type: 'hello',
      num_connections: 1,
      connection_info: { app_id: slack.appId },
    })
    const second = new WebSocket(url)
    await expect(new Promise((_resolve, reject) => second.once('error', (error) => reject(error)))).rejects.toThrow(
      /404/,
    )
    first.terminate()
  })

  it('sends each delivery to one of several sockets, and again on retry', async () => {
    const { slack, ada, product } = await workspaceWithPeople({
      acknowledgeWithinMs: 50,
      retryUnacknowledged: { attempts: 3, afterMs: 10 },
    })
    const client = new WebClient(slack.appToken, { slackApiUrl: slack.apiUrl })
    const heard: { socket: number; envelope: Record<string, unknown> }[] = []
    const open = async (name: number) => {
      const { url = '' } = await client.apps.connections.open({})
      const socket = new WebSocket(url)
      socket.on('message', (data) => {
        const envelope = JSON.parse(String(data))
        if (envelope.type === 'hello') return
        heard.push({ socket: name, envelope })
        if (heard.length === 3) socket.send(JSON.stringify({ envelope_id: envelope.envelope_id, payload: {} }))
      })
    }
    await open(1)
    await open(2)
    await slack.waitFor(() => slack.sockets === 2, { what: 'two sockets' })
    const seen = await slack.command({ user: ada, channel: product, command: '/deploy' })
    expect(seen.seen).toBe('operation_timeout')
    await expect.poll(() => heard.length).toBe(3)
    expect(new Set(heard.map((one) => one.socket)).size).toBe(2)
    expect(new Set(heard.map((one) => one.envelope.envelope_id)).size).toBe(1)
    expect(heard.map((one) => one.envelope.retry_attempt)).toEqual([undefined, 1, 2])
  })
})
