/**
 * Each fact reaches a person once: in a direct message, or by a mention in the channel. Counted in Slack itself, over every
 * kind of message.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { stop } from '../../src/release/transitions/index.ts'
import { made, NIA } from '../release/service-team.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { keyOf } from '../support/channel.ts'
import { eventually, planned, slack, startSlackForThisFile, told } from './told.ts'

startSlackForThisFile()

const PEOPLE = [DANA, LIN, TOM, NIA]

beforeAll(() => void slack.addUser({ id: NIA.id, name: NIA.name, realName: NIA.name }))
afterEach(() => {
  slack.clearFaults()
  // Each test has a store of its own, which numbers its releases from 1.
  for (const { id } of PEOPLE) for (const message of slack.directMessages(id)) slack.deleteMessage(message)
})

type Told = Awaited<ReturnType<typeof told>>

/** How often Slack notifies each person of what has this key: by direct messages, and by mentions in the channel. */
function notices({ posts }: Told, key: RegExp) {
  const isMentioned = (blocks: unknown, id: string) => {
    const words = JSON.stringify(blocks)
    return words.includes(`<@${id}>`) || (words.includes('<!subteam^') && id === TOM.id)
  }
  return Object.fromEntries(
    PEOPLE.map(({ id, name }) => {
      const mentions = posts().filter((post) => key.test(keyOf(post)) && isMentioned(post.blocks, id))
      const direct = slack.directMessages(id).filter((one) => key.test(keyOf(one)))
      return [name, `${direct.length} direct, ${mentions.length} mentioned`]
    }),
  )
}

const DIRECT = '1 direct, 0 mentioned'
const MENTIONED = '0 direct, 1 mentioned'
const NOTHING = '0 direct, 0 mentioned'

/** All is sent that is to be sent. */
const settled = (setting: Told) =>
  eventually(async () => {
    await setting.hurry()
    expect(await setting.waiting()).toEqual([])
  })

/** A release of Dana's, signed by Lin and Tom, whose run stops after its merge. */
async function running(setting: Told): Promise<number> {
  const { team } = setting
  const number = await planned(team)
  await settled(setting)
  made(await team.service.act('qa', { release: number, by: LIN.id }))
  made(await team.service.act('approval', { release: number, by: TOM.id }))
  await begin(setting, number)
  return number
}

const begin = ({ team }: Told, number: number) =>
  team.store.transaction(async (tx) => {
    const release = await tx.lockRelease(number)
    await tx.changeRelease(number, { state: 'running', startedAt: tx.now })
    tx.addEvent({
      release: number,
      type: 'run_started',
      actor: 'worker',
      data: { attempt: release?.attempt ?? 1 },
    })
  })

async function stops({ team }: Told, number: number): Promise<void> {
  await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
  await team.store.transaction(async (tx) => {
    const release = await tx.lockRelease(number)
    const because = { gate: 'internal_error' as const, detail: 'the disk is full' }
    if (release) await stop(tx, release, { step: 'migrate', because }, { actor: 'worker' })
  })
}

const ATTENTION = /^1:attention:/

