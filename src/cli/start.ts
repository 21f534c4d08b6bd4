/** Builds and connects the parts of a role, and stops them in order. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { type OpenStore, openStore } from '../adapters/store/open.ts'
import { requireSessions } from '../adapters/store/sessions.ts'
import type { Configuration } from '../config/configuration.ts'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import { gitCheck } from '../operations/doctor/checks/host.ts'
import { logCommitted } from '../operations/event-log.ts'
import { partsReady, type Works } from '../operations/health.ts'
import { createLog, type Log, type LogDestination } from '../operations/log.ts'
import { createMetrics, type Metrics } from '../operations/metrics.ts'
import { createScrubber } from '../operations/scrub.ts'
import { scrubStore } from '../operations/scrubbed-store.ts'
import { type Committed, watchConfirmations, watchEvents } from '../release/committed.ts'
import type { HostIsolation } from '../release/ports/migrator.ts'
import { TIMES } from '../worker/ports.ts'
import { startWorker, type Worker } from '../worker/worker.ts'
import { startListening } from './listen.ts'
import type { Pace } from './pace.ts'
import { type BotRole, startBotRole, stopListening } from './start-bot.ts'
import { programVersion } from './version.ts'
import { createWorkerAdapters } from './wiring.ts'

export type { Pace } from './pace.ts'

export interface Running {
  /** As in `Listening`. */
  readonly port: number
  readonly healthPort: number
  readonly log: Log
  /** Aborts when a newer version of Signoff opens the store: this process takes no more work, and must be stopped. */
  readonly superseded: AbortSignal
  /** Checks now what changed for releases that await sign-off. Present when the worker runs. */
  readonly look?: () => Promise<void>
  /** Expires releases and sends reminders now. Present when the bot runs. */
  readonly tick?: () => Promise<void>
  /**
   * Stops within 30 s: takes no new work, finishes the current step or leaves it resumable, and flushes the outbox. Safe to
   * repeat.
   */
  stop(): Promise<void>
}

/** Together with the flush of the outbox, these fit into the 30 s that a stop may take. */
const WORK_GRACE_MS = 15_000
const GIT_LIMIT_MS = 10_000

/**
 * Starts the role that the configuration names. Throws when a part can't start, after stopping those that did. Logs to
 * standard output, or to `logTo`.
 */
export async function startSignoff(
  configuration: Configuration,
  pace: Pace = {},
  logTo?: LogDestination,
): Promise<Running> {
  const scrub = createScrubber(configuration.secrets)
  const log = createLog({ level: configuration.logLevel, scrub, ...defined({ destination: logTo }) })
  const stops: (() => Promise<void>)[] = []
  const stopAll = async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
      await stop().catch((err: unknown) => log.error({ err }, 'failed to stop a part cleanly'))
    }
  }
  try {
    const opened = await startStore(configuration, pace, log, stops)
    const ready: Record<string, () => Works | Promise<Works>> = {
      store: () =>
        opened.ping().then(
          () => true as const,
          () => 'The store does not answer. See STORE_URL, and whether its Postgres runs.',
        ),
    }
    let bot: BotRole | undefined
    const metrics = createMetrics({
      ...opened.waiting,
      ready: async () => ({ ...(await partsReady(ready)()), ...bot?.shown() }),
    })
    const hear = (committed: Committed) => {
      metrics.eventCommitted(committed)
      logCommitted(log, committed)
    }
    const store = watchEvents(scrubStore(opened.store, scrub), hear)
    const parts: Parts = { ...opened, store, outbox: watchConfirmations(opened.outbox, store, hear) }
    if (configuration.bot) {
      bot = await startBotRole(configuration, configuration.bot, pace, log, parts, metrics, stops)
      ready.slack = bot.connection
    }
    let worker: Worker | undefined
    if (configuration.worker) {
      worker = await startWorkerRole(configuration, configuration.worker, pace, log, parts, metrics, scrub, stops)
      const { isWorking } = worker
      ready.queue = () =>
        isWorking() || 'The store has not recorded this worker for 30 s: it takes no jobs until it does.'
    }
    // Parts stop in reverse order: listening first, then the work, and the delivery of its messages last.
    if (bot) stops.push(() => stopListening(bot))
    const listening = await startListening(configuration, {
      ready: partsReady(ready),
      metrics: metrics.read,
      ...defined({ requests: bot?.requests, shown: bot?.shown }),
    })
    stops.push(() => listening.close())
    const { port, healthPort } = listening
    const version = programVersion()
    log.info({ version, role: configuration.role, ...bot?.at, port, healthPort }, 'started')
    let stopping: Promise<void> | undefined
    return {
      port,
      healthPort,
      log,
      superseded: opened.superseded,
      ...defined({ look: worker?.look, tick: bot?.tick }),
      stop: () => {
        stopping ??= stopAll()
        return stopping
      },
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}

type Stops = (() => Promise<void>)[]
type Parts = Pick<OpenStore, 'store' | 'inbox' | 'outbox' | 'jobs' | 'lock' | 'forget' | 'news'>

async function startStore(configuration: Configuration, pace: Pace, log: Log, stops: Stops): Promise<OpenStore> {
  const { storeUrl, dataDir, role } = configuration
  await makeDataDir(dataDir)
  let pool: Parameters<typeof openStore>[0]['pool'] = { connectionString: storeUrl }
  if (storeUrl === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir })
    stops.push(() => embedded.stop())
    pool = embedded.connection
  }
  if (storeUrl !== undefined) await requireSessions(pool)
  const report = (what: string, err: unknown) => log.warn({ err, what }, 'store error')
  const opened = await openStore({ pool, role, report, ...defined({ timing: pace.jobTiming }) })
  stops.push(() => opened.close())
  const message = 'a newer version of Signoff uses the store: this process takes no more work and stops'
  opened.superseded.addEventListener('abort', () => log.warn({}, message), { once: true })
  return opened
}

