/** Slack refuses messages and edits: what is tried again, what is kept, and who is told. */
import { afterEach, describe, expect, it } from 'vitest'
import { finished } from '../../src/release/transitions/index.ts'
import { made } from '../release/service-team.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { keyOf } from '../support/channel.ts'
import { eventually, planned, slack, startSlackForThisFile, told } from './told.ts'

startSlackForThisFile()

afterEach(() => {
  slack.clearFaults()
  slack.setEditWindow(undefined)
  slack.refuseMessages(undefined)
})

type Told = Awaited<ReturnType<typeof told>>

const isCard = (key: string) => /^\d+:card/.test(key)
const cards = ({ posts }: Told) => posts().filter((message) => isCard(keyOf(message)))
const updates = () => slack.log.filter(({ method }) => method === 'chat.update').length
const waitingCards = async ({ waiting }: Told) => (await waiting()).filter((kind) => kind === 'card')

/** A release of Dana's whose card is posted. */
async function withCard(): Promise<Told & { readonly number: number }> {
  const setting = await told()
  setting.start()
  const number = await planned(setting.team)
  await eventually(async () => expect(setting.keys()).toContain('1:card'))
  await eventually(async () => expect((await setting.team.release(number)).card).toBeDefined())
  return { ...setting, number }
}

const sign = async ({ team }: Told, number: number) => {
  made(await team.service.act('qa', { release: number, by: LIN.id }))
}

describe('S1: an edit that Slack refuses for good', () => {
  it.each(['edit_window_closed', 'cant_update_message', 'msg_too_long', 'block_mismatch', 'an_error_of_next_year'])(
    'keeps the card, says so once in the thread, and stops: %s',
    async (error) => {
      const setting = await withCard()
      const { team, number, keys, posts } = setting
      slack.fault({ kind: 'error', method: 'chat.update', error, times: Number.POSITIVE_INFINITY })
      await sign(setting, number)
      await eventually(async () => expect(keys()).toContain('1:edit-refused'))
      await eventually(async () => expect(await waitingCards(setting)).toEqual([]))
      const before = updates()
      made(await team.service.act('approval', { release: number, by: TOM.id }))
      await eventually(async () => expect(updates()).toBe(before + 1))
      await eventually(async () => expect(await waitingCards(setting)).toEqual([]))
      expect(cards(setting)).toHaveLength(1)
      expect(keys().filter((key) => key === '1:edit-refused')).toHaveLength(1)
      expect(posts().find((message) => keyOf(message) === '1:edit-refused')?.text).toContain(error)
    },
  )

  it('also where the workspace closes the window of edits, and after a restart', async () => {
    const setting = await told()
    const first = setting.start()
    const number = await planned(setting.team)
    await eventually(async () => expect((await setting.team.release(number)).card).toBeDefined())
    slack.setEditWindow(0)
    await sign(setting, number)
    await eventually(async () => expect(setting.keys()).toContain('1:edit-refused'))
    await first.stop()
    setting.start()
    made(await setting.team.service.act('approval', { release: number, by: TOM.id }))
    await eventually(async () => expect(await waitingCards(setting)).toEqual([]))
    expect(cards(setting)).toHaveLength(1)
  })

  it('where each card is called gone, posts one more and no third', async () => {
    const setting = await withCard()
    const { team, number, read, givenUp } = setting
    slack.fault({ kind: 'error', method: 'chat.update', error: 'message_not_found', times: Number.POSITIVE_INFINITY })
    await sign(setting, number)
    await eventually(async () => expect(cards(setting)).toHaveLength(2))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await eventually(async () => expect(await givenUp()).toContain('card: message_not_found'))
    expect(cards(setting)).toHaveLength(2)
    await eventually(async () => expect(read(DANA.id)).toEqual([expect.stringContaining('message_not_found')]))
  })
})

