import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApi } from './api.ts'
import { addMessage } from './chat-methods.ts'
import { createCourier } from './courier.ts'
import { createFaults, type Fault } from './faults.ts'
import { createMembers } from './members.ts'
import { createPayloads } from './payloads.ts'
import { type ById, createPeople } from './people.ts'
import { keepState } from './persistence.ts'
import type { RateLimiting } from './rate-limits.ts'
import { createReading } from './reading.ts'
import { createState, findMessage, type Message } from './state.ts'

export type { ApiCall } from './api.ts'
export type { ButtonName, FormValues } from './controls.ts'
export type { DeliverOptions, Delivery } from './courier.ts'
export type { ArmedFault, Fault, FaultKind } from './faults.ts'
export type { NewUser } from './members.ts'
export type { Seen } from './outcomes.ts'
export type { ById, Click } from './people.ts'
export type { Channel, Ephemeral, Group, Json, Message, User, View } from './state.ts'

export type SlackWorkspaceOptions = {
  /** Default: any free port. */
  port?: number
  /** The scopes of the bot's token. */
  scopes?: string[]
  /** Refuses calls beyond the published limits with 429 and `Retry-After`; `true` is `bursts`. */
  enforceRateLimits?: boolean | RateLimiting
  /** The events that the app subscribes to; default `app_home_opened`. */
  events?: readonly string[]
  /** Whether the app's Home tab is enabled; default true. */
  hasHomeTab?: boolean
  /** How long Slack waits for the app; default 3000 ms. */
  acknowledgeWithinMs?: number
  /** Delivers again what was not acknowledged, with `retry_attempt`. Slack does this only for events. */
  retryUnacknowledged?: { attempts: number; afterMs: number }
  /** Whether the app's manifest has `should_escape`. */
  shouldEscape?: boolean
  /** Milliseconds since 1970; default: the system clock. */
  now?: () => number
  /** The file that keeps the workspace across restarts. Default: in memory only. */
  file?: string
}

export type SlackWorkspace = Awaited<ReturnType<typeof startSlackWorkspace>>

const usualScopes = [
  'app_mentions:read',
  'channels:history',
  'channels:read',
  'chat:write',
  'commands',
  'groups:history',
  'groups:read',
  'im:history',
  'im:write',
  'usergroups:read',
  'users:read',
  'users:read.email',
]

/**
 * Starts a Slack workspace on 127.0.0.1: Web API, Socket Mode, signed requests, and people who use it. Keeps
 * its state in memory, and in `file` if given. `close` ends all connections and timers.
 */
