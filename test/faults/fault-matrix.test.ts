/**
 * Promises 1, 2, 4 and 7: everything that can go wrong at every step, alone and in pairs, simulated. The letters say what is
 * expected of a cell; what happened outside is counted in the world's own log.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Case, COLUMNS, type Column, casesOf, ROWS, type Row } from '../support/simulation/cells.ts'
import {
  type AnyFlow,
  type Carried,
  CONTROLS,
  carryThrough,
  EVERY_FLOW,
  FLOWS,
  ONCE,
  type Point,
  pointsIn,
  simulationOf,
} from '../support/simulation/flow.ts'
import type { Simulation } from '../support/simulation/simulation.ts'

/**
 * A: nothing happened, done again. L: looked up, then left or done. D: the first result counts. E: who lost it is fenced.
 * T: no effect. Q: it waits, and what comes after it waits. — All of these need nobody.
 * S: looked up until it settles; else told as unknown, and Retry finds out.
 * F: fails closed: nothing later happens, a person is told why and asks again. –: nothing there can go wrong so.
 */
const MATRIX: Readonly<Record<Row, string>> = {
  //         kill-  kill+  t/o+  t/o-  5xx  429  disk  DB  Slack  clock  twice  two
  look: '     A      D      D     A     A    –    A     A   –      T      D      D',
  request: '  A      D      D     A     A    –    A     A   –      T      D      D',
  announce: ' A      L      L     L     L    Q    A     A   Q      T      D      E',
  open: '     A      L      L     F     F    F    A     A   Q      T      D      E',
  approve: '  A      D      D     A     A    –    A     A   Q      T      D      D',
  hold: '     A      D      D     A     A    –    A     A   Q      T      D      D',
  start: '    A      D      D     A     A    –    A     A   Q      T      D      D',
  merge: '    A      L      S     S     S    F    F     A   Q      T      D      E',
  sync: '     A      A      A     A     A    A    F     A   Q      T      D      E',
  migrate: '  A      S      L     F     –    –    F     A   Q      T      D      E',
  verify: '   A      A      A     A     A    A    A     A   Q      T      D      E',
  push: '     A      S      S     S     S    S    F     A   Q      T      D      E',
  confirm: '  A      A      A     A     A    A    A     A   Q      T      D      E',
  outcome: '  A      L      L     L     L    Q    A     A   Q      T      D      E',
}

const SAMPLE = Number(process.env.FAULTS_PAIRS ?? 2_300)
/** Of these. A fault of two may prevent the other. */
const BOTH_STRIKE = Math.floor((SAMPLE * 2_000) / 2_300)
/** A fault in what a control begins is rarer, since most of its way is another flow's. */
const PAIRED = [...FLOWS, ...FLOWS, ...FLOWS, ...FLOWS, ...FLOWS, ...CONTROLS]
const DAY_MS = 24 * 60 * 60_000
const SEED = Number(process.env.FAULTS_SEED ?? 20_261_122)

const letterOf = (row: Row, column: Column) => MATRIX[row].trim().split(/\s+/)[COLUMNS.indexOf(column)] ?? '–'

let total = 0
const points = new Map<AnyFlow, { readonly all: readonly Point[]; readonly own: readonly Point[] }>()
beforeAll(async () => {
  for (const flow of EVERY_FLOW) points.set(flow, await pointsIn(flow))
})

/** Runs a release through a case; gives what people had to do. */
async function run(sim: Simulation, flow: AnyFlow, { again }: Case): Promise<Carried> {
  if (again === undefined) return carryThrough(sim, flow)
  return carryThrough(repeating(sim, again), flow)
}

/** The same people, each of whose clicks Slack delivers twice. */
function repeating(sim: Simulation, how: 'same id' | 'new id'): Simulation {
  const twice = <Args extends unknown[], T>(act: (...args: Args) => Promise<T>) => {
    return async (...args: Args) => {
      const answer = await act(...args)
      await sim.deliverAgain(how)
      return answer
    }
  }
  const { request, hotfix, schedule, rollbackByCommand, sign, startNow } = sim
  return {
    ...sim,
    request: twice(request),
    hotfix: twice(hotfix),
    schedule: twice(schedule),
    rollbackByCommand: twice(rollbackByCommand),
    sign: twice(sign),
    startNow: twice(startNow),
  }
}