describe('S9: a card that was deleted', () => {
  it('comes back with the next change, and the thread goes on there', async () => {
    const setting = await withCard()
    const { team, number, posts } = setting
    const [card] = cards(setting)
    if (card === undefined) throw new Error('there is no card')
    slack.deleteMessage(card)
    await sign(setting, number)
    await eventually(async () => expect(cards(setting)).toHaveLength(1))
    const [again] = cards(setting)
    expect(again?.ts).not.toBe(card.ts)
    await eventually(async () => {
      const line = posts().find((message) => keyOf(message) === `1:signed:qa:${LIN.id}`)
      expect(line?.threadTs).toBe(again?.ts)
    })
    expect((await team.release(number)).card?.ts).toBe(again?.ts)
  })

  it('comes back with a line of its thread that Slack refuses', async () => {
    const setting = await withCard()
    const { team, number, keys } = setting
    const [card] = cards(setting)
    if (card !== undefined) slack.deleteMessage(card)
    await team.store.transaction((tx) =>
      tx.send({ kind: 'line', release: number, key: '1:reminder', line: { is: 'note', text: 'Still here.' } }),
    )
    await eventually(async () => expect(cards(setting)).toHaveLength(1))
    await eventually(async () => expect(keys()).toContain('1:reminder'))
  })
})

describe('S10: #product is renamed', () => {
  it('announcement, thread and outcome go where the card stands', async () => {
    const setting = await told()
    const first = setting.start()
    const { team, channel, posts } = setting
    const number = await planned(team)
    await eventually(async () => expect((await team.release(number)).card).toBeDefined())
    await first.stop()
    const id = slack.messages(channel)[0]?.channel ?? ''
    slack.rename(channel, `${channel}-old`)
    // A restart: no id of the channel is known by its name.
    setting.start()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await team.announce(number)
    const keysThere = () =>
      [...slack.messages(id), ...slack.messages(id).flatMap(({ ts }) => slack.thread(id, ts))].map(keyOf)
    await eventually(async () => expect(keysThere()).toContain('1:announcement'))
    await team.run(number)
    await team.store.transaction(async (tx) => {
      const release = await tx.lockRelease(number)
      if (release) await finished(tx, release)
    })
    await eventually(async () => expect(keysThere()).toContain('1:outcome'))
    expect(posts).toBeDefined()
    slack.rename(id, channel)
  })
})

describe('S12: a channel that Slack does not let us use', () => {
  it.each([
    [
      'the bot is removed',
      (channel: string) => slack.removeBot(channel),
      (channel: string) => slack.inviteBot(channel),
    ],
    ['it is archived', (channel: string) => slack.archive(channel), (channel: string) => slack.unarchive(channel)],
  ] as const)('%s: told at once, and what was said meanwhile follows when it is back', async (_what, close, open) => {
    const logged: string[] = []
    const setting = await told()
    const log = {
      info: () => undefined,
      warn: () => undefined,
      error: (fields: object) => void logged.push(JSON.stringify(fields)),
    }
    const delivery = setting.start({ log })
    const { team, channel, keys, read, hurry } = setting
    const number = await planned(team)
    await eventually(async () => expect(keys()).toContain('1:migrations'))
    close(channel)
    const began = performance.now()
    await sign(setting, number)
    await eventually(async () => expect(read(DANA.id)).toHaveLength(1))
    // Not after two minutes of tries: a busy machine is allowed for.
    expect(performance.now() - began).toBeLessThan(30_000)
    expect(delivery.closedChannels()).toEqual([`#${channel}`])
    expect(logged.filter((fields) => fields.includes(channel))).toHaveLength(1)
    await team.sql(`update outbox set tries = 20 where state = 'waiting' and kind = 'line'`)
    open(channel)
    await eventually(async () => {
      await hurry()
      expect(keys()).toContain(`1:signed:qa:${LIN.id}`)
    })
    expect(keys().filter((key) => key.startsWith('1:signed'))).toHaveLength(1)
    await eventually(async () => {
      await hurry()
      expect(delivery.closedChannels()).toEqual([])
    })
    expect(read(DANA.id)).toHaveLength(1)
  })
})

