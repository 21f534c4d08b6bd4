/** Slack: tokens, scopes, channels and user groups. */
import { parse } from 'yaml'
import { defined } from '../../../lib/defined.ts'
import { groupsOf } from '../../../release/policy.ts'
import type { Answer } from '../../../release/ports/answers.ts'
import type { Directory } from '../../../release/ports/directory.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Check, type Finding, fail, pass, warn } from '../doctor.ts'
import { clockCheck } from './host.ts'

/** What Slack returns for a bot token. */
export interface SlackIdentity {
  /** The workspace's name, for people. */
  readonly team: string
  /** The workspace's id, which its members carry. */
  readonly teamId: string
  readonly bot: string
  /** Absent when Slack does not return them. */
  readonly scopes?: readonly string[]
  /** This clock minus Slack's, to about a second. Absent when Slack does not return its time. */
  readonly skewMs?: number
}

export interface SlackProbe {
  /** Calls auth.test once, and returns its answer from then on. */
  identity(): Promise<Answer<SlackIdentity>>
  /** Whether Slack gives a Socket Mode connection. Undefined in HTTP mode. */
  socket(): Promise<Answer<void> | undefined>
}

const SLACK_LIMIT_MS = 10_000
const REFUSED_ERRORS = [
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'not_allowed_token_type',
]

/**
 * Calls Slack's Web API with the tokens in headers only. `apiUrl` ends with a slash. Never throws. Answers hold neither a
 * token nor a URL that grants access.
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
    const error = typeof answer.body.error === 'string' ? answer.body.error : `HTTP ${answer.status}`
    return { ok: false, failure: REFUSED_ERRORS.includes(error) ? 'refused' : 'wrong', detail: error }
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
        teamId: String(answer.body.team_id ?? ''),
        bot: String(answer.body.user ?? ''),
        ...defined({ scopes: scopes?.split(',').map((scope) => scope.trim()) }),
        // The header has whole seconds, so on average it is half a second behind.
        ...defined({ skewMs: Number.isNaN(date) ? undefined : now - (date + 500) }),
      },
    }
  }

  let answer: Promise<Answer<SlackIdentity>> | undefined
  return {
    identity() {
      answer ??= identity()
      return answer
    },
    async socket() {
      if (settings.appToken === undefined) return undefined
      const answer = await call('apps.connections.open', settings.appToken)
      return answer?.body.ok === true ? { ok: true, value: undefined } : failure(answer)
    },
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The bot scopes in `manifest.yml`. Throws when the text has none. */
export function scopesOf(manifestYaml: string): readonly string[] {
  const manifest: unknown = parse(manifestYaml)
  const config = isObject(manifest) ? manifest.oauth_config : undefined
  const scopes = isObject(config) && isObject(config.scopes) ? config.scopes.bot : undefined
  if (!Array.isArray(scopes)) throw new Error('The manifest has no bot scopes.')
  return scopes.map(String)
}

/** An app that was made from an older manifest works without them. */
const OPTIONAL: readonly string[] = ['im:history']

/** Checks the bot's token, its scopes against the wanted ones, the token of Socket Mode, and the clock. */
export function slackChecks(slack: SlackProbe, wanted: readonly string[]): readonly Check[] {
  return [
    {
      name: 'Slack',
      async run() {
        const answer = await slack.identity()
        if (answer.ok) return pass(`@${answer.value.bot} in ${answer.value.team}`)
        return failureFinding(answer, 'SLACK_BOT_TOKEN')
      },
    },
    {
      name: 'Slack scopes',
      async run() {
        const answer = await slack.identity()
        if (!answer.ok) return warn('unknown, because Slack does not accept the token', 'see the check of Slack')
        const held = answer.value.scopes
        if (held === undefined) return warn('Slack does not return them', 'compare them with manifest.yml yourself')
        const missing = wanted.filter((scope) => !held.includes(scope))
        const more = held.filter((scope) => scope !== '' && !wanted.includes(scope))
        const optional = missing.filter((scope) => OPTIONAL.includes(scope))
        if (missing.length > optional.length) {
          return fail(`missing: ${missing.join(', ')}`, 'update the app from manifest.yml and reinstall it')
        }
        if (optional.length > 0) {
          const without = 'a direct message whose answer is lost is not sent again'
          return warn(`without ${optional.join(', ')} ${without}`, 'update the app from manifest.yml and reinstall it')
        }
        return more.length > 0
          ? warn(`not used: ${more.join(', ')}`, 'remove them from the app and reinstall it')
          : pass(`exactly the ${wanted.length} that are needed`)
      },
    },
    {
      name: 'Slack Socket Mode',
      async run() {
        const answer = await slack.socket()
        if (answer === undefined) return pass('not used in HTTP mode')
        return answer.ok ? pass('can connect') : failureFinding(answer, 'SLACK_APP_TOKEN')
      },
    },
    clockCheck('Slack', async () => {
      const answer = await slack.identity()
      return answer.ok ? answer.value.skewMs : undefined
    }),
  ]
}

