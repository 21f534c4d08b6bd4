/** What people are told in a direct message without being asked, on its way to Slack. */
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { DIRECT_MESSAGE_KINDS, type DirectMessageKind } from '../../src/release/direct-messages.ts'
import { DANA, LIN } from '../support/builders.ts'
import { eventually, slack, startSlackForThisFile, told } from './told.ts'

startSlackForThisFile()

afterEach(() => slack.clearFaults())

type Told = Awaited<ReturnType<typeof told>>

/** Puts a message of this kind into the outbox. Its text names the channel, by which a test finds what is its own. */
const put = ({ team, channel }: Told, to: string, kind: DirectMessageKind, text: string = kind) =>
  team.store.transaction((tx) =>
    tx.send({
      kind: 'private',
      key: `${channel}:${kind}:${to}:${text}`,
      to,
      asked: tx.now.toISOString(),
      message: { is: 'done', text: `${text} in #${channel}` },
      directMessage: kind,
    }),
  )

const switchOff = ({ team }: Told, person: string, kind: DirectMessageKind) =>
  team.store.transaction((tx) => tx.setDirectMessages(person, kind, false))

describe('a kind of direct message', () => {
  it('is sent to everybody but those who have switched it off by the time it is sent', async () => {
    const setting = await told()
    for (const kind of DIRECT_MESSAGE_KINDS) {
      await put(setting, DANA.id, kind)
      await put(setting, LIN.id, kind)
    }
    await switchOff(setting, DANA.id, 'locks')
    await switchOff(setting, DANA.id, 'receipts')
    setting.start()
    await eventually(async () => expect(await setting.waiting()).toEqual([]))
    const kindsOf = (person: string) => setting.read(person).map((words) => words.split(' in #')[0])
    expect(kindsOf(DANA.id)).toEqual(['reminders', 'needs attention', 'when free', 'schedules'])
    expect(kindsOf(LIN.id)).toEqual([...DIRECT_MESSAGE_KINDS])
    expect(await setting.givenUp()).toEqual(['private: not wanted', 'private: not wanted'])
    expect(setting.warned).toEqual([])
  })

  it('is sent to nobody where releases.yml says so; what was asked for is answered', async () => {
    const setting = await told()
    await put(setting, DANA.id, 'reminders')
    await setting.team.store.transaction((tx) =>
      tx.send({
        kind: 'private',
        key: 'answer',
        to: DANA.id,
        asked: tx.now.toISOString(),
        message: { is: 'done', text: `The answer in #${setting.channel}` },
      }),
    )
    setting.start({ directMessages: false })
    await eventually(async () => expect(await setting.waiting()).toEqual([]))
    expect(setting.read(DANA.id)).toEqual([expect.stringContaining('The answer')])
    expect(await setting.givenUp()).toEqual(['private: not wanted'])
  })
})

/** Those of the first manifest. */
const SCOPES = ['chat:write', 'users:read', 'usergroups:read', 'channels:read', 'channels:history', 'im:write']

/** Fails calls of this method that are about this person or this message. */
const fault = (method: string, kind: 'http_500_before' | 'http_500_after' | 'reset_after' | 'error', more: object) =>
  slack.fault({ kind, method, ...more })