/** What Slack says with a 429, and how long a process stands still unless it is told. */
const RETRY_AFTER_MS = 30_000
const STANDS_MS = 45_000

const IRREVERSIBLE = ['merge', 'pick', 'migration', 'push', 'platform release']

function irreversible(counts: Readonly<Record<string, number>>) {
  return Object.fromEntries(Object.entries(counts).filter(([kind]) => IRREVERSIBLE.includes(kind)))
}

/** What a letter expects of the outcome. */
function expectLetter(letter: string, row: Row, sim: Simulation, flow: AnyFlow, carried: Carried) {
  const { retries, plannedAgain, askedAgain, happened } = carried
  const helped = retries + plannedAgain + askedAgain
  expect(sim.world.truth.doubled()).toEqual([])
  expect(irreversible(happened)).toEqual(irreversible(ONCE[flow]))
  if (plannedAgain === 0) expect(happened).toEqual(ONCE[flow])
  if (letter === '?') return expect(helped).toBeLessThanOrEqual(1)
  if (letter === 'F') {
    expect(helped, 'one person had to help').toBe(1)
    return expect(reasons(sim), 'it was told why').not.toEqual([])
  }
  if (letter === 'S' && helped > 0) {
    expect({ retries, plannedAgain, askedAgain }, 'Retry finds out').toEqual({
      retries: 1,
      plannedAgain: 0,
      askedAgain: 0,
    })
    return expect(saidUnknown(sim), 'it was told as unknown').toBe(true)
  }
  expect({ retries, plannedAgain, askedAgain }, 'nobody had to help').toEqual({
    retries: 0,
    plannedAgain: 0,
    askedAgain: 0,
  })
  if (letter === 'Q' && BEFORE_THE_RUN.includes(row)) expect(tooEarly(sim), 'the run waits').toEqual([])
  if (letter === 'E') expect(askedByLosers(sim), 'who lost it does nothing more').toEqual([])
}

/** The gates for which releases have ended or stopped. */
function reasons({ memory }: Simulation): readonly unknown[] {
  return memory.events().flatMap((event) => {
    const stops = event.type === 'release_ended' || event.type === 'attention_needed'
    return stops && event.data.gate !== undefined ? [event.data.gate] : []
  })
}

function saidUnknown({ memory, world }: Simulation): boolean {
  const words = world.slack.messages.filter(({ metadata }) => /:attention:/.test(metadata?.event_payload.key ?? ''))
  return (
    memory.events().some(({ type }) => type === 'step_unknown') &&
    words.some(({ blocks }) => JSON.stringify(blocks).includes('Not known: '))
  )
}

/** When each fault struck, and at whose call. */
function struckAt({ plan }: Simulation) {
  return plan.struck.flatMap((fault) => {
    const call = plan.calls.find(
      (each) => each.role === fault.role && each.call === fault.call && each.nth === fault.nth,
    )
    return call === undefined ? [] : [{ fault, call }]
  })
}

const BEFORE_THE_RUN: readonly Row[] = ['request', 'announce', 'open', 'approve']

/** What a run has done outside while Slack was away, and with it what must be said before. */
function tooEarly(sim: Simulation): readonly string[] {
  return struckAt(sim).flatMap(({ fault, call }) => {
    const until = call.at + (fault.ms ?? RETRY_AFTER_MS)
    const ofRuns = sim.world.truth.effects.filter(({ kind }) => IRREVERSIBLE.includes(kind) || kind === 'comment')
    const meanwhile = ofRuns.filter(({ at }) => at >= call.at && at < until)
    return meanwhile.map(({ kind, key }) => `${kind} ${key}`)
  })
}

const CHANGES =
  /^(git\.(push|deleteBranch)|bitbucket\.(createPullRequest|comment|merge|decline)|migrations\.upgrade|heroku\.releaseSlug)$/

