/** Reads the environment variables of a role. Collects problems, and never shows a value. */
import { resolve } from 'node:path'
import { defined } from '../lib/defined.ts'
import { apiUrl } from './addresses.ts'
import { secretsIn } from './secrets.ts'

export type Role = 'all' | 'bot' | 'worker'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Has exactly one of `appToken` (Socket Mode) and `signingSecret` (HTTP mode). */
export interface BotSettings {
  readonly token: string
  readonly appToken?: string
  readonly signingSecret?: string
  /** Ends with a slash. */
  readonly apiUrl: string
}

/**
 * An access token (Bearer; git user `x-token-auth`), or a user's API token (Basic with the e-mail; git user
 * `x-bitbucket-api-token-auth`).
 */
export type BitbucketCredentials = { readonly token: string } | { readonly email: string; readonly apiToken: string }

export interface WorkerSettings {
  /** `apiUrl` has no trailing slash. */
  readonly bitbucket: { readonly credentials: BitbucketCredentials; readonly apiUrl: string }
  /** Present when HEROKU_API_KEY is set, which an environment with the platform heroku requires. */
  readonly heroku?: { readonly apiKey: string; readonly apiUrl: string }
}

export interface Variables {
  /** Present for the roles bot and all. */
  readonly bot?: BotSettings
  /** Present for the roles worker and all. */
  readonly worker?: WorkerSettings
  readonly port: number
  /** Where health and metrics are; absent: at `port`. */
  readonly healthPort?: number
  /** Absent: the embedded Postgres under `dataDir`. */
  readonly storeUrl?: string
  /** Absolute. */
  readonly dataDir: string
  /** Absolute. */
  readonly releasesFile: string
  readonly logLevel: LogLevel
  readonly secrets: readonly string[]
  readonly problems: readonly string[]
  /** What works otherwise than it was probably meant. */
  readonly warnings: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

export function readVariables(env: Env, cwd: string, role: Role): Variables {
  const problems: string[] = []
  const read = reader(env, problems)
  const bot = role === 'worker' ? undefined : botSettings(read, problems)
  const worker = role === 'bot' ? undefined : workerSettings(read, problems)
  const storeUrl = readStoreUrl(read, role, problems)
  return {
    ...defined({ bot, worker, storeUrl }),
    ...readPorts(read, problems),
    dataDir: resolve(cwd, read('DATA_DIR') ?? './data'),
    releasesFile: resolve(cwd, read('RELEASES_FILE') ?? './releases.yml'),
    logLevel: readLogLevel(read, problems),
    secrets: secretsOf(read),
    problems,
    warnings: bot === undefined ? [] : warningsOf(read),
  }
}

/** The path of `releases.yml`, for commands that need no other variable. */
export function releasesFileIn(env: Env, cwd: string): string {
  return resolve(cwd, reader(env, [])('RELEASES_FILE') ?? './releases.yml')
}

/** Where the store is, for commands that need nothing else. Reports the same problems and secrets as `readVariables`. */
export function readStoreLocation(
  env: Env,
  cwd: string,
): Pick<Variables, 'storeUrl' | 'dataDir' | 'secrets' | 'problems'> {
  const problems: string[] = []
  const read = reader(env, problems)
  const storeUrl = readStoreUrl(read, 'all', problems)
  return {
    ...defined({ storeUrl }),
    dataDir: resolve(cwd, read('DATA_DIR') ?? './data'),
    secrets: secretsOf(read),
    problems,
  }
}

/** An empty variable counts as not set. With a shape, a value that does not match adds a problem. */
type Read = (name: string, shape?: { readonly pattern: RegExp; readonly message: string }) => string | undefined

function reader(env: Env, problems: string[]): Read {
  return (name, shape) => {
    const value = env[name]?.trim()
    if (value === undefined || value === '') return undefined
    if (shape !== undefined && !shape.pattern.test(value)) problems.push(`${name} ${shape.message}`)
    return value
  }
}

const ONE_WORD = { pattern: /^[!-~]+$/, message: 'must be one word of plain characters, without quotes or white space' }

function botSettings(read: Read, problems: string[]): BotSettings | undefined {
  const token = read('SLACK_BOT_TOKEN', { pattern: /^xoxb-[!-~]+$/, message: "must be the bot's token: xoxb-…" })
  const appToken = read('SLACK_APP_TOKEN', { pattern: /^xapp-[!-~]+$/, message: 'must be an app-level token: xapp-…' })
  const signingSecret = appToken === undefined ? read('SLACK_SIGNING_SECRET', ONE_WORD) : undefined
  const address = readApiUrl(read, problems, 'SLACK_API_URL', 'https://slack.com/api/', SLACK_HOSTS)
  if (token === undefined) problems.push("SLACK_BOT_TOKEN is missing: the bot's token, xoxb-…")
  if (appToken === undefined && signingSecret === undefined) {
    problems.push('SLACK_APP_TOKEN (for Socket Mode) or SLACK_SIGNING_SECRET (for HTTP mode) is missing')
  }
  if (token === undefined || address === undefined) return undefined
  return {
    token,
    ...defined({ appToken, signingSecret }),
    apiUrl: `${address}/`,
  }
}

function warningsOf(read: Read): readonly string[] {
  const secret = read('SLACK_SIGNING_SECRET')
  if (secret === undefined) return []
  if (read('SLACK_APP_TOKEN') !== undefined) {
    return [
      'SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: Signoff uses Socket Mode, and ignores SLACK_SIGNING_SECRET. Remove the one that you do not use',
    ]
  }
  return /^x(?:ox[a-z]|app)-/.test(secret)
    ? [
        'SLACK_SIGNING_SECRET looks like a token, so every request from Slack would be refused. The signing secret is on the page Basic Information of the Slack app: 32 hexadecimal digits',
      ]
    : []
}

const SLACK_HOSTS = ['slack.com', '.slack.com', 'slack-gov.com', '.slack-gov.com']

function workerSettings(read: Read, problems: string[]): WorkerSettings | undefined {
  const credentials = bitbucketCredentials(read, problems)
  const bitbucketUrl = readApiUrl(read, problems, 'BITBUCKET_API_URL', 'https://api.bitbucket.org/2.0', [
    'api.bitbucket.org',
  ])
  const apiKey = read('HEROKU_API_KEY', ONE_WORD)
  const herokuUrl = readApiUrl(read, problems, 'HEROKU_API_URL', 'https://api.heroku.com', ['api.heroku.com'])
  if (credentials === undefined || bitbucketUrl === undefined || herokuUrl === undefined) return undefined
  return {
    bitbucket: { credentials, apiUrl: bitbucketUrl },
    ...defined({ heroku: apiKey === undefined ? undefined : { apiKey, apiUrl: herokuUrl } }),
  }
}

function bitbucketCredentials(read: Read, problems: string[]): BitbucketCredentials | undefined {
  const token = read('BITBUCKET_TOKEN', ONE_WORD)
  const email = read('BITBUCKET_EMAIL', { pattern: /^[^\s:@]+@[^\s:@]+$/, message: 'must be an e-mail address' })
  const apiToken = read('BITBUCKET_API_TOKEN', ONE_WORD)
  if (token !== undefined && (email !== undefined || apiToken !== undefined)) {
    problems.push('BITBUCKET_TOKEN and BITBUCKET_EMAIL with BITBUCKET_API_TOKEN are alternatives; set only one of them')
    return undefined
  }
  if (token !== undefined) return { token }
  if (email !== undefined && apiToken !== undefined) return { email, apiToken }
  if (email !== undefined) problems.push('BITBUCKET_API_TOKEN is missing: it goes with BITBUCKET_EMAIL')
  else if (apiToken !== undefined) problems.push('BITBUCKET_EMAIL is missing: it goes with BITBUCKET_API_TOKEN')
  else problems.push('BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, is missing')
  return undefined
}

function readStoreUrl(read: Read, role: Role, problems: string[]): string | undefined {
  const storeUrl = read('STORE_URL')
  if (storeUrl === undefined) {
    if (role !== 'all') {
      problems.push(
        `STORE_URL is missing: --role ${role} shares a Postgres with the other role; only --role all can use the embedded one`,
      )
    }
    return undefined
  }
  if (!/^postgres(ql)?:\/\//.test(storeUrl) || !URL.canParse(storeUrl)) {
    problems.push('STORE_URL must be a Postgres URL: postgres://user:password@host:5432/name')
  }
  return storeUrl
}

function readPorts(read: Read, problems: string[]): Pick<Variables, 'port' | 'healthPort'> {
  const port = readPort(read, problems, 'PORT') ?? 3000
  const healthPort = readPort(read, problems, 'HEALTH_PORT')
  // 0 takes a free port for each.
  if (healthPort === port && port !== 0) problems.push('HEALTH_PORT must differ from PORT')
  return { port, ...defined({ healthPort }) }
}

function readPort(read: Read, problems: string[], name: 'PORT' | 'HEALTH_PORT'): number | undefined {
  const written = read(name)
  if (written === undefined) return undefined
  const port = /^[0-9]{1,5}$/.test(written) ? Number(written) : Number.NaN
  if (port <= 65_535) return port
  problems.push(`${name} must be a number from 0 to 65535`)
  return undefined
}

function readLogLevel(read: Read, problems: string[]): LogLevel {
  const written = read('LOG_LEVEL')
  if (written === undefined) return 'info'
  const level = LOG_LEVELS.find((known) => known === written)
  if (level === undefined) problems.push(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`)
  return level ?? 'info'
}

function readApiUrl(
  read: Read,
  problems: string[],
  name: string,
  standard: string,
  hosts: readonly string[],
): string | undefined {
  const answer = apiUrl(read(name) ?? standard, hosts)
  if (answer.ok) return answer.url
  problems.push(`${name} ${answer.problem}`)
  return undefined
}

/** Includes those of the other role, because this process could leak them too. */
function secretsOf(read: Read): readonly string[] {
  const tokens = [
    'SLACK_BOT_TOKEN',
    'SLACK_APP_TOKEN',
    'SLACK_SIGNING_SECRET',
    'BITBUCKET_TOKEN',
    'BITBUCKET_API_TOKEN',
    'HEROKU_API_KEY',
  ].flatMap((name) => read(name) ?? [])
  const storeUrl = read('STORE_URL')
  return [...tokens, ...(storeUrl === undefined ? [] : secretsIn('STORE_URL', storeUrl))]
}