/**
 * Creates DATA_DIR for this user only, since mirrors hold the team's source code; an existing one is left as it is. Throws
 * what to do when it can't. It creates part by part, because `recursive` never returns where the system allows no
 * directory, as under /proc.
 */
async function makeDataDir(path: string): Promise<void> {
  const make = (part: string, mode?: number): Promise<void> =>
    mkdir(part, { mode }).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return
      if (error.code !== 'ENOENT' || part === dirname(part)) throw error
      await make(dirname(part))
      await mkdir(part, { mode })
    })
  await make(path, 0o700).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`DATA_DIR can't be created (${error.code}). Set it to a directory that this user may write to.`)
  })
}

/** A worker without git would take jobs and refuse every release. */
async function requireGit(): Promise<void> {
  const found = await gitCheck().run(AbortSignal.timeout(GIT_LIMIT_MS))
  if (found?.mark === '✗') throw new Error(`git: ${found.message}. The worker needs it: ${found.fix}.`)
}

async function startWorkerRole(
  configuration: Configuration,
  settings: NonNullable<Configuration['worker']>,
  pace: Pace,
  log: Log,
  { store, jobs, lock }: Parts,
  metrics: Metrics,
  scrub: (text: string) => string,
  stops: Stops,
): Promise<Worker> {
  await requireGit()
  const adapters = createWorkerAdapters(configuration, settings, {
    scrub,
    log: (message, facts) => log.debug(facts, message),
    ...defined({ limits: pace.limits }),
  })
  stops.push(() => adapters.git.close())
  await tellIsolation(configuration, adapters.isolate, log)
  const worker = await startWorker({
    ...adapters,
    apps: configuration.releases.apps,
    store,
    jobs,
    lock,
    checkouts: join(
      await adapters.isolate.checkoutsFolder(join(configuration.dataDir, 'checkouts')),
      String(process.pid),
    ),
    times: { ...TIMES, ...pace.times },
    clock: CLOCK,
    log,
    jobEnded: metrics.jobEnded,
    headsLooked: metrics.headsLooked,
  })
  stops.push(() => worker.stop(WORK_GRACE_MS))
  return worker
}

/** Warns where the app's code runs with this process's rights. */
async function tellIsolation(
  { releases }: Configuration,
  isolate: { found(): Promise<HostIsolation> },
  log: Log,
): Promise<void> {
  const migrations = releases.apps.flatMap(({ environments }) => environments.flatMap((each) => each.migrations))
  if (migrations.every(({ isolation }) => isolation === 'off')) return
  const { kind, missing } = await isolate.found()
  const facts = { isolation: kind, ...defined({ missing }) }
  if (kind !== 'none') return log.info(facts, "the app's code runs isolated")
  log.warn(facts, "the app's code is not isolated and can read this worker's secrets: run signoff doctor")
}
