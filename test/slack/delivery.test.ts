/** The outbox on its way to a Slack that says no: bounded, once, and somebody knows. No worker, no socket: only messages. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CLOCK } from '../../src/lib/clock.ts'
import { made } from '../release/service-team.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { keyOf } from '../support/channel.ts'
import { eventually, planned, slack, startSlackForThisFile, told } from './told.ts'

startSlackForThisFile()

describe('a card that Slack does not take', () => {
  it('is told to its requester, comes when the channel is fixed, and ends with its release when it is not', async () => {
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
    // What is over is told before lines that wait.
    await eventually(async () => expect(keys()).toEqual(['1:card', '1:migrations', '1:outcome']))
    await wornOut()
    await eventually(async () =>
      expect(keys()).toEqual(['1:card', '1:migrations', '1:outcome', `1:signed:rejection:${TOM.id}`]),
    )
    expect(await givenUp()).toEqual(['line: invalid_blocks'])
    await eventually(async () => expect(read(DANA.id).length).toBe(1))
    expect(read(DANA.id)[0]).toMatch(/#1\b.*invalid_blocks/)
  })

  it('whose try has no answer waits while the channel is closed, and comes once when it is open again', async () => {
    const { team, channel, start, keys, read, givenUp, waiting, wornOut, hurry } = await told()
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
    await eventually(async () => expect(await team.sql('select 1 from outbox where tries > 8')).toHaveLength(1))
    expect(await givenUp()).toEqual([])
    await eventually(async () => expect(read(DANA.id).length).toBe(1))
    slack.inviteBot(channel)
    await eventually(async () => {
      await hurry()
      expect(await waiting()).toEqual([])
    })
    expect(keys().filter((key) => key.startsWith('1:signed:qa'))).toHaveLength(1)
  })
})

describe('an announcement that Slack does not take', () => {
  it('is told at once to the requester and to the last one who signed', async () => {
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
        expect(read(person)).toContainEqual(expect.stringMatching(/#1\b[\s\S]*`announcement_unconfirmed`/)),
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
  it('mentions nobody, and one line mentions those who may sign', async () => {
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

describe('T1: an outcome that comes while lines wait', () => {
  const qa = `1:signed:qa:${LIN.id}`
  const rejection = `1:signed:rejection:${TOM.id}`

  /** A release that was tested and then rejected, while nobody sends what is to be told of it. */
  async function endedUntold() {
    const parts = await told()
    const { team, start, keys } = parts
    const before = start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toEqual(['1:card', '1:migrations']))
    await before.stop()
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('rejection', { release: number, by: TOM.id, note: 'the search is wrong' }))
    return parts
  }

  it('comes after them in their order while nobody else waits to be told', async () => {
    const { start, keys, posts } = await endedUntold()
    start()
    await eventually(async () => expect(keys()).toHaveLength(5))
    // The line of what ended it belongs to the outcome, and goes where Slack's limit has room for it.
    expect(keys().filter((key) => key !== rejection)).toEqual(['1:card', '1:migrations', qa, '1:outcome'])
    expect(posts().filter(({ text }) => text.startsWith('Before the outcome above:'))).toEqual([])
  })

  it('is told first when another release has ended too, and what comes after it says that it is older', async () => {
    const { team, start, keys, posts } = await endedUntold()
    const other = made(await team.ask({ environment: 'integration' })).number
    made(await team.service.act('cancel', { release: other, by: DANA.id }))
    await team.store.transaction((tx) => tx.send({ kind: 'outcome', release: other, key: `${other}:outcome` }))
    start()
    await eventually(async () => expect(keys()).toEqual(expect.arrayContaining([qa, rejection])))
    expect(keys().indexOf('1:outcome')).toBeLessThan(keys().indexOf(qa))
    expect(posts().map(({ text }) => text.startsWith('Before the outcome above:\n'))).toEqual(
      posts().map((message) => keyOf(message) === qa),
    )
  })

  it('whose line was lost on its way finds that line again, with its heading or without', async () => {
    const { start, keys } = await endedUntold()
    const isLine = (args: object) => JSON.stringify(args).includes(':signed:qa:')
    const lost = slack.fault({ kind: 'http_500_after', method: 'chat.postMessage', when: isLine })
    start()
    await eventually(async () => expect(keys()).toContain(`1:signed:rejection:${TOM.id}`))
    expect(lost.remaining).toBe(0)
    expect(keys().filter((key) => key.startsWith('1:signed:qa'))).toHaveLength(1)
  })
})

