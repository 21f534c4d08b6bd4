/**
 * All eight promises, over sequences of anything: people, processes, branches, time and faults in any order, on the real
 * service, worker and delivery in virtual time. Every invariant is asked after every step; at the end of each sequence the
 * faults stop, and everything settles. A failure prints what replays it: `FAULTS_SEED` and `FAULTS_PATH`.
 * `FAULTS_SEQUENCES` makes it run longer.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAutomatic } from '../../src/release/automatic.ts'
import { hasEnded } from '../../src/release/terms.ts'
import { DANA } from '../support/builders.ts'
import { carryThrough } from '../support/simulation/flow.ts'
import type { Rules } from '../support/simulation/setting.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'
import { type Command, carryOut, RULES, sequence } from './model/commands.ts'
import { brokenByPeople } from './model/people.ts'
import { createTally, type Group } from './model/tally.ts'

const SEED = Number(process.env.FAULTS_SEED ?? 20_261_122)
const PATH = process.env.FAULTS_PATH
const SEQUENCES = Number(process.env.FAULTS_SEQUENCES ?? 2_000)

/** Longer than anything may await people. */
const NIGHT_MS = 3 * 60 * 60_000
/** Longer than the bot takes to see what has expired. */
const MORNING_MS = 61_000

const AUTOMATIC_SEQUENCES = Math.ceil(SEQUENCES / 8)
const ROLLBACK_SEQUENCES = Math.ceil(SEQUENCES / 16)

const tally = createTally()
let requestedAutomatically = 0
let rolledBack = 0

async function live(
  commands: readonly Command[],
  { rules = RULES, before }: { rules?: Rules; before?: (sim: Simulation) => Promise<void> } = {},
): Promise<void> {
  const sim = createSimulation({ rules })
  const leftAt = new Map<string, number>()
  const check = () => {
    sim.checkInvariants()
    const broken = brokenByPeople(sim.releases(), leftAt)
    if (broken.length > 0) throw new Error(broken.join('\n'))
  }
  try {
    await before?.(sim)
    for (const command of commands) {
      if (command.is === 'deactivate' && !leftAt.has(command.person)) leftAt.set(command.person, sim.now())
      const answer = await carryOut(sim, command)
      tally.did(command, answer)
      check()
    }
    await comeToRest(sim, check)
    tally.ended(sim)
    requestedAutomatically += sim.releases().filter(isAutomatic).length
    rolledBack += sim.releases().filter(({ kind, state }) => kind === 'rollback' && state === 'succeeded').length
  } finally {
    sim.end()
  }
}

/** No more faults, everyone is up, and time passes: each release ends, or people were told that it needs them. */
async function comeToRest(sim: Simulation, check: () => void): Promise<void> {
  sim.plan.forget()
  sim.slackDown(0)
  sim.restart('both')
  for (let nights = 0; ; nights++) {
    const isAtRest = await sim.settle()
    check()
    const open = sim.releases().filter(({ state }) => !hasEnded(state) && state !== 'needs attention')
    const words = open.map(({ number, state }) => `#${number} is ${state}`).join(', ')
    if (!isAtRest) throw new Error(`I8: it does not come to rest: ${words}`)
    if (open.length === 0) return
    if (nights === 3) throw new Error(`I8: after three nights ${words}`)
    sim.crash('both')
    await sim.tick(NIGHT_MS)
    sim.restart('both')
    await sim.tick(MORNING_MS)
  }
}

describe('Promises 1 to 8: anything, in any order', () => {
  it(`keeps every promise over ${SEQUENCES} sequences (seed ${SEED})`, async () => {
    const began = performance.now()
    const result = await fc.check(
      fc.asyncProperty(sequence, (commands) => live(commands)),
      {
        numRuns: PATH === undefined ? SEQUENCES : 1,
        seed: SEED,
        ...(PATH !== undefined && { path: PATH }),
      },
    )
    const seconds = ((performance.now() - began) / 1_000).toFixed(1)
    console.log(`${tally.sequences} sequences in ${seconds} s, seed ${SEED}\n${tally.print()}`)
    if (result.failed) {
      const error = result.errorInstance instanceof Error ? result.errorInstance.stack : String(result.errorInstance)
      const again = `FAULTS_SEED=${result.seed} FAULTS_PATH=${result.counterexamplePath}`
      const commands = result.counterexample?.[0].map((each) => JSON.stringify(each)).join('\n  ')
      throw new Error(`${error}\n\nReplay it with ${again}. The shortest that breaks:\n  ${commands}`)
    }
    if (PATH === undefined) expect(missing()).toEqual([])
  })
})

