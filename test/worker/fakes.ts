/** Ports for tests of the worker's steps and runner: in memory, on virtual time. Each test hands in what it is about. */
import type { Clock } from '../../src/lib/clock.ts'
import type { ReleaseEvent } from '../../src/release/events.ts'
import type { OutboxMessage } from '../../src/release/messages.ts'
import type { Forge } from '../../src/release/ports/forge.ts'
import type { Git } from '../../src/release/ports/git.ts'
import type { Job } from '../../src/release/ports/jobs.ts'
import type { Migrator } from '../../src/release/ports/migrator.ts'
import type { Platform } from '../../src/release/ports/platform.ts'
import type { Store, Transaction } from '../../src/release/ports/store.ts'
import type { Release } from '../../src/release/release.ts'
import type { Environment } from '../../src/release/settings.ts'
import { TIMES, type WorkerPorts } from '../../src/worker/ports.ts'
import type { StepContext } from '../../src/worker/run/steps/step.ts'
import { anApp, anEnvironment, aPlan, aRelease, at, SERVICES, sha } from '../support/builders.ts'
import { namedCheckouts } from '../support/checkouts.ts'

/** The commit that the steps deploy. */
export const COMMIT = sha('c0ffee1')

/** A clock that advances only while it is slept on. */
export function aClock(): Clock {
  let now = 0
  return {
    now: () => now,
    sleep: async (ms) => {
      now += ms
    },
  }
}

/** Gives the answers one after another, and then the last one again. */
export function inTurn<T>(...answers: readonly T[]): () => Promise<T> {
  let asked = 0
  return async () => answers[Math.min(asked++, answers.length - 1)] as T
}

/** A port of which a test needs a part. A call of another part fails with its name. */
function partOf<T extends object>(port: string, given: Partial<T>): T {
  return new Proxy(given, {
    get: (part, key) =>
      Reflect.get(part, key) ??
      (async () => {
        throw new Error(`this test gives no ${port}.${String(key)}`)
      }),
  }) as T
}

export interface PortParts {
  readonly git?: Partial<Git>
  readonly forge?: Partial<Forge>
  /** What stands behind the environment's remote. */
  readonly platform?: Partial<Platform>
  readonly migrator?: Partial<Migrator>
  readonly store?: Partial<Store>
}

/** The worker's ports. Nothing waits: what takes minutes in a release takes milliseconds of virtual time. */
export function fakePorts(parts: PortParts, environment: Environment = anEnvironment()): WorkerPorts {
  const { platform } = environment.remote
  const limits = { pushArrivesWithinMs: 5, releaseAppearsWithinMs: 5, confirmedWithinMs: 20 }
  const git = partOf<Git>('git', parts.git ?? {})
  const ports: Partial<WorkerPorts> = {
    apps: [anApp({ environments: [environment] })],
    store: partOf<Store>('store', parts.store ?? {}),
    git,
    forge: partOf<Forge>('forge', {
      words: SERVICES.forge,
      limits: { mergeArrivesWithinMs: 5, pushArrivesWithinMs: 5, commentLength: 32_768 },
      ...parts.forge,
    }),
    words: SERVICES,
    platforms: {
      heroku: undefined,
      git: undefined,
      [platform]: partOf<Platform>('platform', { words: SERVICES.platforms[platform], limits, ...parts.platform }),
    },
    migrator: partOf<Migrator>('migrator', {
      words: SERVICES.migrator,
      limits: { endsWithinMs: 40 },
      ...parts.migrator,
    }),
    checkouts: namedCheckouts(git),
    times: { ...TIMES, poll: 1, pause: 1 },
    clock: aClock(),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  }
  return ports as WorkerPorts
}

/** What a step works with, and what it has told in the thread. */
export function fakeRun(
  parts: PortParts,
  change: Partial<Omit<StepContext, 'ports' | 'tell'>> = {},
): { readonly run: StepContext; readonly told: readonly string[] } {
  const told: string[] = []
  const plan = change.plan ?? aPlan()
  const environment = change.environment ?? anEnvironment()
  const run: StepContext = {
    ports: fakePorts(parts, environment),
    app: anApp(),
    environment,
    release: aRelease({ plan, state: 'running', attempt: 1 }),
    plan,
    before: undefined,
    commit: COMMIT,
    signal: new AbortController().signal,
    isCancelled: async () => false,
    note: async () => undefined,
    tell: async (_key, what) => void told.push(what),
    ...change,
  }
  return { run, told }
}

export interface FakeStore {
  readonly store: Partial<Store>
  /** As last committed. */
  readonly release: () => Release
  /** Commits a change as another process would. */
  readonly change: (change: Partial<Release>) => void
  /** Makes the next transaction throw. */
  readonly failNext: (error: Error) => void
}

/** A store of one release. `committed` gets each event and message when its transaction commits. */
export function fakeStore(
  first: Release,
  committed: (what: ReleaseEvent | OutboxMessage) => void,
  enqueued: (job: Job, afterMs: number) => void = () => undefined,
): FakeStore {
  let release = first
  let failure: Error | undefined
  return {
    release: () => release,
    change: (change) => {
      release = { ...release, ...change }
    },
    failNext: (error) => {
      failure = error
    },
    store: {
      release: async (number) => (number === release.number ? release : undefined),
      transaction: async (work, { as } = {}) => {
        const error = failure
        failure = undefined
        if (error !== undefined) throw error
        as?.signal.throwIfAborted()
        let draft = release
        const written: (ReleaseEvent | OutboxMessage)[] = []
        const tx: Partial<Transaction> = {
          now: at('09:00'),
          lockRelease: async (number) => (number === draft.number ? draft : undefined),
          changeRelease: async (_number, change) => {
            draft = { ...draft, ...change } as Release
          },
          putStep: async (_number, row) => {
            draft = { ...draft, steps: [...draft.steps.filter(({ name }) => name !== row.name), row] }
          },
          addEvent: (event) => void written.push(event),
          send: async (message) => written.push(message) > 0,
          enqueue: async (job, { afterMs = 0 } = {}) => enqueued(job, afterMs),
        }
        const result = await work(partOf<Transaction>('transaction', tx))
        release = draft
        for (const what of written) committed(what)
        return result
      },
    },
  }
}
