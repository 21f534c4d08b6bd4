/** Builds the parts of a role, connects them, and stops them in order. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import type { JobTiming } from '../adapters/store/jobs.ts'
import { type OpenStore, openStore } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'
import { CLOCK } from '../lib/clock.ts'
import { countEvents } from '../operations/counted-store.ts'
import { partsReady, startHealthServer } from '../operations/health.ts'
import { createLog, type Log, type LogDestination } from '../operations/log.ts'
import { createMetrics, type Metrics } from '../operations/metrics.ts'
import { createScrubber } from '../operations/scrub.ts'
import { scrubStore } from '../operations/scrubbed-store.ts'
import { createReleaseService } from '../release/service.ts'
import { type Bot, startBot, whoWeAre } from '../slack/bot.ts'
import { createSlackClients } from '../slack/clients.ts'
import { createDirectory } from '../slack/directory.ts'
import { type Delivery, startDelivery } from '../slack/outbox/delivery.ts'
import { TIMES, type Times } from '../worker/ports.ts'
import { startWorker, type Worker } from '../worker/worker.ts'
import { SERVICE_WORDS } from './service-words.ts'
import { createWorldAdapters, type ServiceLimits } from './wiring.ts'

/** What may be shorter where builds take no time; left out, everything is as it should be in service. */
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
}

export interface Running {
  readonly port: number
  readonly log: Log
  /** Aborts when a newer version of Signoff has opened the store: this process takes no more work, and is to be stopped. */
  readonly superseded: AbortSignal
  /** Looks at the world of what awaits sign-off now; only where the worker runs. */
  readonly look?: () => Promise<void>
  /** Expires and reminds now; only where the bot runs. */
  readonly tick?: () => Promise<void>
  /** No new work, the step in flight finished or left resumable, the outbox flushed: within 30 s. Safe to repeat. */
  stop(): Promise<void>
}

const TICK_EVERY_MS = 30_000
/** These and the flush of the outbox stay within the 30 s that a stop may take. */
const WORK_GRACE_MS = 15_000
const HANDLING_GRACE_MS = 3_000

/**
 * Starts the role that the configuration names. Throws when a part can't start; what had started is stopped then. The log
 * goes to standard output, or to `logTo`.
 */
export async function startSignoff(
  configuration: Configuration,
  pace: Pace = {},
  logTo?: LogDestination,
): Promise<Running> {
  const scrub = createScrubber(configuration.secrets)
  const log = createLog({ level: configuration.logLevel, scrub, ...(logTo && { destination: logTo }) })
  const stops: (() => Promise<void>)[] = []
  const stopAll = async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
      await stop().catch((err: unknown) => log.error({ err }, 'a part did not stop cleanly'))
    }
  }
  try {
    const opened = await startStore(configuration, pace, log, stops)
    const metrics = createMetrics(opened.waiting)
    const parts: Parts = { ...opened, store: countEvents(scrubStore(opened.store, scrub), metrics) }
    const ready: Record<string, () => boolean | Promise<boolean>> = {
      store: () =>
        opened.ping().then(
          () => true,
          () => false,
        ),
    }
    let bot: (Bot & { tick(): Promise<void> }) | undefined
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
    // Listening ends first, then the work, and what the work had to say is delivered last.
    if (bot) stops.push(() => stopListening(bot))
    const health = await startHealthServer({
      port: configuration.port,
      ready: partsReady(ready),
      metrics: metrics.read,
      ...(bot?.requests && { fallback: bot.requests }),
    }).catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is taken by another program' : `can not be used (${error.code})`
      throw new Error(`PORT ${why}. Is Signoff running here already? Else set another one.`)
    })
    stops.push(() => health.close())
    log.info({ role: configuration.role, port: health.port }, 'started')
    let stopping: Promise<void> | undefined
    return {
      port: health.port,
      log,
      superseded: opened.superseded,
      ...(worker && { look: worker.look }),
      ...(bot && { tick: bot.tick }),
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
  const report = (what: string, err: unknown) => log.warn({ err, what }, 'the store had trouble')
  const opened = await openStore({ pool, role, report, ...(pace.jobTiming && { timing: pace.jobTiming }) })
  stops.push(() => opened.close())
  const said = 'a newer version of Signoff uses the store: this process takes no more work and stops'
  opened.superseded.addEventListener('abort', () => log.warn({}, said), { once: true })
  return opened
}

/**
 * Nobody else's, since mirrors hold the team's source code; one that is there stays as it is. Throws what to do where it can't
 * be made. Part by part, because `recursive` never ends where the system takes no directory, as under /proc.
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
    throw new Error(`DATA_DIR can not be made (${error.code}). Let it be a directory that this user may write in.`)
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
  const world = createWorldAdapters(configuration, settings, {
    scrub,
    log: (said, facts) => log.debug(facts, said),
    ...(pace.limits && { limits: pace.limits }),
  })
  stops.push(() => world.git.close())
  const worker = await startWorker({
    ...world,
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
): Promise<Bot & { tick(): Promise<void> }> {
  const { interactive, background } = createSlackClients({ ...settings, called: metrics.slackCall })
  const { botUser, botId, ...ours } = await whoWeAre(background, settings)
  const { apps, progress } = releases
  const directory = createDirectory(interactive, ours.team, { forRights: true })
  const services = SERVICE_WORDS
  const drawing = { store, directory: createDirectory(background, ours.team), apps, progress, services }
  const service = createReleaseService({ store, directory, apps, services })
  const delivery: Delivery = startDelivery({
    ...drawing,
    outbox,
    client: background,
    botUser,
    botId,
    clock: CLOCK,
    log,
    ...(pace.updateEveryMs !== undefined && { updateEveryMs: pace.updateEveryMs }),
    ...(pace.postEveryMs !== undefined && { postEveryMs: pace.postEveryMs }),
    ...(pace.updatesAMinute !== undefined && { updatesAMinute: pace.updatesAMinute }),
  })
  stops.push(() => delivery.stop())
  const tick = async () => {
    await service.tick().catch((err: unknown) => log.error({ err }, 'looking after waiting releases failed'))
    await forget().catch((err: unknown) => log.error({ err }, 'old rows of the store could not be taken away'))
  }
  const ticking = setInterval(tick, pace.tickEveryMs ?? TICK_EVERY_MS)
  stops.push(async () => clearInterval(ticking))
  const bot = await startBot({
    ...drawing,
    client: background,
    interactive,
    clock: CLOCK,
    service,
    inbox,
    ours,
    log,
    settings,
    ...(pace.pingTimeoutMs !== undefined && { pingTimeoutMs: pace.pingTimeoutMs }),
    ...(pace.sweepEveryMs !== undefined && { sweepEveryMs: pace.sweepEveryMs }),
  })
  stops.push(() => stopListening(bot))
  return { ...bot, tick }
}

const stopListening = (bot: Bot) => bot.stop(HANDLING_GRACE_MS)
