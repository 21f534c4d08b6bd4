import { hasEnded } from '../../../src/release/terms.ts'
import { type AnyFlow, COURSES } from './courses.ts'
import type { Call, PlannedFault } from './faults.ts'
import { createSimulation, type Simulation } from './simulation.ts'
import type { EffectKind } from './truth.ts'

export { type AnyFlow, CONTROLS, EVERY_FLOW, FLOWS, type Flow } from './courses.ts'

/** What people had to do beyond the ordinary, and what happened. */
export interface Carried {
  readonly retries: number
  readonly plannedAgain: number
  /** How often the release was asked for again, because it was nowhere. */
  readonly askedAgain: number
  /** Every state in which nothing moved by itself. */
  readonly stood: readonly string[]
  /** What happened outside because of it, without what was released before. */
  readonly happened: Readonly<Record<string, number>>
}

/** More than any fault of ours should ask of people. */
const MOST_ROUNDS = 12

/** With the rules under which a flow goes its way. */
export function simulationOf(flow: AnyFlow, faults: readonly PlannedFault[] = []): Simulation {
  return createSimulation({ faults, ...(COURSES[flow].rules && { rules: COURSES[flow].rules }) })
}

/** Releases what a flow needs before it. */
export async function prepare(sim: Simulation, flow: AnyFlow): Promise<void> {
  for (const before of COURSES[flow].before ?? []) {
    sim.pushToBranch('master')
    await carryThrough(sim, before)
  }
  await COURSES[flow].prepare?.(sim)
}

/**
 * Asks for the release, signs it, retries and plans again until one has succeeded. Checks the invariants at every rest, and
 * what it has left outside at the end.
 */
export async function carryThrough(sim: Simulation, flow: AnyFlow): Promise<Carried> {
  await prepare(sim, flow)
  return carryOn(sim, flow)
}

async function carryOn(sim: Simulation, flow: AnyFlow): Promise<Carried> {
  const { ask, signs, start, left } = COURSES[flow]
  const before = { counts: happened(sim), releases: sim.releases().length }
  const stood: string[] = []
  let retries = 0
  let plannedAgain = 0
  let askedAgain = 0
  await ask(sim)
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (!(await sim.settle())) throw new Error(`it never comes to rest: ${describe(sim)}`)
    sim.checkInvariants()
    if (sim.releases().length === before.releases) {
      askedAgain += 1
      await ask(sim)
      continue
    }
    const { state, signOffs } = sim.release()
    stood.push(state)
    if (state === 'succeeded') {
      const wrong = left?.(sim) ?? []
      if (wrong.length > 0) throw new Error(`${wrong.join(', ')}; ${describe(sim)}`)
      return { retries, plannedAgain, askedAgain, stood, happened: happened(sim, before.counts) }
    }
    if (state === 'awaiting sign-off') {
      for (const kind of signs) {
        if (!signOffs.some((each) => each.kind === kind)) await sim.sign(kind)
      }
    } else if (state === 'scheduled') {
      await start?.(sim)
    } else if (state === 'needs attention') {
      retries += 1
      await sim.retry()
    } else if (hasEnded(state)) {
      plannedAgain += 1
      await sim.planAgain()
    }
  }
  throw new Error(`people can't bring it to an end: ${stood.join(', ')}; ${describe(sim)}`)
}

/**
 * One release that was prepared, with its signatures and its start, and nobody who helps. `rest`: after each action of a person;
 * by default until nothing moves by itself.
 */
export async function carryAlone(
  sim: Simulation,
  flow: AnyFlow,
  rest: () => Promise<unknown> = () => sim.settle(),
): Promise<void> {
  const { ask, signs, start } = COURSES[flow]
  await ask(sim)
  await rest()
  for (const kind of signs) if (sim.release().state === 'awaiting sign-off') await sim.sign(kind)
  await rest()
  if (sim.release().state === 'scheduled') {
    await start?.(sim)
    await rest()
  }
  sim.checkInvariants()
}

/** The points of a flow, from a run without faults: of every step, and of those that are its own. `carry`: by other people. */
export async function pointsIn(
  flow: AnyFlow,
  carry: (sim: Simulation, flow: AnyFlow) => Promise<unknown> = carryOn,
): Promise<{ readonly all: readonly Point[]; readonly own: readonly Point[] }> {
  const { own } = COURSES[flow]
  const sim = simulationOf(flow)
  await prepare(sim, flow)
  const from = sim.plan.calls.length
  await carry(sim, flow)
  sim.end()
  const all = pointsOf(sim).filter(({ call }) => sim.plan.calls.indexOf(call) >= from)
  return { all, own: own === undefined ? all : all.filter(({ step }) => own.includes(step)) }
}

export function describe(sim: Simulation): string {
  const releases = sim.releases().map(({ number, state, problem, steps }) => {
    const rows = steps.map((row) => `${row.name} ${row.state} ${row.effect}`).join(', ')
    return `#${number} ${state} ${problem ? JSON.stringify(problem.because) : ''} [${rows}]`
  })
  const jobs = sim.memory.jobs().filter(({ state }) => state !== 'done')
  const waiting = sim.memory.outboxRows().filter(({ state }) => state === 'waiting')
  return [
    ...releases,
    ...jobs.map(({ job, state, attempt }) => `job ${JSON.stringify(job)} ${state}, attempt ${attempt}`),
    ...waiting.map(({ message, tries }) => `waits: ${JSON.stringify(message).slice(0, 80)}, ${tries} tries`),
  ].join('\n')
}

const COUNTED: readonly EffectKind[] = [
  'pull request',
  'comment',
  'merge',
  'pick',
  'migration',
  'push',
  'platform release',
]

