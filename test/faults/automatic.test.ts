/**
 * Promise 1: automatic deploys while processes die, answers are lost and several workers and bots look at once: each head gets at most one
 * release by itself, what was noted is deployed, and nothing is written to Signoff. In virtual time.
 */
import { describe, expect, it } from 'vitest'
import { SIGNOFF } from '../../src/release/automatic.ts'
import { DANA } from '../support/builders.ts'
import type { FaultKind } from '../support/simulation/faults.ts'
import { createSimulation, type Simulation, type SimulationOptions } from '../support/simulation/simulation.ts'

const MINUTE = 60_000
const RULES = { integration: { deploys: 'automatically' as const } }

const start = (options: SimulationOptions = {}) => createSimulation({ rules: RULES, ...options })
const remoteOf = (sim: Simulation) => sim.world.remotes.integration?.branches.get('master')
const headOf = async (sim: Simulation) => (await sim.memory.connect(`asks ${sim.now()}`, 'always').store.heads())[0]

/** What Signoff has requested: the head of each release, oldest first. */
function requestedBy(sim: Simulation): readonly string[] {
  return sim.memory
    .events()
    .flatMap((event) =>
      event.type === 'release_requested' && event.actor === SIGNOFF.id ? [String(event.data.head)] : [],
    )
}

/** The first look has only remembered. */
async function watched(options: SimulationOptions = {}): Promise<Simulation> {
  const sim = start(options)
  await sim.tick(MINUTE)
  expect((await headOf(sim))?.state).toBe('remembered')
  expect(sim.releases()).toEqual([])
  return sim
}

/** Lets everything happen, and asks the invariants. */
async function rest(sim: Simulation): Promise<void> {
  await sim.tick(5 * MINUTE)
  expect(await sim.settle()).toBe(true)
  sim.checkInvariants()
}

describe('automatic deploys', () => {
  it('deploy each head once, in the time of one look, one plan and one run', async () => {
    const sim = await watched()
    const began = sim.now()
    const pushed = sim.pushToBranch('master')
    expect(await sim.until(() => remoteOf(sim) === pushed, 10 * MINUTE)).toBe(true)
    expect(sim.now() - began).toBeLessThan(4 * MINUTE)
    await rest(sim)
    expect(requestedBy(sim)).toEqual([pushed])
    expect(sim.releases().map(({ state }) => state)).toEqual(['succeeded'])
    await sim.tick(60 * MINUTE)
    expect(sim.releases()).toHaveLength(1)
    sim.end()
  })

  it('deploy the newest of several heads that come while one is under way', async () => {
    const sim = await watched()
    const first = sim.pushToBranch('master')
    await sim.until(() => sim.releases().length === 1, 10 * MINUTE)
    sim.pushToBranch('master')
    await sim.tick(MINUTE)
    const last = sim.pushToBranch('master')
    await rest(sim)
    expect(remoteOf(sim)).toBe(last)
    expect(requestedBy(sim)[0]).toBe(first)
    expect(requestedBy(sim).length).toBeLessThanOrEqual(3)
    sim.end()
  })

  it('make one release with several workers and bots', async () => {
    const sim = await watched()
    sim.secondWorker()
    await sim.tick(2 * MINUTE)
    const pushed = sim.pushToBranch('master')
    sim.crash('bot')
    sim.restart('bot')
    await rest(sim)
    expect(requestedBy(sim)).toEqual([pushed])
    expect(remoteOf(sim)).toBe(pushed)
    sim.end()
  })

  it('remember only, what was pushed while no worker was there', async () => {
    const sim = await watched({ restartAfterMs: undefined })
    sim.crash('worker')
    const missed = sim.pushToBranch('master')
    await sim.tick(10 * MINUTE)
    sim.restart('worker')
    await rest(sim)
    expect(sim.releases()).toEqual([])
    expect(await headOf(sim)).toMatchObject({ commit: missed, state: 'remembered' })
    const next = sim.pushToBranch('master')
    await rest(sim)
    expect(requestedBy(sim)).toEqual([next])
    sim.end()
  })

  it('wait for a worker, and for a bot', async () => {
    const sim = await watched({ restartAfterMs: undefined })
    sim.crash('bot')
    const pushed = sim.pushToBranch('master')
    await sim.tick(2 * MINUTE)
    expect(await headOf(sim)).toMatchObject({ commit: pushed, state: 'due' })
    sim.crash('worker')
    await sim.tick(2 * MINUTE)
    sim.restart('bot')
    await sim.tick(20 * MINUTE)
    expect(sim.releases()).toEqual([])
    sim.restart('worker')
    await rest(sim)
    expect(requestedBy(sim)).toEqual([pushed])
    expect(sim.release().state).toBe('succeeded')
    sim.end()
  })

  it('leave a commit alone that a person has deployed, without a number', async () => {
    const sim = await watched()
    const pushed = sim.pushToBranch('master')
    await sim.request('integration', DANA.id)
    await rest(sim)
    expect(sim.releases().map(({ requester, state }) => `${requester.id} ${state}`)).toEqual([`${DANA.id} succeeded`])
    expect(remoteOf(sim)).toBe(pushed)
    sim.end()
  })

  it('deploy the head of a release that a hot-fix went before', async () => {
    const sim = await watched()
    sim.pushToBranch('master')
    await sim.until(() => sim.releases().some(({ state }) => state === 'planning'), 10 * MINUTE)
    await sim.hotfix('integration', DANA.id)
    await sim.until(() => sim.releases().length > 1, MINUTE)
    await rest(sim)
    for (const { number, state } of sim.releases()) if (state === 'awaiting sign-off') await sim.cancel(DANA.id, number)
    await rest(sim)
    expect(remoteOf(sim)).toBe(sim.world.origin.branches.get('master'))
    sim.end()
  })
})

describe('automatic deploys, when a process dies or an answer is lost at any call until the plan', async () => {
  const FAULTS: readonly FaultKind[] = ['kill before', 'kill after', 'store down before', 'store down after']
  /** Every call of a bot or worker from the push of a commit until its plan is made. */
  async function calls() {
    const sim = await watched()
    const before = sim.plan.calls.length
    sim.pushToBranch('master')
    await sim.until(() => sim.memory.events().some(({ type }) => type === 'plan_made'), 10 * MINUTE)
    const all = sim.plan.calls
    sim.end()
    return all.slice(before)
  }
  const found = await calls()
  const cases = found.flatMap(({ role, call, nth }) =>
    FAULTS.filter((fault) => !fault.startsWith('store') || call === 'store.transaction').map(
      (fault) => [fault, role, call, nth] as const,
    ),
  )

  it('are asked at many calls', () => expect(cases.length).toBeGreaterThan(40))

  it.each(cases)('%s at %s %s %i', async (fault, role, call, nth) => {
    const sim = await watched({ faults: [{ fault, role, call, nth }] })
    const pushed = sim.pushToBranch('master')
    await rest(sim)
    // A worker that died before it had noted the head has forgotten it: the next commit takes it along.
    const isDeployed = remoteOf(sim) === pushed
    if (!isDeployed) expect((await headOf(sim))?.state).toMatch(/^(remembered|done)$/)
    const next = sim.pushToBranch('master')
    await rest(sim)
    expect(remoteOf(sim)).toBe(next)
    expect(new Set(requestedBy(sim)).size).toBe(requestedBy(sim).length)
    sim.end()
  })
})