describe('a release that needs attention', () => {
  it('is told to its requester and to who may retry, each in a direct message and not by a mention', async () => {
    const setting = await told()
    setting.start()
    const number = await running(setting)
    await stops(setting, number)
    await settled(setting)
    expect(notices(setting, ATTENTION)).toEqual({ Dana: DIRECT, Tom: DIRECT, Lin: NOTHING, Nia: NOTHING })
    const message = slack.directMessages(DANA.id).at(-1)
    const words = slack.plainText(message ?? { blocks: [] }).replaceAll('\u00a0', ' ')
    expect(message?.text).toMatch(/^Release #1 of api to production needs attention: .*Retry or Close\.$/)
    expect(words).toContain('turn off *Needs attention* on the Home tab of Signoff')
    expect(JSON.stringify(message?.blocks)).toContain('.slack.com/archives/')
  })

  it('is told once more after a retry that stops again, and not after one that is cancelled before its run', async () => {
    const setting = await told()
    const { team } = setting
    setting.start()
    const number = await running(setting)
    await stops(setting, number)
    await settled(setting)
    made(await team.service.act('retry', { release: number, by: TOM.id, key: 'retry' }))
    made(await team.service.act('cancel', { release: number, by: DANA.id, key: 'cancel' }))
    await settled(setting)
    expect((await team.release(number)).state).toBe('needs attention')
    expect(notices(setting, ATTENTION)).toMatchObject({ Dana: DIRECT, Tom: DIRECT })
    made(await team.service.act('retry', { release: number, by: TOM.id, key: 'again' }))
    await begin(setting, number)
    await stops(setting, number)
    await settled(setting)
    expect(notices(setting, ATTENTION)).toMatchObject({ Dana: '2 direct, 0 mentioned', Tom: '2 direct, 0 mentioned' })
  })

  it('mentions who has switched it off, and who gets no direct messages', async () => {
    const setting = await told()
    setting.start()
    const number = await running(setting)
    await setting.team.store.transaction((tx) => tx.setDirectMessages(DANA.id, 'needs attention', false))
    await setting.team.store.transaction((tx) => tx.noteDirectMessageRefusal(TOM.id, 'user_not_visible'))
    await stops(setting, number)
    await settled(setting)
    expect(notices(setting, ATTENTION)).toMatchObject({ Dana: MENTIONED, Tom: MENTIONED, Lin: NOTHING })
  })

  it('mentions them where releases.yml wants no direct messages', async () => {
    const setting = await told()
    setting.start({ directMessages: false })
    const number = await running(setting)
    await stops(setting, number)
    await settled(setting)
    expect(notices(setting, ATTENTION)).toMatchObject({ Dana: MENTIONED, Tom: MENTIONED, Lin: NOTHING })
  })

  it.each(['http_500_after', 'reset_after', 'http_500_before'] as const)(
    'is told once each when answers are lost, also by a bot that takes over: %s',
    async (kind) => {
      const setting = await told()
      const first = setting.start()
      const number = await running(setting)
      const isTelling = (args: object) => JSON.stringify(args).includes(':attention:')
      slack.fault({ kind, method: 'chat.postMessage', times: 3, when: isTelling })
      await stops(setting, number)
      await eventually(async () =>
        expect(await setting.team.sql('select 1 from outbox where tries > 0')).not.toEqual([]),
      )
      await first.stop()
      setting.start()
      setting.start()
      await settled(setting)
      expect(notices(setting, ATTENTION)).toMatchObject({ Dana: DIRECT, Tom: DIRECT, Lin: NOTHING })
    },
  )

  it('is decided once: a bot that dies between the direct messages and the thread’s line changes nothing', async () => {
    const setting = await told()
    setting.start()
    const number = await running(setting)
    const isLine = (args: object) => JSON.stringify(args).includes('"1:attention:1"')
    slack.fault({ kind: 'http_500_before', method: 'chat.postMessage', times: Infinity, when: isLine })
    await stops(setting, number)
    await eventually(async () => expect(notices(setting, ATTENTION)).toMatchObject({ Dana: DIRECT, Tom: DIRECT }))
    await setting.team.store.transaction((tx) => tx.setDirectMessages(DANA.id, 'needs attention', false))
    slack.clearFaults()
    await settled(setting)
    expect(notices(setting, ATTENTION)).toMatchObject({ Dana: DIRECT, Tom: DIRECT })
  })
})

describe('the reminder, as Slack has it', () => {
  it('is a direct message to each who can sign, and mentions the others', async () => {
    const setting = await told()
    const { team } = setting
    team.directory.group('@release-approvers', [TOM.id])
    setting.start()
    await planned(team)
    await settled(setting)
    await team.store.transaction((tx) => tx.setDirectMessages(LIN.id, 'reminders', false))
    await team.passes('4 hours')
    await team.service.tick()
    await settled(setting)
    expect(notices(setting, /^1:reminder/)).toEqual({ Dana: NOTHING, Tom: DIRECT, Lin: MENTIONED, Nia: NOTHING })
    const message = slack.directMessages(TOM.id).at(-1)
    expect(message?.text?.replaceAll('\u00a0', ' ')).toMatch(
      /^Release #1 of api to production has waited 4 hours for QA and approval\. Press QA passed or Approve on its card\./,
    )
  })

  it('is no longer true for who has signed before it is sent', async () => {
    const setting = await told()
    const { team } = setting
    const delivery = setting.start()
    await planned(team)
    await settled(setting)
    await delivery.stop()
    await team.passes('4 hours')
    await team.service.tick()
    made(await team.service.act('qa', { release: 1, by: LIN.id }))
    setting.start()
    await settled(setting)
    expect(notices(setting, /^1:reminder/)).toMatchObject({ Lin: NOTHING, Tom: DIRECT })
    expect(await setting.givenUp()).toContain('private: no longer true')
  })
})

describe('a scheduled release that became outdated', () => {
  it('is told to its requester in a direct message, and its outcome does not mention them', async () => {
    const setting = await told()
    const { team } = setting
    setting.start()
    const picked = new Date(Date.now() + 3 * 60 * 60_000)
    const { number } = made(await team.ask({ at: { picked } }))
    await team.plan(number)
    await settled(setting)
    await team.store.transaction(async (tx) => {
      const release = await tx.lockRelease(number)
      const because = { gate: 'plan_outdated' as const, moved: [] }
      if (release) await stop(tx, release, { because }, { actor: 'worker' })
    })
    await settled(setting)
    expect((await team.release(number)).state).toBe('outdated')
    expect(notices(setting, /^1:(?:missed|outcome)/)).toMatchObject({ Dana: DIRECT, Tom: NOTHING, Lin: NOTHING })
  })
})

describe('a lock', () => {
  const on = { is: 'environment', app: 'api', environment: 'production' } as const
  const lock = ({ team }: Told, by: string, key: string) =>
    team.service.locks.lock({ on, reason: 'a slow query', by, key })

  it('that is taken over and ended is told to its holder, unless they have switched that off', async () => {
    const setting = await told()
    const { team } = setting
    setting.start()
    await lock(setting, NIA.id, 'one')
    const [first] = await team.store.locks({ open: true })
    await team.service.locks.takeOver({ id: first?.id ?? 0, reason: 'a hot-fix', by: TOM.id, key: 'two' })
    await settled(setting)
    expect(notices(setting, /^lock:/)).toEqual({ Dana: NOTHING, Lin: NOTHING, Tom: NOTHING, Nia: DIRECT })
    await team.store.transaction((tx) => tx.setDirectMessages(TOM.id, 'locks', false))
    await team.service.locks.unlock({ on, by: NIA.id, key: 'three' })
    await settled(setting)
    expect(notices(setting, /^lock:/)).toMatchObject({ Tom: NOTHING, Nia: DIRECT })
    expect(await setting.givenUp()).toEqual(['private: not wanted'])
  })

  it('that ends is told once to who waits for it, and not remembered for who has switched that off', async () => {
    const setting = await told()
    const { team } = setting
    setting.start()
    await lock(setting, TOM.id, 'one')
    await team.store.transaction((tx) => tx.setDirectMessages(LIN.id, 'when free', false))
    const place = { app: 'api', environment: 'production' }
    for (const _ of [1, 2]) {
      expect(await team.service.locks.tellWhenFree({ ...place, by: DANA.id })).toHaveProperty('waitsFor')
      expect(await team.service.locks.tellWhenFree({ ...place, by: LIN.id })).toMatchObject({ off: 'by the person' })
    }
    await team.service.locks.unlock({ on, by: TOM.id, key: 'two' })
    await settled(setting)
    expect(notices(setting, /^free:/)).toEqual({ Dana: DIRECT, Lin: NOTHING, Tom: NOTHING, Nia: NOTHING })
    expect(await setting.givenUp()).toEqual([])
  })
})
