/** A release with a time, in virtual time: planned and signed before, started then by the bot's tick or by a person. */
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { createReleaseService } from '../../src/release/service.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { DANA, digests, LIN, SERVICES, TOM } from '../support/builders.ts'
import { pressOf } from '../support/simulation/clicks.ts'
import type { FaultKind } from '../support/simulation/faults.ts'
import {
  type Answered,
  createSimulation,
  type Simulation,
  type SimulationOptions,
} from '../support/simulation/simulation.ts'
import { aTeam, made, NIA, OLA, refusedBy } from './service-team.ts'

afterAll(stopPostgres)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** The simulation begins on a Sunday at 08:00 UTC. */
const AT = Date.parse('2026-11-22T12:00:00Z')

let sim: Simulation
afterEach(() => sim?.end())

function begin(options: SimulationOptions = {}): Simulation {
  sim = createSimulation(options)
  return sim
}

const gateOf = (answered: Answered) =>
  typeof answered === 'object' && 'refused' in answered ? answered.refused.gate : 'not refused'

const until = (moment: number) => sim.tick(moment - sim.now())

async function scheduled(at = '12:00', environment = 'production'): Promise<void> {
  await sim.schedule(at, environment)
  await sim.settle()
  if (environment === 'production') {
    await sim.sign('qa')
    await sim.sign('approval')
    await sim.settle()
  }
  expect(sim.release().state).toBe('scheduled')
}

/** The thread's lines of the newest release, by what they are. */
const lines = () =>
  sim.memory
    .outboxRows()
    .flatMap(({ message }) =>
      message.kind === 'line' && message.release === sim.release().number ? [message.line.is] : [],
    )

const events = (type: string) => sim.memory.events().filter((event) => event.type === type)
const cardText = () => sim.world.slack.messages.find(({ ts }) => ts === sim.release().card?.ts)?.text ?? ''

describe('a release with a time', () => {
  it('is planned and signed at once, and started by the tick at its time, never before', async () => {
    begin()
    await scheduled()
    expect(sim.release()).toMatchObject({
      schedule: { at: new Date(AT), timeZone: 'UTC' },
      expiresAt: new Date(AT + HOUR),
    })
    expect(cardText()).toContain('is scheduled for Sun 22 Nov 2026, 12:00 (UTC): QA by Lin, approved by Tom')
    expect(events('announcement_sent')).toEqual([])
    await until(AT - 1)
    expect(sim.release().state).toBe('scheduled')
    await until(AT + MINUTE)
    expect(sim.release().approvedAt?.getTime()).toBeGreaterThanOrEqual(AT)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(events('release_approved')).toHaveLength(1)
    expect(lines()).toContain('scheduled')
    expect(lines()).not.toContain('late')
    sim.checkInvariants()
  })

  it('of an environment without sign-off waits for its time alone', async () => {
    begin()
    await scheduled('12:00', 'integration')
    await until(AT + 5 * MINUTE)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    sim.checkInvariants()
  })

  it('does not expire by expires_after: its sign-offs may come on another day', async () => {
    begin()
    await sim.schedule('Thu 12:00')
    await sim.settle()
    await sim.tick(60 * HOUR)
    expect(sim.release().state).toBe('awaiting sign-off')
    await sim.sign('qa')
    await sim.sign('approval')
    expect(sim.release().state).toBe('scheduled')
    await until(Date.parse('2026-11-26T12:01:00Z'))
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    sim.checkInvariants()
  })

  it('keeps to its commits while the branch moves on, and the card says so', async () => {
    begin()
    await scheduled()
    sim.pushToBranch('master')
    await sim.tick(20 * MINUTE)
    expect(sim.release()).toMatchObject({ state: 'scheduled', newerCommits: 1 })
    await until(AT + 5 * MINUTE)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    sim.checkInvariants()
  })

  it('does so too where it is deployed from the branch that its environment follows', async () => {
    begin()
    await scheduled('12:00', 'integration')
    sim.pushToBranch('master')
    await sim.tick(20 * MINUTE)
    expect(sim.release()).toMatchObject({ state: 'scheduled', newerCommits: 1 })
    await until(AT + 5 * MINUTE)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    sim.checkInvariants()
  })

  it('is outdated at once when what was signed has moved, and its requester is told privately', async () => {
    begin()
    await scheduled()
    sim.pushToBranch('production')
    await sim.tick(20 * MINUTE)
    await sim.settle()
    expect(sim.release()).toMatchObject({ state: 'outdated', problem: { because: { gate: 'plan_outdated' } } })
    const told = sim.world.slack.messages.filter(({ channel }) => channel === `D-${DANA.id}`)
    expect(told.at(-1)?.text).toContain('#1 of api to production is outdated')
    await until(AT + HOUR)
    expect(events('release_approved')).toEqual([])
    sim.checkInvariants()
  })
})

