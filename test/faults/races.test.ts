/**
 * Promises 1, 3 and 5 when 2 to 50 people press at the same moment, and the requester with them: two bots and two workers on
 * one store. What happened is counted at the remote and in what people were answered, not in the store. `FAULTS_SEED`
 * replays a run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGitRemote } from '../../src/adapters/git-remote/git-remote.ts'
import type { OpenStore } from '../../src/adapters/store/open.ts'
import { CLOCK } from '../../src/lib/clock.ts'
import { builtCommit } from '../../src/release/plan.ts'
import type { Git } from '../../src/release/ports/git.ts'
import type { Refusal } from '../../src/release/refusals.ts'
import type { Done } from '../../src/release/service.ts'
import { createReleaseService, type ReleaseService } from '../../src/release/service.ts'
import type { Environment } from '../../src/release/settings.ts'
import { hasEnded } from '../../src/release/terms.ts'
import type { ActionRequest } from '../../src/release/transitions/index.ts'
import { cardPosted, planned } from '../../src/release/transitions/index.ts'
import { handleJob } from '../../src/worker/jobs/index.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import { type Opened, openedStore, stopPostgres } from '../adapters/store-opened.ts'
import { anApp, anEnvironment, anIntegration, aPlan, DANA, SERVICES, sha } from '../support/builders.ts'
import { createFakeDirectory } from '../support/directory.ts'
import { waitUntil } from '../support/waiting.ts'

const ROUNDS = 300
const SEED = Number(process.env.FAULTS_SEED ?? 20_261_122)

/** How many press in a round: the smallest and the largest crowd again and again, in between every size class. */
const FIXED_EVERY = 25
const SIZES = [
  { from: 2, to: 5, below: 0.55 },
  { from: 6, to: 15, below: 0.8 },
  { from: 16, to: 30, below: 0.92 },
  { from: 31, to: 50, below: 1 },
] as const

/** When the requester cancels a run: at one of the worker's looks at the remote, or while its push is on its way. */
const MOMENTS = ['look 1', 'look 2', 'look 3', 'push']

const PEOPLE = Array.from({ length: 50 }, (_, index) => `U1${String(index).padStart(3, '0')}`)

const environment: Environment = {
  ...anEnvironment(),
  migrations: [],
  announce: 'off',
  remote: { name: 'production', url: 'https://git.example.com/production.git', branch: 'master', platform: 'git' },
  signOff: { qa: 0, approvals: 1, approvers: ['@release-approvers'], requireChecks: false, expiresAfterMs: 86_400_000 },
}
const apps = [anApp({ environments: [anIntegration(), environment] })]

/** What goes: a commit that production holds already and the remote does not. */
function planOf(round: number) {
  const commit = sha(`c${round}e`)
  return aPlan({
    steps: ['push', 'confirm', 'report'],
    migrations: [],
    bound: {
      remote: { url: environment.remote.url, branch: 'master', holds: sha('5b8e6c0'), runs: sha('5b8e6c0') },
      source: { branch: 'production', commit },
      target: { branch: 'production', commit },
      result: { how: 'commit', commit, tree: sha('7ee') },
      database: null,
    },
  })
}

