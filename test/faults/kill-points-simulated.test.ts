/**
 * Promises 1 and 7: no matter which process dies, and when, each effect happens exactly once, and the release ends. Every moment at which
 * something is written or done, in each way of a release, simulated.
 */
import { describe, expect, it } from 'vitest'
import type { FaultKind, Role } from '../support/simulation/faults.ts'
import {
  type AnyFlow,
  carryThrough,
  EVERY_FLOW,
  FLOWS,
  ONCE,
  type Point,
  pointsIn,
  simulationOf,
} from '../support/simulation/flow.ts'

/** Who dies. What the other process can lose at a moment does not differ in the flows that everyday controls begin. */
const whoDies = (flow: AnyFlow, role: Role): readonly (Role | 'both')[] =>
  isPlain(flow) ? ['worker', 'bot', 'both'] : [role, 'both']
const isPlain = (flow: AnyFlow) => FLOWS.some((each) => each === flow)

/** Before a call, with its answer and, where a server continues automatically, while it is at it. */
function momentsOf({ moment, call }: Point): readonly FaultKind[] {
  const goesOn = moment === 'effect' && /^(git|bitbucket|migrations|slack)/.test(call.call)
  return goesOn ? ['kill before', 'kill during', 'kill after'] : ['kill before', 'kill after']
}

describe('Promises 1 and 7: a process that dies at any moment of a release', () => {
  it.each(EVERY_FLOW)('%s: each effect happens exactly once, and the release ends by itself', async (flow) => {
    const { own: points } = await pointsIn(flow)
    const broken: string[] = []
    let count = 0
    for (const point of points) {
      for (const fault of momentsOf(point)) {
        const { role, call, nth } = point.call
        for (const who of whoDies(flow, role)) {
          const sim = simulationOf(flow, [{ role, call, nth, fault, who }])
          count += 1
          try {
            const { retries, plannedAgain, happened } = await carryThrough(sim, flow)
            expect(sim.plan.struck, 'the fault was struck').toHaveLength(1)
            expect(happened).toEqual(ONCE[flow])
            expect({ retries, plannedAgain }, 'nobody had to help').toEqual({ retries: 0, plannedAgain: 0 })
          } catch (error) {
            const at = `${fault} of ${who} at the ${point.moment} of ${point.step} (${call} ${nth})`
            broken.push(`${at}: ${error instanceof Error ? error.message : error}`)
          } finally {
            sim.end()
          }
        }
      }
    }
    const steps = [...new Set(points.map(({ step }) => step))]
    console.log(`${flow}: ${count} kills at ${points.length} points of ${steps.length} steps: ${steps.join(', ')}`)
    expect(broken).toEqual([])
  })
})
