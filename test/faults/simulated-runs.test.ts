/** What the simulation has found, each as a story of its own: runs that must continue automatically, and effects that come late. */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { planned } from '../../src/release/transitions/index.ts'
import type { Json } from '../../src/sandbox/slack/workspace.ts'
import { anEnvironment, aPlan } from '../support/builders.ts'
import { offers } from '../support/channel.ts'
import type { PlannedFault } from '../support/simulation/faults.ts'
import { carryThrough, happened, ONCE, type Point, pointsOf } from '../support/simulation/flow.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

function simulate(...faults: readonly PlannedFault[]): Simulation {
  const sim = createSimulation({ faults })
  onTestFinished(() => {
    sim.end()
    expect(sim.plan.struck.length, 'every fault comes to its call').toBeGreaterThanOrEqual(faults.length)
  })
  return sim
}

let points: readonly Point[] = []
beforeAll(async () => {
  const sim = createSimulation()
  await carryThrough(sim, 'production')
  points = pointsOf(sim)
  sim.end()
})

/** The call of a production release that is this moment of a step. */
function callAt(step: string, moment: Point['moment']): Pick<PlannedFault, 'role' | 'call' | 'nth'> {
  const point = points.findLast((each) => each.step === step && each.moment === moment)
  if (point === undefined) throw new Error(`no ${moment} of ${step}`)
  const { role, call, nth } = point.call
  return { role, call, nth }
}

describe('Promise 7, every release ends: a store that does not answer once, in the middle of a run', () => {
  it.each(['record', 'merge', 'migrate', 'push', 'confirm'])('%s: the run continues automatically', async (step) => {
    for (const moment of ['intent', 'result'] as const) {
      for (const fault of ['store down before', 'store down after'] as const) {
        const sim = simulate({ ...callAt(step, moment), fault })
        expect(await carryThrough(sim, 'production')).toMatchObject({ retries: 0, plannedAgain: 0 })
        expect(happened(sim)).toEqual(ONCE.production)
        expect(sim.memory.events().filter(({ type }) => /^step_(failed|unknown)$/.test(type))).toEqual([])
      }
    }
  })
})

describe('Promise 1, at most one effect: a merge that comes after it was told as unknown', () => {
  it('is found by Retry: it is the signed merge, so the branch has not moved', async () => {
    const sim = simulate({ ...callAt('merge', 'effect'), fault: 'timeout late', ms: 70_000 })
    const { stood, retries } = await carryThrough(sim, 'production')
    expect({ stood, retries }).toEqual({ stood: ['awaiting sign-off', 'needs attention', 'succeeded'], retries: 1 })
    expect(happened(sim)).toEqual(ONCE.production)
  })
})

describe('Promise 1, at most one effect: a worker that stands still while it plans, and loses its job', () => {
  it('opens no second pull request when it goes on', async () => {
    const sim = simulate({
      role: 'worker',
      call: 'forge.findPullRequest',
      nth: 1,
      fault: 'stall after',
      ms: 45_000,
    })
    await carryThrough(sim, 'production')
    await sim.tick(200_000)
    sim.checkInvariants()
    expect(sim.world.truth.of('pull request')).toHaveLength(1)
  })
})

describe('Promise 1, at most one effect: a worker that stands still between its intent and its effect, and loses its job', () => {
  it.each(['record', 'merge', 'migrate', 'push'])('%s: does nothing when it goes on', async (step) => {
    for (const ms of [20_000, 45_000, 150_000]) {
      const sim = simulate({ ...callAt(step, 'intent'), fault: 'stall after', ms })
      await carryThrough(sim, 'production')
      await sim.tick(200_000)
      sim.checkInvariants()
      expect(happened(sim)).toEqual(ONCE.production)
    }
  })
})

describe('Promise 1, at most one effect: a store whose clock is an hour off', () => {
  it.each([60, -60])('%i minutes: a message whose answer was lost is found, and not posted again', async (minutes) => {
    const posting = callAt('announcement', 'effect')
    const before = callAt('approve', 'effect')
    const sim = simulate(
      { ...before, fault: 'clock jump', ms: minutes * 60_000 },
      { ...posting, fault: 'timeout applied' },
    )
    await carryThrough(sim, 'production')
    expect(happened(sim)).toEqual(ONCE.production)
  })
})

describe('Promise 7, every release ends: a run whose worker comes back more than an hour after the last sign-off', () => {
  it('does not start by surprise, though no bot is there to let it expire', async () => {
    const sim = simulate()
    await sim.request()
    await sim.settle()
    await sim.sign('qa')
    await sim.sign('approval')
    const isSent = () => sim.memory.events().some(({ type }) => type === 'announcement_sent')
    expect(await sim.until(isSent)).toBe(true)
    sim.crash('worker')
    expect(await sim.until(() => sim.release().announcement !== undefined)).toBe(true)
    sim.crash('bot')
    await sim.tick(62 * 60_000)
    sim.restart('worker')
    await sim.tick(5 * 60_000)
    expect(sim.release()).toMatchObject({ state: 'expired', problem: { because: { gate: 'expired' } } })
    expect(sim.world.truth.of('merge')).toEqual([])
  })
})

describe('Promise 7, every release ends: a Bitbucket that is away when a release ends', () => {
  it('has its pull request declined when it is back', async () => {
    const sim = simulate()
    await sim.request()
    await sim.settle()
    const looks = sim.plan.calls.filter(({ call }) => call === 'forge.findPullRequest').length
    for (let nth = looks + 1; nth <= looks + 60; nth++) {
      sim.plan.add({ role: 'worker', call: 'forge.findPullRequest', nth, fault: 'timeout not applied' })
    }
    await sim.cancel()
    expect(await sim.settle()).toBe(true)
    expect(sim.plan.struck).toHaveLength(60)
    expect(sim.world.truth.of('declined')).toHaveLength(1)
  })
})

describe('Promise 7, every release ends: a plan that is made while the card that waited for a worker is being drawn', () => {
  it('stands on that card, which asks for its sign-offs', async () => {
    const sim = createSimulation({
      faults: [
        {
          role: 'bot',
          call: 'outbox.trying',
          nth: 1,
          fault: 'meanwhile before',
          does: () =>
            sim.memory.connect('a worker').store.transaction(async (tx) => {
              const release = await tx.lockRelease(1)
              if (release) await planned(tx, release, anEnvironment(), aPlan())
            }),
        },
      ],
    })
    onTestFinished(() => sim.end())
    sim.crash('worker')
    await sim.tick(60_000)
    await sim.request()
    await sim.tick(30_000)
    const { state, card } = sim.release()
    expect(state).toBe('awaiting sign-off')
    const shown = sim.world.slack.messages.find(({ ts }) => ts === card?.ts)
    expect(offers({ blocks: (shown?.blocks ?? []) as Json[] }, 'rejection')).toBe(true)
  })
})
