/**
 * Promise 2, what was signed is what goes: something that a plan binds moves at every moment of every way of a release.
 * What went is counted outside; how often each end was reached is printed.
 */
import { describe, expect, it } from 'vitest'
import type { FaultKind, PlannedFault } from '../support/simulation/faults.ts'
import {
  type AnyFlow,
  carryAlone,
  EVERY_FLOW,
  happened,
  ONCE,
  type Point,
  pointsIn,
  prepare,
  simulationOf,
} from '../support/simulation/flow.ts'
import type { Simulation } from '../support/simulation/simulation.ts'
import type { Effect, EffectKind } from '../support/simulation/truth.ts'
import { commitByHand } from './model/by-hand.ts'

type Fact = 'source' | 'target' | 'remote' | 'database'

const environmentOf = (flow: AnyFlow) => (['integration', 'automatic'].includes(flow) ? 'integration' : 'production')

/** What may move in each flow, and the step from whose intent on nobody has to be told. */
const INTEGRATION = { source: 'push', remote: 'push', database: 'push' }
const PRODUCTION = { source: 'merge', target: 'push', remote: 'push', database: 'push' }
const MOVES: Readonly<Record<AnyFlow, Partial<Record<Fact, string>>>> = {
  integration: INTEGRATION,
  production: PRODUCTION,
  // What is picked was named by its hash: where its branch goes changes nothing.
  'hot-fix': { source: 'plan', target: 'push', remote: 'push', database: 'push' },
  // It changes no branch and no database: what the platform runs is all that it binds of the outside.
  rollback: { remote: 'push' },
  scheduled: PRODUCTION,
  'started now': PRODUCTION,
  held: PRODUCTION,
  // A newer head is another release.
  automatic: { remote: 'push', database: 'push' },
}

/** How a person is told of it: by the facts that are outdated, or by what a step has found. */
const TOLD: Readonly<Record<Fact, readonly string[]>> = {
  source: ['master', 'merge_unexpected'],
  target: ['production', 'merge_unexpected'],
  remote: ['the remote', 'what runs', 'unexpected_diff', 'not_confirmed'],
  database: ["the database's revision", 'the pending migrations', 'migration_unknown', 'migration_failed'],
}

function move(sim: Simulation, flow: AnyFlow, fact: Fact): void {
  if (fact === 'source') sim.pushToBranch(flow === 'hot-fix' ? 'fix/alerts' : 'master')
  else if (fact === 'target') sim.pushToBranch('production')
  else if (fact === 'remote') commitByHand(sim, environmentOf(flow))
  else sim.world.migrator.revisionIs(environmentOf(flow), 'by-hand')
}

/** After an intent or a result is before what follows. */
const BEFORE: readonly FaultKind[] = ['meanwhile before']
const BOTH: readonly FaultKind[] = [...BEFORE, 'meanwhile after']

const IRREVERSIBLE = ['merge', 'pick', 'migration', 'push', 'platform release'] as const

/** What is said meanwhile decides nothing; that the channel reads the announcement does. */
const OF_SLACK_ALONE = ['card', 'delivery', 'outcome', 'report', 'carry']

/** From the plan on, of those that are its own; nobody asks for an automatic release, so its way is walked whole. */
async function momentsOf(flow: AnyFlow): Promise<readonly Point[]> {
  const { all, own } = await pointsIn(flow)
  const plan = all.findIndex(({ step }) => step === 'plan')
  const mine = flow === 'automatic' ? all : own
  return all.slice(plan).filter((point) => mine.includes(point) && !OF_SLACK_ALONE.includes(point.step))
}

/** What had happened outside when a release was asked for. */
interface Before {
  readonly counts: Readonly<Record<string, number>>
  of(kind: EffectKind): readonly Effect[]
}

/** One release with its signatures, and nobody who helps. */
async function once(sim: Simulation, flow: AnyFlow): Promise<Before> {
  await prepare(sim, flow)
  const { truth } = sim.world
  const from = truth.effects.length
  const counts = happened(sim)
  await carryAlone(sim, flow, async () => expect(await sim.settle()).toBe(true))
  return { counts, of: (kind) => truth.effects.slice(from).filter((effect) => effect.kind === kind) }
}

