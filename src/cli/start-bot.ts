/** Builds and connects the parts of the bot. */
import type { OpenStore } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'
import { CLOCK } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import type { Works } from '../operations/health.ts'
import type { Log } from '../operations/log.ts'
import type { Metrics } from '../operations/metrics.ts'
import { anyDeploysAutomatically } from '../release/automatic.ts'
import { createHeadDeployer } from '../release/deploy-heads.ts'
import { HOME_PACE } from '../release/ports/homes.ts'
import { createReleaseService } from '../release/service.ts'
import { showMissingWorkers } from '../release/worker-missing.ts'
import { type Bot, startBot, whoWeAre } from '../slack/bot.ts'
import { createBudget } from '../slack/budget.ts'
import { ask, createSlackClients } from '../slack/clients.ts'
import { createDirectory } from '../slack/directory.ts'
import { createHomeDrawing } from '../slack/home/drawing.ts'
import { startHomes } from '../slack/home/publishing.ts'
import { type Delivery, startDelivery } from '../slack/outbox/delivery.ts'
import { createTokenWatch, refusalInWords } from '../slack/token-watch.ts'
import type { Pace } from './pace.ts'
import { SERVICE_WORDS } from './service-words.ts'
import { startTelling } from './webhooks.ts'

const TICK_EVERY_MS = 30_000
/** So many ticks apart old rows are deleted: they are 30 days old. */
const HOUSEKEEPING_TICKS = 10
/** With WORKER_GONE_MS, a card tells within 30 s that no worker can take its release. */
const WORKERS_EVERY_MS = 5_000
/** Of each tick, for counting what an older version has released, until that is done. */
const FILL_EACH_TICK_MS = 1_000
const HANDLING_GRACE_MS = 3_000

export interface BotRole extends Bot {
  tick(): Promise<void>
  /** Where it is, for the log. */
  readonly at: {
    readonly workspace?: string
    readonly workspaceId: string
    readonly bot?: string
    readonly mode: 'socket' | 'http'
  }
  /** Whether deliveries from Slack arrive and Slack accepts our token. */
  connection(): Works
  /**
   * What `/readyz` shows beside what makes this process ready: whether Slack lets us use every channel we tried, and whether
   * the webhooks take what they are told.
   */
  shown(): { readonly channels: Works; readonly webhooks?: Works }
}

