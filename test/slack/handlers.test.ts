/** What the bot does with what people press and type, by its own handlers, in virtual time: also what a crash has left. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Action } from '../../src/release/actions.ts'
import { ACTION_VIEWS } from '../../src/slack/actions.ts'
import { VIEW } from '../../src/slack/ids.ts'
import { createIntake, type IntakePorts } from '../../src/slack/inbox.ts'
import { FIELD } from '../../src/slack/views/modals.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { commandOf, OURS, type Payload, pressOf, submissionOf } from '../support/simulation/clicks.ts'
import type { FaultKind } from '../support/simulation/faults.ts'
import { NIA } from '../support/simulation/setting.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'
import type { SlackMessage } from '../support/simulation/slack.ts'

/** Longer than the sweep leaves a delivery alone. */
const SWEPT_MS = 60_000

function simulated(): Simulation {
  const sim = createSimulation()
  onTestFinished(() => sim.end())
  return sim
}

async function awaiting(): Promise<Simulation> {
  const sim = simulated()
  await sim.request()
  await sim.settle()
  return sim
}

const tokenOf = ({ memory }: Simulation, action: Action) =>
  memory.connect('a test').store.buttonToken(1, ACTION_VIEWS[action].id)
const refusedBy = (answer: unknown) => (answer as { refused?: { gate: string } }).refused?.gate
const read = ({ world }: Simulation, person: string) =>
  world.slack.messages.filter(({ channel }) => channel === `D-${person}`).map(({ text }) => text)
const countOf = ({ memory }: Simulation, event: string) => memory.events().filter(({ type }) => type === event).length

/** What goes wrong with the bot's next call of this name. */
function next(sim: Simulation, call: string, fault: FaultKind): void {
  const nth = sim.plan.calls.filter((each) => each.call === call).length + 1
  sim.plan.add({ role: 'bot', call, nth, fault })
}

describe('a button', () => {
  it.each<[string, (sim: Simulation) => Promise<Parameters<typeof pressOf>[0]>]>([
    [
      'with the token of another one',
      async (sim) => ({
        action: 'approval',
        token: await tokenOf(sim, 'rejection'),
        at: sim.release().card ?? { channel: '', ts: '' },
      }),
    ],
    [
      'with a token that nobody has made',
      async (sim) => ({ action: 'approval', token: 'made up', at: sim.release().card ?? { channel: '', ts: '' } }),
    ],
    [
      'on a message that is not the card',
      async (sim) => ({
        action: 'approval',
        token: await tokenOf(sim, 'approval'),
        at: { channel: sim.release().card?.channel ?? '', ts: '1.2' },
      }),
    ],
    [
      'in another channel',
      async (sim) => ({
        action: 'approval',
        token: await tokenOf(sim, 'approval'),
        at: { channel: 'C-other', ts: sim.release().card?.ts ?? '' },
      }),
    ],
  ])('%s is stale, and changes nothing', async (_which, button) => {
    const sim = await awaiting()
    const pressed = await button(sim)
    expect(refusedBy(await sim.deliver((id) => pressOf(pressed, TOM.id, id)))).toBe('stale_button')
    expect(sim.release().signOffs).toEqual([])
  })

  it('opens no window for who may not say it', async () => {
    const sim = await awaiting()
    const button = {
      action: 'emergency' as const,
      token: await tokenOf(sim, 'emergency'),
      at: sim.release().card ?? { channel: '', ts: '' },
    }
    expect(refusedBy(await sim.deliver((id) => pressOf(button, LIN.id, id)))).toBe('not_an_approver')
    expect(sim.opened()).toBeUndefined()
    await sim.deliver((id) => pressOf(button, TOM.id, id))
    expect(sim.opened()).toMatchObject({ callback_id: VIEW.emergency })
  })

  it('pressed too late is answered, also where it was decided by the same person', async () => {
    const sim = await awaiting()
    await sim.reject(TOM.id)
    for (const person of [TOM.id, NIA.id]) {
      const before = read(sim, person).length
      expect(refusedBy(await sim.sign('approval', person))).toBe('already_decided')
      expect(read(sim, person).length).toBe(before + 1)
    }
  })

  it('is nothing for people of another workspace, nor is a window', async () => {
    const sim = await awaiting()
    const foreign = (payload: Payload): Payload => ({ ...payload, user: { id: TOM.id, team_id: 'T9' } })
    const at = sim.release().card ?? { channel: '', ts: '' }
    const token = await tokenOf(sim, 'rejection')
    const press = { action: 'rejection' as const, token, at }
    expect(refusedBy(await sim.deliver((id) => foreign(pressOf(press, TOM.id, id))))).toBe('not_a_member')
    await sim.deliver((id) => pressOf(press, TOM.id, id))
    const view = sim.opened()
    if (view === undefined) throw new Error('no window was opened')
    const filled = { [FIELD.reason]: 'it is not mine' }
    const answer = await sim.deliver((id) => foreign(submissionOf(view, filled, TOM.id, id)))
    expect(refusedBy(answer)).toBe('not_a_member')
    expect(sim.release().state).toBe('awaiting sign-off')
  })
})

