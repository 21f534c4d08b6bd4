import {
  type Logger,
  type LogLevel,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebClient,
} from '@slack/web-api'

/** Slack's answer in our terms. `unknown`: no answer, or one that leaves open whether the call took effect. */
export type SlackError =
  | { readonly failure: 'rate limited'; readonly afterMs: number }
  | { readonly failure: 'refused'; readonly error: string; readonly messages: readonly string[] }
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

/**
 * Two clients, so that a modal never waits behind a message. Neither retries, because Slack's calls are not safe to
 * repeat: the client's own retry posts twice when an answer is lost. The outbox decides instead.
 */
export function createSlackClients({
  token,
  apiUrl,
  called = () => undefined,
}: {
  token: string
  apiUrl: string
  /** Called with each call's method and outcome, for metrics. */
  called?: (method: string, outcome: 'ok' | SlackError['failure']) => void
}): { interactive: WebClient; background: WebClient } {
  const common = {
    slackApiUrl: apiUrl,
    allowAbsoluteUrls: false,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: QUIET,
  }
  return {
    interactive: counted(new WebClient(token, { ...common, timeout: 2_500 }), called),
    background: counted(new WebClient(token, { ...common, timeout: 10_000 }), called),
  }
}

function counted(
  client: WebClient,
  called: (method: string, outcome: 'ok' | SlackError['failure']) => void,
): WebClient {
  const call = client.apiCall.bind(client)
  client.apiCall = async (method, options) => {
    try {
      const result = await call(method, options)
      called(method, 'ok')
      return result
    } catch (error) {
      called(method, toSlackError(error).failure)
      throw error
    }
  }
  return client
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
    return { failure: 'refused', error: code, messages: error.data.response_metadata?.messages ?? [] }
  }
  return { failure: 'unknown', detail: error instanceof Error ? error.name : 'no answer' }
}

/** Runs one call, and returns a thrown error as a `SlackError`. */
export async function ask<T>(call: () => Promise<T>): Promise<{ ok: true; value: T } | ({ ok: false } & SlackError)> {
  try {
    return { ok: true, value: await call() }
  } catch (error) {
    return { ok: false, ...toSlackError(error) }
  }
}
