/**
 * Promises 1 and 7: whoever dies, and whenever, each effect happens exactly once, and the release ends. Every moment at which
 * something is written or done, in each way of a release, simulated.
 */
import { describe, expect, it } from 'vitest'
import type { FaultKind, Role } from '../support/simulation/faults.ts'
import { carryThrough, FLOWS, type Flow, happened, ONCE, type Point, pointsOf } from '../support/simulation/flow.ts'
import { createSimulation } from '../support/simulation/simulation.ts'

const WHO: readonly (Role | 'both')[] = ['worker', 'bot', 'both']

/** Before a call, with its answer and, where a server goes on by itself, while it is at it. */
function momentsOf({ moment, call }: Point): readonly FaultKind[] {
  const goesOn = moment === 'effect' && /^(git|bitbucket|migrations|slack)/.test(call.call)
  return goesOn ? ['kill before', 'kill during', 'kill after'] : ['kill before', 'kill after']
}

async function pointsIn(flow: Flow): Promise<readonly Point[]> {
  const sim = createSimulation()
  await carryThrough(sim, flow)
  expect(happened(sim)).toEqual(ONCE[flow])
  sim.end()
  return pointsOf(sim)
}

describe('Promises 1 and 7: a process that dies at any moment of a release', () => {
  it.each(FLOWS)('%s: each effect happens exactly once, and the release ends by itself', async (flow) => {
    const points = await pointsIn(flow)
    const broken: string[] = []
    let count = 0
    for (const point of points) {
      for (const fault of momentsOf(point)) {
        for (const who of WHO) {
          const { role, call, nth } = point.call
          const sim = createSimulation({ faults: [{ role, call, nth, fault, who }] })
          count += 1
          try {
            const { retries, plannedAgain } = await carryThrough(sim, flow)
            expect(sim.plan.struck, 'the fault was struck').toHaveLength(1)
            expect(happened(sim)).toEqual(ONCE[flow])
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