/** Whether this is the signed commit, or the one merge with the signed parents and tree. */
function isSigned(sim: Simulation, commit: string | undefined): boolean {
  const result = sim.release().plan?.bound.result
  if (result === undefined || commit === undefined) return false
  if (result.how !== 'merge') return commit === result.commit
  const { parents, tree } = sim.world.objects.get(commit)
  return tree === result.tree && parents.join() === result.parents.join()
}

describe('Promise 2, what was signed is what goes', () => {
  it.each(EVERY_FLOW)('%s: whatever moves, and whenever, what was signed goes or nothing', async (flow) => {
    const points = await momentsOf(flow)
    const broken: string[] = []
    const ends: Record<string, number> = {}
    let count = 0
    for (const [fact, until] of Object.entries(MOVES[flow]) as [Fact, string][]) {
      const last = points.findIndex(({ step, moment }) => step === until && moment === 'intent')
      for (const [index, { step, moment, call }] of points.entries()) {
        for (const fault of moment === 'effect' ? BOTH : BEFORE) {
          count += 1
          const { role, nth } = call
          const faults: readonly PlannedFault[] = [
            { role, call: call.call, nth, fault, does: () => move(sim, flow, fact) },
          ]
          const sim = simulationOf(flow, faults)
          try {
            const since = await once(sim, flow)
            expect(sim.plan.struck, 'it moved').toHaveLength(1)
            const end = expectSignedOrNothing(sim, flow, fact, since, index < last)
            ends[`${fact}: ${end}`] = (ends[`${fact}: ${end}`] ?? 0) + 1
          } catch (error) {
            const why = error instanceof Error ? error.message : error
            broken.push(`${fact}, ${fault} the ${moment} of ${step} (${call.call} ${nth}): ${why}`)
          } finally {
            sim.end()
          }
        }
      }
    }
    const table = Object.entries(ends).map(([end, times]) => `  ${end}: ${times}`)
    console.log(`${flow}: ${count} moves at ${points.length} points\n${table.join('\n')}`)
    expect(broken).toEqual([])
  })
})

/** Counted in the world's own log. Gives how it ended. */
function expectSignedOrNothing(sim: Simulation, flow: AnyFlow, fact: Fact, since: Before, mustBeTold: boolean): string {
  const { truth } = sim.world
  const { state, problem } = sim.release()
  const [pushes, effects] = [since.of('push'), IRREVERSIBLE.flatMap(since.of)]
  expect(truth.doubled()).toEqual([])
  expect(pushes.length).toBeLessThanOrEqual(1)
  for (const { commit } of pushes) expect(isSigned(sim, commit), `${commit} was signed`).toBe(true)
  for (const { commit } of [...since.of('merge'), ...since.of('pick')]) {
    if (!isSigned(sim, commit))
      expect({ state, pushes: pushes.length }).toEqual({ state: 'needs attention', pushes: 0 })
  }
  if (state === 'succeeded') {
    expect(mustBeTold, 'nobody was told').toBe(false)
    expect(happened(sim, since.counts)).toEqual(ONCE[flow])
    return state
  }
  const because = problem?.because
  const told = because?.gate === 'plan_outdated' ? because.moved.map(({ what }) => what) : [because?.gate]
  expect(TOLD[fact]).toEqual(expect.arrayContaining(told))
  // An upgrade that was not refused at its own look has begun, though it did nothing.
  const isUpgraded = sim.plan.calls.some(({ call }) => call === 'migrator.upgrade')
  const hasBegun = effects.length > 0 || (isUpgraded && because?.gate !== 'plan_outdated')
  expect(state).toBe(hasBegun ? 'needs attention' : because?.gate === 'unexpected_diff' ? 'failed' : 'outdated')
  return `${state} (${because?.gate})`
}