export async function startSlackWorkspace(options: SlackWorkspaceOptions = {}) {
  const identity = {
    teamId: 'T0SANDBOX',
    teamName: 'Sandbox',
    teamDomain: 'sandbox',
    appId: 'A0SIGNOFF',
    botId: 'B0SIGNOFF',
    botUserId: 'U0SIGNOFF',
    botName: 'signoff',
  }
  const state = createState({ now: options.now ?? Date.now, identity })
  state.hasHomeTab = options.hasHomeTab ?? true
  state.events = options.events ?? state.events
  const persistence = keepState(state, options.file)
  const { botToken, appToken, signingSecret } = persistence.tokens
  const scopes = [...(options.scopes ?? usualScopes)]
  const faults = createFaults()
  const timers = new Map<NodeJS.Timeout, () => void>()
  let isDown = false

  const wait = (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      timers.delete(timer)
      resolve()
    }, ms)
    timers.set(timer, resolve)
    return promise
  }

  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`

  const courier = createCourier({
    state,
    signingSecret,
    acknowledgeWithinMs: options.acknowledgeWithinMs ?? 3000,
    retryUnacknowledged: options.retryUnacknowledged,
    wait,
  })
  const api = createApi({
    state,
    origin,
    botToken,
    appToken,
    scopes,
    enforceRateLimits: options.enforceRateLimits ?? false,
    faults,
    openSocketUrl: () => `ws://127.0.0.1:${port}/link/?ticket=${courier.openTicket()}&app_id=${identity.appId}`,
    wait,
  })
  const payloads = createPayloads({ state, origin, shouldEscape: options.shouldEscape ?? true })
  const people = createPeople({ state, courier, payloads })
  const { userOf, channelOf } = people

  server.on('request', (request, response) => {
    if (isDown) {
      request.socket.destroy()
      return
    }
    api.handle(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })
  server.on('upgrade', (request, socket, head) => {
    if (isDown) socket.destroy()
    else courier.accept(request, socket, head)
  })

  const reading = createReading({ state, userOf, channelOf })

  return {
    ...identity,
    origin,
    apiUrl: `${origin}/api/`,
    botToken,
    appToken,
    signingSecret,
    /** All calls of the app, oldest first. */
    log: api.log,
    /** Sends commands and interactions to this URL, signed; `undefined` switches back to the sockets. */
    useHttp: courier.useHttp,

    ...createMembers({ state, userOf, channelOf }),

    command: people.command,
    captureCommand: people.captureCommand,
    captureEvent: people.captureEvent,
    click: people.click,
    captureClick: people.captureClick,
    openView: people.openView,
    openHome: people.openHome,
    captureHomeOpened: people.captureHomeOpened,
    useHome: people.useHome,
    submit: people.submit,
    captureSubmit: people.captureSubmit,
    choose: people.choose,
    press: people.press,
    closeView: people.closeView,
    /** Delivers a payload to the app as given, so that a test can change, repeat, delay or wrongly sign it. */
    deliver: people.deliver,
    /** Posts a person's message; the app isn't notified. */
    say(act: { user: ById; channel: ById; text: string; threadTs?: string }): Message {
      const made = { channel: channelOf(act.channel).id, user: userOf(act.user).id, text: act.text }
      const message = addMessage(state, { ...made, threadTs: act.threadTs })
      state.changed()
      return structuredClone(message)
    },

    /** What the app showed to this person at the fields of refused modals, by block id. */
    modalErrors: (user: ById) => state.modalErrors.filter((one) => one.user === userOf(user).id),
    /** Somebody switches the app's Home tab off or on. */
    setHomeTab: (isEnabled: boolean) => void Object.assign(state, { hasHomeTab: isEnabled }),
    /** The app was reinstalled with these scopes; its token stays. */
    setScopes: (held: readonly string[]) => void scopes.splice(0, scopes.length, ...held),
    /** A person or an administrator deletes a message. The app isn't notified. */
    deleteMessage(of: Pick<Message, 'channel' | 'ts'>): void {
      const found = findMessage(state, of.channel, of.ts)
      if (!found) throw new Error(`there is no message ${of.ts}`)
      state.messages.splice(state.messages.indexOf(found), 1)
      state.changed()
    },
    /** From now messages older than this can't be edited (a setting of the workspace); undefined: all can. */
    setEditWindow(ms: number | undefined): void {
      state.editWindowMs = ms
    },
    /** Blocks of these types have not come to the workspace yet: so many messages with each are refused. */
    refuseBlocks(types: readonly string[], times = 1): void {
      for (const type of types) state.unknownBlocks.set(type, times)
    },
    /** The workspace is being migrated: messages are refused with this error, until it is undefined again. */
    refuseMessages(error: string | undefined): void {
      state.refusesMessages = error
    },

    ...reading,

    /** Calls the listener after every visible change. Returns a function that unsubscribes. */
    onChange: state.onChange,
    /**
     * Returns the first result of `predicate` other than undefined, null and false, called now and after every change. Throws
     * if nothing changes for `silenceMs` (10 s); the error has `what` and the transcript of `channel` or all.
     */
    async waitFor<T>(
      predicate: () => T | undefined | null | false,
      awaited: { silenceMs?: number; what: string; channel?: ById },
    ): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const silenceMs = awaited.silenceMs ?? 10_000
      const timer = setTimeout(() => {
        const why = `nothing changed for ${silenceMs} ms`
        reject(new Error(`${why} while waiting for ${awaited.what}\n${reading.transcript(awaited.channel)}`))
      }, silenceMs)
      const look = () => {
        timer.refresh()
        try {
          const found = predicate()
          if (found !== undefined && found !== null && found !== false) resolve(found)
        } catch (error) {
          reject(error)
        }
      }
      const stop = state.onChange(look)
      look()
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        stop()
      }
    },

    fault: (fault: Fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    /** The number of the app's sockets that can receive deliveries. */
    get sockets() {
      return courier.sockets
    },
    refreshSockets: courier.refreshSockets,
    dropSockets: courier.dropSockets,
    /** Takes Slack down: breaks all connections, including new ones. */
    down(): void {
      isDown = true
      courier.dropSockets()
      server.closeAllConnections()
    },
    up(): void {
      isDown = false
    },
    async close(): Promise<void> {
      isDown = true
      persistence.close()
      await courier.close()
      for (const [timer, resolve] of timers) {
        clearTimeout(timer)
        resolve()
      }
      timers.clear()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