/** Slack tells a bot neither its tabs nor its events: that somebody has opened App Home proves both. */
export function homeCheck(lastOpened: () => Promise<Date | undefined>): Check {
  return {
    name: 'Slack App Home',
    async run() {
      try {
        const at = await lastOpened()
        if (at !== undefined) return pass(`last opened on ${at.toISOString().slice(0, 10)}`)
        return pass(
          'not opened in the last 30 days; if Signoff has no Home tab in Slack, update the app from manifest.yml',
        )
      } catch {
        return warn('unknown, because the store can’t be read', 'see the check of the store')
      }
    },
  }
}

function failureFinding(answer: { failure: string; detail: string }, setting: string) {
  return answer.failure === 'unreachable'
    ? fail(answer.detail, 'check SLACK_API_URL, and that this host can reach it')
    : fail(`Slack returned ${answer.detail}`, `set ${setting} to a valid token`)
}

/** Slack's refusal where there is one: it says what to do, and trying again does not help. */
function noAnswer(refused: string | undefined, otherwise: string, fix: string): Finding {
  if (refused === undefined) return fail(otherwise, fix)
  return fail(`Slack refuses a call (${refused})`, fixOfRefusal(refused))
}

export function fixOfRefusal(refused: string): string {
  return refused.startsWith('missing_scope')
    ? 'update the app from manifest.yml and reinstall it'
    : 'see the check of Slack'
}

/** Checks each channel and each user group of the environments once. */
export function channelAndGroupChecks(
  environments: readonly Environment[],
  directory: Directory,
  botName = 'Signoff',
  refusal: () => string | undefined = () => undefined,
): readonly Check[] {
  const channels = [...new Set(environments.map(({ channel }) => channel))]
  const groups = [...new Set(environments.flatMap(groupsOf))]
  return [
    ...channels.map(
      (channel): Check => ({
        name: `channel ${channel}`,
        async run() {
          const found = await directory.channel(channel)
          if ('id' in found) return pass('the bot is a member')
          switch (found.unreachable) {
            case 'not a member':
              return fail(
                channel.startsWith('#')
                  ? 'the bot is not in it, or there is no such channel'
                  : 'the bot is not a member',
                `type /invite @${botName} in ${channel}, or fix channel in releases.yml`,
              )
            case 'archived':
              return fail('archived', 'unarchive it, or set another channel in releases.yml')
            case 'gone':
              return fail(
                'the bot can see no such channel',
                `fix channel in releases.yml, or type /invite @${botName} in a private channel`,
              )
            case 'Slack did not answer':
              return noAnswer(refusal(), 'Slack did not answer', 'try again')
          }
        },
      }),
    ),
    ...groups.map(
      (handle): Check => ({
        name: `user group ${handle}`,
        async run() {
          const group = await directory.lookUpGroup(handle)
          if (group === undefined)
            return noAnswer(refusal(), 'Slack does not return its members', 'see the check of Slack')
          switch (group.is) {
            case 'missing':
              return fail(
                'there is no such group; it may have been renamed',
                'fix its handle in releases.yml, or create it in Slack',
              )
            case 'disabled':
              return fail('it is disabled', 'enable it in Slack, or name another in releases.yml')
            case 'there': {
              const { length } = group.members
              return length === 0
                ? fail('it has no members', 'add people to it in Slack')
                : pass(`${length} ${length === 1 ? 'member' : 'members'}`)
            }
          }
        },
      }),
    ),
  ]
}
