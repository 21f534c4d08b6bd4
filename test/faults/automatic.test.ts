/**
 * Promise 1: which heads are deployed by themselves: each gets at most one release, what was noted is deployed, and nothing
 * is written to Signoff. In virtual time. What can go wrong on the way is in the fault matrix.
 */
import { describe, expect, it } from 'vitest'
import { SIGNOFF } from '../../src/release/automatic.ts'
import { DANA } from '../support/builders.ts'
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

  it('try no commit twice: not after a refusal, a failure or a Cancel', async () => {
    const no = { role: 'worker', nth: 1, fault: 'says no' } as const
    const sim = await watched({
      faults: [
        { ...no, call: 'migrator.status' },
        { ...no, call: 'migrator.upgrade' },
      ],
    })
    const heads = []
    for (const end of ['refused', 'failed', 'cancelled']) {
      heads.push(sim.pushToBranch('master'))
      await sim.until(() => sim.releases().length === heads.length, 10 * MINUTE)
      if (end === 'cancelled') await sim.cancel(DANA.id)
      await rest(sim)
      await sim.tick(20 * MINUTE)
      expect(sim.release().state).toBe(end)
      expect(requestedBy(sim)).toEqual(heads)
    }
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