describe(`Promises 1, 3 and 5: ${ROUNDS} rounds of people who press at once (seed ${SEED})`, () => {
  const ends: (() => Promise<void>)[] = []
  const until = (end: () => Promise<void>) => void ends.push(end)
  const next = random(SEED)
  /** Outside, in the order of time: what was pushed, and when those who cancelled were told. */
  const world: { what: 'pushed' | 'cancel told'; commit: string }[] = []
  const pushesOf = (commit: string) => world.filter((each) => each.what === 'pushed' && each.commit === commit).length
  /** Done while the worker is at it: the release stands still until it is. */
  let meanwhile: (moment: string) => Promise<void> = async () => undefined
  let looks = 0
  /** How many presses were answered so far. */
  let answered = 0
  let holds = sha('5b8e6c0')
  let source = sha('5b8e6c0')
  let first: Opened
  let bots: readonly ReleaseService[] = []

  /** Origin and the remote, as far as this release looks at them. */
  const git = {
    heads: async (url: string, branches: readonly string[]) => {
      const at = url === environment.remote.url ? holds : source
      if (url === environment.remote.url) await meanwhile(`look ${++looks}`)
      return { ok: true as const, value: Object.fromEntries(branches.map((branch) => [branch, at])) }
    },
    has: async () => true,
    push: async (_app: unknown, _url: string, { commit, expected }: { commit: string; expected: string | null }) => {
      await meanwhile('push')
      if (holds !== expected) return { push: 'rejected' as const, why: 'stale' as const, output: [] }
      holds = commit
      world.push({ what: 'pushed', commit })
      return { push: 'moved' as const, output: [] }
    },
  } as unknown as Git

  async function startWorker(opened: OpenStore, name: string): Promise<void> {
    const ports = {
      apps,
      store: opened.store,
      jobs: opened.jobs,
      lock: opened.lock,
      git,
      // Nothing is merged or migrated here.
      forge: {},
      platforms: { git: createGitRemote({ git, settings: [] }) },
      migrator: {},
      checkouts: name,
      times: TIMES,
      clock: CLOCK,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    } as unknown as WorkerPorts
    // What planning does is not raced here: the test gives each release its plan.
    const work = await opened.jobs.work(async (claim) => {
      if (claim.job.kind !== 'plan' && claim.job.kind !== 'tidy') await handleJob(ports, claim)
    })
    until(() => work.stop(1_000))
  }

  beforeAll(async () => {
    first = await openedStore({ role: 'worker' }, until)
    const second = await first.again({ role: 'worker' })
    const directory = createFakeDirectory()
    directory.member(DANA.id, DANA.name)
    for (const id of PEOPLE) directory.member(id, id)
    // Only that it is her own release keeps Dana from approving it.
    directory.group('@release-approvers', [DANA.id, ...PEOPLE])
    bots = [first, second].map(({ store }) => createReleaseService({ store, directory, apps, services: SERVICES }))
    await first.store.workerSeen({ id: 'worker', configurations: {} })
    await startWorker(first, 'one')
    await startWorker(second, 'two')
  })
  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
    await stopPostgres()
  })

  async function awaiting(round: number): Promise<number> {
    source = sha(`c${round}e`)
    holds = sha('5b8e6c0')
    const [bot] = bots
    const asked = await bot?.request({
      app: 'api',
      environment: 'production',
      kind: 'deploy',
      by: DANA.id,
      key: `round ${round}`,
    })
    if (asked === undefined || 'refused' in asked) throw new Error(`round ${round}: ${JSON.stringify(asked)}`)
    const { number } = asked.release
    await first.store.transaction(async (tx) => {
      const release = await tx.lockRelease(number)
      if (release) await planned(tx, release, environment, planOf(round))
    })
    const posted = { channel: 'C1', ts: `${number}.1` }
    await first.store.transaction((tx) => cardPosted(tx, number, environment, posted, { asked: true }))
    return number
  }

  type Word = 'approval' | 'rejection' | 'cancel'
  interface Answer {
    readonly by: string
    readonly word: Word
    readonly done: Done
  }

  async function press(round: number, number: number, by: string, word: Word): Promise<Answer> {
    const bot = bots[Math.floor(next() * bots.length)]
    if (bot === undefined) throw new Error('there is no bot')
    const asked: ActionRequest = { release: number, by, note: 'a reason of some length' }
    const done = await bot.act(word, asked)
    answered += 1
    // By now it is committed.
    if (word === 'cancel' && !('refused' in done)) world.push({ what: 'cancel told', commit: commitOf(round) })
    return { by, word, done }
  }

  /** Everybody at once, the requester's Approve anywhere among them; now and then she cancels while a worker is at it. */
  async function playRound(round: number, number: number, crowd: number): Promise<readonly Answer[]> {
    const mayCancel = next() < 0.4
    const words = PEOPLE.slice(0, crowd).map((by) => {
      const what = next()
      return { by, word: what < 0.6 ? 'approval' : what < 0.85 || !mayCancel ? 'rejection' : 'cancel' } as const
    })
    const all = words.toSpliced(Math.floor(next() * (crowd + 1)), 0, { by: DANA.id, word: 'approval' })
    const later: Promise<Answer>[] = []
    const chosen = next() < 0.3 ? MOMENTS[Math.floor(next() * MOMENTS.length)] : undefined
    looks = 0
    meanwhile = async (moment) => {
      if (moment === chosen) later.push(press(round, number, DANA.id, 'cancel'))
      await Promise.all(later)
    }
    const answers = await Promise.all(all.map(({ by, word }) => press(round, number, by, word)))
    const isOver = async () => hasEnded((await first.store.release(number))?.state ?? 'planning')
    const moves = async () => (await first.store.events(number)).length
    await waitUntil(isOver, { what: `#${number} to end`, moves, everyMs: 20 })
    return [...answers, ...(await Promise.all(later))]
  }

  /** Gives what a round gives; throws once the store has stood still for too long. */
  async function whileItMoves<T>(what: string, number: number, playing: Promise<T>): Promise<T> {
    let isPlayed = false
    const played = playing.finally(() => {
      isPlayed = true
    })
    const moves = async () => [(await first.store.events(number)).length, answered]
    await Promise.race([played, waitUntil(() => isPlayed, { what: () => `${what}, #${number}, to be played`, moves })])
    return played
  }

  // How long all rounds take is up to the machine: each one is given up once nothing of it moves.
  it('decides once, answers everyone, and pushes at most once', { timeout: 0 }, async () => {
    const crowds: number[] = []
    const seen = { pressed: 0, taken: 0, tooLate: 0, ownRelease: 0, pushed: 0, cancelledInRun: 0 }
    const states: Record<string, number> = {}
    const stopped: { what: string; commit: string }[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      const number = await awaiting(round)
      const crowd = crowdOf(round, next)
      const answers = await whileItMoves(`round ${round}`, number, playRound(round, number, crowd))
      const release = await first.store.release(number)
      const state = release?.state ?? 'planning'
      const what = `round ${round} of seed ${SEED}, #${number}, ${crowd} people, ${state}`

      // One press has decided, by what people were answered; after an approval one more may cancel.
      const taken = answers.filter(({ done }) => !('refused' in done))
      const decisions = taken.filter(({ word }) => word !== 'cancel').map(({ word }) => word)
      const cancels = taken.filter(({ word }) => word === 'cancel').length
      expect([...decisions, ...(cancels > 0 ? ['cancel'] : [])].join(' then '), what).toMatch(
        /^(approval|rejection|cancel|approval then cancel)$/,
      )
      expect(cancels, what).toBeLessThanOrEqual(1)
      expect(decisions.includes('rejection'), what).toBe(state === 'rejected')
      if (state === 'succeeded') expect(decisions, what).toEqual(['approval'])
      if (state === 'cancelled') expect(cancels, what).toBe(1)
      // Everybody else has read whose decision it was, or how it had ended.
      const deciders = taken.map(({ by }) => by)
      const refusals = answers.flatMap(({ by, word, done }) =>
        'refused' in done ? [{ by, word, no: done.refused }] : [],
      )
      for (const { by, word, no } of refusals) {
        if (by === DANA.id && word === 'approval' && no.gate === 'own_release') seen.ownRelease += 1
        else expect(namesDecision(no, deciders), `${what}: ${by} reads ${JSON.stringify(no)}`).toBe(true)
      }
      expect(
        taken.filter(({ by, word }) => by === DANA.id && word === 'approval'),
        `${what}: the requester has approved`,
      ).toEqual([])

      const events = await first.store.events(number)
      const at = (type: string, step?: string) =>
        events.findIndex(
          (event) => event.type === type && (step === undefined || ('step' in event.data && event.data.step === step)),
        )
      const count = (type: string) => events.filter((event) => event.type === type).length
      expect(count('release_ended'), what).toBe(1)
      expect(count('release_approved'), what).toBe(decisions.includes('approval') ? 1 : 0)
      expect(count('sign_off_given'), what).toBe(decisions.length)
      expect(count('cancel_asked'), what).toBe(cancels)

      const pushed = pushesOf(commitOf(round))
      expect(pushed, what).toBeLessThanOrEqual(1)
      if (state === 'succeeded') expect(pushed, what).toBe(1)
      if (!decisions.includes('approval')) expect(pushed, what).toBe(0)
      crowds.push(crowd)
      seen.pressed += answers.length
      seen.taken += taken.length
      seen.tooLate += refusals.length
      seen.pushed += pushed
      if (cancels > 0 && at('run_started') >= 0) seen.cancelledInRun += 1
      states[state] = (states[state] ?? 0) + 1
      // Only a push that had begun may still arrive.
      const wasInFlight = at('step_started', 'push') >= 0 && at('step_started', 'push') < at('cancel_asked')
      if (cancels > 0 && !wasInFlight) stopped.push({ what, commit: commitOf(round) })
    }
    for (const { what, commit } of stopped) {
      const since = world.slice(world.findIndex((each) => each.what === 'cancel told' && each.commit === commit))
      const late = since.filter((each) => each.what === 'pushed' && each.commit === commit)
      expect(late, `${what}: pushed after the cancel`).toEqual([])
    }
    const sizes = SIZES.map(({ from, to }) => ({
      size: `${from}–${to} people`,
      rounds: crowds.filter((each) => each >= from && each <= to).length,
    }))
    const distribution = sizes.map(({ size, rounds }) => `${size} in ${rounds}`).join(', ')
    console.log(`races, seed ${SEED}: ${ROUNDS} rounds, ${distribution}; ${JSON.stringify({ ...seen, states })}`)

    for (const { size, rounds } of sizes) expect(rounds, size).toBeGreaterThanOrEqual(10)
    for (const size of [2, 50])
      expect(crowds.filter((each) => each === size).length, `${size} people`).toBeGreaterThan(5)
    expect(seen.pushed).toBeGreaterThan(ROUNDS / 4)
    expect(seen.ownRelease).toBeGreaterThan(ROUNDS / 20)
    expect(stopped.length).toBeGreaterThan(ROUNDS / 20)
    expect(seen.cancelledInRun).toBeGreaterThan(0)
  })
})

function commitOf(round: number): string {
  return builtCommit(planOf(round))
}

function crowdOf(round: number, next: () => number): number {
  if (round % FIXED_EVERY === 0) return 2
  if (round % FIXED_EVERY === 1) return 50
  const drawn = next()
  const size = SIZES.find(({ below }) => drawn < below) ?? SIZES[0]
  return size.from + Math.floor(next() * (size.to - size.from + 1))
}

/** Whose decision it was, one of those who were told that theirs counts; or how it ended, where no press ended it. */
function namesDecision(refusal: Refusal, deciders: readonly string[]): boolean {
  if (refusal.gate !== 'already_decided') return false
  return refusal.by === undefined ? refusal.state === 'succeeded' : deciders.includes(refusal.by.id)
}

/** A small seeded generator (mulberry32): numbers from 0 to below 1. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
