/**
 * The bot: receives from Slack in Socket Mode or over HTTP with the same listeners, stores each delivery before it
 * acknowledges it, and handles it afterwards. A sweep handles deliveries that a crash left behind.
 */
import type { RequestListener } from 'node:http'
import type { WebClient } from '@slack/web-api'
import { defined } from '../lib/defined.ts'
import { settlesWithin } from '../lib/timeout.ts'
import { ask } from './clients.ts'
import { createHttpReceiver, type Deliver } from './http-receiver.ts'
import { createIntake, type IntakePorts } from './inbox.ts'
import type { Ours } from './payloads.ts'
import { toBeStored } from './receiving.ts'
import { createSockets, type Sockets } from './sockets.ts'

export interface BotSettings {
  readonly token: string
  readonly appToken?: string
  readonly signingSecret?: string
  readonly apiUrl: string
}

export interface BotPorts extends IntakePorts {
  readonly settings: BotSettings
  /** How long to stay without a socket after Slack has renewed it; by default the client's ping timeout. */
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
  readonly requests?: RequestListener
  isConnected(): boolean
  /** Accepts no more deliveries, and waits up to `graceMs` for those in progress. Safe to repeat. */
  stop(graceMs: number): Promise<void>
}

const SWEEP_EVERY_MS = 5_000

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
  const { log } = ports
  const inProgress = new Set<Promise<void>>()
  function track(work: Promise<void>): Promise<void> {
    inProgress.add(work)
    return work.finally(() => inProgress.delete(work))
  }

  const { take, sweep } = createIntake(ports)
  const deliver: Deliver = (payload, acknowledge) => {
    const stored = toBeStored(payload)
    return stored === undefined ? acknowledge() : track(take(stored, acknowledge))
  }
  const sockets = socketsOf(ports, deliver)
  const requests = sockets === undefined ? createRequests(ports, deliver) : undefined
  if (sockets !== undefined) answered(await ask(async () => sockets.start()), 'SLACK_APP_TOKEN')
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
    ...defined({ requests }),
    isConnected: () => !isStopped && (sockets?.isConnected() ?? true),
    stop(graceMs) {
      stopping ??= stopTaking(graceMs)
      return stopping
    },
  }
}

function socketsOf(
  { settings, log, pingTimeoutMs, secondSocketAfterMs, isStoreShared }: BotPorts,
  deliver: Deliver,
): Sockets | undefined {
  const { appToken, apiUrl } = settings
  if (appToken === undefined) return undefined
  const times = defined({ pingTimeoutMs, apartMs: secondSocketAfterMs })
  return createSockets({ appToken, apiUrl, deliver, log, ...times, ...defined({ isStoreShared }) })
}

function createRequests({ settings: { signingSecret }, log }: BotPorts, deliver: Deliver): RequestListener {
  if (signingSecret === undefined) throw new Error('neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set')
  return createHttpReceiver(signingSecret, log, deliver)
}
