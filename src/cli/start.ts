/** Builds and connects the parts of a role, and stops them in order. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import type { JobTiming } from '../adapters/store/jobs.ts'
import { type OpenStore, openStore } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import { logCommitted } from '../operations/event-log.ts'
import { partsReady, startHealthServer } from '../operations/health.ts'
import { createLog, type Log, type LogDestination } from '../operations/log.ts'
import { createMetrics, type Metrics } from '../operations/metrics.ts'
import { createScrubber } from '../operations/scrub.ts'
import { scrubStore } from '../operations/scrubbed-store.ts'
import { type Committed, watchConfirmations, watchEvents } from '../release/committed.ts'
import { createReleaseService } from '../release/service.ts'
import { type Bot, startBot, whoWeAre } from '../slack/bot.ts'
import { createBudget } from '../slack/budget.ts'
import { ask, createSlackClients } from '../slack/clients.ts'
import { createDirectory } from '../slack/directory.ts'
import { type Delivery, startDelivery } from '../slack/outbox/delivery.ts'
import { createTokenWatch } from '../slack/token-watch.ts'
import { TIMES, type Times } from '../worker/ports.ts'
import { startWorker, type Worker } from '../worker/worker.ts'
import { SERVICE_WORDS } from './service-words.ts'
import { createWorkerAdapters, type ServiceLimits } from './wiring.ts'

/** Shorter times for tests and demonstrations, where builds take no time. Absent values have their production defaults. */
export interface Pace {
  readonly times?: Partial<Times>
  readonly limits?: ServiceLimits
  readonly jobTiming?: JobTiming
  readonly updateEveryMs?: number
  readonly postEveryMs?: number
  readonly updatesAMinute?: number
  readonly tickEveryMs?: number
  readonly pingTimeoutMs?: number
  readonly sweepEveryMs?: number
  readonly secondSocketAfterMs?: number
}

export interface Running {
  readonly port: number
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

const TICK_EVERY_MS = 30_000
/** Together with the flush of the outbox, these fit into the 30 s that a stop may take. */
const WORK_GRACE_MS = 15_000
const HANDLING_GRACE_MS = 3_000

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
    const ready: Record<string, () => boolean | Promise<boolean>> = {
      store: () =>
        opened.ping().then(
          () => true,
          () => false,
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
      const { isConnected } = bot
      ready.slack = isConnected
    }
    let worker: Worker | undefined
    if (configuration.worker) {
      worker = await startWorkerRole(configuration, configuration.worker, pace, log, parts, metrics, scrub, stops)
      ready.queue = worker.isWorking
    }
    // Parts stop in reverse order: listening first, then the work, and the delivery of its messages last.
    if (bot) stops.push(() => stopListening(bot))
    const health = await startHealthServer({
      port: configuration.port,
      ready: partsReady(ready),
      metrics: metrics.read,
      ...defined({ fallback: bot?.requests, shown: bot?.shown }),
    }).catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is used by another program' : `can't be used (${error.code})`
      throw new Error(`PORT ${why}. Check whether Signoff already runs here, or set another PORT.`)
    })
    stops.push(() => health.close())
    log.info({ role: configuration.role, port: health.port }, 'started')
    let stopping: Promise<void> | undefined
    return {
      port: health.port,
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

interface BotRole extends Bot {
  tick(): Promise<void>
  /** What `/readyz` shows beside what makes this process ready: whether Slack lets us use every channel we tried. */
  shown(): { readonly channels: boolean }
}

type Stops = (() => Promise<void>)[]
type Parts = Pick<OpenStore, 'store' | 'inbox' | 'outbox' | 'jobs' | 'lock' | 'forget'>

async function startStore(configuration: Configuration, pace: Pace, log: Log, stops: Stops): Promise<OpenStore> {
  const { storeUrl, dataDir, role } = configuration
  await makeDataDir(dataDir)
  let pool: Parameters<typeof openStore>[0]['pool'] = { connectionString: storeUrl }
  if (storeUrl === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir })
    stops.push(() => embedded.stop())
    pool = embedded.connection
  }
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
  const adapters = createWorkerAdapters(configuration, settings, {
    scrub,
    log: (message, facts) => log.debug(facts, message),
    ...defined({ limits: pace.limits }),
  })
  stops.push(() => adapters.git.close())
  const worker = await startWorker({
    ...adapters,
    apps: configuration.releases.apps,
    store,
    jobs,
    lock,
    checkouts: join(configuration.dataDir, 'checkouts', String(process.pid)),
    times: { ...TIMES, ...pace.times },
    clock: CLOCK,
    log,
    jobEnded: metrics.jobEnded,
  })
  stops.push(() => worker.stop(WORK_GRACE_MS))
  return worker
}

async function startBotRole(
  { releases }: Configuration,
  settings: NonNullable<Configuration['bot']>,
  pace: Pace,
  log: Log,
  { store, inbox, outbox, forget }: Parts,
  metrics: Metrics,
  stops: Stops,
): Promise<BotRole> {
  const { postEveryMs, updatesAMinute } = pace
  const budget = createBudget({ now: CLOCK.now, ...defined({ postEveryMs, updatesAMinute }) })
  const token = createTokenWatch({ log })
  const { interactive, background, drawing } = createSlackClients({
    ...settings,
    budget,
    called: (method, outcome, error) => {
      metrics.slackCall(method, outcome)
      token.heard(method, outcome, error)
    },
  })
  const { botUser, botId, botName, ...ours } = await whoWeAre(background, settings)
  const { apps, progress } = releases
  const asked = { ids: store, log, token }
  const directory = createDirectory(interactive, ours.team, { forRights: true, ...asked })
  const services = SERVICE_WORDS
  const drawn = createDirectory(drawing, ours.team, asked)
  const cardParts = { store, directory: drawn, apps, progress, services, ...defined({ botName }) }
  const service = createReleaseService({ store, directory, apps, services })
  const delivery: Delivery = startDelivery({
    ...cardParts,
    outbox,
    client: background,
    botUser,
    botId,
    clock: CLOCK,
    log,
    budget,
    ...defined({ updateEveryMs: pace.updateEveryMs }),
  })
  stops.push(() => delivery.stop())
  const tick = async () => {
    await service.tick().catch((err: unknown) => log.error({ err }, 'failed to expire releases and send reminders'))
    // A token that is revoked or accepted again is noticed also while nobody does anything.
    await ask(() => background.auth.test())
    await forget().catch((err: unknown) => log.error({ err }, 'failed to delete old rows of the store'))
  }
  const ticking = setInterval(tick, pace.tickEveryMs ?? TICK_EVERY_MS)
  stops.push(async () => clearInterval(ticking))
  const bot = await startBot({
    ...cardParts,
    client: background,
    interactive,
    clock: CLOCK,
    service,
    inbox,
    ours,
    log,
    timed: { acknowledged: metrics.deliveryAcknowledged, ended: metrics.deliveryHandled },
    settings,
    ...defined({
      pingTimeoutMs: pace.pingTimeoutMs,
      sweepEveryMs: pace.sweepEveryMs,
      secondSocketAfterMs: pace.secondSocketAfterMs,
    }),
  })
  stops.push(() => stopListening(bot))
  return {
    ...bot,
    tick,
    isConnected: () => bot.isConnected() && token.refusal() === undefined,
    shown: () => ({ channels: delivery.closedChannels().length === 0 }),
  }
}

const stopListening = (bot: Bot) => bot.stop(HANDLING_GRACE_MS)
