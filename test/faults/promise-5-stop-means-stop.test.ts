/**
 * Promise 5, stop means stop: a cancel is committed at every moment of every way of a release, and the worker dies at that
 * moment or goes on. What begins afterwards is counted outside; how often each end was reached is printed.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createReleaseService } from '../../src/release/service.ts'
import { hasEnded, type StepName } from '../../src/release/terms.ts'
import { keysOf as carriedKeys } from '../../src/slack/outbox/find-posted-message.ts'
import { DANA, SERVICES } from '../support/builders.ts'
import type { FaultKind, PlannedFault } from '../support/simulation/faults.ts'
import {
  type AnyFlow,
  carryAlone,
  carryThrough,
  EVERY_FLOW,
  happened,
  ONCE,
  type Point,
  pointsIn,
  prepare,
  simulationOf,
} from '../support/simulation/flow.ts'
import { appOf } from '../support/simulation/setting.ts'
import type { Simulation } from '../support/simulation/simulation.ts'
import type { SlackMessage } from '../support/simulation/slack.ts'
import type { Effect } from '../support/simulation/truth.ts'

const BEFORE: readonly FaultKind[] = ['meanwhile before']
const BOTH: readonly FaultKind[] = [...BEFORE, 'meanwhile after']

/** What each step does outside. */
const STEP_OF: Readonly<Partial<Record<Effect['kind'], StepName>>> = {
  comment: 'record',
  merge: 'merge',
  pick: 'pick',
  migration: 'migrate',
  push: 'push',
  'platform release': 'push',
}

/** A hot-fix that has ended is carried on to master, which is no step of the release; a head that was seen is none yet. */
const NO_STEP = ['delivery', 'request', 'carry', 'look']

async function momentsOf(flow: AnyFlow): Promise<readonly Point[]> {
  const { all, own } = await pointsIn(flow, (sim) => carry(sim, flow, () => false))
  // Nobody asks for an automatic release, so its way is walked whole.
  return (flow === 'automatic' ? all : own).filter(({ step }) => !NO_STEP.includes(step))
}

/** Somebody else's click, on a bot of its own: committed when this resolves, unless it was refused. */
async function cancelNow({ memory, world, release }: Simulation): Promise<boolean> {
  const { store } = memory.connect('another bot')
  const service = createReleaseService({ store, directory: world.slack.directory, apps: [appOf()], services: SERVICES })
  return !('refused' in (await service.act('cancel', { release: release().number, by: DANA.id })))
}

const carry = (sim: Simulation, flow: AnyFlow, hasCome: () => boolean) =>
  carryAlone(sim, flow, async () => {
    // What has died is started again after a while.
    await sim.until(hasCome, 5 * 60_000)
    await sim.tick(5_000)
    sim.restart('both')
    expect(await sim.settle()).toBe(true)
  })

async function once(sim: Simulation, flow: AnyFlow, hasCome: () => boolean): Promise<Before> {
  await prepare(sim, flow)
  const before = { effects: sim.world.truth.effects.length, counts: happened(sim) }
  await carry(sim, flow, hasCome)
  return before
}

/** What had been done outside when the release was asked for. */
interface Before {
  readonly effects: number
  readonly counts: Readonly<Record<string, number>>
}

interface Cancelled {
  /** How many effects there were, and events; undefined: it was refused, for the release had ended. */
  readonly effects: number
  readonly events: number
  /** The step whose intent was written, and not its result. */
  readonly inFlight: StepName | undefined
}

const keysOf = ({ metadata }: SlackMessage) => (metadata ? carriedKeys(metadata.event_payload) : []).map(String)

