/**
 * Promise 8, no secret gets out: everything outside of Signoff fails in every way that has words, and every one of these
 * tells a secret, as it is, percent-encoded and in base64. Nobody may read it: not in Slack, the store or the logs.
 */
import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/operations/log.ts'
import { createScrubber, SECRET_MARK } from '../../src/operations/scrub.ts'
import { ACTION_VIEWS } from '../../src/slack/actions.ts'
import { FIELD } from '../../src/slack/views/modals.ts'
import { TOM } from '../support/builders.ts'
import { pressOf, submissionOf } from '../support/simulation/clicks.ts'
import { SECRET, SECRET_FORMS, TELLS_ALL, wrong } from '../support/simulation/failures.ts'
import type { FaultKind, PlannedFault } from '../support/simulation/faults.ts'
import { carryThrough, type Flow } from '../support/simulation/flow.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

const OUTSIDE = /^(git|bitbucket|heroku|migrations|slack|directory)\./
/** So often the same call goes wrong: the last time nobody asks again. */
const PATIENCE = 12
const HOUR_MS = 60 * 60_000

/** The ways in which a call of this name fails with words of its own. */
function waysOf(call: string): readonly FaultKind[] {
  const isOnDisk = /^git\.(fetch|fetchAll|push|checkout)$|^migrations\.upgrade$/.test(call)
  const hasWords = wrong(call) !== undefined
  return [
    'timeout not applied',
    ...(hasWords ? (['says no'] as const) : []),
    'throws',
    ...(isOnDisk ? (['disk full'] as const) : []),
  ]
}

interface Sinks {
  readonly sim: Simulation
  readonly lines: readonly string[]
}

function watched(faults: readonly PlannedFault[]): Sinks {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLog({ level: 'debug', scrub: createScrubber([SECRET]), destination })
  return { sim: createSimulation({ faults, log }), lines }
}

/** Everything that anybody can read. */
function readable({ sim, lines }: Sinks): Readonly<Record<string, string>> {
  const { memory, world } = sim
  return {
    Slack: JSON.stringify(world.slack.messages),
    Bitbucket: JSON.stringify([world.forge.pullRequests, world.forge.comments]),
    releases: JSON.stringify(memory.releases()),
    events: JSON.stringify(memory.events()),
    outbox: JSON.stringify(memory.outboxRows()),
    jobs: JSON.stringify(memory.jobs()),
    log: lines.join(''),
  }
}

/** Where a secret stands; `told` counts the places that show that there was one. */
function lookedThrough(sinks: Sinks, told: Record<string, number>): readonly string[] {
  return Object.entries(readable(sinks)).flatMap(([name, text]) => {
    if (text.includes(SECRET_MARK)) told[name] = (told[name] ?? 0) + 1
    return SECRET_FORMS.filter((form) => text.includes(form)).map((form) => `${form} stands in ${name}`)
  })
}

type At = Pick<PlannedFault, 'role' | 'call' | 'nth'> & { readonly flow: Flow }

/** The outside calls of all flows, each in the first flow that makes it: the first of a name, and the last. */
async function outsideCalls(): Promise<readonly At[]> {
  const found = new Map<string, At>()
  for (const flow of ['production', 'hot-fix', 'integration'] as const) {
    const sim = createSimulation()
    await carryThrough(sim, flow)
    for (const { role, call, nth } of sim.plan.calls) {
      const name = `${nth === 1 ? 'first' : 'last'} ${role} ${call}`
      const known = found.get(name)
      if (OUTSIDE.test(call) && (known === undefined || known.flow === flow)) found.set(name, { role, call, nth, flow })
    }
    sim.end()
  }
  return [...found.values()]
}

/** People sign, and ask once more where it did not go on. */
async function goOn(sim: Simulation, flow: Flow): Promise<void> {
  await (flow === 'hot-fix' ? sim.hotfix() : sim.request(flow))
  await sim.settle(HOUR_MS)
  if (sim.releases().length === 0) return
  for (const kind of ['qa', 'approval'] as const) {
    if (sim.release().state === 'awaiting sign-off') await sim.sign(kind)
  }
  await sim.settle(HOUR_MS)
  if (sim.release().state === 'needs attention') await sim.retry()
  await sim.settle(HOUR_MS)
}

describe('Promise 8, no secret gets out', () => {
  it('whatever fails outside, and whatever it says', async () => {
    const broken: string[] = []
    const told: Record<string, number> = {}
    const calls = await outsideCalls()
    let count = 0
    for (const { flow, ...at } of calls) {
      for (const fault of waysOf(at.call)) {
        count += 1
        const faults = Array.from({ length: PATIENCE }, (_, more) => ({ ...at, nth: at.nth + more, fault }))
        const sinks = watched(faults)
        try {
          await goOn(sinks.sim, flow)
          expect(sinks.sim.plan.struck.length).toBeGreaterThan(0)
          expect(lookedThrough(sinks, told)).toEqual([])
        } catch (error) {
          broken.push(`${at.call} ${at.nth}, ${fault}: ${error instanceof Error ? error.message : error}`)
        } finally {
          sinks.sim.end()
        }
      }
    }
    console.log(`${count} failures of ${calls.length} calls told a secret; blotted out in ${JSON.stringify(told)}`)
    expect(broken).toEqual([])
    // Where nothing was blotted out nothing was told, and this test would say nothing.
    expect(Object.keys(told)).toEqual(expect.arrayContaining(['Slack', 'releases', 'outbox', 'log']))
  })

  it('what a remote prints as it refuses a push, and alembic as it fails', async () => {
    const told: Record<string, number> = {}
    const refused = watched([])
    const failed = watched([])
    const remote = refused.sim.world.remotes.production
    if (remote) remote.refuses = () => TELLS_ALL
    failed.sim.world.migrator.failNext(TELLS_ALL)
    for (const sinks of [refused, failed]) {
      const { sim } = sinks
      await sim.request()
      await sim.settle()
      await sim.sign('qa')
      await sim.sign('approval')
      await sim.settle()
      expect(sim.release().state).toBe('needs attention')
      expect(lookedThrough(sinks, told)).toEqual([])
      sim.end()
    }
    expect(told).toMatchObject({ Slack: 2, outbox: 2 })
  })

  it('what people paste into a window', async () => {
    const told: Record<string, number> = {}
    const pasted = `it fails with postgres://api:${encodeURIComponent(SECRET)}@db and ${SECRET}`
    for (const [action, kind] of [
      ['rejection', 'rejected'],
      ['emergency', 'succeeded'],
    ] as const) {
      const sinks = watched([])
      const { sim } = sinks
      await sim.request()
      await sim.settle()
      const token = await sim.memory.connect('a test').store.buttonToken(1, ACTION_VIEWS[action].id)
      const at = sim.release().card ?? { channel: '', ts: '' }
      await sim.deliver((id) => pressOf({ action, token, at }, TOM.id, id))
      const view = sim.opened()
      if (view) await sim.deliver((id) => submissionOf(view, { [FIELD.reason]: pasted }, TOM.id, id))
      await sim.settle()
      expect(sim.release().state).toBe(kind)
      expect(lookedThrough(sinks, told)).toEqual([])
      sim.end()
    }
    expect(told).toMatchObject({ Slack: 2, releases: 2, events: 2 })
  })
})
