/** A click that starts a release whose button did not say so: the person is asked privately, and nothing is recorded before. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Action } from '../../src/release/actions.ts'
import { START } from '../../src/slack/ids.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { pressOf } from '../support/simulation/clicks.ts'
import { NIA } from '../support/simulation/setting.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

async function awaiting(): Promise<Simulation> {
  const sim = createSimulation()
  onTestFinished(() => sim.end())
  await sim.request()
  await sim.settle()
  return sim
}

/** A button of a card that is out of date, or of one that the first edition has drawn: it asks nothing. */
async function pressStale(sim: Simulation, action: Action, by: string, number = 1) {
  const token = await sim.tokenOf(action, number)
  const at = sim.release(number).card ?? { channel: '', ts: '' }
  return sim.deliver((id) => pressOf({ action, token, at }, by, id))
}

/** The newest private message to this person with **Start**; its words and the button's token. */
function question({ world }: Simulation, by: string): { text: string; token: string } {
  const message = world.slack.messages.filter(({ channel }) => channel === `D-${by}`).at(-1)
  const blocks = (message?.blocks ?? []) as { type: string; elements?: { action_id?: string; value?: string }[] }[]
  const start = blocks.flatMap((block) => (block.type === 'actions' ? (block.elements ?? []) : []))
  const token = start.find(({ action_id }) => action_id === START)?.value
  if (message === undefined || token === undefined) throw new Error(`${by} was not asked: ${JSON.stringify(message)}`)
  return { text: message.text, token }
}

/** Presses Start where it was asked: on a message that only this person sees. */
function pressStart(sim: Simulation, token: string, by: string) {
  return sim.deliver((id) => ({
    ...pressOf({ action: 'approval', token, at: { channel: `D-${by}`, ts: '9.9' } }, by, id),
    actions: [{ action_id: START, action_ts: id, value: token }],
  }))
}

const signed = (sim: Simulation, number = 1) =>
  sim.release(number).signOffs.map(({ kind, person }) => `${kind} ${person.name}`)
const refusedBy = (answer: unknown) => (answer as { refused?: { gate: string } }).refused?.gate

describe('S3: a click that starts the release', () => {
  it('S3: is asked privately where its button asked nothing; Start records and starts', async () => {
    const sim = await awaiting()
    await sim.sign('qa', LIN.id)
    await pressStale(sim, 'approval', TOM.id)
    expect(signed(sim)).toEqual(['qa Lin'])
    expect(sim.release().state).toBe('awaiting sign-off')
    const { text, token } = question(sim, TOM.id)
    expect(text).toMatch(/^This starts #1 on production now\./)
    await pressStart(sim, token, TOM.id)
    expect(signed(sim)).toEqual(['qa Lin', 'approval Tom'])
    await sim.settle()
    expect(sim.release().state).toBe('succeeded')
    sim.checkInvariants()
  })

  it('S3: the same on QA passed', async () => {
    const sim = await awaiting()
    await sim.sign('approval', TOM.id)
    await pressStale(sim, 'qa', LIN.id)
    expect(signed(sim)).toEqual(['approval Tom'])
    await pressStart(sim, question(sim, LIN.id).token, LIN.id)
    expect(signed(sim)).toEqual(['approval Tom', 'qa Lin'])
  })

  it('S3: a click that starts nothing is recorded at once, from an old button too', async () => {
    const sim = await awaiting()
    await pressStale(sim, 'qa', LIN.id)
    expect(signed(sim)).toEqual(['qa Lin'])
  })

  it('S3: two people at once: the first is recorded, the second is asked', async () => {
    const sim = await awaiting()
    await Promise.all([pressStale(sim, 'qa', LIN.id), pressStale(sim, 'approval', TOM.id)])
    expect(signed(sim)).toHaveLength(1)
    expect(sim.release().state).toBe('awaiting sign-off')
    const last = signed(sim)[0] === 'qa Lin' ? TOM.id : LIN.id
    await pressStart(sim, question(sim, last).token, last)
    expect(signed(sim)).toHaveLength(2)
  })

  it('S3: Start after somebody else has started it is refused, and records nothing', async () => {
    const sim = await awaiting()
    await sim.sign('qa', LIN.id)
    await pressStale(sim, 'approval', TOM.id)
    const { token } = question(sim, TOM.id)
    await sim.sign('approval', NIA.id)
    expect(refusedBy(await pressStart(sim, token, TOM.id))).toBe('already_decided')
    expect(signed(sim)).toEqual(['qa Lin', 'approval Nia'])
  })

  it('S3: Start for a plan that was replaced meanwhile starts neither', async () => {
    const sim = await awaiting()
    await sim.sign('qa', LIN.id)
    await pressStale(sim, 'approval', TOM.id)
    const { token } = question(sim, TOM.id)
    await sim.cancel()
    await sim.planAgain()
    await sim.settle()
    expect(refusedBy(await pressStart(sim, token, TOM.id))).toBe('already_decided')
    expect(signed(sim, 1)).toEqual(['qa Lin'])
    expect(signed(sim, 2)).toEqual([])
    expect(sim.release(2).state).toBe('awaiting sign-off')
  })

  it('S3: Start asks for the same right as the button', async () => {
    const sim = await awaiting()
    await sim.sign('qa', LIN.id)
    await pressStale(sim, 'approval', TOM.id)
    const { token } = question(sim, TOM.id)
    expect(refusedBy(await pressStart(sim, token, LIN.id))).toBe('not_an_approver')
    expect(refusedBy(await pressStart(sim, token, DANA.id))).toMatch(/not_an_approver|own_release/)
    expect(signed(sim)).toEqual(['qa Lin'])
  })

  it.each(['qa', 'cancel', 'rejection', 'emergency'] as const)(
    'S3: Start with the token of another button (%s) that asks nothing is stale',
    async (action) => {
      const sim = await awaiting()
      const token = await sim.tokenOf(action)
      expect(refusedBy(await pressStart(sim, token, TOM.id))).toBe('stale_button')
    },
  )

  it('S3: Start with the token of Cancel is stale, though Cancel asks', async () => {
    const sim = await awaiting()
    const token = await sim.tokenOf('cancel', 1, { asks: true })
    expect(refusedBy(await pressStart(sim, token, DANA.id))).toBe('stale_button')
    expect(sim.release().state).toBe('awaiting sign-off')
  })
})
