import { WebClient } from '@slack/web-api'
import { describe, expect, it } from 'vitest'
import { errorOf, modal, quiet, section, workspaceWithPeople } from './slack-support.ts'

describe('the Web API', () => {
  it('refuses tokens, methods and arguments with Slack’s errors', async () => {
    const { slack, product, client } = await workspaceWithPeople({ scopes: ['chat:write', 'users:read'] })
    const other = (token: string) => new WebClient(token, { slackApiUrl: slack.apiUrl, logger: quiet })
    expect(await errorOf(other('xoxb-wrong').auth.test())).toBe('invalid_auth')
    expect(await errorOf(other(slack.appToken).auth.test())).toBe('not_allowed_token_type')
    expect(await errorOf(client.apiCall('apps.connections.open'))).toBe('not_allowed_token_type')
    expect(await errorOf(client.apiCall('chat.shout'))).toBe('unknown_method')
    expect(await errorOf(client.apiCall('chat.update', { channel: product.id, text: 'x' }))).toBe('invalid_arguments')
    const answer = await fetch(`${slack.apiUrl}auth.test`, { method: 'POST' })
    expect(await answer.json()).toEqual({ ok: false, error: 'not_authed' })
    const scoped = await client.users.lookupByEmail({ email: 'ada@example.com' }).catch((error) => error.data)
    expect(scoped).toMatchObject({
      error: 'missing_scope',
      needed: 'users:read.email',
      provided: 'chat:write,users:read',
    })
    expect(await errorOf(client.conversations.history({ channel: product.id }))).toBe('missing_scope')
  })

  it('enforces who can post where', async () => {
    const { slack, ada, ben, product, client } = await workspaceWithPeople()
    const secret = slack.addChannel({ name: 'secret', isPrivate: true, botIsMember: false })
    const other = slack.addChannel({ name: 'other', botIsMember: false, members: [ada] })
    const post = (channel: string) => errorOf(client.chat.postMessage({ channel, text: 'hello' }))
    expect(await post('C0NOWHERE')).toBe('channel_not_found')
    expect(await post(secret.id)).toBe('channel_not_found')
    expect(await post(other.id)).toBe('not_in_channel')
    expect(await post('#product')).toBe('no error')
    const say = client.chat.postEphemeral({ channel: product.id, user: ada.id, text: 'psst' })
    expect(await errorOf(say)).toBe('no error')
    slack.inviteBot(other)
    expect(await errorOf(client.chat.postEphemeral({ channel: other.id, user: ben.id, text: 'psst' }))).toBe(
      'user_not_in_channel',
    )
    slack.archive(product)
    expect(await post(product.id)).toBe('is_archived')
    await client.chat.postMessage({ channel: ada.id, text: 'for you' })
    expect(slack.directMessages(ada).map((one) => one.text)).toEqual(['for you'])
  })

  it('stores, changes and finds messages', async () => {
    const { slack, ada, product, client } = await workspaceWithPeople()
    const metadata = { event_type: 'signoff', event_payload: { key: 'a-1' } }
    const root = await client.chat.postMessage({
      channel: product.id,
      text: 'root',
      blocks: [section('card')],
      metadata,
    })
    const ts = root.ts ?? ''
    slack.say({ user: ada, channel: product, text: 'nice' })
    await client.chat.postMessage({ channel: product.id, thread_ts: ts, text: 'step' })
    const thread = { channel: product.id, thread_ts: ts, reply_broadcast: true as const }
    await client.chat.postMessage({ ...thread, text: 'done <!date^1700000000^{date}|Nov 14>' })
    expect(slack.thread(product, ts).map((one) => one.text)).toEqual(['step', 'done <!date^1700000000^{date}|Nov 14>'])
    expect(slack.messages(product).map((one) => [one.text, one.isBroadcast])).toEqual([
      ['root', false],
      ['nice', false],
      ['done <!date^1700000000^{date}|Nov 14>', true],
    ])

    await client.chat.update({ channel: product.id, ts, text: 'only text' })
    expect(slack.messages(product)[0]).toMatchObject({ text: 'only text', blocks: [], isEdited: true })
    const plain = await client.conversations.history({ channel: product.id, limit: 2 })
    expect(plain.messages?.map((one) => one.text?.slice(0, 4))).toEqual(['done', 'nice'])
    expect(plain.has_more).toBe(true)
    const found = await client.conversations.history({ channel: product.id, include_all_metadata: true, oldest: '1' })
    expect(found.messages?.at(-1)).toMatchObject({ metadata, bot_id: slack.botId, reply_count: 2 })
    const replies = await client.conversations.replies({ channel: product.id, ts, oldest: '1' })
    expect(replies.messages?.map((one) => one.ts === ts)).toEqual([true, false, false])
    const link = await client.chat.getPermalink({ channel: product.id, message_ts: ts })
    expect(link.permalink).toBe(`https://sandbox.slack.com/archives/${product.id}/p${ts.replace('.', '')}`)

    expect(await errorOf(client.chat.update({ channel: product.id, ts, text: 'x'.repeat(4001) }))).toBe('msg_too_long')
    const theirs = slack.messages(product)[1]?.ts ?? ''
    expect(await errorOf(client.chat.update({ channel: product.id, ts: theirs, text: 'x' }))).toBe(
      'cant_update_message',
    )
    expect(await errorOf(client.chat.postMessage({ channel: product.id, text: '' }))).toBe('no_text')
  })

  it('lists people, groups and channels', async () => {
    const { slack, ada, ben, client } = await workspaceWithPeople()
    const guest = slack.addUser({ name: 'gus', guest: 'single' })
    const partner = slack.addUser({ name: 'pat', external: true })
    const group = slack.addGroup({ handle: '@qa', users: [ada, ben] })
    slack.deactivate(ben)
    expect((await client.users.info({ user: ada.id })).user).toMatchObject({
      deleted: false,
      is_restricted: false,
      profile: { email: 'ada@example.com' },
    })
    expect((await client.users.info({ user: guest.id })).user).toMatchObject({
      is_restricted: true,
      is_ultra_restricted: true,
    })
    expect((await client.users.info({ user: partner.id })).user).toMatchObject({
      is_stranger: true,
      team_id: 'T0PARTNER',
    })
    expect((await client.users.info({ user: ben.id })).user).toMatchObject({ deleted: true })
    expect(await errorOf(client.users.info({ user: 'U0NOBODY' }))).toBe('user_not_found')
    expect((await client.users.lookupByEmail({ email: 'ADA@example.com' })).user?.id).toBe(ada.id)
    expect((await client.usergroups.list({ include_users: true })).usergroups).toMatchObject([
      { id: group.id, handle: 'qa', users: [ada.id] },
    ])
    expect((await client.usergroups.users.list({ usergroup: group.id })).users).toEqual([ada.id])
    slack.addChannel({ name: 'hidden', isPrivate: true, botIsMember: false })
    const names: unknown[] = []
    for await (const page of client.paginate('conversations.list', {
      types: 'public_channel,private_channel',
      limit: 1,
    })) {
      names.push(...((page as { channels?: { name?: string }[] }).channels ?? []).map((one) => one.name))
    }
    expect(names).toEqual(['product'])
  })

  it('opens a view once for a trigger, within three seconds', async () => {
    let now = Date.now()
    const { slack, ada, product, client } = await workspaceWithPeople({ now: () => now })
    const trigger = async () => {
      const command = slack.captureCommand({ user: ada, channel: product, command: '/deploy' })
      await slack.deliver(command)
      return String(command.payload.trigger_id)
    }
    const first = await trigger()
    expect(await errorOf(client.views.open({ trigger_id: first, view: modal }))).toBe('no error')
    expect(await errorOf(client.views.open({ trigger_id: first, view: modal }))).toBe('exchanged_trigger_id')
    const second = await trigger()
    now += 3001
    expect(await errorOf(client.views.open({ trigger_id: second, view: modal }))).toBe('expired_trigger_id')
    const title = { type: 'plain_text' as const, text: 't'.repeat(25) }
    expect(await errorOf(client.views.open({ trigger_id: second, view: { ...modal, title } }))).toBe(
      'invalid_arguments',
    )
    const view = slack.openView(ada)
    expect(await errorOf(client.views.update({ view_id: view?.id ?? '', hash: 'old', view: modal }))).toBe(
      'hash_conflict',
    )
    expect(await errorOf(client.views.update({ view_id: view?.id ?? '', view: modal }))).toBe('no error')
  })

  it('ends a response_url after five uses or thirty minutes', async () => {
    let now = Date.now()
    const { slack, ada, product } = await workspaceWithPeople({ now: () => now })
    const urlOf = () =>
      String(slack.captureCommand({ user: ada, channel: product, command: '/deploy' }).payload.response_url)
    const post = async (url: string) => {
      const body = JSON.stringify({ text: 'hi' })
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      return [answer.status, ((await answer.json()) as { error?: string }).error]
    }
    const url = urlOf()
    for (let use = 0; use < 5; use += 1) expect(await post(url)).toEqual([200, undefined])
    expect(await post(url)).toEqual([404, 'used_url'])
    const late = urlOf()
    now += 31 * 60_000
    expect(await post(late)).toEqual([404, 'expired_url'])
    expect(slack.ephemerals(ada)).toHaveLength(5)
  })
})