/**
 * How often each thing happened outside that may happen once in a release, with the card, the announcement and the end;
 * `before`: without what had happened then.
 */
export function happened(
  sim: Simulation,
  before: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const { truth } = sim.world
  const counts: Record<string, number> = {}
  const add = (what: string, count: number) => {
    const since = count - (before[what] ?? 0)
    if (since > 0) counts[what] = since
  }
  for (const kind of COUNTED) add(kind, truth.of(kind).length)
  const messages = truth.of('message')
  for (const [what, key] of [
    ['card', /^\d+:card$/],
    ['announcement', /:announcement$/],
    ['outcome', /:outcome$/],
  ] as const) {
    add(what, messages.filter((message) => key.test(message.key)).length)
  }
  return counts
}

const INTEGRATION = { migration: 1, push: 1, 'platform release': 1, card: 1, outcome: 1 }
const PRODUCTION = { ...INTEGRATION, 'pull request': 1, comment: 1, merge: 1, announcement: 1 }

/** What one release of each flow does outside, once each. A hot-fix is carried on to master by a pull request of its own. */
export const ONCE: Readonly<Record<AnyFlow, Readonly<Record<string, number>>>> = {
  integration: INTEGRATION,
  production: PRODUCTION,
  'hot-fix': {
    'pull request': 1,
    comment: 1,
    pick: 1,
    push: 1,
    'platform release': 1,
    card: 1,
    announcement: 1,
    outcome: 1,
  },
  rollback: { comment: 1, 'platform release': 1, card: 1, announcement: 1, outcome: 1 },
  scheduled: PRODUCTION,
  'started now': PRODUCTION,
  held: PRODUCTION,
  automatic: INTEGRATION,
}

/** A call of a run without faults, by the step and the moment that it is. */
export interface Point {
  readonly step: string
  readonly moment: 'intent' | 'effect' | 'result'
  readonly call: Call
}

/** The call that brings about a step's effect. */
const EFFECT_OF: Readonly<Record<string, readonly string[]>> = {
  pick: ['git.push'],
  record: ['forge.comment'],
  merge: ['forge.merge'],
  sync: ['git.fetch'],
  verify: ['git.heads'],
  migrate: ['migrator.upgrade'],
  push: ['git.push', 'platform.releaseAgain'],
  confirm: ['platform.confirm'],
}

/** Events of transactions that are no step's, and what they are called. */
const OTHER_EVENTS: Readonly<Record<string, Pick<Point, 'step' | 'moment'>>> = {
  release_requested: { step: 'request', moment: 'effect' },
  hotfix_carried: { step: 'carry', moment: 'result' },
  plan_made: { step: 'plan', moment: 'result' },
  sign_off_given: { step: 'approve', moment: 'effect' },
  preflight_passed: { step: 'preflight', moment: 'result' },
  run_started: { step: 'run', moment: 'intent' },
  start_held: { step: 'hold', moment: 'effect' },
  'head due': { step: 'look', moment: 'effect' },
  'step_done report': { step: 'report', moment: 'result' },
}

/** Every point of a run at which something is written or done, in order. */
export function pointsOf(sim: Simulation): readonly Point[] {
  const points: Point[] = []
  const messages = new Map(sim.memory.outboxRows().map(({ id, message }) => [id, message]))
  let during: string | undefined
  let posting: string | undefined
  let handled: string | undefined
  for (const call of sim.plan.calls) {
    const add = (step: string, moment: Point['moment']) => void points.push({ step, moment, call })
    const name = call.call
    if (name === 'store.transaction' && call.events.length > 0) {
      for (const event of call.events) {
        const [type = '', step = ''] = event.split(' ')
        const other = OTHER_EVENTS[event] ?? OTHER_EVENTS[type]
        if (other !== undefined) add(other.step, other.moment)
        // By the tick or **Start now**; the last sign-off is a point of its own.
        else if (type === 'release_approved' && !call.events.some(isSignOff)) add('start', 'effect')
        else if (type === 'step_started') add(step, 'intent')
        else if (type === 'step_done') add(step, 'result')
        if (type === 'step_started') during = step
        if (type === 'step_done') during = undefined
        if (other?.moment === 'effect') handled = other.step
      }
    } else if (during !== undefined && call.role === 'worker' && EFFECT_OF[during]?.includes(name) === true) {
      add(during, 'effect')
    } else if (name === 'forge.createPullRequest') {
      add(call.job?.startsWith('carry') === true ? 'carry' : 'open', 'effect')
    } else if (name === 'outbox.trying' || name === 'outbox.confirmed') {
      const message = messages.get(Number(call.args[0]))
      posting = message && ['announcement', 'outcome'].includes(message.kind) ? message.kind : undefined
      if (message?.kind === 'card' && message.release > 0 && !points.some(isCardResult)) posting = 'card'
      if (posting !== undefined) add(posting, name === 'outbox.trying' ? 'intent' : 'result')
      if (name === 'outbox.confirmed') posting = undefined
    } else if (name === 'slack.postMessage' && posting !== undefined && !isPrivate(call)) {
      add(posting, 'effect')
    } else if (name === 'inbox.receive') {
      add('delivery', 'intent')
    } else if (name === 'inbox.handled' && handled !== undefined) {
      add(handled, 'result')
    }
  }
  return points
}

const isSignOff = (event: string) => event.startsWith('sign_off_given')
const isPrivate = ({ args: [post] }: Call) =>
  String((post as { channel?: string } | undefined)?.channel).startsWith('D-')
const isCardResult = ({ step, moment }: Point) => step === 'card' && moment === 'result'
