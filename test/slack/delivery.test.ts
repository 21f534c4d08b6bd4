/** The outbox on its way to a Slack that says no: bounded, once, and somebody knows. No worker, no socket: only messages. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import type { OutboxMessage } from '../../src/release/messages.ts'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createSlackClients } from '../../src/slack/clients.ts'
import { createDirectory } from '../../src/slack/directory.ts'
import { startDelivery } from '../../src/slack/outbox/delivery.ts'
import type { DeliveryPorts } from '../../src/slack/outbox/sending.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aTeam, made, type Team } from '../release/service-team.ts'
import { DANA, LIN, SERVICES, TOM } from '../support/builders.ts'
import { keyOf } from '../support/channel.ts'
import { eventually as holds } from '../support/waiting.ts'

const PACE = { updateEveryMs: 20, postEveryMs: 20, updatesAMinute: 10_000 }

let slack: SlackWorkspace
beforeAll(async () => {
  slack = await startSlackWorkspace()
  for (const { id, name } of [DANA, LIN, TOM]) slack.addUser({ id, name, realName: name })
  slack.addGroup({ handle: 'release-approvers', users: [TOM.id] })
})
afterAll(async () => {
  await slack?.close()
  await stopPostgres()
})

let channels = 0

/** A team with a channel of its own, to which its outbox is delivered. */
async function told(pace: Partial<typeof PACE> = {}) {
  const channel = `product-${++channels}`
  slack.addChannel({ name: channel })
  const team = await aTeam({ channel: `#${channel}` })
  const { background } = createSlackClients({ token: slack.botToken, apiUrl: slack.apiUrl })
  const start = (ports: Partial<DeliveryPorts> = {}) => {
    const delivery = startDelivery({
      store: team.store,
      outbox: team.outbox,
      directory: createDirectory(background, 'T0SANDBOX'),
      apps: team.apps,
      progress: 'lines',
      services: SERVICES,
      client: background,
      botUser: 'U0SIGNOFF',
      botId: 'B0SIGNOFF',
      clock: CLOCK,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      ...PACE,
      ...pace,
      ...ports,
    })
    onTestFinished(() => delivery.stop())
    return delivery
  }
  /** The channel with its threads, in the order in which it came. */
  const posts = () => {
    const roots = slack.messages(channel)
    const all = [...roots, ...roots.flatMap(({ ts }) => slack.thread(channel, ts))]
    return [...new Map(all.map((message) => [message.ts, message])).values()].sort(
      (a, b) => Number(a.ts) - Number(b.ts),
    )
  }
  const read = (user: string) => slack.directMessages(user).map((message) => slack.plainText(message))
  return {
    team,
    channel,
    start,
    posts,
    /** What stands in the channel and its threads, by its keys. */
    keys: () => posts().map(keyOf),
    /** What Dana has read of this channel, in all tests. */
    read: (user: string) => read(user).filter((words) => words.includes(`#${channel}`)),
    waiting: () =>
      team
        .sql(`select message from outbox where state = 'waiting' order by id`)
        .then((rows) => rows.map(({ message }) => (message as OutboxMessage).kind)),
    givenUp: () =>
      team
        .sql(`select message, reason from outbox where state = 'given up' order by id`)
        .then((rows) => rows.map(({ message, reason }) => `${(message as OutboxMessage).kind}: ${reason}`)),
    /** As if what waits had been tried for minutes. */
    wornOut: async () => {
      await team.sql(`update outbox set tries = 8, not_before = now() where state = 'waiting' and kind <> 'private'`)
      await team.sql(`select pg_notify('signoff_outbox', '')`)
    },
  }
}

/** Waits until it holds, for as long as Slack is asked for anything. */
const eventually = (assertion: () => Promise<unknown>) => holds(assertion, { moves: () => slack.log.length })

async function planned(team: Team): Promise<number> {
  const { number } = made(await team.ask())
  await team.plan(number)
  return number
}

