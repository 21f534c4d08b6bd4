/**
 * The bot: receives from Slack in Socket Mode or over HTTP with the same listeners, stores each delivery before it
 * acknowledges it, and handles it afterwards. A sweep handles deliveries that a crash left behind.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { App, HTTPReceiver, type Logger, LogLevel } from '@slack/bolt'
import type { WebClient } from '@slack/web-api'
import { defined } from '../lib/defined.ts'
import { settlesWithin } from '../lib/timeout.ts'
import { ACTION_VIEWS } from './actions.ts'
import { ask } from './clients.ts'
import { CONTROLS } from './controls.ts'
import { COMMANDS, PREVIEW, SLACK_REQUEST_PATH, START, VIEW } from './ids.ts'
import { createIntake, type IntakePorts } from './inbox.ts'
import type { ModalResponse } from './modal-answer.ts'
import type { DeliveryLog } from './outbox/sending.ts'
import type { Ours } from './payloads.ts'
import { createSockets, type Sockets } from './sockets.ts'

export interface BotSettings {
  readonly token: string
  readonly appToken?: string
  readonly signingSecret?: string
  readonly apiUrl: string
}

export interface BotPorts extends IntakePorts {
  readonly settings: BotSettings
  /** How long to stay without a socket after Slack has renewed it; by default Bolt's ping timeout. */
  readonly pingTimeoutMs?: number
  /** The time between the starts of the two sockets. */
  readonly secondSocketAfterMs?: number
  /** Whether other bots may share our store. */
  readonly isStoreShared?: boolean
  /** How often the sweep runs. */
  readonly sweepEveryMs?: number
}

export interface Bot {
  /** HTTP mode: handles Slack's requests at `POST /slack/events`. */
  readonly requests?: (request: IncomingMessage, response: ServerResponse) => void
  isConnected(): boolean
  /** Accepts no more deliveries, and waits up to `graceMs` for those in progress. Safe to repeat. */
  stop(graceMs: number): Promise<void>
}

const SWEEP_EVERY_MS = 10_000
/** Requests further off than this, in either direction, are refused; Bolt refuses only old ones. */
const CLOCK_OFF_S = 5 * 60
const CLOCK_LOGGED_EVERY_MS = 60_000

export interface Identity extends Ours {
  readonly botUser: string
  readonly botId: string
  /** By which people invite it to a channel. */
  readonly botName?: string
  /** The workspace's name, for people. */
  readonly workspace?: string
}

/**
 * Our identity by our token. Throws when Slack refuses the token, or when the app stays unknown: neither Slack nor, in
 * Socket Mode, the app-level token, whose second part is the app's id, gives it.
 */
export async function whoWeAre(client: WebClient, { appToken }: Pick<BotSettings, 'appToken'>): Promise<Identity> {
  const {
    team_id: team,
    team: workspace,
    user_id: botUser,
    bot_id: botId,
    app_id: ofToken,
    user: botName,
    enterprise_id: enterprise,
  } = answered(await ask(() => client.auth.test()), 'SLACK_BOT_TOKEN')
  if (!team || !botUser || !botId) throw new Error('SLACK_BOT_TOKEN is not a token of a bot')
  const info = await ask(() => client.bots.info({ bot: botId }))
  const ofBot = info.ok ? info.value.bot?.app_id : await appOfUser(client, botUser)
  const app = ofBot ?? ofToken ?? /^xapp-\d+-(A[A-Z0-9]+)-/.exec(appToken ?? '')?.[1]
  if (!app) throw new Error('Slack does not say which app SLACK_BOT_TOKEN belongs to')
  return { team, app, botUser, botId, ...defined({ botName, enterprise, workspace }) }
}

/** Slack's answer to the first call with a token. Throws an error that names the setting. */
function answered<T>(answer: Awaited<ReturnType<typeof ask<T>>>, setting: 'SLACK_BOT_TOKEN' | 'SLACK_APP_TOKEN'): T {
  if (answer.ok) return answer.value
  switch (answer.failure) {
    case 'refused':
      throw new Error(`Slack refuses ${setting} (${answer.error})`)
    case 'rate limited':
      throw new Error(`Slack limits the rate of calls. Start again in ${answer.afterMs / 1_000} s.`)
    case 'unknown':
      throw new Error('Slack does not answer. Check that this host can reach Slack, and SLACK_API_URL.')
  }
}

async function appOfUser(client: WebClient, botUser: string): Promise<string | undefined> {
  const found = await ask(() => client.users.info({ user: botUser }))
  return found.ok ? found.value.user?.profile?.api_app_id : undefined
}