describe('/deploy status', () => {
  it('S9: brings back the card of a release that awaits sign-off, where someone has deleted it', async () => {
    const sim = await awaiting()
    const { card } = sim.release()
    const messages = sim.world.slack.messages as SlackMessage[]
    messages.splice(
      messages.findIndex(({ ts }) => ts === card?.ts),
      1,
    )
    await sim.deliver((id) => commandOf('deploy', 'status', NIA.id, id))
    expect(await sim.until(() => sim.release().card?.ts !== card?.ts)).toBe(true)
    expect(await sim.settle()).toBe(true)
    sim.checkInvariants()
    expect(messages.some(({ ts }) => ts === sim.release().card?.ts)).toBe(true)
  })
})

describe('a delivery', () => {
  it('is acknowledged in time by a store that does not answer', async () => {
    const time = { now: () => 0, sleep: async () => undefined }
    const silent = { receive: () => new Promise<never>(() => undefined) }
    const { take } = createIntake({ inbox: silent, ours: OURS, clock: time } as unknown as IntakePorts)
    const acknowledged = Promise.withResolvers<void>()
    void take(commandOf('deploy', 'production', DANA.id, '1.0'), async () => acknowledged.resolve())
    await acknowledged.promise
  })

  it('that could not be stored, as its person is told, is not handled later', async () => {
    const sim = simulated()
    next(sim, 'inbox.receive', 'store down after')
    await sim.request()
    await sim.tick(2 * SWEPT_MS)
    expect(sim.plan.struck).toHaveLength(1)
    expect(sim.releases()).toEqual([])
  })

  it('that comes again is handled once: nobody reads that it was done', async () => {
    const sim = await awaiting()
    await sim.sign('qa')
    await sim.deliverAgain('same id')
    expect(read(sim, LIN.id)).toEqual([])
  })

  it('that can’t be handled for an hour is given up, and does nothing by surprise afterwards', async () => {
    const sim = simulated()
    for (let nth = 1; nth < 400; nth++) sim.plan.add({ role: 'bot', call: 'directory.person', nth, fault: 'throws' })
    await sim.request()
    await sim.tick(90 * 60_000)
    sim.plan.forget()
    await sim.tick(2 * SWEPT_MS)
    expect(sim.plan.struck.length).toBeGreaterThan(10)
    expect(sim.releases()).toEqual([])
  })
})

describe('a private answer', () => {
  it('that Slack does not take now comes later', async () => {
    const sim = simulated()
    next(sim, 'slack.open', 'timeout not applied')
    await sim.request()
    await sim.settle()
    expect(read(sim, DANA.id).filter((text) => text.includes('#1'))).toHaveLength(1)
  })

  it('waits for as long as Slack says', async () => {
    const sim = simulated()
    for (const nth of [1, 2]) sim.plan.add({ role: 'bot', call: 'slack.open', nth, fault: '429' })
    await sim.request()
    await sim.tick(25_000)
    expect(read(sim, DANA.id)).toEqual([])
    await sim.tick(10_000)
    expect(read(sim, DANA.id)).toHaveLength(1)
    expect(sim.plan.calls.filter(({ call }) => call === 'slack.open')).toHaveLength(3)
  })
})

