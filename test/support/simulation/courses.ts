/** The ways of a release: what it takes, who signs it, what it waits for, and how it leaves the outside. */
import { SIGNOFF } from '../../../src/release/automatic.ts'
import type { SignOffKind } from '../../../src/release/terms.ts'
import { anEnvironment, DANA } from '../builders.ts'
import { commandOf } from './clicks.ts'
import type { Rules } from './setting.ts'
import { NIA } from './setting.ts'
import type { Simulation } from './simulation.ts'

/** The ways of a release from a request to its end. */
export const FLOWS = ['integration', 'production', 'hot-fix'] as const
export type Flow = (typeof FLOWS)[number]

/** What everyday controls add: other beginnings of the same ways, and a rollback. */
export const CONTROLS = ['rollback', 'scheduled', 'started now', 'held', 'automatic'] as const

export const EVERY_FLOW = [...FLOWS, ...CONTROLS] as const
export type AnyFlow = (typeof EVERY_FLOW)[number]

interface Course {
  readonly rules?: Rules
  /** What is released before, one after the other. */
  readonly before?: readonly AnyFlow[]
  prepare?(sim: Simulation): Promise<void>
  ask(sim: Simulation): Promise<unknown>
  readonly signs: readonly SignOffKind[]
  /** What people do for a release that is scheduled, until it is started. */
  start?(sim: Simulation): Promise<void>
  /** The steps that are its own; absent: all. The others are those of another flow, and are killed and disturbed there. */
  readonly own?: readonly string[]
  /** What must be so outside once it has succeeded, beside what is counted; says what isn't. */
  left?(sim: Simulation): readonly string[]
}

const MINUTE = 60_000
const LATEST_START_MS = 3 * 60 * MINUTE
const BOTH_SIGN: readonly SignOffKind[] = ['qa', 'approval']

/** Until the newest release has been started, or has ended. */
const untilStarted = (sim: Simulation) => sim.until(() => sim.release().state !== 'scheduled', LATEST_START_MS)

/** By the store's clock, to the minute: a time can be typed no finer. */
async function inMinutes(sim: Simulation, minutes: number): Promise<Date> {
  const { store } = sim.memory.connect(`reads the clock at ${sim.now()}`, 'always')
  return new Date(Math.floor((await store.now()).getTime() / MINUTE + minutes) * MINUTE)
}

/** Soon enough to wait for, late enough to be signed before. */
async function askWithTime(sim: Simulation, minutes = 10) {
  const at = await inMinutes(sim, minutes)
  return sim.schedule(at.toISOString().slice(0, 16).replace('T', ' '))
}

const isLocked = (sim: Simulation) => sim.memory.peoplesLocks().some(({ ended }) => ended === undefined)

/** Every 5 seconds: longer than two of the longest faults after each other, which last 5 minutes each. */
const MOST_TRIES = 150

/** Another person locks production, or ends their lock; asked again until it is so. */
async function lock(sim: Simulation, wanted: boolean) {
  const text = wanted ? 'lock api production because we look at a slow query' : 'unlock api production'
  for (let tries = 0; isLocked(sim) !== wanted && tries < MOST_TRIES; tries += 1) {
    await sim.deliver((id) => commandOf('deploy', text, NIA.id, id))
    // What reached no bot is typed again a little later.
    if (isLocked(sim) !== wanted) await sim.tick(5_000)
  }
}

/** Its time is changed to one before a freeze; when it comes, another person has locked production, and unlocks it in the freeze. */
async function heldThenStarted(sim: Simulation) {
  const { number } = sim.release()
  await sim.changeTime(await inMinutes(sim, 7))
  await lock(sim, true)
  const isHeld = () => sim.memory.events().some(({ type, release }) => type === 'start_held' && release === number)
  await sim.until(() => isHeld() || sim.release().state !== 'scheduled', LATEST_START_MS)
  // Into the freeze, which then holds it.
  await sim.tick(2 * MINUTE)
  await lock(sim, false)
  await untilStarted(sim)
}

/** A request for a time in it is refused. The simulation begins on a Sunday at 08:00 UTC, which is 09:00 in Berlin. */
const FROZEN = [{ name: 'lunch', from: 'Sun 09:08', to: 'Sun 09:14', timeZone: 'Europe/Berlin' }]

function leftByRollback(sim: Simulation): readonly string[] {
  const [first, second] = sim.releases()
  const branches = [...sim.world.origin.branches].filter(([name]) => !name.startsWith('signoff/'))
  const production = branches.find(([name]) => name === 'production')?.[1]
  return [
    ...(sim.world.platform.runs(anEnvironment().remote.app ?? '') === first?.provenCommit
      ? []
      : ['the platform does not run what #1 proved']),
    ...(production === second?.provenCommit ? [] : ['the branch was changed']),
    ...(second?.mark?.is === 'bad' ? [] : ['#2 is not marked as bad']),
    ...(sim.memory.peoplesLocks().filter(({ ended, holder }) => ended === undefined && holder.id === DANA.id).length ===
    1
      ? []
      : ['the environment is not locked by who asked']),
  ]
}

function leftByAutomatic(sim: Simulation): readonly string[] {
  const heads = sim.memory
    .events()
    .flatMap((event) => (event.type === 'release_requested' && event.actor === SIGNOFF.id ? [event.data.head] : []))
  const runs = sim.world.remotes.integration?.branches.get('master')
  return [
    ...(new Set(heads).size === heads.length ? [] : ['a head was deployed twice by itself']),
    ...(runs === sim.world.origin.branches.get('master') ? [] : ['the newest commit is not deployed']),
  ]
}

export const COURSES: Readonly<Record<AnyFlow, Course>> = {
  integration: { ask: (sim) => sim.request('integration'), signs: BOTH_SIGN },
  production: { ask: (sim) => sim.request('production'), signs: BOTH_SIGN },
  'hot-fix': { ask: (sim) => sim.hotfix(), signs: BOTH_SIGN },
  rollback: {
    before: ['production', 'production'],
    ask: (sim) => sim.rollbackByCommand('production', DANA.id, { locks: true }),
    signs: ['approval'],
    own: ['request', 'plan', 'approve', 'push', 'confirm', 'record'],
    left: leftByRollback,
  },
  scheduled: {
    ask: (sim) => askWithTime(sim),
    signs: BOTH_SIGN,
    start: async (sim) => void (await untilStarted(sim)),
    own: ['request', 'approve', 'start', 'announcement'],
  },
  'started now': {
    ask: (sim) => askWithTime(sim),
    signs: BOTH_SIGN,
    start: async (sim) => void (await sim.startNow()),
    own: ['start'],
  },
  held: {
    rules: { production: { freezes: FROZEN } },
    ask: (sim) => askWithTime(sim, 20),
    signs: BOTH_SIGN,
    start: heldThenStarted,
    own: ['hold', 'start'],
  },
  automatic: {
    rules: { integration: { deploys: 'automatically' } },
    // The first look only remembers.
    prepare: (sim) => sim.tick(MINUTE),
    async ask(sim) {
      const before = sim.releases().length
      sim.pushToBranch('master')
      await sim.until(() => sim.releases().length > before, 20 * MINUTE)
    },
    signs: BOTH_SIGN,
    own: ['look', 'request', 'plan'],
    left: leftByAutomatic,
  },
}
