/**
 * Rollbacks in virtual time: whatever goes wrong, and whenever, one release is made of what was proven, no branch and no
 * database changes, and it ends.
 */
import { describe, expect, it } from 'vitest'
import { anEnvironment } from '../support/builders.ts'
import type { FaultKind, PlannedFault } from '../support/simulation/faults.ts'
import { carryThrough, describe as described, happened, type Point, pointsOf } from '../support/simulation/flow.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

const MOST_ROUNDS = 8

/** Two releases of production, the second of which is to be rolled back. */
async function deployTwice(sim: Simulation): Promise<void> {
  await carryThrough(sim, 'production')
  sim.pushToBranch('master')
  await carryThrough(sim, 'production')
}

const outside = (sim: Simulation) => ({
  branches: [...sim.world.origin.branches].filter(([name]) => !name.startsWith('signoff/')),
  counts: happened(sim),
})

/** Asks for the rollback, approves it, retries and plans again until it has succeeded; gives how often people had to help. */
async function rollBack(sim: Simulation): Promise<number> {
  let helped = 0
  expect(await sim.rollback()).toBe(true)
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (!(await sim.settle())) throw new Error(`it never comes to rest: ${described(sim)}`)
    sim.checkInvariants()
    const { state, card, signOffs } = sim.release()
    if (state === 'succeeded') return helped
    if (state === 'awaiting sign-off') {
      if (!signOffs.some(({ kind }) => kind === 'approval')) await sim.sign('approval')
    } else {
      helped += 1
      if (state === 'needs attention') await sim.retry()
      else if (card === undefined) await sim.rollback()
      else await sim.planAgain()
    }
  }
  throw new Error(`people can't bring it to an end: ${described(sim)}`)
}

/** What one rollback adds to what had happened: a release of the slug, its record, its messages, and nothing else. */
function expectOneRollback(sim: Simulation, before: ReturnType<typeof outside>) {
  const [first] = sim.releases()
  const { counts, branches } = outside(sim)
  expect(sim.world.truth.doubled()).toEqual([])
  const { comment = 0, 'platform release': made = 0 } = before.counts
  expect(counts).toMatchObject({
    merge: before.counts.merge,
    migration: before.counts.migration,
    push: before.counts.push,
    comment: comment + 1,
    'platform release': made + 1,
  })
  expect(branches).toEqual(before.branches)
  expect(sim.world.platform.runs(anEnvironment().remote.app ?? '')).toBe(first?.provenCommit)
  expect(sim.release(2).mark).toMatchObject({ is: 'bad' })
}

/** The points of the rollback alone, from a run without faults. */
async function pointsOfRollback(): Promise<readonly Point[]> {
  const sim = createSimulation()
  await deployTwice(sim)
  const before = outside(sim)
  const from = sim.plan.calls.length
  await rollBack(sim)
  expectOneRollback(sim, before)
  sim.end()
  return pointsOf(sim).filter(({ call }) => sim.plan.calls.indexOf(call) >= from)
}

/** How often people had to help, with this fault. */
async function withFault(fault: PlannedFault): Promise<number> {
  const sim = createSimulation({ faults: [fault] })
  try {
    await deployTwice(sim)
    const before = outside(sim)
    const helped = await rollBack(sim)
    await sim.tick(200_000)
    sim.checkInvariants()
    expect(sim.plan.struck, 'the fault was struck').toHaveLength(1)
    expectOneRollback(sim, before)
    return helped
  } finally {
    sim.end()
  }
}

describe('Promises 1, 2 and 7: a rollback', () => {
  it('goes on by itself after any process has died at any moment', async () => {
    const points = await pointsOfRollback()
    const broken: string[] = []
    let count = 0
    for (const { step, moment, call } of points) {
      if (step === 'request') continue
      const kinds: FaultKind[] =
        moment === 'effect' ? ['kill before', 'kill during', 'kill after'] : ['kill before', 'kill after']
      const goesOn = /^(git|forge|platform|slack)/.test(call.call)
      for (const fault of kinds.filter((kind) => kind !== 'kill during' || goesOn)) {
        count += 1
        const { role, call: name, nth } = call
        const at = `${fault} of the ${role} at the ${moment} of ${step} (${name} ${nth})`
        await withFault({ role, call: name, nth, fault }).then(
          (helped) => helped > 0 && broken.push(`${at}: somebody had to help`),
          (error: unknown) => broken.push(`${at}: ${error instanceof Error ? error.message : error}`),
        )
      }
    }
    const steps = [...new Set(points.map(({ step }) => step))]
    console.log(`rollback: ${count} kills at ${points.length} points of ${steps.length} steps: ${steps.join(', ')}`)
    expect(steps).toEqual(expect.arrayContaining(['push', 'confirm', 'record', 'announcement', 'report']))
    expect(broken).toEqual([])
  })

  it('is made once, whatever becomes of the answer to the request for the slug’s release', async () => {
    const points = await pointsOfRollback()
    const effect = points.find(({ step, moment }) => step === 'push' && moment === 'effect')
    expect(effect?.call.call).toBe('platform.releaseAgain')
    const { role = 'worker', call = '', nth = 0 } = effect?.call ?? {}
    const at = { role, call, nth }
    const faults: readonly PlannedFault[] = [
      { ...at, fault: 'timeout applied' },
      { ...at, fault: 'timeout not applied' },
      { ...at, fault: 'timeout late', ms: 20_000 },
      { ...at, fault: '5xx before' },
      { ...at, fault: '5xx after' },
      { ...at, fault: '429' },
      { ...at, fault: 'stall after' },
      { ...at, fault: 'job twice' },
      { ...at, fault: 'store away', ms: 5 * 60_000 },
      { ...at, fault: 'clock jump', ms: 5 * 60_000 },
    ]
    const broken: string[] = []
    for (const fault of faults) {
      await withFault(fault).catch((error: unknown) =>
        broken.push(`${fault.fault}: ${error instanceof Error ? error.message : error}`),
      )
    }
    expect(broken).toEqual([])
  })
})
