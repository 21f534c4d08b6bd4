/**
 * Promise 5, for **That was not me**: pressed at each stage of a release, while the process that handles it, or the one that
 * runs the release, dies at each call that follows. Simulated.
 */
import { expect, it } from 'vitest'
import { isIrreversible } from '../../src/release/steps.ts'
import { hasEnded, type ReleaseState, type StepName } from '../../src/release/terms.ts'
import { LIN } from '../support/builders.ts'
import type { PlannedFault } from '../support/simulation/faults.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

/** People press again what reached no bot. */
const MOST_PRESSES = 10

const has = (sim: Simulation, type: string, step?: string) => () =>
  sim.memory
    .events()
    .some(
      (event) => event.type === type && (step === undefined || JSON.stringify(event.data).includes(`"step":"${step}"`)),
    )

/** How far the release has come when Lin presses. */
const STAGES: Readonly<Record<string, (sim: Simulation) => Promise<unknown>>> = {
  'while it awaits sign-off': async () => undefined,
  'when it is approved': async (sim) => sim.sign('approval'),
  'when its announcement was sent': async (sim) => {
    await sim.sign('approval')
    await sim.until(has(sim, 'announcement_sent'))
  },
  'while it merges': async (sim) => {
    await sim.sign('approval')
    await sim.until(has(sim, 'step_started', 'merge'))
  },
  'while it migrates': async (sim) => {
    await sim.sign('approval')
    await sim.until(has(sim, 'step_started', 'migrate'))
  },
  'when it has succeeded': async (sim) => {
    await sim.sign('approval')
    await sim.settle()
  },
}

async function signedThenDisputed(stage: string, faults: readonly PlannedFault[]) {
  const sim = createSimulation({ faults, rules: { signOff: { receipts: true } } })
  await sim.request()
  await sim.settle()
  await sim.sign('qa')
  await STAGES[stage]?.(sim)
  const from = sim.plan.calls.length
  for (let presses = 0; !has(sim, 'sign_off_disputed')() && presses < MOST_PRESSES; presses++) {
    await sim.notMe('qa', LIN.id)
    if (!has(sim, 'sign_off_disputed')()) await sim.tick(2_000)
  }
  await sim.settle()
  sim.checkInvariants()
  return { sim, calls: sim.plan.calls.slice(from) }
}

const posted = (sim: Simulation, what: string) => sim.world.truth.of('message').filter(({ key }) => key.includes(what))

/** Before anything irreversible it ends, and nothing was done; after that it needs attention; an end stays. */
function expectStopped(sim: Simulation) {
  const events = sim.memory.events()
  const at = events.findIndex(({ type }) => type === 'sign_off_disputed')
  const disputed = events[at]
  if (disputed?.type !== 'sign_off_disputed') throw new Error('the sign-off still counts')
  const { state, signOffs } = sim.release()
  const started = events.flatMap((event, index) =>
    event.type === 'step_started' ? [{ step: event.data.step, index }] : [],
  )
  const hadBegun = started.some(({ step, index }) => index < at && isIrreversible(step as StepName))
  const before = disputed.data.state as ReleaseState
  if (hasEnded(before)) expect(state).toBe(before)
  else if (hadBegun) expect(state).toBe('needs attention')
  else {
    expect(state).toBe(before === 'awaiting sign-off' ? 'rejected' : 'cancelled')
    expect(sim.world.truth.effects.filter(({ kind }) => ['merge', 'migration', 'push'].includes(kind))).toEqual([])
  }
  expect(
    signOffs.filter(({ kind }) => kind === 'qa'),
    'the sign-off is void',
  ).toEqual([])
  expect(
    events.filter(({ type }) => type === 'sign_off_disputed'),
    'once in the record',
  ).toHaveLength(1)
  expect(posted(sim, ':disputed:'), 'told once').toHaveLength(1)
  expect(posted(sim, ':receipt:qa:'), 'one receipt').toHaveLength(1)
}

it.each(Object.keys(STAGES))(
  'Promise 5: That was not me %s stops the release, whatever dies after it',
  async (stage) => {
    const { sim: whole, calls } = await signedThenDisputed(stage, [])
    whole.end()
    expectStopped(whole)
    const broken: string[] = []
    let count = 0
    for (const { role, call, nth } of calls) {
      for (const fault of ['kill before', 'kill after'] as const) {
        const { sim } = await signedThenDisputed(stage, [{ role, call, nth, fault }])
        count += 1
        try {
          expectStopped(sim)
        } catch (error) {
          broken.push(`${fault} of ${role} at ${call} ${nth}: ${error instanceof Error ? error.message : error}`)
        } finally {
          sim.end()
        }
      }
    }
    console.log(`${stage}: ${count} kills at ${calls.length} calls`)
    expect(broken).toEqual([])
    expect(count).toBeGreaterThan(20)
  },
)