describe('T5: several tries at once', () => {
  const whisper = { kind: 'private', key: 'slow', to: DANA.id, asked: '', message: { is: 'help' } } as const

  it('a slow answer to one person holds up nothing else', async () => {
    const { team, start, keys } = await told()
    start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toEqual(['1:card', '1:migrations']))
    const isDana = (args: object) => JSON.stringify(args).includes(DANA.id)
    slack.fault({ kind: 'delay', method: 'conversations.open', ms: 2_000, when: isDana })
    onTestFinished(() => slack.clearFaults())
    await team.store.transaction((tx) => tx.send(whisper))
    await eventually(async () =>
      expect(await team.sql(`select 1 from outbox where tries = 1 and kind = 'private'`)).toHaveLength(1),
    )
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await eventually(async () => expect(keys()).toContain(`1:signed:qa:${LIN.id}`))
    expect(await team.sql(`select state from outbox where kind = 'private'`)).toEqual([{ state: 'waiting' }])
  })

  it('a message of a release waits for the one before it', async () => {
    const { team, start, keys } = await told()
    start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toEqual(['1:card', '1:migrations']))
    const isLine = (args: object) => JSON.stringify(args).includes(':signed:qa:')
    slack.fault({ kind: 'delay', method: 'chat.postMessage', ms: 1_000, when: isLine })
    onTestFinished(() => slack.clearFaults())
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    await eventually(async () =>
      expect(
        await team.sql(`select 1 from outbox where tries = 1 and kind = 'line' and state = 'waiting'`),
      ).toHaveLength(1),
    )
    made(await team.service.act('rejection', { release: number, by: TOM.id, note: 'the search is wrong' }))
    await eventually(async () => expect(keys()).toContain('1:outcome'))
    expect(keys()[2]).toBe(`1:signed:qa:${LIN.id}`)
  })

  it('what ends while the outbox is read is not tried again as it was before', async () => {
    // Without a pace: it must not be what keeps the second try back.
    const { team, start, keys } = await told({ postEveryMs: 0.01 })
    const first = start()
    const number = await planned(team)
    await eventually(async () => expect(keys()).toEqual(['1:card', '1:migrations']))
    await first.stop()
    const isLine = (args: object) => JSON.stringify(args).includes('1:note')
    const lost = slack.fault({ kind: 'http_500_after', method: 'chat.postMessage', when: isLine })
    const note = { is: 'note', text: 'The first.' } as const
    await team.store.transaction((tx) => tx.send({ kind: 'line', release: number, key: '1:note', line: note }))
    const postponed = Promise.withResolvers<void>()
    let reads = 0
    start({
      outbox: {
        ...team.outbox,
        async due(limit) {
          const due = await team.outbox.due(limit)
          reads += 1
          // The try that began after the first read has ended when the second is back.
          if (reads === 2) await postponed.promise.then(() => setImmediate())
          return due
        },
        async postpone(...how) {
          await team.outbox.postpone(...how)
          postponed.resolve()
        },
      },
    })
    await eventually(async () => expect(await team.sql(`select 1 from outbox where state = 'waiting'`)).toEqual([]))
    expect(lost.remaining).toBe(0)
    expect(keys()).toEqual(['1:card', '1:migrations', '1:note'])
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
    // It stands still but for where it is moved: the outbox asks again and again whether the next may go.
    let now = 1_000_000_000
    start({ clock: { ...CLOCK, now: () => now } })
    // The card is posted by the channel's name, the lines by its id.
    for (let posted = 1; posted <= others.length + 2; posted++) {
      await eventually(async () => expect(posts().length).toBeGreaterThanOrEqual(posted))
      await CLOCK.sleep(300)
      expect(posts()).toHaveLength(posted)
      now += 100
    }
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
