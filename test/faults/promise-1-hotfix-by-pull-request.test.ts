/**
 * Promises 1 and 7 for a hot-fix by pull request: whichever process dies, and whenever, it is merged, pushed and backported exactly
 * once, and nobody has to help. Every moment at which something is written or done, simulated.
 */
import { expect, it } from 'vitest'
import type { FaultKind, PlannedFault } from '../support/simulation/faults.ts'
import { carryThrough, happened, type Point, pointsOf } from '../support/simulation/flow.ts'
import { createSimulation } from '../support/simulation/simulation.ts'

/** Its own pull request, and the one that takes the picks to master afterwards. */
const ONCE = {
  'pull request': 2,
  comment: 1,
  merge: 1,
  push: 1,
  'platform release': 1,
  card: 1,
  announcement: 1,
  outcome: 1,
}

const start = (faults: readonly PlannedFault[] = []) =>
  createSimulation({ faults, rules: { production: { hotfix: 'pull_request' } } })

async function points(): Promise<readonly Point[]> {
  const sim = start()
  await carryThrough(sim, 'hot-fix')
  expect(happened(sim)).toEqual(ONCE)
  sim.end()
  return pointsOf(sim)
}

function momentsOf({ moment, call }: Point): readonly FaultKind[] {
  const goesOn = moment === 'effect' && /^(git|forge|migrator|slack)/.test(call.call)
  return goesOn ? ['kill before', 'kill during', 'kill after'] : ['kill before', 'kill after']
}

it('W9: a process that dies at any moment: each effect happens exactly once, and it ends by itself', async () => {
  const broken: string[] = []
  let count = 0
  for (const point of await points()) {
    for (const fault of momentsOf(point)) {
      for (const who of ['worker', 'both'] as const) {
        const { role, call, nth } = point.call
        const sim = start([{ role, call, nth, fault, who }])
        count += 1
        try {
          const { retries, plannedAgain } = await carryThrough(sim, 'hot-fix')
          expect(sim.plan.struck, 'the fault was struck').toHaveLength(1)
          expect(happened(sim)).toEqual(ONCE)
          expect({ retries, plannedAgain }, 'nobody had to help').toEqual({ retries: 0, plannedAgain: 0 })
          const left = [...sim.world.origin.branches.keys()].filter((name) => name === 'signoff/1-hotfix')
          expect(left, 'its branch is gone').toEqual([])
        } catch (error) {
          const at = `${fault} of ${who} at the ${point.moment} of ${point.step} (${call} ${nth})`
          broken.push(`${at}: ${error instanceof Error ? error.message : error}`)
        } finally {
          sim.end()
        }
      }
    }
  }
  console.log(`hot-fix by pull request: ${count} kills`)
  expect(broken).toEqual([])
})