describe('at its time', () => {
  it('without its sign-offs it waits for an hour and says so once; the last one then starts it', async () => {
    begin()
    await sim.schedule('12:00')
    await sim.settle()
    await sim.sign('qa')
    await until(AT + 10 * MINUTE)
    expect(sim.release().state).toBe('awaiting sign-off')
    expect(lines().filter((is) => is === 'unsigned')).toHaveLength(1)
    await sim.sign('approval')
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(lines()).toContain('late')
    sim.checkInvariants()
  })

  it('a click whose button did not say that it starts the release is asked first', async () => {
    begin()
    await sim.schedule('12:00')
    await sim.settle()
    await sim.sign('qa')
    await until(AT + 10 * MINUTE)
    const token = await sim.tokenOf('approval', 1)
    const at = sim.release().card ?? { channel: '', ts: '' }
    await sim.deliver((id) => pressOf({ action: 'approval', token, at }, TOM.id, id))
    expect(sim.release()).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa' }] })
  })

  it('without its sign-offs it expires an hour after it', async () => {
    begin()
    await sim.schedule('12:00')
    await sim.settle()
    await until(AT + HOUR - MINUTE)
    expect(sim.release().state).toBe('awaiting sign-off')
    await until(AT + HOUR + MINUTE)
    expect(sim.release()).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
    expect(gateOf(await sim.sign('qa'))).toBe('already_decided')
    sim.checkInvariants()
  })

  it.each([50, 58])('a bot that was away starts it up to an hour late, and says so: %i min', async (minutes) => {
    begin()
    await scheduled()
    await until(AT - MINUTE)
    sim.crash('bot')
    await until(AT + minutes * MINUTE)
    sim.restart('bot')
    await sim.tick(MINUTE)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(lines().filter((is) => is === 'late')).toHaveLength(1)
    expect(events('release_approved')).toHaveLength(1)
    sim.checkInvariants()
  })

  it('a bot that was away for longer lets it expire', async () => {
    begin()
    await scheduled()
    sim.crash('bot')
    await until(AT + HOUR + MINUTE)
    sim.restart('bot')
    await sim.tick(MINUTE)
    await sim.settle()
    expect(sim.release()).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
    expect(events('release_approved')).toEqual([])
    sim.checkInvariants()
  })

  it('a worker that was away runs it up to an hour late, and says so', async () => {
    begin()
    await scheduled()
    sim.crash('worker')
    await until(AT + 40 * MINUTE)
    expect(sim.release().state).toBe('approved')
    sim.restart('worker')
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(lines().filter((is) => is === 'late')).toHaveLength(1)
    sim.checkInvariants()
  })

  it('a worker that was away for longer, with the bot back late, lets it expire an hour after its time', async () => {
    begin()
    await scheduled()
    sim.crash('both')
    await until(AT + 50 * MINUTE)
    sim.restart('bot')
    await until(AT + HOUR + MINUTE)
    sim.restart('worker')
    await sim.settle()
    expect(sim.release()).toMatchObject({ state: 'expired' })
    expect(events('run_started')).toEqual([])
    sim.checkInvariants()
  })
})

describe('a process that dies at its time', () => {
  /** Commits from a little before the time, until the release has begun. */
  const MOMENTS = { bot: [1, 2, 3], worker: [1, 2, 3, 4, 6, 8] } as const

  it.each<['bot' | 'worker', FaultKind]>([
    ['bot', 'kill before'],
    ['bot', 'kill after'],
    ['bot', 'store down after'],
    ['worker', 'kill before'],
    ['worker', 'kill after'],
  ])('starts it once: the %s, %s', async (role, fault) => {
    let struck = 0
    for (const moment of MOMENTS[role]) {
      begin()
      await scheduled()
      await until(AT - 40_000)
      const call = 'store.transaction'
      const before = sim.plan.calls.filter((each) => each.role === role && each.call === call).length
      sim.plan.add({ role, call, nth: before + moment, fault, ...(fault.startsWith('kill') && { who: role }) })
      await until(AT + 5 * MINUTE)
      await sim.settle()
      struck += sim.plan.struck.length
      expect(sim.release().state, `${moment}`).toBe('succeeded')
      expect(events('release_approved'), `${moment}`).toHaveLength(1)
      expect(sim.world.truth.of('platform release'), `${moment}`).toHaveLength(1)
      sim.checkInvariants()
      sim.end()
    }
    expect(struck).toBe(MOMENTS[role].length)
  })
})

