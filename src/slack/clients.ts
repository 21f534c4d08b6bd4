import {
  type Logger,
  type LogLevel,
  type WebAPICallResult,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebClient,
} from '@slack/web-api'
import { CLOCK, type Clock } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import { type Budget, createBudget, type Share, type SlackCall } from './budget.ts'

/** Slack's answer in our terms. `unknown`: no answer, or one that leaves open whether the call took effect. */
export type SlackError =
  | { readonly failure: 'rate limited'; readonly afterMs: number }
  | {
      readonly failure: 'refused'
      readonly error: string
      readonly messages: readonly string[]
      /** The scopes that the call needs, where the token lacks one. */
      readonly needed?: string
    }
  | { readonly failure: 'unknown'; readonly detail: string }

const QUIET: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => 'error' as LogLevel,
  setName: () => undefined,
}

/** Waits for its turn in the budget; then a call fails as rate limited, without having been made. */
const TURN_WITHIN_MS = { interactive: 1_000, background: 5_000, drawing: 0 } as const

export interface SlackClients {
  /** For what a person waits for: rights and modals. */
  readonly interactive: WebClient
  /** For messages. */
  readonly background: WebClient
  /** For names and groups on messages, which can be drawn without. */
  readonly drawing: WebClient
}

type Called = (method: string, outcome: 'ok' | SlackError['failure'], error?: string, needed?: string) => void

/**
 * Clients with one budget, so that a modal never waits behind a message. None retries, because Slack's calls are not safe
 * to repeat: the client's own retry posts twice when an answer is lost. The outbox decides instead.
 */
export function createSlackClients({
  token,
  apiUrl,
  called = () => undefined,
  clock = CLOCK,
  budget = createBudget(clock),
}: {
  token: string
  apiUrl: string
  /** Called with each call's method and outcome and, where Slack refused it, its code and the scopes that it lacks. */
  called?: Called
  clock?: Clock
  /** All clients of a token must share it. */
  budget?: Budget
}): SlackClients {
  const client = (of: keyof SlackClients, share: Share, timeout: number) =>
    new BudgetedClient(token, { apiUrl, timeout }, { budget, share, clock, called, turnWithinMs: TURN_WITHIN_MS[of] })
  return {
    interactive: client('interactive', 'people', 2_500),
    background: client('background', 'news', 10_000),
    drawing: client('drawing', 'cards', 10_000),
  }
}

interface Turn {
  readonly budget: Budget
  readonly share: Share
  readonly clock: Clock
  readonly called: Called
  readonly turnWithinMs: number
}

/** Every method of the client ends in `apiCall`: there calls wait for their turn, and are counted. */
class BudgetedClient extends WebClient {
  readonly #turn: Turn

  constructor(token: string, { apiUrl, timeout }: { apiUrl: string; timeout: number }, turn: Turn) {
    super(token, {
      slackApiUrl: apiUrl,
      timeout,
      allowAbsoluteUrls: false,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      logger: QUIET,
    })
    this.#turn = turn
  }

  override async apiCall(method: string, options?: Record<string, unknown>): Promise<WebAPICallResult> {
    const { budget, clock, called } = this.#turn
    const channel = typeof options?.channel === 'string' ? { channel: options.channel } : {}
    const call = { method, ...channel }
    await this.#takeTurn(call)
    try {
      const result = await super.apiCall(method, options)
      called(method, 'ok')
      return result
    } catch (error) {
      const failed = toSlackError(error)
      if (failed.failure === 'rate limited') budget.pause(method, clock.now() + failed.afterMs)
      if (failed.failure === 'refused') called(method, failed.failure, failed.error, failed.needed)
      else called(method, failed.failure)
      throw error
    }
  }

  async #takeTurn(call: SlackCall): Promise<void> {
    const { budget, share, clock, turnWithinMs } = this.#turn
    const latest = clock.now() + turnWithinMs
    for (;;) {
      const at = budget.allowedAt(call, share)
      // Counted here: another call looks before this one is made.
      if (at === 0) return budget.began(call)
      if (at > latest) throw new WebAPIRateLimitedError(Math.ceil((at - clock.now()) / 1_000))
      await clock.sleep(at - clock.now())
    }
  }
}

/** Answers that leave open whether the call took effect. */
const UNCLEAR = ['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org']

/** What Slack's error codes look like. */
const CODE = /^[a-z0-9_]+$/i

/** Converts what a call threw. The result never holds a token. */
export function toSlackError(error: unknown): SlackError {
  if (error instanceof WebAPIRateLimitedError) {
    return { failure: 'rate limited', afterMs: Math.max(1, error.retryAfter) * 1_000 }
  }
  if (error instanceof WebAPIHTTPError) {
    const after = Number(error.headers?.['retry-after'])
    if (error.statusCode === 429) {
      return { failure: 'rate limited', afterMs: (Number.isFinite(after) && after > 0 ? after : 30) * 1_000 }
    }
    return { failure: 'unknown', detail: `Slack answered ${error.statusCode}` }
  }
  if (error instanceof WebAPIPlatformError) {
    const { error: code } = error.data
    // The library gives a body that is not JSON as the code: a proxy's page, or a truncated answer.
    if (!CODE.test(code)) return { failure: 'unknown', detail: 'Slack gave an unreadable answer' }
    if (code === 'ratelimited' || code === 'rate_limited') return { failure: 'rate limited', afterMs: 30_000 }
    if (UNCLEAR.includes(code)) return { failure: 'unknown', detail: `Slack answered ${code}` }
    const messages = error.data.response_metadata?.messages ?? []
    return { failure: 'refused', error: code, messages, ...defined({ needed: scopesNeeded(error.data) }) }
  }
  return { failure: 'unknown', detail: error instanceof Error ? error.name : 'no answer' }
}

/** Slack names the scopes beside `missing_scope`. */
function scopesNeeded(answer: object): string | undefined {
  const needed = 'needed' in answer ? answer.needed : undefined
  return typeof needed === 'string' && /^[a-z:._,-]{1,200}$/.test(needed) ? needed : undefined
}

export type SlackAnswer<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & SlackError)

/** Runs one call, and returns a thrown error as a `SlackError`. */
export async function ask<T>(call: () => Promise<T>): Promise<SlackAnswer<T>> {
  try {
    return { ok: true, value: await call() }
  } catch (error) {
    return { ok: false, ...toSlackError(error) }
  }
}
