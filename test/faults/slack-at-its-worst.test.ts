/**
 * Promises 1, 4 and 7 against Slack at its worst: answers lost in every way, hours without Slack, deliveries that come again
 * or come only as a retry. Messages are counted where they arrive, in Slack. `FAULTS_SEED` replays a run.
 */
import { WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { afterEach, describe, expect, it } from 'vitest'
import { createSimulation, type Simulation, type SimulationOptions } from '../support/simulation/simulation.ts'
import { CALLS, makeUnreliable, randomOf, timeouts } from './unreliable-slack.ts'

const SEED = Number(process.env.FAULTS_SEED ?? 20_261_122)
const RELEASES = 120
const MIN = 60_000

const started: Simulation[] = []
afterEach(() => {
  for (const sim of started.splice(0)) sim.end()
})

function simulated(options?: SimulationOptions): Simulation {
  const sim = createSimulation(options)
  started.push(sim)
  return sim
}

const announcements = ({ world }: Simulation) =>
  world.truth.of('message').filter(({ key }) => key.endsWith(':announcement'))
const irreversible = ({ world }: Simulation) =>
  (['merge', 'pick', 'migration', 'push'] as const).flatMap((kind) => world.truth.of(kind))

/** What people wait for stands in Slack, each once; but for what time has made void. */
function expectToldOnce(sim: Simulation, dropped: readonly string[] = []): void {
  expect(sim.world.truth.doubled()).toEqual([])
  const rows = sim.memory.outboxRows().filter(({ message: { kind } }) => kind !== 'private' && !dropped.includes(kind))
  expect(rows.filter(({ state }) => state !== 'confirmed')).toEqual([])
  for (const { message, posted } of rows) {
    const there = sim.world.slack.messages.some(({ channel, ts }) => channel === posted?.channel && ts === posted.ts)
    expect(there, `${JSON.stringify(message)} was confirmed where nothing stands`).toBe(true)
  }
}

async function toSignOff(sim: Simulation): Promise<void> {
  await sim.request()
  await sim.until(() => sim.release().state === 'awaiting sign-off' && sim.release().card !== undefined)
}

/** Its migration fails after its merge. */
async function toAttention(sim: Simulation): Promise<void> {
  sim.plan.add({ role: 'worker', call: 'migrator.upgrade', nth: 1, fault: 'says no' })
  await toSignOff(sim)
  await sign(sim)
  await sim.settle()
  expect(sim.release().state).toBe('needs attention')
}

async function sign(sim: Simulation): Promise<void> {
  await sim.sign('qa')
  await sim.sign('approval')
}

describe('Promises 1 and 4: calls that fail', () => {
  it(`loses and doubles no message of ${RELEASES} releases with 30 % of calls failing or more (seed ${SEED})`, async () => {
    const began = performance.now()
    const failed = new Map<string, number>()
    let calls = 0
    let told = 0
    let delayed = 0
    for (let round = 0; round < RELEASES; round++) {
      const random = randomOf(SEED + round)
      const sim = simulated({ faults: timeouts(0.05, random) })
      const unreliable = makeUnreliable(sim, { share: 0.29, delays: 0.05, random })
      await toSignOff(sim)
      await sign(sim)
      expect(await sim.settle(), `round ${round} does not come to rest`).toBe(true)
      sim.checkInvariants()
      expect(sim.release().state, `round ${round}`).toBe('succeeded')
      expect(announcements(sim), `round ${round}`).toHaveLength(1)
      expectToldOnce(sim)
      told += sim.world.truth.of('message').length
      // Those that never arrive are calls, too.
      calls += sim.plan.calls.filter(({ role, call }) => role === 'bot' && CALLS.includes(call)).length
      delayed += unreliable.delayed()
      for (const [way, times] of unreliable.failed) failed.set(way, (failed.get(way) ?? 0) + times)
      for (const { fault } of sim.plan.struck) failed.set(fault, (failed.get(fault) ?? 0) + 1)
      sim.end()
    }
    const all = [...failed.values()].reduce((sum, times) => sum + times, 0)
    const seconds = ((performance.now() - began) / 1_000).toFixed(1)
    const ways = [...failed].map(([way, times]) => `${way} ${times}`).join(', ')
    console.log(
      `${RELEASES} releases, ${told} messages, ${calls} calls, ${all} failed (${((100 * all) / calls).toFixed(1)} %): ${ways}; ${delayed} answered late (${seconds} s, seed ${SEED})`,
    )
    expect(all / calls).toBeGreaterThanOrEqual(0.3)
    expect(failed.size).toBe(12)
    expect(delayed).toBeGreaterThan(RELEASES / 2)
  })

  it('posts nothing again while history can’t be read, holds back nothing else, and tells all of it when it can', async () => {
    const sim = simulated()
    await toSignOff(sim)
    await sim.settle()
    const { end } = makeUnreliable(sim, { share: 1, random: () => 0, methods: ['history', 'replies'] })
    sim.loseAnswer('slack.postMessage')
    // The next post is the line of the first word: lines wait behind it, the announcement and the outcome do not.
    await sign(sim)
    await sim.tick(70 * MIN)
    expect(sim.release().state).toBe('succeeded')
    expect(announcements(sim)).toHaveLength(1)
    expect(sim.world.truth.doubled()).toEqual([])
    const waiting = sim.memory.outboxRows().filter(({ state }) => state === 'waiting')
    expect(waiting.every(({ message }) => message.kind === 'line')).toBe(true)
    expect(waiting.length).toBeGreaterThan(3)
    end()
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expectToldOnce(sim)
  })

  it('does not take a lost announcement for said while history can’t be read, and adopts it when it can', async () => {
    const sim = simulated()
    await toSignOff(sim)
    await sim.sign('qa')
    await sim.settle()
    await sim.sign('approval')
    const { end } = makeUnreliable(sim, { share: 1, random: () => 0.5, methods: ['history', 'replies'] })
    const isAnnouncing = () =>
      sim.memory.outboxRows().some(({ message, tries }) => message.kind === 'announcement' && tries > 0)
    const nth = () => sim.plan.calls.filter(({ call }) => call === 'slack.postMessage').length + 1
    for (let next = nth(); next < nth() + 4; next++) {
      sim.plan.add({ role: 'bot', call: 'slack.postMessage', nth: next, fault: 'timeout applied' })
    }
    await sim.until(() => sim.memory.outboxRows().some(({ message }) => message.kind === 'announcement'))
    await sim.until(isAnnouncing, 10 * MIN)
    await sim.tick(20 * MIN)
    expect(announcements(sim).length).toBeLessThanOrEqual(1)
    expect(irreversible(sim)).toEqual([])
    sim.plan.forget()
    end()
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(sim.release().state).toBe('succeeded')
    expect(announcements(sim)).toHaveLength(1)
    expectToldOnce(sim)
  })
})

describe('Promise 1, at most one effect: answers that say nothing', () => {
  it.each(['HTML 200', 'cut body'] as const)(
    'are no refusals: %s for half an hour, and nothing is given up',
    async (way) => {
      const sim = simulated()
      await toSignOff(sim)
      const { end } = makeUnreliable(sim, { share: 1, random: () => 0.5, ways: [`${way} before`, `${way} after`] })
      await sign(sim)
      await sim.tick(30 * MIN)
      expect(irreversible(sim)).toEqual([])
      end()
      expect(await sim.settle()).toBe(true)
      sim.checkInvariants()
      expect(sim.release().state).toBe('succeeded')
      expectToldOnce(sim)
    },
  )
})

describe('Promise 1, at most one effect: a bot that stands still', () => {
  it.each(['outbox.trying', 'slack.history'] as const)(
    'after %s leaves the message to the bot that is there meanwhile',
    async (call) => {
      const sim = simulated()
      // The first answers who has asked.
      sim.plan.add({ role: 'bot', call: 'slack.postMessage', nth: 2, fault: 'timeout not applied' })
      sim.plan.add({ role: 'bot', call, nth: call === 'slack.history' ? 1 : 2, fault: 'stall after' })
      await sim.request()
      expect(await sim.settle()).toBe(true)
      expect(sim.plan.struck).toHaveLength(2)
      expectToldOnce(sim)
    },
  )

  it('before it updates a card leaves the card as the other bot has drawn it meanwhile', async () => {
    const sim = simulated()
    await toSignOff(sim)
    await sim.settle()
    sim.plan.add({ role: 'bot', call: 'slack.update', nth: 1, fault: 'stall before' })
    await sim.sign('qa')
    await sim.tick(20_000)
    await sim.cancel()
    expect(await sim.settle()).toBe(true)
    expect(sim.plan.struck).toHaveLength(1)
    sim.checkInvariants()
  })
})

describe('Promises 4 and 7: Slack is down', () => {
  it('for more than the hour before the announcement: nothing starts by surprise, and the channel reads why', async () => {
    const sim = simulated()
    await toSignOff(sim)
    await sign(sim)
    sim.slackDown(70 * MIN)
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(sim.release()).toMatchObject({
      state: 'expired',
      problem: { because: { gate: 'announcement_unconfirmed' } },
    })
    expect(irreversible(sim)).toEqual([])
    expect(announcements(sim)).toEqual([])
    expectOutcome(sim)
  })

  it('for a part of that hour: it is announced when Slack is back, and goes on after that', async () => {
    const sim = simulated()
    await toSignOff(sim)
    await sign(sim)
    sim.slackDown(50 * MIN)
    await sim.tick(49 * MIN)
    expect(irreversible(sim)).toEqual([])
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(sim.release().state).toBe('succeeded')
    expectToldOnce(sim)
  })

  it('from the request on: it waits for its card, and nobody is asked twice', async () => {
    const sim = simulated()
    await sim.request()
    sim.slackDown(60 * MIN)
    await sim.tick(59 * MIN)
    expect(sim.release()).toMatchObject({ state: 'awaiting sign-off' })
    expect(sim.release().expiresAt).toBeUndefined()
    await sim.settle()
    await sign(sim)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expectToldOnce(sim)
  })

  it('for ten minutes while a planning is cancelled: its requester is told privately when Slack is back', async () => {
    const sim = simulated()
    await sim.request()
    const tries = sim.plan.calls.filter(({ call }) => call === 'outbox.trying').length
    sim.plan.add({ role: 'bot', call: 'outbox.trying', nth: tries + 1, fault: 'slack down', ms: 10 * MIN })
    await sim.cancel()
    await sim.tick(9 * MIN)
    const told = () =>
      sim.memory
        .outboxRows()
        .filter(
          ({ message, state }) => message.kind === 'private' && message.message.is === 'ended' && state === 'confirmed',
        )
    expect(sim.release().state).toBe('cancelled')
    expect(told()).toEqual([])
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(told()).toHaveLength(1)
  })

  it.each(['merge', 'migration', 'push'] as const)(
    'for an hour from the %s on: what was announced goes on, and the rest is told later',
    async (kind) => {
      const sim = simulated()
      await toSignOff(sim)
      await sign(sim)
      expect(await sim.until(() => sim.world.truth.of(kind).length > 0)).toBe(true)
      sim.slackDown(60 * MIN)
      await sim.tick(30 * MIN)
      expect(sim.release().state).toBe('succeeded')
      expect(sim.world.slack.withKey(`${sim.release().number}:outcome`)).toBeUndefined()
      expect(await sim.settle()).toBe(true)
      sim.checkInvariants()
      expectToldOnce(sim)
      expectOutcome(sim)
    },
  )

  function expectOutcome(sim: Simulation): void {
    expect(sim.world.slack.withKey(`${sim.release().number}:outcome`)).toBeDefined()
  }
})

describe('Promise 7, every release ends: what Slack refuses', () => {
  type Call = (args: { channel?: string }) => Promise<unknown>

  /** From now this call of Slack's is answered so, until what this gives is called. */
  function refusing({ world }: Simulation, group: 'chat' | 'conversations', method: string, error: Error): () => void {
    const of = world.slack.client[group]
    const whole: unknown = Reflect.get(of, method)
    Reflect.set(of, method, () => Promise.reject(error))
    return () => void Reflect.set(of, method, whole)
  }
  const no = (error: string) => new WebAPIPlatformError({ ok: false, error })

  it('for half an hour to a token that is fixed then: nothing is given up', async () => {
    const sim = simulated()
    await toSignOff(sim)
    const restore = refusing(sim, 'chat', 'postMessage', no('token_revoked'))
    await sign(sim)
    await sim.tick(30 * MIN)
    expect(irreversible(sim)).toEqual([])
    restore()
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(sim.release().state).toBe('succeeded')
    expectToldOnce(sim)
  })

  it('to change a card that is gone: another one is posted, and goes on in its place', async () => {
    const sim = simulated()
    await toSignOff(sim)
    const { card } = sim.release()
    const restore = refusing(sim, 'chat', 'update', no('message_not_found'))
    await sim.sign('qa')
    expect(await sim.until(() => sim.release().card?.ts !== card?.ts)).toBe(true)
    restore()
    await sim.sign('approval')
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(sim.release().state).toBe('succeeded')
  })

  it.each(['edit_window_closed', 'cant_update_message', 'is_inactive'])(
    'to change a card (%s): it stays, no other is posted, and it goes on when it can be changed',
    async (error) => {
      const sim = simulated()
      await toSignOff(sim)
      const { card } = sim.release()
      const restore = refusing(sim, 'chat', 'update', no(error))
      await sim.sign('qa')
      await sim.tick(10 * MIN)
      restore()
      await sim.sign('approval')
      expect(await sim.settle()).toBe(true)
      sim.checkInvariants()
      expect(sim.release().state).toBe('succeeded')
      expect(sim.release().card).toEqual(card)
      expect(sim.world.truth.of('message').filter(({ key }) => /^1:card(:|$)/.test(key))).toHaveLength(1)
    },
  )

  it('more than a few calls: nothing of the kind is sent before the time that it says', async () => {
    const sim = simulated()
    await toSignOff(sim)
    await sim.settle()
    const restore = refusing(sim, 'chat', 'postMessage', new WebAPIRateLimitedError(120))
    await sign(sim)
    const isTried = () =>
      sim.memory
        .outboxRows()
        .some(({ message, state, tries }) => message.kind === 'line' && state === 'waiting' && tries > 0)
    await sim.until(isTried)
    restore()
    const posts: number[] = []
    const { chat } = sim.world.slack.client
    const whole = chat.postMessage.bind(chat) as unknown as Call
    Reflect.set(chat, 'postMessage', (args: { channel?: string }) => {
      if (args.channel?.startsWith('C-')) posts.push(sim.now())
      return whole(args)
    })
    const from = sim.now()
    expect(await sim.settle()).toBe(true)
    expect(posts.filter((at) => at < from + 100_000)).toEqual([])
    expect(sim.release().state).toBe('succeeded')
    expectToldOnce(sim)
  })

  it('a private answer a few times: it comes; for a day: it is of no use any more', async () => {
    const sim = simulated()
    const restore = refusing(sim, 'conversations', 'open', no('an_error_of_next_year'))
    await sim.request()
    await sim.tick(MIN)
    restore()
    await sim.settle()
    const told = () => sim.world.truth.of('private message').length
    expect(told()).toBe(1)
    refusing(sim, 'conversations', 'open', new WebAPIRequestError(new Error('read ECONNRESET')))
    await sim.request()
    await sim.tick(MIN)
    sim.jumpClock(25 * 60 * MIN)
    await sim.tick(2 * MIN)
    const answers = sim.memory.outboxRows().filter(({ message }) => message.kind === 'private')
    expect(answers.map(({ state }) => state)).toEqual(['confirmed', 'given up'])
    expect(told()).toBe(1)
  })
})

describe('Promise 1, at most one effect: deliveries that come again', () => {
  const LATER = [0, 3_000, 60_000, 300_000]

  it.each(['same id', 'new id'] as const)(
    'four times with the %s: each word counts once, and nothing happens twice',
    async (how) => {
      const sim = simulated()
      const again = async () => {
        const from = sim.now()
        for (const later of LATER) {
          await sim.tick(Math.max(0, from + later - sim.now()))
          await sim.deliverAgain(how)
        }
      }
      await sim.request()
      await again()
      expect(sim.releases()).toHaveLength(1)
      await sim.settle()
      await sim.sign('qa')
      await again()
      expect(sim.release().signOffs).toHaveLength(1)
      await sim.sign('approval')
      await again()
      await sim.settle()
      sim.checkInvariants()
      expect(sim.releases()).toHaveLength(1)
      expect(sim.release().signOffs.map(({ kind }) => kind)).toEqual(['qa', 'approval'])
      expect(sim.release()).toMatchObject({ state: 'succeeded', attempt: 1 })
      expectToldOnce(sim)
    },
  )

  it.each<[string, (sim: Simulation) => Promise<unknown>, (sim: Simulation) => Promise<unknown>, string]>([
    ['a cancel', toSignOff, (sim) => sim.cancel(), 'cancel_asked'],
    ['an emergency', toSignOff, (sim) => sim.emergency(), 'sign_off_given'],
    ['a rejection', toSignOff, (sim) => sim.reject(), 'sign_off_given'],
    ['a Retry', toAttention, (sim) => sim.retry(), 'retry_asked'],
    ['a Close', toAttention, (sim) => sim.close(), 'release_ended'],
    ['a hot-fix', async () => undefined, (sim) => sim.hotfix(), 'release_requested'],
    [
      'Plan again',
      async (sim) => {
        await toSignOff(sim)
        await sim.cancel()
        await sim.settle()
      },
      (sim) => sim.planAgain(),
      'release_requested',
    ],
  ])('%s that comes eight times is one', async (_what, prepare, act, event) => {
    const sim = simulated()
    await prepare(sim)
    const count = () => sim.memory.events().filter(({ type }) => type === event).length
    const before = count()
    await act(sim)
    for (const how of ['same id', 'new id', 'same id', 'new id'] as const) await sim.deliverAgain(how)
    for (const later of LATER) {
      await sim.tick(later)
      await sim.deliverAgain('same id')
    }
    await sim.settle()
    sim.checkInvariants()
    expect(count()).toBe(before + 1)
    expectToldOnce(sim)
  })

  it('a retry whose first delivery never came is taken as the first', async () => {
    const sim = simulated()
    sim.crash('bot')
    expect(await sim.request()).toBe('no answer')
    expect(sim.releases()).toEqual([])
    sim.restart('bot')
    expect(await sim.deliverAgain('same id')).toHaveProperty('release')
    await sim.settle()
    sim.crash('bot')
    expect(await sim.sign('qa')).toBe('no answer')
    sim.restart('bot')
    await sim.tick(300_000)
    expect(await sim.deliverAgain('same id')).toHaveProperty('release')
    await sim.sign('approval')
    await sim.settle()
    sim.checkInvariants()
    expect(sim.release().state).toBe('succeeded')
    expectToldOnce(sim)
  })
})
