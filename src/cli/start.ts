/** Builds and connects the parts of a role, and stops them in order. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type OpenStore, openStore } from '../adapters/store/open.ts'
import { requireSessions } from '../adapters/store/sessions.ts'
import type { Configuration } from '../config/configuration.ts'
import { defined } from '../lib/defined.ts'
import { diskWorks, writtenPlaces } from '../operations/disk.ts'
import { logCommitted } from '../operations/event-log.ts'
import { partsReady, type Works } from '../operations/health.ts'
import { createLog, type Log, type LogDestination } from '../operations/log.ts'
import { createMetrics } from '../operations/metrics.ts'
import { createScrubber } from '../operations/scrub.ts'
import { scrubStore } from '../operations/scrubbed-store.ts'
import { type Committed, watchConfirmations, watchEvents } from '../release/committed.ts'
import { aliveByGroup, workerGroups } from '../release/workers.ts'
import type { Worker } from '../worker/worker.ts'
import { startListening } from './listen.ts'
import type { Pace } from './pace.ts'
import type { BotRole } from './start-bot.ts'
import { programVersion } from './version.ts'

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
  const loading = loadRoles(configuration)
  // Where the store can't be opened, that is what is told.
  loading.catch(() => undefined)
  try {
    const opened = await startStore(configuration, pace, log, stops)
    const ready: Record<string, () => Works | Promise<Works>> = {
      store: () =>
        opened.ping().then(
          () => true as const,
          () => 'The store does not answer. See STORE_URL, and whether its Postgres runs.',
        ),
    }
    const places = writtenPlaces(configuration)
    const disk = places.length > 0 && partsReady({ disk: () => diskWorks(places) })
    const shown = async () => ({ ...(disk && (await disk())), ...bot?.shown() })
    let bot: BotRole | undefined
    let stopBot: (() => Promise<void>) | undefined
    const metrics = createMetrics({
      ...opened.waiting,
      workersAlive: async () => {
        const workers = await opened.store.workers()
        return aliveByGroup(configuration.releases.apps, workers, await opened.store.now())
      },
      ...(configuration.webhooks.length > 0 && {
        webhooks: async () => (await import('./webhooks.ts')).readBacklogs(configuration.webhooks, opened.webhooks),
      }),
      ready: async () => ({ ...(await partsReady(ready)()), ...(await shown()) }),
    })
    const hear = (committed: Committed) => {
      metrics.eventCommitted(committed)
      logCommitted(log, committed)
    }
    const store = watchEvents(scrubStore(opened.store, scrub), hear)
    const parts: Parts = { ...opened, store, outbox: watchConfirmations(opened.outbox, store, hear) }
    const { ofBot, ofWorker } = await loading
    if (configuration.bot && ofBot) {
      const { startBotRole, stopListening } = ofBot
      const started = await startBotRole(configuration, configuration.bot, pace, log, parts, metrics, scrub, stops)
      bot = started
      stopBot = () => stopListening(started)
      ready.slack = started.connection
    }
    let worker: Worker | undefined
    if (configuration.worker && ofWorker) {
      worker = await ofWorker.startWorkerRole(
        configuration,
        configuration.worker,
        pace,
        log,
        parts,
        metrics,
        scrub,
        stops,
      )
      const { isWorking } = worker
      ready.queue = () =>
        isWorking() || 'The store has not recorded this worker for 20 s: it takes no jobs until it does.'
    }
    // Parts stop in reverse order: listening first, then the work, and the delivery of its messages last.
    if (stopBot !== undefined) stops.push(stopBot)
    const listening = await startListening(configuration, {
      ready: partsReady(ready),
      shown,
      metrics: metrics.read,
      ...defined({ requests: bot?.requests }),
    })
    stops.push(() => listening.close())
    const { port, healthPort } = listening
    const version = programVersion()
    const { role, group } = configuration
    log.info({ version, role, ...defined({ group }), ...bot?.at, port, healthPort }, 'started')
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

/**
 * Loads what the roles need, while the store is opened, which mostly waits. Only what this process runs: a third of the time
 * of a start is loading the other role's libraries.
 */
async function loadRoles({ bot, worker }: Configuration) {
  const [ofBot, ofWorker] = await Promise.all([bot && import('./start-bot.ts'), worker && import('./start-worker.ts')])
  return { ofBot, ofWorker }
}

type Stops = (() => Promise<void>)[]
type Parts = Pick<
  OpenStore,
  | 'store'
  | 'inbox'
  | 'outbox'
  | 'homes'
  | 'webhooks'
  | 'jobs'
  | 'lock'
  | 'forget'
  | 'fillFigures'
  | 'news'
  | 'rerouteJobs'
>

async function startStore(configuration: Configuration, pace: Pace, log: Log, stops: Stops): Promise<OpenStore> {
  const { storeUrl, dataDir, role, group, releases } = configuration
  await makeDataDir(dataDir)
  let pool: Parameters<typeof openStore>[0]['pool'] = { connectionString: storeUrl }
  if (storeUrl === undefined) {
    const { startEmbeddedPostgres } = await import('../adapters/embedded-postgres/embedded-postgres.ts')
    const embedded = await startEmbeddedPostgres({ dataDir })
    stops.push(() => embedded.stop())
    pool = embedded.connection
  }
  if (storeUrl !== undefined) await requireSessions(pool)
  const report = (what: string, err: unknown) => log.warn({ err, what }, 'store error')
  const groups = workerGroups(releases.apps)
  const opened = await openStore({ pool, role, report, groups, ...defined({ group, timing: pace.jobTiming }) })
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