describe('a direct message whose answer is lost', () => {
  it.each(['http_500_after', 'reset_after', 'http_500_before'] as const)('is there once: %s', async (kind) => {
    const setting = await told()
    fault('chat.postMessage', kind, { times: 1 })
    await put(setting, DANA.id, 'locks')
    setting.start()
    await eventually(async () => {
      await setting.hurry()
      expect(await setting.waiting()).toEqual([])
    })
    expect(setting.read(DANA.id)).toHaveLength(1)
    expect(await setting.givenUp()).toEqual([])
  })

  it('is not sent again where Slack does not let us look, and its outcome is called unknown', async () => {
    const setting = await told()
    slack.setScopes(SCOPES)
    onTestFinished(() => slack.setScopes([...SCOPES, 'im:history']))
    fault('chat.postMessage', 'http_500_after', { times: 1 })
    await put(setting, DANA.id, 'locks')
    setting.start()
    await eventually(async () => {
      await setting.hurry()
      expect(await setting.waiting()).toEqual([])
    })
    expect(setting.read(DANA.id)).toHaveLength(1)
    expect(await setting.givenUp()).toEqual(['private: outcome unknown: missing_scope'])
    expect(setting.warned).toContainEqual(expect.objectContaining({ needed: 'im:history' }))
  })

  it('is looked for by the bot that takes over from one that died at it', async () => {
    const setting = await told()
    await put(setting, DANA.id, 'locks')
    fault('chat.postMessage', 'http_500_after', { times: 1 })
    const first = setting.start()
    await eventually(async () => expect(setting.read(DANA.id)).toHaveLength(1))
    await first.stop()
    setting.start()
    await eventually(async () => {
      await setting.hurry()
      expect(await setting.waiting()).toEqual([])
    })
    expect(setting.read(DANA.id)).toHaveLength(1)
  })
})

describe('a person whom Slack delivers nothing', () => {
  const CODES: readonly [method: string, error: string][] = [
    ['conversations.open', 'user_disabled'],
    ['conversations.open', 'user_not_found'],
    ['conversations.open', 'user_not_visible'],
    ['conversations.open', 'cannot_dm_bot'],
    ['chat.postMessage', 'channel_not_found'],
    ['chat.postMessage', 'is_archived'],
    ['chat.postMessage', 'restricted_action'],
    ['chat.postMessage', 'messages_tab_disabled'],
  ]

  it.each(CODES)('ends it at the first try, and is told once in the log: %s %s', async (method, error) => {
    const setting = await told()
    fault(method, 'error', { error, times: Infinity })
    for (const kind of ['locks', 'reminders', 'when free'] as const) await put(setting, DANA.id, kind)
    const before = slack.log.length
    setting.start()
    await eventually(async () => expect(await setting.waiting()).toEqual([]))
    expect(await setting.givenUp()).toEqual(Array(3).fill(`private: ${error}`))
    expect(slack.log.slice(before).filter((call) => call.error === error)).toHaveLength(3)
    const lines = [...setting.warned, ...setting.informed].filter((fields) => 'error' in fields)
    expect(lines).toEqual([expect.objectContaining({ error })])
    expect(setting.warned).toHaveLength(error === 'messages_tab_disabled' ? 1 : 0)
  })

  it('is told again in the log when another reason comes, and gets messages again once Slack takes them', async () => {
    const setting = await told()
    const refuse = (error: string) => fault('conversations.open', 'error', { error, times: 1 })
    setting.start()
    for (const error of ['user_disabled', 'user_disabled', 'user_not_visible']) {
      refuse(error)
      await put(setting, DANA.id, 'locks', `${error} ${slack.log.length}`)
      await eventually(async () => expect(await setting.waiting()).toEqual([]))
    }
    expect(setting.informed).toHaveLength(2)
    expect(await setting.team.store.directMessageRefusal(DANA.id)).toMatchObject({ error: 'user_not_visible' })
    await put(setting, DANA.id, 'locks', 'the next')
    await eventually(async () => expect(setting.read(DANA.id)).toHaveLength(1))
    await eventually(async () => expect(await setting.team.store.directMessageRefusal(DANA.id)).toBeUndefined())
  })

  it('ends an answer too, without a second try', async () => {
    const setting = await told()
    fault('conversations.open', 'error', { error: 'user_disabled', times: Infinity })
    const message = { is: 'done', text: 'An answer.' } as const
    await setting.team.store.transaction((tx) =>
      tx.send({ kind: 'private', key: 'answer', to: DANA.id, asked: tx.now.toISOString(), message }),
    )
    setting.start()
    await eventually(async () => expect(await setting.waiting()).toEqual([]))
    expect(await setting.givenUp()).toEqual(['private: user_disabled'])
  })
})
