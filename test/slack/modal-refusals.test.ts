/** Modals that are refused: at the field, while the modal is open, and the same modal can be sent again. */
import type { View } from '@slack/types'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VIEW } from '../../src/slack/ids.ts'
import { createIntake, type IntakePorts } from '../../src/slack/inbox.ts'
import type { ModalResponse } from '../../src/slack/modal-answer.ts'
import { readArrival } from '../../src/slack/payloads.ts'
import { HOTFIX_FIELD, SURE } from '../../src/slack/views/hotfix-modal.ts'
import { FIELD } from '../../src/slack/views/modals.ts'
import { DANA, TOM } from '../support/builders.ts'
import { commandOf, OURS, type Payload, pressOf, submissionOf } from '../support/simulation/clicks.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

const REASON = 'Customers cannot log in since nine'

function simulated(): Simulation {
  const sim = createSimulation()
  onTestFinished(() => sim.end())
  return sim
}

type Values = Readonly<Record<string, string>>

async function opens(sim: Simulation, open: (id: string) => Payload): Promise<View> {
  await sim.deliver(open)
  const view = sim.opened()
  if (view === undefined) throw new Error('no modal was opened')
  return view
}

/** Sends an open modal so often; gives what Slack was answered each time. */
async function submits(
  sim: Simulation,
  view: View,
  by: string,
  ...filled: readonly Values[]
): Promise<readonly (ModalResponse | undefined)[]> {
  const answers: (ModalResponse | undefined)[] = []
  for (const values of filled) {
    await sim.deliver((id) => ({ ...submissionOf(view, values, by, 'V1'), trigger_id: id }))
    answers.push(sim.shown())
  }
  return answers
}

/** Opens a modal and sends it so often. */
async function sends(sim: Simulation, open: (id: string) => Payload, by: string, ...filled: readonly Values[]) {
  return submits(sim, await opens(sim, open), by, ...filled)
}

const errorsOf = (answer: ModalResponse | undefined) =>
  answer?.response_action === 'errors' ? answer.errors : undefined
const privately = ({ world }: Simulation, person: string) =>
  world.slack.messages.filter(({ channel }) => channel === `D-${person}`).map(({ text }) => text)

describe('S15: a refused modal', () => {
  const whole = {
    [HOTFIX_FIELD.app]: 'api',
    [HOTFIX_FIELD.environment]: 'production',
    [HOTFIX_FIELD.reason]: REASON,
    [HOTFIX_FIELD.sure]: SURE,
  }

  it('S15: shows the refusal of its commits there, and goes through when they are right', async () => {
    const sim = simulated()
    const [wrong, right] = await sends(
      sim,
      (id) => commandOf('hotfix', '', DANA.id, id),
      DANA.id,
      { ...whole, [HOTFIX_FIELD.commits]: 'the last one' },
      { ...whole, [HOTFIX_FIELD.commits]: `\`${sim.world.repository.fix}\`` },
    )
    expect(errorsOf(wrong)?.[HOTFIX_FIELD.commits]).toMatch(/^Can’t .*Gate: unknown_commit$/)
    expect(right).toBeUndefined()
    expect(sim.releases()).toHaveLength(1)
    expect(privately(sim, DANA.id)).toHaveLength(1)
  })

  it.each([
    ['reason', { [HOTFIX_FIELD.reason]: 'too short' }, 'reason_too_short'],
    ['sure', { [HOTFIX_FIELD.sure]: '' }, 'not_sure'],
    ['environment', { [HOTFIX_FIELD.environment]: 'staging' }, 'unknown_environment'],
    ['app', { [HOTFIX_FIELD.app]: 'web' }, 'unknown_app'],
  ])('S15: shows what is wrong with %s there', async (field, wrong, gate) => {
    const sim = simulated()
    const values = { ...whole, [HOTFIX_FIELD.commits]: sim.world.repository.fix, ...wrong }
    const [answer] = await sends(sim, (id) => commandOf('hotfix', '', DANA.id, id), DANA.id, values)
    expect(Object.entries(errorsOf(answer) ?? {})).toEqual([[field, expect.stringContaining(`Gate: ${gate}`)]])
    expect(privately(sim, DANA.id)).toEqual([])
  })

  it('S15: a busy environment is refused at its field, with nothing lost', async () => {
    const sim = simulated()
    await sim.request()
    await sim.settle()
    const values = { [FIELD.app]: 'api', [FIELD.environment]: 'production' }
    const [answer] = await sends(sim, (id) => commandOf('deploy', '', TOM.id, id), TOM.id, values)
    expect(errorsOf(answer)?.[FIELD.environment]).toContain('Gate: environment_busy')
  })

  it('S15: so are a right that is missing and a decision that came first', async () => {
    const sim = simulated()
    await sim.request()
    await sim.settle()
    const token = await sim.tokenOf('rejection', 1)
    const at = sim.release().card ?? { channel: '', ts: '' }
    await sim.deliver((id) => pressOf({ action: 'rejection', token, at }, TOM.id, id))
    const view = sim.opened()
    await sim.cancel()
    await sim.deliver((id) => submissionOf(view as View, { [FIELD.reason]: REASON }, TOM.id, id))
    expect(errorsOf(sim.shown())?.[FIELD.reason]).toContain('Gate: already_decided')
  })

  it('S15: a modal that is sent twice at once is one release', async () => {
    const sim = simulated()
    const values = { ...whole, [HOTFIX_FIELD.commits]: sim.world.repository.fix }
    await sends(sim, (id) => commandOf('hotfix', '', DANA.id, id), DANA.id, values, values)
    expect(sim.releases()).toHaveLength(1)
  })

  it('S15: without its store it keeps what was typed', async () => {
    const time = { now: () => 0, sleep: () => new Promise<void>(() => undefined) }
    const broken = { receive: async () => Promise.reject(new Error('down')) }
    const log = { info() {}, warn() {}, error() {} }
    const { take } = createIntake({ inbox: broken, ours: OURS, clock: time, log } as unknown as IntakePorts)
    const answered: (ModalResponse | undefined)[] = []
    const view = { callback_id: VIEW.reject, private_metadata: '' } as unknown as View
    await take(submissionOf(view, { reason: REASON }, DANA.id, 'V1'), async (response) => void answered.push(response))
    expect(errorsOf(answered[0])?.reason).toContain('can’t reach its store')
    expect(answered).toHaveLength(1)
  })

  it('S15: a modal of the version before, without a trigger, is the delivery that it was', () => {
    const view = { callback_id: VIEW.reject, private_metadata: '' } as unknown as View
    const { trigger_id: _trigger, ...old } = submissionOf(view, {}, DANA.id, 'V1') as Record<string, unknown>
    expect(readArrival(old, OURS)).toMatchObject({ id: 'submission:V1', key: 'submission:V1' })
  })
})