describe('what a bot that died has left', () => {
  /** The bot dies when it has done this, and before it has noted so. */
  async function doneUnnoted(sim: Simulation, act: () => Promise<unknown>): Promise<void> {
    next(sim, 'inbox.handled', 'kill before')
    await act()
    await sim.tick(SWEPT_MS)
    await sim.settle()
    expect(sim.plan.struck).toHaveLength(1)
    sim.checkInvariants()
  }

  it('a command is one release', async () => {
    const sim = simulated()
    await doneUnnoted(sim, () => sim.request())
    expect(sim.releases()).toHaveLength(1)
    expect(JSON.stringify(sim.world.slack.messages)).not.toContain('environment_busy')
  })

  it('a window is one release', async () => {
    const sim = simulated()
    await sim.deliver((id) => commandOf('deploy', '', DANA.id, id))
    const view = sim.opened()
    if (view === undefined) throw new Error('no window was opened')
    const filled = { [FIELD.app]: 'api', [FIELD.environment]: 'production' }
    await doneUnnoted(sim, () => sim.deliver((id) => submissionOf(view, filled, DANA.id, id)))
    expect(sim.releases()).toHaveLength(1)
    expect(JSON.stringify(sim.world.slack.messages)).not.toContain('environment_busy')
  })

  it('Plan again is one new release, and its person is answered', async () => {
    const sim = await awaiting()
    await sim.cancel()
    await doneUnnoted(sim, () => sim.planAgain())
    expect(sim.releases()).toHaveLength(2)
    expect(JSON.stringify(sim.world.slack.messages)).not.toContain('already_decided')
  })

  it('a word is said once, and who said it reads no refusal', async () => {
    const sim = await awaiting()
    await doneUnnoted(sim, () => sim.sign('qa'))
    expect(countOf(sim, 'sign_off_given')).toBe(1)
    expect(read(sim, LIN.id)).toEqual([])
  })

  it('a word that somebody else has made superfluous meanwhile is answered', async () => {
    const sim = await awaiting()
    next(sim, 'inbox.receive', 'kill after')
    await sim.sign('approval', TOM.id)
    await sim.tick(5_000)
    await sim.reject(NIA.id)
    await sim.tick(SWEPT_MS)
    expect(sim.release().signOffs.map(({ person }) => person.id)).toEqual([NIA.id])
    expect(read(sim, TOM.id)).toEqual([expect.stringMatching(/Nia/)])
  })

  it('a window that can’t be opened any more is asked for again', async () => {
    const sim = simulated()
    next(sim, 'inbox.receive', 'kill after')
    await sim.hotfix()
    await sim.tick(SWEPT_MS)
    expect(read(sim, DANA.id)).toHaveLength(1)
    expect(sim.releases()).toEqual([])
  })

  it('a Retry is one attempt, though the release needs attention again by then', async () => {
    const sim = await awaiting()
    for (const nth of [1, 2, 3]) {
      sim.plan.add({ role: 'worker', call: 'migrator.upgrade', nth, fault: 'says no' })
    }
    await sim.sign('qa')
    await sim.sign('approval')
    await sim.settle()
    expect(sim.release()).toMatchObject({ state: 'needs attention', attempt: 1 })
    next(sim, 'inbox.handled', 'kill before')
    await sim.retry()
    await sim.until(() => sim.release().attempt === 2 && sim.release().state === 'needs attention')
    await sim.tick(3 * SWEPT_MS)
    expect(sim.release()).toMatchObject({ state: 'needs attention', attempt: 2 })
    expect(countOf(sim, 'retry_asked')).toBe(1)
  })
})
