import { hasEnded } from '../../../src/release/terms.ts'
import type { Call } from './faults.ts'
import type { Simulation } from './simulation.ts'
import type { EffectKind } from './truth.ts'

export const FLOWS = ['integration', 'production', 'hot-fix'] as const
export type Flow = (typeof FLOWS)[number]

/** What people had to do beyond the ordinary. */
export interface Carried {
  readonly retries: number
  readonly plannedAgain: number
  /** How often the release was asked for again, because it was nowhere. */
  readonly askedAgain: number
  /** Every state in which nothing moved by itself. */
  readonly stood: readonly string[]
}

/** More than any fault of ours should ask of people. */
const MOST_ROUNDS = 12

/** Asks for the release, signs it, retries and plans again until one has succeeded. Checks the invariants at every rest. */
export async function carryThrough(sim: Simulation, flow: Flow): Promise<Carried> {
  const ask = () =>
    flow === 'hot-fix' ? sim.hotfix() : sim.request(flow === 'integration' ? 'integration' : 'production')
  const stood: string[] = []
  let retries = 0
  let plannedAgain = 0
  let askedAgain = 0
  await ask()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (!(await sim.settle())) throw new Error(`it never comes to rest: ${describe(sim)}`)
    sim.checkInvariants()
    if (sim.releases().length === 0) {
      askedAgain += 1
      await ask()
      continue
    }
    const { state, signOffs } = sim.release()
    stood.push(state)
    if (state === 'succeeded') return { retries, plannedAgain, askedAgain, stood }
    if (state === 'awaiting sign-off') {
      for (const kind of ['qa', 'approval'] as const) {
        if (!signOffs.some((each) => each.kind === kind)) await sim.sign(kind)
      }
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

/** How often each thing happened outside that may happen once in a release, with the card, the announcement and the end. */
export function happened(sim: Simulation): Readonly<Record<string, number>> {
  const { truth } = sim.world
  const counts: Record<string, number> = {}
  for (const kind of COUNTED) if (truth.of(kind).length > 0) counts[kind] = truth.of(kind).length
  const messages = truth.of('message')
  for (const [what, key] of [
    ['card', /^\d+:card$/],
    ['announcement', /:announcement$/],
    ['outcome', /:outcome$/],
  ] as const) {
    const count = messages.filter((message) => key.test(message.key)).length
    if (count > 0) counts[what] = count
  }
  return counts
}

/** What one release of each flow does outside, once each. A hot-fix is carried on to master by a pull request of its own. */
export const ONCE: Readonly<Record<Flow, Readonly<Record<string, number>>>> = {
  integration: { migration: 1, push: 1, 'platform release': 1, card: 1, outcome: 1 },
  production: {
    'pull request': 1,
    comment: 1,
    merge: 1,
    migration: 1,
    push: 1,
    'platform release': 1,
    card: 1,
    announcement: 1,
    outcome: 1,
  },
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
  'step_done report': { step: 'report', moment: 'result' },
}

/** Every point of a run at which something is written or done, in order. */
export function pointsOf(sim: Simulation): readonly Point[] {
  const points: Point[] = []
  const messages = new Map(sim.memory.outboxRows().map(({ id, message }) => [id, message]))
  let during: string | undefined
  let posting: string | undefined
  let deed: string | undefined
  for (const call of sim.plan.calls) {
    const add = (step: string, moment: Point['moment']) => void points.push({ step, moment, call })
    const name = call.call
    if (name === 'store.transaction' && call.events.length > 0) {
      for (const event of call.events) {
        const [type = '', step = ''] = event.split(' ')
        const other = OTHER_EVENTS[event] ?? OTHER_EVENTS[type]
        if (other !== undefined) add(other.step, other.moment)
        else if (type === 'step_started') add(step, 'intent')
        else if (type === 'step_done') add(step, 'result')
        if (type === 'step_started') during = step
        if (type === 'step_done') during = undefined
        if (other?.moment === 'effect') deed = other.step
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
    } else if (name === 'inbox.handled' && deed !== undefined) {
      add(deed, 'result')
    }
  }
  return points
}

const isPrivate = ({ args: [post] }: Call) =>
  String((post as { channel?: string } | undefined)?.channel).startsWith('D-')
const isCardResult = ({ step, moment }: Point) => step === 'card' && moment === 'result'