describe('what people can do before its time', () => {
  it('Start now starts it, by the requester and those who may approve, once', async () => {
    begin()
    await scheduled()
    expect(gateOf(await sim.startNow(LIN.id))).toBe('not_allowed')
    expect(sim.release().state).toBe('scheduled')
    await sim.startNow(TOM.id)
    expect(gateOf(await sim.startNow())).toBe('already_decided')
    await until(AT + 5 * MINUTE)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(events('release_approved')).toHaveLength(1)
    expect(events('start_asked')).toMatchObject([{ actor: TOM.id }])
    sim.checkInvariants()
  })

  it('Change time… keeps plan and sign-offs; the old time starts nothing', async () => {
    begin()
    await scheduled()
    const before = sim.release()
    await sim.changeTime(new Date(AT + 2 * HOUR))
    expect(sim.release()).toMatchObject({
      state: 'scheduled',
      fingerprint: before.fingerprint,
      signOffs: before.signOffs,
      schedule: { at: new Date(AT + 2 * HOUR) },
      expiresAt: new Date(AT + 3 * HOUR),
    })
    await until(AT + HOUR + 30 * MINUTE)
    expect(sim.release().state).toBe('scheduled')
    await until(AT + 2 * HOUR + 5 * MINUTE)
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(events('start_time_changed')).toHaveLength(1)
    sim.checkInvariants()
  })

  it('Change time… refuses what is past and what is too far ahead, and other people', async () => {
    begin()
    await scheduled()
    expect(gateOf(await sim.changeTime(new Date(sim.now() - MINUTE)))).toBe('time_refused')
    expect(gateOf(await sim.changeTime(new Date(sim.now() + 8 * 24 * HOUR)))).toBe('too_far_ahead')
    expect(gateOf(await sim.changeTime(new Date(AT + HOUR), LIN.id))).toBe('not_allowed')
    expect(sim.release().schedule?.at).toEqual(new Date(AT))
  })

  it('Cancel ends it, and nothing starts at its time', async () => {
    begin()
    await scheduled()
    await sim.cancel()
    expect(sim.release().state).toBe('cancelled')
    await until(AT + HOUR)
    expect(events('release_approved')).toEqual([])
  })

  it('it gives way to a hot-fix, and its requester is told', async () => {
    begin()
    await scheduled()
    await sim.hotfix('production', TOM.id)
    await sim.settle()
    expect(sim.release(1)).toMatchObject({ state: 'outdated', problem: { because: { gate: 'hotfix_goes_first' } } })
    const told = sim.world.slack.messages.filter(({ channel }) => channel === `D-${DANA.id}`)
    expect(told.at(-1)?.text).toContain('#1 of api to production is outdated')
  })

  it('an emergency does not wait for its time', async () => {
    begin()
    await sim.schedule('12:00')
    await sim.settle()
    await sim.emergency()
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    expect(sim.now()).toBeLessThan(AT)
    sim.checkInvariants()
  })

  it('Plan again keeps a time that is still to come', async () => {
    begin()
    await scheduled()
    await sim.cancel()
    await sim.planAgain()
    await sim.settle()
    expect(sim.release()).toMatchObject({ number: 2, state: 'awaiting sign-off', schedule: { at: new Date(AT) } })
  })
})

describe('a time that cannot be used', () => {
  it.each([
    ['07:00', 'time_refused'],
    ['25:00', 'time_refused'],
    ['2026-12-10 07:30', 'too_far_ahead'],
  ])('is refused, and makes no release: %s', async (at, gate) => {
    begin()
    expect(gateOf(await sim.schedule(at))).toBe(gate)
    expect(sim.releases()).toEqual([])
  })
})

describe('several bots on one store', () => {
  it('start it once', async () => {
    const team = await aTeam({ announce: 'off' })
    const { number } = made(await team.ask({ at: { picked: new Date(Date.now() + HOUR) } }))
    await team.plan(number)
    await team.postCard(number)
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await team.service.tick()
    expect((await team.release(number)).state).toBe('scheduled')
    await team.passes('61 minutes')
    const bots = [team.service, await team.anotherBot(), await team.anotherBot()]
    await Promise.all([...bots.map((bot) => bot.tick()), bots[1]?.act('start now', { release: number, by: NIA.id })])
    expect(await team.release(number)).toMatchObject({ state: 'approved', attempt: 1 })
    expect(await team.jobs(number, 'preflight')).toHaveLength(1)
    expect((await team.store.events(number)).filter(({ type }) => type === 'release_approved')).toHaveLength(1)
  })

  it('under changed rules it is held, which is said once, and expires with that gate', async () => {
    const team = await aTeam({ announce: 'off' })
    const { number } = made(await team.ask({ at: { picked: new Date(Date.now() + HOUR) } }))
    await team.plan(number)
    await team.postCard(number)
    made(await team.service.act('qa', { release: number, by: LIN.id }))
    made(await team.service.act('approval', { release: number, by: TOM.id }))
    await team.passes('61 minutes')
    const { store, directory } = team
    const changed = team.apps.map((app) => ({
      ...app,
      environments: app.environments.map((each) => ({ ...each, digests: digests('9') })),
    }))
    const bot = createReleaseService({ store, directory, apps: changed, services: SERVICES })
    await bot.tick()
    await bot.tick()
    expect(await team.release(number)).toMatchObject({
      state: 'scheduled',
      problem: { because: { gate: 'configuration_differs' } },
    })
    expect((await team.lines(number)).filter(({ is }) => is === 'start held')).toHaveLength(1)
    expect(refusedBy(await bot.act('start now', { release: number, by: NIA.id }))).toBe('configuration_differs')
    expect(refusedBy(await bot.act('change time', { release: number, by: OLA.id }))).toBe('not_allowed')
    await team.passes('60 minutes')
    await bot.tick()
    expect(await team.release(number)).toMatchObject({
      state: 'expired',
      problem: { because: { gate: 'configuration_differs' } },
    })
  })
})