/** What a worker has asked the world to change for a job after it had stood still and lost it, whether it was done or not. */
function askedByLosers(sim: Simulation): readonly string[] {
  return struckAt(sim).flatMap(({ fault, call: { at: stood, process, job } }) => {
    const later = sim.plan.calls.filter(({ at }) => at >= stood + (fault.ms ?? STANDS_MS))
    const theirs = later.filter((each) => each.process === process && job !== undefined && each.job === job)
    return theirs.map(({ call }) => call).filter((call) => CHANGES.test(call))
  })
}

describe('Promises 1, 2, 4 and 7: the fault matrix', () => {
  it.each(ROWS)('%s: every cell, in each way of a release that has the step', async (row) => {
    const broken: string[] = []
    let cells = 0
    let runs = 0
    for (const column of COLUMNS) {
      const letter = letterOf(row, column)
      if (letter === '–') continue
      for (const flow of EVERY_FLOW) {
        const cases = casesOf(row, column, flow, points.get(flow)?.own ?? [])
        const hasStep = casesOf(row, 'kill before', flow, points.get(flow)?.own ?? []).length > 0
        if (hasStep && cases.length === 0) broken.push(`${flow}, ${row} × ${column} (${letter}): no case at all`)
        if (cases.length > 0) cells += 1
        for (const each of cases) {
          const sim = simulationOf(flow, each.faults)
          runs += 1
          try {
            const carried = await run(sim, flow, each)
            expect(sim.plan.struck, 'the fault was struck').toHaveLength(each.faults.length)
            expectLetter(each.letter ?? letter, row, sim, flow, carried)
          } catch (error) {
            const why = error instanceof Error ? error.message : error
            broken.push(`${flow}, ${row} × ${column} (${letter}), ${each.name}: ${why}`)
          } finally {
            sim.end()
          }
        }
      }
    }
    total += cells
    console.log(`${row}: ${cells} cells, ${runs} runs; ${total} cells by now`)
    expect(cells).toBeGreaterThan(0)
    expect(broken).toEqual([])
  })

  it(`any two faults in one release, ${SAMPLE} of them`, async () => {
    const random = seeded(SEED)
    const pick = <T>(all: readonly T[]): T => {
      const one = all[Math.floor(random() * all.length)]
      if (one === undefined) throw new Error('nothing to pick from')
      return one
    }
    const all = new Map(EVERY_FLOW.map((flow) => [flow, everyCase(flow)]))
    const broken: string[] = []
    let struckBoth = 0
    for (let count = 0; count < SAMPLE; count++) {
      const flow = pick(PAIRED)
      const cases = all.get(flow) ?? []
      const [one, other] = [pick(cases), pick(cases)]
      const faults = [...one.faults, ...other.faults]
      const sim = simulationOf(flow, faults)
      try {
        const { happened } = await carryThrough(sim, flow)
        expect(sim.world.truth.doubled()).toEqual([])
        expect(irreversible(happened)).toEqual(irreversible(ONCE[flow]))
        if (sim.plan.struck.length === 2) struckBoth += 1
      } catch (error) {
        broken.push(`${flow}, ${one.name} and ${other.name}: ${error instanceof Error ? error.message : error}`)
      } finally {
        sim.end()
      }
    }
    console.log(`FAULTS_SEED=${SEED}: ${SAMPLE} pairs, ${struckBoth} of which both struck; ${broken.length} broke`)
    expect(broken).toEqual([])
    expect(struckBoth).toBeGreaterThanOrEqual(BOTH_STRIKE)
  })
})

/**
 * Every single fault of a flow, but for clocks that are a day off: Slack is looked through from shortly before by the store's
 * clock, so a message whose answer was lost besides may then be there twice.
 */
function everyCase(flow: AnyFlow): readonly Case[] {
  return ROWS.flatMap((row) =>
    COLUMNS.flatMap((column) =>
      letterOf(row, column) === '–' ? [] : casesOf(row, column, flow, points.get(flow)?.all ?? []),
    ),
  ).filter(({ faults }) => faults.length > 0 && faults.every(({ ms = 0 }) => Math.abs(ms) < DAY_MS))
}

/** The same numbers for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