/** Starts what talks to Slack: clients, delivery, deadlines and the bot. Each part adds how it is stopped to `stops`. */
export async function startBotRole(
  { releases, storeUrl, webhooks: listed }: Configuration,
  settings: NonNullable<Configuration['bot']>,
  pace: Pace,
  log: Log,
  {
    store,
    inbox,
    outbox,
    homes,
    webhooks: queue,
    forget,
    fillFigures,
    news,
    rerouteJobs,
  }: Pick<
    OpenStore,
    'store' | 'inbox' | 'outbox' | 'homes' | 'webhooks' | 'forget' | 'fillFigures' | 'news' | 'rerouteJobs'
  >,
  metrics: Metrics,
  scrub: (text: string) => string,
  stops: (() => Promise<void>)[],
): Promise<BotRole> {
  const { postEveryMs, updatesAMinute } = pace
  const budget = createBudget({ now: CLOCK.now, ...defined({ postEveryMs, updatesAMinute }) })
  const token = createTokenWatch({ log })
  const { interactive, background, drawing } = createSlackClients({
    ...settings,
    budget,
    called: (method, outcome, error, needed) => {
      metrics.slackCall(method, outcome)
      token.heard(method, outcome, error, needed)
    },
  })
  const { botUser, botId, botName, workspace, ...ours } = await whoWeAre(background, settings)
  const { apps, progress, timeZone, directMessages } = releases
  const asked = { ids: store, log, token }
  const directory = createDirectory(interactive, ours.team, { forRights: true, ...asked })
  const services = SERVICE_WORDS
  const drawn = createDirectory(drawing, ours.team, asked)
  const cardParts = { store, directory: drawn, apps, progress, services, ...defined({ botName }) }
  const service = createReleaseService({ store, directory, apps, services, timeZone, directMessages })
  const delivery: Delivery = startDelivery({
    ...cardParts,
    outbox,
    client: background,
    botUser,
    botId,
    clock: CLOCK,
    log,
    budget,
    directMessages,
    directMessageEnded: metrics.directMessageEnded,
    ...defined({ updateEveryMs: pace.updateEveryMs }),
  })
  stops.push(() => delivery.stop())
  const homePace = { ...HOME_PACE, ...pace.home }
  const home = startHomes({
    homes: homes(homePace),
    drawing: createHomeDrawing({ ...cardParts, directMessages }),
    rights: directory,
    client: background,
    clock: CLOCK,
    log,
    lookEveryMs: homePace.lookAgainMs,
  })
  stops.push(() => home.stop())
  const webhooks = await startTelling(listed, { queue, log, scrub, metrics, ...defined({ pace: pace.webhooks }) })
  stops.push(() => webhooks.stop())
  const deployHeads = createHeadDeployer({ store, directory: drawn, apps, services, log })
  if (anyDeploysAutomatically(apps)) {
    const deploying = startDeployingHeads(deployHeads, news, log)
    stops.push(() => deploying.stop())
  }
  let ticks = 0
  let isFilled = false
  const keepHouse = async () => {
    const isTimeToForget = ticks % HOUSEKEEPING_TICKS === 0
    ticks += 1
    await webhooks
      .keepNamed()
      .then(() => (isTimeToForget ? forget() : undefined))
      .catch((err: unknown) => log.error({ err }, 'failed to delete old rows of the store'))
    // Again at times: what an older version was about to end is counted too.
    if (isFilled && !isTimeToForget) return
    isFilled = await fillFigures(FILL_EACH_TICK_MS).catch((err: unknown) => {
      log.error({ err }, 'failed to count older releases')
      return false
    })
  }
  const reroute = () =>
    rerouteJobs().catch((err: unknown) =>
      log.error({ err }, 'failed to give waiting jobs to the workers of their group'),
    )
  await reroute()
  const tick = async () => {
    await service.tick().catch((err: unknown) => log.error({ err }, 'failed to expire releases and send reminders'))
    await deployHeads().catch((err: unknown) => log.error({ err }, HEADS_FAILED))
    // A token that is revoked or accepted again is noticed also while nobody does anything.
    await ask(() => background.auth.test())
    await keepHouse()
    await reroute()
  }
  const ticking = setInterval(tick, pace.tickEveryMs ?? TICK_EVERY_MS)
  stops.push(async () => clearInterval(ticking))
  const lookAtWorkers = () =>
    showMissingWorkers({ store, apps }).catch((err: unknown) =>
      log.error({ err }, 'failed to look whether workers can take what waits; the next look tries again'),
    )
  const looking = setInterval(lookAtWorkers, pace.workersEveryMs ?? WORKERS_EVERY_MS)
  stops.push(async () => clearInterval(looking))
  const bot = await startBot({
    ...cardParts,
    client: background,
    interactive,
    home,
    clock: CLOCK,
    service,
    inbox,
    ours,
    log,
    timed: { acknowledged: metrics.deliveryAcknowledged, ended: metrics.deliveryHandled },
    settings,
    isStoreShared: storeUrl !== undefined,
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
    at: {
      ...defined({ workspace }),
      workspaceId: ours.team,
      ...defined({ bot: botName }),
      mode: settings.appToken === undefined ? 'http' : 'socket',
    },
    connection() {
      const refused = token.refusal()
      if (refused !== undefined) return `Slack refuses our token (${refusalInWords(refused)}). Run signoff doctor.`
      return bot.isConnected() || 'No connection to Slack is open. Signoff keeps trying to connect.'
    },
    shown() {
      const closed = delivery.closedChannels().length
      return {
        channels: closed === 0 || `Slack does not let Signoff use ${closed} of its channels; the log names them.`,
        ...(listed.length > 0 && { webhooks: webhooks.work() }),
      }
    },
  }
}

/** After a failure; the tick tries again besides. */
const HEADS_AGAIN_MS = 30_000
const HEADS_FAILED = 'failed to deploy new heads automatically; the next round tries again'

/** Makes releases of new heads as soon as a worker has noted them, or as their environment is free. */
function startDeployingHeads(deployHeads: () => Promise<void>, news: OpenStore['news'], log: Log) {
  const stopping = new AbortController()
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await news(TICK_EVERY_MS, stopping.signal)
      if (stopping.signal.aborted) return
      await deployHeads().catch(async (err: unknown) => {
        log.error({ err }, HEADS_FAILED)
        await CLOCK.sleep(HEADS_AGAIN_MS, stopping.signal)
      })
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

/** Accepts nothing more from Slack, and waits a while for what is being handled. */
export const stopListening = (bot: Bot) => bot.stop(HANDLING_GRACE_MS)