/** Counted in the world's own log: nothing but the step in flight has done anything since. */
function expectStopped(
  sim: Simulation,
  flow: AnyFlow,
  dies: boolean,
  before: Before,
  { effects, events, inFlight }: Cancelled,
): string {
  const { state, steps, problem } = sim.release()
  const since = sim.world.truth.effects.slice(effects).flatMap(({ kind }) => STEP_OF[kind] ?? [])
  for (const step of since) expect(step, 'only what was in flight goes on').toBe(inFlight)
  const begun = sim.memory.events().slice(events)
  expect(begun.filter(({ type }) => type === 'step_started')).toEqual([])

  const number = sim.release().number
  const told = new RegExp(`^${number}:(done|failed|not-taken):${inFlight}:`)
  if (inFlight !== undefined)
    expect(
      sim.world.slack.messages.some((each) => keysOf(each).some((key) => told.test(key))),
      'told',
    ).toBe(true)

  const did = new Set(sim.world.truth.effects.slice(before.effects).flatMap(({ kind }) => STEP_OF[kind] ?? []))
  for (const { name, state: settled, effect } of steps) {
    expect(settled, `${name} is settled`).not.toBe('running')
    // What a dead worker has asked others for, and is not seen, may have been asked or not: only a database tells.
    const isUnknown = dies && name === inFlight && ['merge', 'pick', 'push'].includes(name)
    const without = isUnknown ? 'unknown' : 'none'
    if (['merge', 'pick', 'migrate', 'push'].includes(name)) expect(effect).toBe(did.has(name) ? 'some' : without)
  }
  if (state === 'succeeded') {
    expect(happened(sim, before.counts)).toEqual(ONCE[flow])
    // A rollback is recorded once it is proven.
    const last = flow === 'rollback' ? ['confirm', 'record'] : ['confirm']
    expect([undefined, ...last], 'all that was left had begun').toContain(inFlight)
  } else if (state === 'needs attention') {
    expect(problem).toBeDefined()
  } else {
    expect(state).toBe('cancelled')
  }
  return state
}

describe('Promise 5, stop means stop', () => {
  it.each(EVERY_FLOW)('%s: nothing begins after a cancel, and what was in flight is told as it ended', async (flow) => {
    const broken: string[] = []
    const ends: Record<string, number> = {}
    const points = await momentsOf(flow)
    let count = 0
    for (const { step, moment, call } of points) {
      for (const fault of moment === 'effect' ? BOTH : BEFORE) {
        for (const dies of [false, true]) {
          count += 1
          let hasCome = false
          let cancelled: Cancelled | undefined
          const does = async () => {
            hasCome = true
            if (!(await cancelNow(sim))) return
            const inFlight = sim.release().steps.find(({ state }) => state === 'running')?.name
            const [effects, events] = [sim.world.truth.effects.length, sim.memory.events().length]
            cancelled = { effects, events, inFlight }
            if (dies) sim.crash('worker')
          }
          const { role, nth } = call
          const sim = simulationOf(flow, [{ role, call: call.call, nth, fault, does }])
          try {
            const before = await once(sim, flow, () => hasCome)
            expect(sim.plan.struck, 'somebody cancelled').toHaveLength(1)
            if (cancelled === undefined) expect(hasEnded(sim.release().state), 'too late').toBe(true)
            const end = cancelled === undefined ? 'had ended' : expectStopped(sim, flow, dies, before, cancelled)
            ends[end] = (ends[end] ?? 0) + 1
          } catch (error) {
            const why = error instanceof Error ? error.message : error
            broken.push(`${fault} the ${moment} of ${step} (${call.call} ${nth})${dies ? ', and dies' : ''}: ${why}`)
          } finally {
            sim.end()
          }
        }
      }
    }
    console.log(`${flow}: ${count} cancels at ${points.length} points: ${JSON.stringify(ends)}`)
    expect(broken).toEqual([])
  })

  it.each([
    ['production', 'merge'],
    ['production', 'push'],
    ['hot-fix', 'pick'],
  ] as const)(
    '%s: a cancel between the look and the intent of a %s that was cut off is looked at again',
    async (flow, name) => {
      const point = (await momentsOf(flow)).findLast(({ step, moment }) => step === name && moment === 'effect')
      if (point === undefined) throw new Error(`no effect of ${name}`)
      const dies: PlannedFault = {
        role: point.call.role,
        call: point.call.call,
        nth: point.call.nth,
        fault: 'kill before',
      }
      const first = simulationOf(flow, [dies])
      await carryThrough(first, flow)
      const [, again] = first.plan.calls.filter(({ events }) => events.includes(`step_started ${name}`))
      first.end()
      if (again === undefined) throw new Error(`the next worker does not begin ${name}`)

      let cancelled = false
      const does = async () => {
        cancelled = await cancelNow(sim)
      }
      const { role, call, nth } = again
      const cancels: PlannedFault = { role, call, nth, fault: 'meanwhile before', does }
      const sim = simulationOf(flow, [dies, cancels])
      onTestFinished(() => sim.end())
      await once(sim, flow, () => cancelled)
      const { state, steps, problem } = sim.release()
      expect(state).toBe('needs attention')
      expect(problem?.because.gate).toBe(`${name}_unknown`)
      expect(steps.find((row) => row.name === name)).toMatchObject({ state: 'unknown', effect: 'unknown' })
      expect(sim.world.truth.effects.filter(({ kind }) => STEP_OF[kind] === name)).toEqual([])
    },
  )
})