/** Where integration is deployed automatically, commits bring releases beside those that people request. */
describe('Promises 1 to 8: anything, in any order, while new heads are deployed automatically', () => {
  const rules: Rules = { ...RULES, integration: { ...RULES.integration, deploys: 'automatically' } }

  it(`keeps every promise over ${AUTOMATIC_SEQUENCES} sequences (seed ${SEED})`, async () => {
    const began = requestedAutomatically
    await fc.assert(
      fc.asyncProperty(sequence, (commands) => live(commands, { rules })),
      { numRuns: AUTOMATIC_SEQUENCES, seed: SEED },
    )
    expect(requestedAutomatically - began).toBeGreaterThan(AUTOMATIC_SEQUENCES / 20)
  })
})

/** Where both environments have something to go back to. */
describe('Promises 1 to 8: anything, in any order, after two releases of each environment', () => {
  async function deployTwice(sim: Simulation): Promise<void> {
    for (const flow of ['integration', 'production', 'integration', 'production'] as const) {
      await carryThrough(sim, flow)
      if (flow === 'production') sim.pushToBranch('master')
    }
  }

  it(`keeps every promise over ${ROLLBACK_SEQUENCES} sequences (seed ${SEED})`, async () => {
    const began = rolledBack
    const rollback = fc.record({
      is: fc.constant('roll back' as const),
      environment: fc.constantFrom('integration', 'production'),
      by: fc.constant(DANA.id),
    })
    await fc.assert(
      fc.asyncProperty(rollback, sequence, (first, commands) =>
        live([first, { is: 'go on', of: 0 }, ...commands], {
          rules: { signOff: { ...RULES.signOff } },
          before: deployTwice,
        }),
      ),
      { numRuns: ROLLBACK_SEQUENCES, seed: SEED },
    )
    expect(rolledBack - began).toBeGreaterThan(ROLLBACK_SEQUENCES / 10)
  })
})

/** What must have happened, so often in a thousand sequences, for the test to say anything. */
const LEAST: Partial<Record<Group, Record<string, number>>> = {
  commands: {
    request: 1_000,
    hotfix: 300,
    'go on': 1_500,
    sign: 300,
    cancel: 50,
    retry: 100,
    close: 50,
    'plan again': 50,
    push: 150,
    'push by hand': 50,
    deactivate: 50,
    crash: 100,
    restart: 150,
    'crash at': 200,
    'stand still at': 100,
    'lose an answer': 400,
    tick: 1_000,
    'deliver again': 100,
    'second worker': 50,
    'pause the worker': 50,
    'Slack down': 50,
    schedule: 150,
    'start now': 40,
    'change time': 40,
    'roll back': 150,
    mark: 30,
    'not me': 40,
  },
  answers: { done: 1_000, environment_busy: 200, already_decided: 200, 'no answer': 100, not_an_approver: 20 },
  ends: { succeeded: 200, expired: 200, refused: 20, outdated: 10, cancelled: 10, rejected: 12 },
  effects: { merge: 20, pick: 10, migration: 150, push: 150, 'platform release': 150, message: 3_000, comment: 20 },
  words: { qa: 200, approval: 100, 'talked over': 80, rejection: 12, emergency: 8 },
  faults: {
    'kill before': 20,
    'kill during': 30,
    'kill after': 25,
    'stall before': 25,
    'stall after': 20,
    'timeout applied': 40,
    'timeout not applied': 12,
    '5xx before': 12,
    '5xx after': 15,
    '429': 12,
    'store down before': 12,
    'store down after': 15,
  },
}

function missing(): readonly string[] {
  return Object.entries(LEAST).flatMap(([group, least]) =>
    Object.entries(least).flatMap(([name, times]) => {
      const wanted = Math.floor((times * SEQUENCES) / 1_000)
      const seen = tally.of(group as Group, name)
      return seen >= wanted ? [] : [`${group}: ${name} ${seen} times, and not ${wanted}`]
    }),
  )
}
