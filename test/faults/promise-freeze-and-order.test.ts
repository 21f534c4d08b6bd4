/**
 * Promise 3: nothing starts in a freeze, and nothing that must be proven first: many courses in virtual time, with people who press around
 * the edges of freezes, processes that die, and commits that come meanwhile. The invariants are asked after each step.
 */
import { afterAll, expect, it } from 'vitest'
import { createSimulation } from '../support/simulation/simulation.ts'

const MINUTE = 60_000
const COURSES = Number(process.env.FAULTS_SEQUENCES ?? 40)
/** Of this run: a course that never comes near an edge proves nothing. */
const seen = { frozen: 0, unproven: 0, started: 0, emergencies: 0, requestsHeld: 0 }

/** The same numbers for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let at = seed
  return () => {
    at = (at + 0x6d2b79f5) | 0
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** One course: what a team does in some minutes, with one freeze that begins or ends among them. */
async function course(seed: number): Promise<void> {
  const random = numbers(seed)
  const upTo = (most: number) => Math.floor(random() * most)
  // The simulation begins on a Sunday at 08:00 UTC, which is 09:00 in Berlin.
  const edge = `09:${String(5 + upTo(10)).padStart(2, '0')}`
  const begins = random() < 0.5
  const freeze = begins ? { from: `Sun ${edge}`, to: 'Mon 08:00' } : { from: 'Fri 16:00', to: `Sun ${edge}` }
  const order = random() < 0.5 ? 'required' : 'shown'
  const freezes = [{ name: 'weekend', ...freeze, timeZone: 'Europe/Berlin' }]
  const sim = createSimulation({ rules: { production: { freezes, order } } })
  try {
    for (let step = 0; step < 14; step++) {
      const waiting = sim
        .releases()
        .find(({ state, environment }) => state === 'awaiting sign-off' && environment === 'production')
      const answer = await act(sim, waiting?.number, upTo)
      sim.checkInvariants()
      const refused = typeof answer === 'object' && 'refused' in answer ? answer.refused : undefined
      if (refused?.gate === 'environment_frozen' && refused.number === undefined) seen.requestsHeld += 1
      if (refused?.gate === 'environment_frozen' && refused.number !== undefined) seen.frozen += 1
      if (refused?.gate === 'source_not_proven') seen.unproven += 1
      await sim.tick(upTo(2 * MINUTE))
      sim.checkInvariants()
    }
    const started = sim
      .releases()
      .filter(({ environment, approvedAt }) => environment === 'production' && approvedAt !== undefined)
    seen.started += started.length
    seen.emergencies += started.filter(({ signOffs }) => signOffs.some(({ kind }) => kind === 'emergency')).length
  } catch (error) {
    throw new Error(`seed ${seed}, ${JSON.stringify({ freeze, order })}`, { cause: error })
  } finally {
    sim.end()
  }
}

/** Somebody, or something, does one thing. */
function act(sim: ReturnType<typeof createSimulation>, waiting: number | undefined, upTo: (most: number) => number) {
  const dice = upTo(20)
  if (dice <= 1) {
    const who = dice === 0 ? 'bot' : 'worker'
    sim.crash(who)
    return sim.restart(who)
  }
  if (dice === 2) return void sim.pushToBranch('master')
  if (dice === 3) return sim.deliverAgain('same id')
  if (dice <= 6) return sim.request('integration')
  if (waiting === undefined) return dice <= 18 ? sim.request() : sim.hotfix()
  if (dice <= 11) return sim.sign('qa', undefined, waiting)
  if (dice <= 17) return sim.sign('approval', undefined, waiting)
  if (dice === 18) return sim.planAgain(undefined, waiting)
  return sim.emergency(undefined, waiting)
}

it.each(Array.from({ length: Math.ceil(COURSES / 10) }, (_, index) => index * 10))(
  'ten courses from seed %i',
  async (first) => {
    for (let seed = first; seed < first + 10; seed++) await course(seed)
  },
)

afterAll(() => {
  // Each of these happened, so that the invariants were asked about something.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0)
})