describe('E5: a modal that a lock or a freeze refuses', () => {
  const hotfix = (fix: string) => ({
    [HOTFIX_FIELD.app]: 'api',
    [HOTFIX_FIELD.environment]: 'production',
    [HOTFIX_FIELD.reason]: REASON,
    [HOTFIX_FIELD.sure]: SURE,
    [HOTFIX_FIELD.commits]: fix,
  })
  const lock = (sim: Simulation, text = 'lock production because The database is being moved') =>
    sim.deliver((id) => commandOf('deploy', text, TOM.id, id))
  const buttonsTo = ({ world }: Simulation, person: string) =>
    world.slack.messages
      .filter(({ channel }) => channel === `D-${person}`)
      .map(({ blocks }) => JSON.stringify(blocks).match(/"action_id":"[a-z_]+"/g) ?? [])

  it('E5: keeps the hot-fix that was typed, and gives the buttons privately, once', async () => {
    const sim = simulated()
    await lock(sim)
    const values = hotfix(sim.world.repository.fix)
    const [first, again] = await sends(sim, (id) => commandOf('hotfix', '', DANA.id, id), DANA.id, values, values)
    for (const answer of [first, again]) {
      const told = errorsOf(answer)?.[HOTFIX_FIELD.environment] ?? ''
      expect(told).toContain('locked by Tom')
      expect(told).toContain('“Tell me when it is free” and “Take over…”')
      expect(told).toMatch(/Gate: environment_locked$/)
    }
    expect(buttonsTo(sim, DANA.id)).toEqual([['"action_id":"tell_when_free"', '"action_id":"take_over"']])
    expect(sim.releases()).toHaveLength(0)
  })

  it('E5: goes through from the same modal once it is unlocked', async () => {
    const sim = simulated()
    await lock(sim)
    const values = hotfix(sim.world.repository.fix)
    const view = await opens(sim, (id) => commandOf('hotfix', '', DANA.id, id))
    await submits(sim, view, DANA.id, values)
    await lock(sim, 'unlock production')
    expect(await submits(sim, view, DANA.id, values)).toEqual([undefined])
    expect(sim.releases()).toHaveLength(1)
  })

  it('E5: gives the buttons again where another lock is in the way', async () => {
    const sim = simulated()
    await lock(sim)
    const values = { [FIELD.app]: 'api', [FIELD.environment]: 'production' }
    const view = await opens(sim, (id) => commandOf('deploy', '', DANA.id, id))
    const [first] = await submits(sim, view, DANA.id, values)
    expect(errorsOf(first)?.[FIELD.environment]).toContain('Gate: environment_locked')
    await lock(sim, 'unlock production')
    await lock(sim, 'lock production because Another thing')
    const [second] = await submits(sim, view, DANA.id, values)
    expect(errorsOf(second)?.[FIELD.environment]).toContain('Another thing')
    expect(buttonsTo(sim, DANA.id)).toHaveLength(2)
  })

  it('E5: keeps the reason of an emergency', async () => {
    const sim = simulated()
    await sim.request()
    await sim.settle()
    await lock(sim)
    const token = await sim.tokenOf('emergency', 1)
    const at = sim.release().card ?? { channel: '', ts: '' }
    const before = buttonsTo(sim, TOM.id).length
    const press = (id: string) => pressOf({ action: 'emergency', token, at }, TOM.id, id)
    const [answer] = await sends(sim, press, TOM.id, { [FIELD.reason]: REASON })
    expect(errorsOf(answer)?.[FIELD.reason]).toMatch(/“Take over…”.*Gate: environment_locked$/)
    expect(buttonsTo(sim, TOM.id).slice(before)).toEqual([['"action_id":"tell_when_free"', '"action_id":"take_over"']])
  })

  it('E5: a reason of any length leaves room for what to do next', async () => {
    const sim = simulated()
    await lock(sim, `lock production because ${'x'.repeat(290)}`)
    const values = { [FIELD.app]: 'api', [FIELD.environment]: 'production' }
    const [answer] = await sends(sim, (id) => commandOf('deploy', '', DANA.id, id), DANA.id, values)
    const told = errorsOf(answer)?.[FIELD.environment] ?? ''
    expect(told.length).toBeLessThanOrEqual(600)
    expect(told).toMatch(/“Take over…”.*Gate: environment_locked$/)
  })
})
