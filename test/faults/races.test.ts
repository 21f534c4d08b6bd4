/**
 * Promises 1, 3 and 5 when many press at the same moment: two bots and two workers on one store, everybody pressing
 * something. What happened outside is counted at the remote, not in the store. `FAULTS_SEED` replays a run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenStore } from '../../src/adapters/store/open.ts'
import type { Environment } from '../../src/release/app.ts'
import { cardPosted, planned } from '../../src/release/course.ts'
import type { Press } from '../../src/release/deeds.ts'
import { builtCommit } from '../../src/release/plan.ts'
import { CLOCK } from '../../src/release/ports/clock.ts'
import type { Git } from '../../src/release/ports/git.ts'
import type { Gate } from '../../src/release/refusals.ts'
import { hasEnded } from '../../src/release/release.ts'
import { createReleaseService, type ReleaseService } from '../../src/release/service.ts'
import { handleJob } from '../../src/worker/jobs.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import { type Opened, openedStore, stopPostgres } from '../adapters/store-opened.ts'
import { refusedBy } from '../release/service-team.ts'
import { anApp, anEnvironment, anIntegration, aPlan, DANA, sha } from '../support/builders.ts'
import { createFakeDirectory } from '../support/directory.ts'

const ROUNDS = 300
const SEED = Number(process.env.FAULTS_SEED ?? 20_261_122)

/** What is refused to those who come too late, each with its own answer. */
const TOO_LATE: readonly Gate[] = ['already_decided', 'already_signed']

const PEOPLE = Array.from({ length: 50 }, (_, index) => `U1${String(index).padStart(3, '0')}`)

const { migrations: _, ...plain } = anEnvironment()
const environment: Environment = {
  ...plain,
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
  const pushes: string[] = []
  let holds = sha('5b8e6c0')
  let source = sha('5b8e6c0')
  let first: Opened
  let bots: readonly ReleaseService[] = []

  /** Origin and the remote, as far as this release looks at them. */
  const git = {
    heads: async (url: string, branches: readonly string[]) => {
      const at = url === environment.remote.url ? holds : source
      return { ok: true as const, value: Object.fromEntries(branches.map((branch) => [branch, at])) }
    },
    has: async () => true,
    push: async (_app: unknown, _url: string, { commit, expected }: { commit: string; expected: string | null }) => {
      if (holds !== expected) return { push: 'rejected' as const, why: 'stale' as const, output: [] }
      holds = commit
      pushes.push(commit)
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
      bitbucket: {},
      migrations: {},
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
    directory.group('@release-approvers', PEOPLE)
    bots = [first, second].map(({ store }) => createReleaseService({ store, directory, apps }))
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

  it('decides once, answers everyone, and pushes at most once', { timeout: 240_000 }, async () => {
    const seen = { pressed: 0, taken: 0, tooLate: 0, pushed: 0 }
    for (let round = 1; round <= ROUNDS; round++) {
      const number = await awaiting(round)
      // From 2 to 50, small crowds far more often.
      const crowd = Math.round(2 * 25 ** (next() * next()))
      const mayCancel = next() < 0.4
      const answers = await Promise.all(
        Array.from({ length: crowd }, (_, index) => {
          const press: Press = { release: number, by: PEOPLE[index] ?? '', note: 'a reason of some length' }
          const bot = bots[index % bots.length]
          const what = next()
          if (what < 0.6) return bot?.signOff('approval', press)
          return what < 0.85 || !mayCancel ? bot?.signOff('rejection', press) : bot?.cancel(press)
        }),
      )
      await expect
        .poll(async () => hasEnded((await first.store.release(number))?.state ?? 'planning'), {
          timeout: 20_000,
          interval: 5,
        })
        .toBe(true)
      const release = await first.store.release(number)
      const types = (await first.store.events(number)).map(({ type }) => type)
      const count = (type: string) => types.filter((each) => each === type).length
      const taken = answers.filter((answer) => answer !== undefined && !('refused' in answer))
      const late = answers.flatMap((answer) => (answer && 'refused' in answer ? [refusedBy(answer)] : []))
      const what = `round ${round} of seed ${SEED}, #${number}, ${release?.state}`

      expect(taken.length + late.length, what).toBe(crowd)
      expect(
        late.every((gate) => TOO_LATE.includes(gate as Gate)),
        `${what}: ${late}`,
      ).toBe(true)
      expect(count('release_ended'), what).toBe(1)
      expect(count('release_approved'), what).toBeLessThanOrEqual(1)
      // A cancel may still follow an approval; nothing else may.
      expect(taken.length, what).toBe(count('sign_off_given') + count('cancel_asked'))
      expect(count('sign_off_given'), what).toBeLessThanOrEqual(1)
      const pushed = pushes.filter((commit) => commit === builtCommit(planOf(round))).length
      expect(pushed, what).toBeLessThanOrEqual(1)
      if (release?.state === 'succeeded') expect(pushed, what).toBe(1)
      if (release?.state === 'rejected') expect(pushed, what).toBe(0)
      seen.pressed += crowd
      seen.taken += taken.length
      seen.tooLate += late.length
      seen.pushed += pushed
    }
    console.log(`races, seed ${SEED}: ${ROUNDS} rounds, ${JSON.stringify(seen)}`)
    expect(pushes.length).toBe(new Set(pushes).size)
    expect(seen.pushed).toBeGreaterThan(ROUNDS / 4)
  })
})

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