/** Starts receiving. Throws when Slack refuses the tokens. */
export async function startBot(ports: BotPorts): Promise<Bot> {
  const { settings, log } = ports
  const logger = quietLogger(log)
  const sockets = socketsOf(ports, logger)
  const requests = sockets === undefined ? createHttpReceiver(settings, logger) : undefined
  const app = new App({
    token: settings.token,
    ...defined({ receiver: sockets?.first ?? requests }),
    logger,
    deferInitialization: true,
    clientOptions: { slackApiUrl: settings.apiUrl, retryConfig: { retries: 0 }, timeout: 5_000 },
  })
  await app.init()
  app.error(async (error) => log.error({ err: error }, 'a delivery from Slack could not be handled'))

  const inProgress = new Set<Promise<void>>()
  function track(work: Promise<void>): Promise<void> {
    inProgress.add(work)
    return work.finally(() => inProgress.delete(work))
  }

  const { take, sweep } = createIntake(ports)
  for (const command of Object.values(COMMANDS)) {
    app.command(command, ({ body, ack }) => track(take(body, () => ack())))
  }
  const buttons = [...Object.values(ACTION_VIEWS), ...Object.values(CONTROLS)].map(({ id }) => id)
  for (const id of [...buttons, START, PREVIEW]) {
    app.action(id, ({ body, ack }) => track(take(body, () => ack())))
  }
  for (const view of Object.values(VIEW)) {
    // Bolt types the answer by the kind of the view.
    app.view(view, ({ body, ack }) => track(take(body, ack as (response?: ModalResponse) => Promise<void>)))
  }

  if (sockets !== undefined) answered(await ask(async () => sockets.start(app)), 'SLACK_APP_TOKEN')
  const sweeping = setInterval(() => {
    track(sweep()).catch((err: unknown) => log.error({ err }, 'the sweep of the inbox failed'))
  }, ports.sweepEveryMs ?? SWEEP_EVERY_MS)

  let isStopped = false
  let stopping: Promise<void> | undefined
  async function stopTaking(graceMs: number): Promise<void> {
    clearInterval(sweeping)
    isStopped = true
    await sockets?.stop()
    await settlesWithin(graceMs, Promise.allSettled([...inProgress]))
  }

  return {
    ...defined({ requests: requests && refuseWrongClocks(requests, log) }),
    isConnected: () => !isStopped && (sockets?.isConnected() ?? true),
    stop(graceMs) {
      stopping ??= stopTaking(graceMs)
      return stopping
    },
  }
}

function socketsOf(
  { settings, log, pingTimeoutMs, secondSocketAfterMs, isStoreShared }: BotPorts,
  logger: Logger,
): Sockets | undefined {
  const { appToken, apiUrl } = settings
  if (appToken === undefined) return undefined
  const times = defined({ pingTimeoutMs, apartMs: secondSocketAfterMs })
  return createSockets({ appToken, apiUrl, logger, log, ...times, ...defined({ isStoreShared }) })
}

function createHttpReceiver({ signingSecret }: BotSettings, logger: Logger): HTTPReceiver {
  if (signingSecret === undefined) throw new Error('neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set')
  return new HTTPReceiver({
    signingSecret,
    logger,
    endpoints: [SLACK_REQUEST_PATH],
    unhandledRequestTimeoutMillis: 3_001,
  })
}

function refuseWrongClocks(
  receiver: HTTPReceiver,
  log: DeliveryLog,
): (request: IncomingMessage, response: ServerResponse) => void {
  let loggedAt = Number.NEGATIVE_INFINITY
  function warn(offS: number): void {
    if (loggedAt + CLOCK_LOGGED_EVERY_MS > performance.now()) return
    loggedAt = performance.now()
    const seconds = Math.round(Math.abs(offS))
    const message = `refused a request whose time is ${seconds} s ${offS > 0 ? 'behind' : 'ahead of'} this host's clock: set the clock by NTP`
    log.warn({ seconds: Math.round(offS) }, message)
  }
  return (request, response) => {
    const stamp = Number(request.headers['x-slack-request-timestamp'])
    const isSigned = request.headers['x-slack-signature'] !== undefined
    if ((request.url ?? '').split('?', 1)[0] !== SLACK_REQUEST_PATH) {
      response.writeHead(404).end()
      return
    }
    const offS = Date.now() / 1_000 - stamp
    if (!(Math.abs(offS) <= CLOCK_OFF_S)) {
      // Anybody can send a wrong time: a signature says at least that it is meant as Slack's.
      if (isSigned && Number.isFinite(offS) && stamp > 0) warn(offS)
      response.writeHead(401).end()
      return
    }
    receiver.requestListener(request, response)
  }
}

/** Sends Bolt's own messages to our log, and never payloads or tokens. */
function quietLogger(log: DeliveryLog): Logger {
  const words = (parts: unknown[]) =>
    parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ')
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (...parts) => log.warn({ from: 'bolt' }, words(parts)),
    error: (...parts) => log.error({ from: 'bolt' }, words(parts)),
    setLevel: () => undefined,
    getLevel: () => LogLevel.WARN,
    setName: () => undefined,
  }
}