describe('S13: what passes', () => {
  it.each([
    'org_login_required',
    'team_access_not_granted',
    'external_channel_migrating',
    'two_factor_setup_required',
    'message_limit_exceeded',
    'ekm_access_denied',
  ])('%s: nothing is lost and nobody is given advice, however long it takes', async (error) => {
    const setting = await withCard()
    const { team, number, keys, read, givenUp, hurry } = setting
    await eventually(async () => expect(keys()).toContain('1:migrations'))
    slack.refuseMessages(error)
    const before = slack.log.length
    await sign(setting, number)
    await eventually(async () => expect(slack.log.slice(before).some((call) => call.error === error)).toBe(true))
    const tried = slack.log.length
    await team.sql(`update outbox set tries = 20 where state = 'waiting'`)
    await eventually(async () => {
      await hurry()
      expect(slack.log.slice(tried).filter((call) => call.error === error).length).toBeGreaterThan(2)
    })
    slack.refuseMessages(undefined)
    await eventually(async () => {
      await hurry()
      expect(keys()).toContain(`1:signed:qa:${LIN.id}`)
    })
    expect(await givenUp()).toEqual([])
    expect(read(DANA.id)).toEqual([])
    expect(cards(setting)).toHaveLength(1)
  })
})

describe('S22: the announcement at the end', () => {
  it('says what became of the release, no longer that it is changing something now', async () => {
    const setting = await withCard()
    const { team, number, posts, channel, waiting } = setting
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await team.announce(number)
    await eventually(async () => expect((await team.release(number)).announcement).toBeDefined())
    const announcement = () => slack.messages(channel).find((message) => keyOf(message) === '1:announcement')
    expect(announcement()?.text).toContain('is changing api production now')
    await team.run(number)
    await team.store.transaction(async (tx) => {
      const release = await tx.lockRelease(number)
      if (release) await finished(tx, release)
    })
    await eventually(async () => expect(announcement()?.text).toMatch(/^Release #1 succeeded/))
    expect(JSON.stringify(announcement()?.blocks)).not.toContain('is changing')
    await eventually(async () => expect(await waiting()).toEqual([]))
    expect(posts().filter((message) => keyOf(message) === '1:announcement')).toHaveLength(1)
  })

  it('is left as it is where it was deleted, or never made', async () => {
    const setting = await withCard()
    const { team, number, channel, waiting, givenUp } = setting
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await team.announce(number)
    await eventually(async () => expect((await team.release(number)).announcement).toBeDefined())
    const found = slack.messages(channel).find((message) => keyOf(message) === '1:announcement')
    if (found !== undefined) slack.deleteMessage(found)
    made(await team.service.act('cancel', { release: number, by: DANA.id }))
    await eventually(async () => expect(await waiting()).toEqual([]))
    expect(await givenUp()).toEqual(['announcement: message_not_found'])
  })
})

describe('O8: the log', () => {
  it('names the release of a message that Slack refuses: of a card, of a line', async () => {
    const setting = await withCard()
    const { team, number, warned, hurry } = setting
    const about = { release: number, app: 'api', environment: 'production' }
    slack.fault({ kind: 'error', method: 'chat.update', error: 'an_error_of_next_year', times: 1 })
    slack.fault({ kind: 'error', method: 'chat.postMessage', error: 'msg_blocks_too_long', times: 1 })
    await sign(setting, number)
    await hurry()
    await eventually(async () => {
      expect(warned).toContainEqual(expect.objectContaining({ ...about, kind: 'card', error: 'an_error_of_next_year' }))
      expect(warned).toContainEqual(expect.objectContaining({ ...about, kind: 'line', error: 'msg_blocks_too_long' }))
    })
    expect(await team.release(number)).toMatchObject({ number })
  })
})