describe('a card that Slack does not take', () => {
  it('is told to its requester, comes when the channel is mended, and ends with its release when it is not', async () => {
    const { team, channel, start, keys, read, waiting, givenUp, wornOut } = await told()
    slack.archive(channel)
    start()
    const number = await planned(team)
    await eventually(async () => expect(read(DANA.id).length).toBe(1))
    expect(read(DANA.id)[0]).toMatch(/#1\b.*is_archived/s)
    await wornOut()
    await eventually(async () => expect(await team.sql('select 1 from outbox where tries > 8')).toHaveLength(1))
    expect(await waiting()).toContain('card')

    await team.passes('25 hours')
    await team.service.tick()
    expect((await team.release(number)).state).toBe('expired')
    await wornOut()
    await eventually(async () => expect(await waiting()).toEqual([]))
    expect(await givenUp()).toEqual(expect.arrayContaining(['card: is_archived']))
    await eventually(async () => expect(read(DANA.id).length).toBe(2))
    expect(read(DANA.id)[1]).toMatch(/#1\b.*expired/s)
    expect(keys()).toEqual([])

    slack.unarchive(channel)
    await planned(team)
    await eventually(async () => expect(keys()).toContain('2:card'))
  })
})

describe('a line that Slack does not take', () => {
  it('is given up and told to the requester, and what stands behind it is said', async () => {
    const { team, start, keys, read, givenUp, wornOut } = await told()
    const isLine = (args: object) => JSON.stringify(args).includes(':signed:qa:')
    slack.fault({ kind: 'error', method: 'chat.postMessage', error: 'invalid_blocks', times: Infinity, when: isLine })
    onTestFinished(() => slack.clearFaults())
    start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toContain('1:card'))
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('rejection', { release: number, by: TOM.id, note: 'the search is wrong' }))
    await eventually(async () =>
      expect(await team.sql('select 1 from outbox where tries > 0 and state = $1', ['waiting'])).toHaveLength(1),
    )
    await wornOut()
    await eventually(async () =>
      expect(keys()).toEqual(['1:card', '1:migrations', `1:signed:rejection:${TOM.id}`, '1:outcome']),
    )
    expect(await givenUp()).toEqual(['line: invalid_blocks'])
    await eventually(async () => expect(read(DANA.id).length).toBe(1))
    expect(read(DANA.id)[0]).toMatch(/#1\b.*invalid_blocks/)
  })

  it('whose try has no answer comes to an end when the channel is gone', async () => {
    const { team, channel, start, keys, read, givenUp, wornOut } = await told()
    start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toContain('1:card'))
    const isLine = (args: object) => JSON.stringify(args).includes(':signed:qa:')
    slack.fault({ kind: 'http_500_before', method: 'chat.postMessage', times: Infinity, when: isLine })
    onTestFinished(() => slack.clearFaults())
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await eventually(async () =>
      expect(await team.sql('select 1 from outbox where tries > 0 and state = $1', ['waiting'])).toHaveLength(1),
    )
    slack.removeBot(channel)
    slack.clearFaults()
    const before = slack.log.length
    await eventually(async () => expect(slack.log.slice(before).some(({ error }) => error !== undefined)).toBe(true))
    await wornOut()
    await eventually(async () => expect(await givenUp()).toContainEqual(expect.stringMatching(/^line: /)))
    await eventually(async () => expect(read(DANA.id).length).toBeGreaterThan(0))
  })
})

