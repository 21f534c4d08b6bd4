/**
 * Promises 1, 4 and 7: everything that can go wrong at every step, alone and in pairs, simulated. The letters say what is
 * expected of a cell; what happened outside is counted in the world's own log.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Case, COLUMNS, type Column, casesOf, ROWS, type Row } from '../support/simulation/cells.ts'
import {
  type Carried,
  carryThrough,
  FLOWS,
  type Flow,
  happened,
  ONCE,
  type Point,
  pointsOf,
} from '../support/simulation/flow.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

/**
 * A: nothing happened, done again. L: looked up, then left or done. D: the first result counts. E: who lost it is fenced.
 * T: no effect. Q: it waits, and what comes after it waits. — All of these need nobody.
 * S: looked up until it settles; else told as unknown, and Retry finds out. H: held for a person, as unknown.
 * F: fails closed: nothing later happens, a person is told and asks again. –: nothing there can go wrong so.
 */
const MATRIX: Readonly<Record<Row, string>> = {
  //         kill-  kill+  t/o+  t/o-  5xx  429  disk  DB  Slack  clock  twice  two
  request: '  A      D      D     F     F    –    F     F   –      T      D      D',
  announce: ' A      L      L     L     L    Q    A     A   Q      T      D      E',
  open: '     A      L      L     F     F    F    A     A   Q      T      D      E',
  approve: '  A      D      D     F     F    –    F     F   F      T      D      D',
  merge: '    A      L      S     S     S    F    F     A   Q      T      D      E',
  sync: '     A      A      A     A     A    A    F     A   Q      T      D      E',
  migrate: '  A      S      L     F     –    –    F     A   Q      T      D      E',
  verify: '   A      A      A     A     A    A    A     A   Q      T      D      E',
  push: '     A      S      S     S     S    S    F     A   Q      T      D      E',
  confirm: '  A      A      A     A     A    A    A     A   Q      T      D      E',
  outcome: '  A      L      L     L     L    Q    A     A   Q      T      D      E',
}

const SAMPLE = Number(process.env.FAULTS_PAIRS ?? 2_000)
const DAY_MS = 24 * 60 * 60_000
const SEED = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31))

const letterOf = (row: Row, column: Column) => MATRIX[row].trim().split(/\s+/)[COLUMNS.indexOf(column)] ?? '–'

let total = 0
const points = new Map<Flow, readonly Point[]>()
beforeAll(async () => {
  for (const flow of FLOWS) {
    const sim = createSimulation()
    await carryThrough(sim, flow)
    points.set(flow, pointsOf(sim))
    sim.end()
  }
})

/** Runs a release through a case; gives what people had to do. */
async function run(sim: Simulation, flow: Flow, { again }: Case): Promise<Carried> {
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
  return { ...sim, request: twice(sim.request), hotfix: twice(sim.hotfix), sign: twice(sim.sign) }
}

const IRREVERSIBLE = ['merge', 'pick', 'migration', 'push', 'platform release']

function irreversible(counts: Readonly<Record<string, number>>) {
  return Object.fromEntries(Object.entries(counts).filter(([kind]) => IRREVERSIBLE.includes(kind)))
}

/** What a letter expects of the outcome. */
function expectLetter(letter: string, sim: Simulation, flow: Flow, { retries, plannedAgain }: Carried) {
  expect(sim.world.truth.doubled()).toEqual([])
  expect(irreversible(happened(sim))).toEqual(irreversible(ONCE[flow]))
  if (plannedAgain === 0) expect(happened(sim)).toEqual(ONCE[flow])
  if (letter === 'F') return expect(retries + plannedAgain).toBeLessThanOrEqual(1)
  if (letter === 'S' || letter === 'H') {
    expect(plannedAgain).toBe(0)
    return expect(retries).toBeLessThanOrEqual(1)
  }
  expect({ retries, plannedAgain }, 'nobody had to help').toEqual({ retries: 0, plannedAgain: 0 })
}

describe('Promises 1, 4 and 7: the fault matrix', { timeout: 300_000 }, () => {
  it.each(ROWS)('%s: every cell, in each way of a release that has the step', async (row) => {
    const broken: string[] = []
    let cells = 0
    let runs = 0
    for (const column of COLUMNS) {
      const letter = letterOf(row, column)
      if (letter === '–') continue
      for (const flow of FLOWS) {
        const cases = casesOf(row, column, flow, points.get(flow) ?? [])
        const hasStep = casesOf(row, 'kill before', flow, points.get(flow) ?? []).length > 0
        if (hasStep && cases.length === 0) broken.push(`${flow}, ${row} × ${column} (${letter}): no case at all`)
        if (cases.length > 0) cells += 1
        for (const each of cases) {
          const sim = createSimulation({ faults: each.faults })
          runs += 1
          try {
            const carried = await run(sim, flow, each)
            expect(sim.plan.struck, 'the fault was struck').toHaveLength(each.faults.length)
            expectLetter(each.letter ?? letter, sim, flow, carried)
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
    const all = new Map(FLOWS.map((flow) => [flow, everyCase(flow)]))
    const broken: string[] = []
    let struckBoth = 0
    for (let count = 0; count < SAMPLE; count++) {
      const flow = pick(FLOWS)
      const cases = all.get(flow) ?? []
      const [one, other] = [pick(cases), pick(cases)]
      const faults = [...one.faults, ...other.faults]
      const sim = createSimulation({ faults })
      try {
        await carryThrough(sim, flow)
        expect(sim.world.truth.doubled()).toEqual([])
        expect(irreversible(happened(sim))).toEqual(irreversible(ONCE[flow]))
        if (sim.plan.struck.length === 2) struckBoth += 1
      } catch (error) {
        broken.push(`${flow}, ${one.name} and ${other.name}: ${error instanceof Error ? error.message : error}`)
      } finally {
        sim.end()
      }
    }
    console.log(`FAULTS_SEED=${SEED}: ${SAMPLE} pairs, ${struckBoth} of which both struck; ${broken.length} broke`)
    expect(broken).toEqual([])
  })
})

/** Every single fault of a flow, but for days that are simulated to their end. */
function everyCase(flow: Flow): readonly Case[] {
  return ROWS.flatMap((row) =>
    COLUMNS.flatMap((column) =>
      letterOf(row, column) === '–' ? [] : casesOf(row, column, flow, points.get(flow) ?? []),
    ),
  ).filter(({ faults }) => faults.length > 0 && faults.every(({ ms = 0 }) => ms > -DAY_MS))
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
