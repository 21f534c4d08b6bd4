/** Slack: tokens, scopes, channels and user groups. */
import { parse } from 'yaml'
import { defined } from '../../../lib/defined.ts'
import { groupsOf } from '../../../release/policy.ts'
import type { Answer } from '../../../release/ports/answers.ts'
import type { Directory } from '../../../release/ports/directory.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Check, good, odd, wrong } from '../doctor.ts'
import { clockCheck } from './host.ts'

/** What Slack says of a bot token. */
export interface SlackIdentity {
  readonly team: string
  readonly bot: string
  /** Absent when Slack does not tell them. */
  readonly scopes?: readonly string[]
  /** Our clock less Slack's, to about a second; absent when Slack does not tell its time. */
  readonly skewMs?: number
}

export interface SlackProbe {
  /** auth.test; asked once, however often it is called. */
  identity(): Promise<Answer<SlackIdentity>>
  /** Whether Socket Mode would get a connection; undefined in HTTP mode. */
  socket(): Promise<Answer<void> | undefined>
}

const SLACK_LIMIT_MS = 10_000
const REFUSED = [
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'not_allowed_token_type',
]

/**
 * Asks Slack by its Web API, with the tokens in headers only. `apiUrl` ends with a slash. Never throws; what it gives
 * holds neither a token nor an address that is one.
 */
export function createSlackProbe(settings: {
  readonly token: string
  readonly appToken?: string
  readonly apiUrl: string
}): SlackProbe {
  const call = async (method: string, token: string) => {
    try {
      const response = await fetch(new URL(method, settings.apiUrl), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
        redirect: 'error',
        signal: AbortSignal.timeout(SLACK_LIMIT_MS),
      })
      const body: unknown = await response.json().catch(() => undefined)
      return { headers: response.headers, status: response.status, body: isObject(body) ? body : {} }
    } catch {
      return undefined
    }
  }
  const failure = (answer: Awaited<ReturnType<typeof call>>): Answer<never> => {
    if (answer === undefined) return { ok: false, failure: 'unreachable', detail: 'Slack does not answer' }
    const said = typeof answer.body.error === 'string' ? answer.body.error : `HTTP ${answer.status}`
    return { ok: false, failure: REFUSED.includes(said) ? 'refused' : 'wrong', detail: said }
  }

  const identity = async (): Promise<Answer<SlackIdentity>> => {
    const before = Date.now()
    const answer = await call('auth.test', settings.token)
    const now = (before + Date.now()) / 2
    if (answer?.body.ok !== true) return failure(answer)
    const scopes = answer.headers.get('x-oauth-scopes')
    const date = Date.parse(answer.headers.get('date') ?? '')
    return {
      ok: true,
      value: {
        team: String(answer.body.team ?? ''),
        bot: String(answer.body.user ?? ''),
        ...defined({ scopes: scopes?.split(',').map((scope) => scope.trim()) }),
        // The header counts whole seconds; it is half a second behind on the average.
        ...(Number.isNaN(date) ? {} : { skewMs: now - (date + 500) }),
      },
    }
  }

  let asked: Promise<Answer<SlackIdentity>> | undefined
  return {
    identity() {
      asked ??= identity()
      return asked
    },
    async socket() {
      if (settings.appToken === undefined) return undefined
      const answer = await call('apps.connections.open', settings.appToken)
      return answer?.body.ok === true ? { ok: true, value: undefined } : failure(answer)
    },
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The bot scopes that `manifest.yml` asks for. Throws when the text is not a manifest with scopes. */
export function scopesOf(manifestYaml: string): readonly string[] {
  const manifest: unknown = parse(manifestYaml)
  const config = isObject(manifest) ? manifest.oauth_config : undefined
  const scopes = isObject(config) && isObject(config.scopes) ? config.scopes.bot : undefined
  if (!Array.isArray(scopes)) throw new Error('The manifest names no bot scopes.')
  return scopes.map(String)
}

/** The bot's token, its scopes against those that are wanted, Socket Mode's token, and the clock. */
export function slackChecks(slack: SlackProbe, wanted: readonly string[]): readonly Check[] {
  return [
    {
      name: 'Slack',
      async look() {
        const answer = await slack.identity()
        if (answer.ok) return good(`@${answer.value.bot} in ${answer.value.team}`)
        return notGiven(answer, 'SLACK_BOT_TOKEN')
      },
    },
    {
      name: 'Slack scopes',
      async look() {
        const answer = await slack.identity()
        if (!answer.ok) return odd('not known, since the token was not accepted', 'see the check of Slack')
        const held = answer.value.scopes
        if (held === undefined) return odd('Slack does not tell them', 'compare them with manifest.yml by eye')
        const missing = wanted.filter((scope) => !held.includes(scope))
        const more = held.filter((scope) => scope !== '' && !wanted.includes(scope))
        if (missing.length > 0) {
          return wrong(`missing: ${missing.join(', ')}`, 'update the app from manifest.yml and install it again')
        }
        return more.length > 0
          ? odd(`more than are used: ${more.join(', ')}`, 'take them out of the app and install it again')
          : good(`all ${wanted.length}, and no more`)
      },
    },
    {
      name: 'Slack Socket Mode',
      async look() {
        const answer = await slack.socket()
        if (answer === undefined) return good('not used: HTTP mode')
        return answer.ok ? good('a connection is given') : notGiven(answer, 'SLACK_APP_TOKEN')
      },
    },
    clockCheck('Slack', async () => {
      const answer = await slack.identity()
      return answer.ok ? answer.value.skewMs : undefined
    }),
  ]
}

function notGiven(answer: { failure: string; detail: string }, setting: string) {
  return answer.failure === 'unreachable'
    ? wrong(answer.detail, 'see SLACK_API_URL and whether this host reaches it')
    : wrong(`Slack says ${answer.detail}`, `put a valid token into ${setting}`)
}

/** Each channel and each user group of the environments, once. */
export function placesChecks(environments: readonly Environment[], directory: Directory): readonly Check[] {
  const channels = [...new Set(environments.map(({ channel }) => channel))]
  const groups = [...new Set(environments.flatMap(groupsOf))]
  return [
    ...channels.map(
      (channel): Check => ({
        name: `channel ${channel}`,
        async look() {
          const found = await directory.channel(channel)
          if ('id' in found) return good('the bot is a member')
          switch (found.unreachable) {
            case 'not a member':
              return wrong('the bot is not a member', `write /invite @Signoff in ${channel}`)
            case 'archived':
              return wrong('it is archived', 'unarchive it, or name another one in releases.yml')
            case 'gone':
              return wrong(
                'there is none that the bot can see',
                'mend channel in releases.yml; for a private one use /invite',
              )
            case 'Slack did not answer':
              return wrong('Slack did not answer', 'try again')
          }
        },
      }),
    ),
    ...groups.map(
      (handle): Check => ({
        name: `user group ${handle}`,
        async look() {
          const members = await directory.groupMembers(handle)
          if (members === undefined) return wrong('Slack does not tell who is in it', 'see the check of Slack')
          return members.length === 0
            ? wrong('there is none, or nobody is in it', 'create it, add people to it, or mend releases.yml')
            : good(`${members.length} ${members.length === 1 ? 'member' : 'members'}`)
        },
      }),
    ),
  ]
}
