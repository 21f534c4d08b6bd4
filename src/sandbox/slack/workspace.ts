import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApi } from './api.ts'
import { addMessage } from './chat-methods.ts'
import { createCourier } from './courier.ts'
import { createFaults, type Fault } from './faults.ts'
import { keepState } from './keeping.ts'
import { createPayloads } from './payloads.ts'
import { type ById, createPeople } from './people.ts'
import { createReading } from './reading.ts'
import { createResidents } from './residents.ts'
import { createState, type Message } from './state.ts'

export type { ApiCall } from './api.ts'
export type { ButtonName, FormValues } from './controls.ts'
export type { DeliverOptions, Delivery } from './courier.ts'
export type { ArmedFault, Fault, FaultKind } from './faults.ts'
export type { ById, Click } from './people.ts'
export type { NewUser } from './residents.ts'
export type { Seen } from './settling.ts'
export type { Channel, Ephemeral, Group, Json, Message, User, View } from './state.ts'

export type SlackWorkspaceOptions = {
  /** Left out: any free port. */
  port?: number
  /** What the bot's token may do. */
  scopes?: string[]
  enforceRateLimits?: boolean
  /** How long Slack waits for the app; 3000 ms. */
  acknowledgeWithinMs?: number
  /** Hands over again what was not acknowledged, with `retry_attempt`. Slack does so for events only. */
  retryUnacknowledged?: { attempts: number; afterMs: number }
  /** Whether the app's manifest says `should_escape`. */
  shouldEscape?: boolean
  /** Milliseconds since 1970; the system's clock unless given. */
  now?: () => number
  /** Where the workspace is kept, so that a start on the same file goes on; left out: in memory only. */
  file?: string
}

export type SlackWorkspace = Awaited<ReturnType<typeof startSlackWorkspace>>

export const usualScopes = [
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
 * Starts a Slack workspace on 127.0.0.1: Web API, Socket Mode, signed requests, and people who use it. It keeps
 * everything in memory and, given a file, beside it; `close` ends all connections and timers.
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
  const keeping = keepState(state, options.file)
  const { botToken, appToken, signingSecret } = keeping.tokens
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
    scopes: options.scopes ?? usualScopes,
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
    /** Every call that the app made, oldest first. */
    log: api.log,
    /** From now on commands and interactions go to this URL, signed; `undefined`: over the sockets again. */
    useHttp: courier.useHttp,

    ...createResidents({ state, userOf, channelOf }),

    command: people.command,
    captureCommand: people.captureCommand,
    captureEvent: people.captureEvent,
    click: people.click,
    captureClick: people.captureClick,
    openView: people.openView,
    submit: people.submit,
    captureSubmit: people.captureSubmit,
    choose: people.choose,
    press: people.press,
    closeView: people.closeView,
    /** Hands a delivery to the app as it is: changed, repeated, wrongly signed or late, as the test wants it. */
    deliver: people.deliver,
    /** A person writes a message; the app does not hear of it. */
    say(act: { user: ById; channel: ById; text: string; threadTs?: string }): Message {
      const made = { channel: channelOf(act.channel).id, user: userOf(act.user).id, text: act.text }
      const message = addMessage(state, { ...made, threadTs: act.threadTs })
      state.changed()
      return structuredClone(message)
    },

    ...reading,

    /** Calls the listener after every change that somebody could see; returns the way to stop it. */
    onChange: state.onChange,
    /**
     * Returns the first thing that `predicate` finds (anything but undefined, null and false), looking now and after
     * every change. Throws once nothing has changed for `silenceMs` (10 s), with `what` was awaited and what was said in
     * `channel` or all.
     */
    async waitFor<T>(
      predicate: () => T | undefined | null | false,
      awaited: { silenceMs?: number; what: string; channel?: ById },
    ): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const silenceMs = awaited.silenceMs ?? 10_000
      const timer = setTimeout(() => {
        const why = `nobody said anything for ${silenceMs} ms`
        reject(new Error(`${why}, waited in vain for ${awaited.what}\n${reading.transcript(awaited.channel)}`))
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
    /** How many sockets of the app can be given deliveries. */
    get sockets() {
      return courier.sockets
    },
    refreshSockets: courier.refreshSockets,
    dropSockets: courier.dropSockets,
    /** Slack is gone: every connection breaks, and new ones do. */
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
      keeping.close()
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