describe('an announcement that Slack does not take', () => {
  it('is told at once to the requester and to whoever signed last', async () => {
    const { team, channel, start, keys, read } = await told()
    start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toContain('1:card'))
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await eventually(async () => expect(keys()).toContain(`1:signed:approval:${TOM.id}`))
    slack.archive(channel)
    await team.announce(number)
    for (const person of [DANA.id, TOM.id]) {
      await eventually(async () =>
        expect(read(person)).toEqual([expect.stringMatching(/#1\b[\s\S]*`announcement_unconfirmed`/)]),
      )
    }
    expect(read(LIN.id)).toEqual([])
    slack.unarchive(channel)
    await eventually(async () => expect(keys()).toContain('1:announcement'))
  })

  it('is no news any more once Slack, which was away, has it', async () => {
    const { team, start, keys, read, givenUp } = await told()
    const away = start()
    const number = await planned(team)
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await eventually(async () => expect(keys()).toContain(`1:signed:approval:${TOM.id}`))
    await away.stop()
    await team.announce(number)
    await team.passes('5 minutes')
    await team.service.tick()
    start()
    const over = 'private: no longer true'
    await eventually(async () => expect(await givenUp()).toEqual([over, over]))
    expect(keys()).toContain('1:announcement')
    expect([...read(DANA.id), ...read(TOM.id)]).toEqual([])
  })
})

describe('a card that was there before its plan', () => {
  it('mentions nobody, and one line mentions whoever may sign', async () => {
    const { team, posts, start } = await told()
    await team.workerDies('1 minute')
    start()
    const { number } = made(await team.ask())
    const blocks = () => posts().map((message) => JSON.stringify(message.blocks))
    await eventually(async () => expect((await team.release(number)).card).toBeDefined())
    await team.plan(number)
    await eventually(async () => expect(blocks().length).toBe(3))
    expect(blocks().map((each) => each.includes('<!subteam'))).toEqual([false, true, false])
    expect(posts().map(keyOf)).toEqual(['1:card', '1:asked', '1:migrations'])
    for (const asked of ['@qa', 'Tom', '@release-approvers']) expect(posts()[1]?.text).toContain(asked)
  })
})

describe('the pace', () => {
  it('is one budget for a channel, by its name and by its id', async () => {
    const { team, posts, start } = await told({ postEveryMs: 100 })
    const others = Array.from({ length: 3 }, (_, index) => ({ is: 'note' as const, text: `Line ${index}.` }))
    const number = await planned(team)
    await team.store.transaction(async (tx) => {
      for (const [index, line] of others.entries()) {
        await tx.send({ kind: 'line', release: number, key: `note ${index}`, line })
      }
    })
    /** Until when what waits was put off last. */
    const putOff = async () => {
      const sql = `select max(not_before)::text as until from outbox where state = 'waiting' and not_before > put_in_at`
      return (await team.sql(sql))[0]?.until
    }
    // It stands still but for where it is moved: the outbox asks again and again whether the next may go.
    let now = 1_000_000_000
    start({ clock: { ...CLOCK, now: () => now } })
    for (const afterMs of [0, 3 * 100 - 1]) {
      now += afterMs
      await eventually(async () => expect(posts().length).toBeGreaterThanOrEqual(3))
      const before = await putOff()
      await eventually(async () => expect(await putOff()).not.toBe(before))
      expect(posts()).toHaveLength(3)
    }
    now += 1
    await eventually(async () => expect(posts()).toHaveLength(others.length + 2))
  })
})

describe('a store that is away', () => {
  it('is asked again soon, then every 5 s, and soon again after it was there', async () => {
    const { start, team } = await told()
    const waits: number[] = []
    const { promise: waitedEnough, resolve } = Promise.withResolvers<void>()
    const over = AbortSignal.abort()
    start({
      outbox: {
        ...team.outbox,
        async deliverAlone(work) {
          if (waits.length === 6) await work(over)
          throw new Error('Connection terminated unexpectedly')
        },
      },
      clock: {
        ...CLOCK,
        async sleep(ms, signal) {
          waits.push(ms)
          if (waits.length < 8) return
          resolve()
          await new Promise<void>((stopped) => signal?.addEventListener('abort', () => stopped()))
        },
      },
    })
    await waitedEnough
    expect(waits).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 1_000, 2_000])
  })
})
