/** A team in a Slack workspace, the outside of its apps, and a real Signoff, as processes of their own, at its usual pace. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type SlackWorkspace, startSlackWorkspace } from '../../../src/sandbox/slack/workspace.ts'
import { ask, createStoreDatabase, type TestDatabase, type TestPostgres } from '../../support/postgres.ts'
import { QUICK } from '../../support/team.ts'
import type { Size } from '../case.ts'
import { closedAtTheEnd } from './closing.ts'
import { MAIN, type Program, QUICK_MAIN, startProgram } from './program.ts'
import { routeToServices } from './router.ts'
import type { Workplace } from './workplace.ts'

export interface StageOptions {
  readonly root: string
  readonly postgres: TestPostgres
  /** `small`: Signoff runs at the pace of tests, whose waits are short. */
  readonly size: Size
  readonly workplaces: readonly Workplace[]
  /** Apps in releases.yml in all; those without a workplace only stand there. */
  readonly apps?: number
  readonly mode?: 'socket' | 'http'
  /** Slack refuses calls beyond its published limits with 429 and Retry-After. */
  readonly limits?: boolean
  /** Gives the address to use in place of a service's own: for proxies in front of them. */
  readonly through?: Through
}

type Through = (address: string) => Promise<string>

export interface Stage {
  readonly slack: SlackWorkspace
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  readonly people: Readonly<Record<'dana' | 'lin' | 'tom', string>>
  readonly store: TestDatabase
  query<Row extends object>(sql: string): Promise<readonly Row[]>
  /** Starts Signoff as `npm start` does. */
  start(role: 'all' | 'bot' | 'worker', options?: StartOptions): Promise<Program>
  /** Ends its Signoffs and takes the stage down; the workplaces stay. */
  close(): Promise<void>
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Options of Node, before the program. */
  readonly node?: readonly string[]
}

export async function startStage(options: StageOptions): Promise<Stage> {
  const {
    root,
    postgres,
    size,
    workplaces,
    mode = 'socket',
    limits = false,
    through = async (address) => address,
  } = options
  const directory = await mkdtemp(join(root, 'stage-'))
  // Where we are root, an embedded Postgres runs as somebody else, who must get by here.
  await chmod(directory, 0o711)
  const slack = await startSlackWorkspace({ scopes: await manifestScopes(), enforceRateLimits: limits })
  const person = (name: string) => slack.addUser({ name, realName: name, email: `${name}@example.test` }).id
  const people = { dana: person('dana'), lin: person('lin'), tom: person('tom') }
  slack.addGroup({ handle: 'release-approvers', users: [people.tom, people.dana] })
  const names = Array.from({ length: options.apps ?? workplaces.length }, (_, at) => workplaces[at]?.name ?? `app${at}`)
  for (const name of names) slack.addChannel({ name: channelOf(name) })
  const router = await routeToServices(workplaces)
  const store = await createStoreDatabase(postgres)
  const [first] = workplaces
  const env: Record<string, string> = {
    HOME: directory,
    SLACK_BOT_TOKEN: slack.botToken,
    ...(mode === 'http' ? { SLACK_SIGNING_SECRET: slack.signingSecret } : { SLACK_APP_TOKEN: slack.appToken }),
    SLACK_API_URL: slack.apiUrl,
    PORT: '0',
    STORE_URL: store.url,
    DATA_DIR: join(directory, 'data'),
    RELEASES_FILE: join(directory, 'releases.yml'),
    BITBUCKET_TOKEN: first?.bitbucket.token ?? 'nothing',
    BITBUCKET_API_URL: await through(router.bitbucketUrl),
    HEROKU_API_KEY: first?.heroku.apiKey ?? 'nothing',
    HEROKU_API_URL: await through(router.herokuUrl),
    LOG_LEVEL: 'info',
  }
  await mkdir(env.DATA_DIR ?? '')
  await writeFile(env.RELEASES_FILE ?? '', JSON.stringify(await releasesFile(names, workplaces, through)))
  const started: Program[] = []
  const close = closedAtTheEnd(async () => {
    await Promise.all(started.map((each) => each.stop()))
    await Promise.all([slack.close(), router.close()])
    await store.drop()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  return {
    slack,
    directory,
    env,
    people,
    store,
    query: (sql) => ask(store.url, sql),
    async start(role, { env: more = {}, node = [] } = {}) {
      const signoff = size === 'small' ? [QUICK_MAIN, role, JSON.stringify(QUICK)] : [MAIN, 'start', '--role', role]
      const program = await startProgram([...node, ...signoff], {
        ready: '"msg":"started"',
        cwd: directory,
        env: { ...env, ...(role === 'worker' && { DATA_DIR: join(directory, `data-${started.length}`) }), ...more },
      })
      started.push(program)
      if (mode === 'http' && role !== 'worker') slack.useHttp(requestUrl(program))
      return program
    },
    close,
  }
}

/** Where a Signoff in HTTP mode takes Slack's requests. */
export function requestUrl(program: Program): string {
  const port = /"port":(\d+),.*"msg":"started"/.exec(program.output())?.[1]
  if (port === undefined) throw new Error(`it does not say its port:\n${program.output()}`)
  return `http://127.0.0.1:${port}/slack/events`
}

/** Each app has a channel of its own. */
export const channelOf = (app: string) => `releases-of-${app}`

async function manifestScopes(): Promise<string[]> {
  const manifest = parse(await readFile(new URL('../../../manifest.yml', import.meta.url), 'utf8')) as {
    oauth_config: { scopes: { bot: string[] } }
  }
  return manifest.oauth_config.scopes.bot
}

async function releasesFile(
  names: readonly string[],
  workplaces: readonly Workplace[],
  through: Through,
): Promise<object> {
  const apps: Record<string, object> = {}
  for (const [at, name] of names.entries()) apps[name] = await appEntry(name, workplaces[at], through)
  return { apps }
}

/** Production with all that it can have; an app without a workplace has addresses that nobody asks. */
async function appEntry(name: string, workplace: Workplace | undefined, through: Through): Promise<object> {
  const remote = async (environment: 'integration' | 'production') => {
    const app = workplace?.herokuApps[environment] ?? `${name}-${environment}`
    const url = workplace ? await through(workplace.heroku.gitUrl(app)) : `https://git.heroku.com/${app}.git`
    return { name: `heroku-${environment}`, url, platform: 'heroku', app }
  }
  const channel = `#${channelOf(name)}`
  const envFile = workplace && join(workplace.directory, '.env_production')
  const production = {
    branch: 'production',
    promotes: 'integration',
    remote: await remote('production'),
    ...(envFile && { migrations: { config: 'alembic_users.ini', env_file: envFile, talk_it_over: [] } }),
    channel,
    announce: 'required',
    sign_off: { qa: 1, approvals: 1, approvers: ['@release-approvers'] },
  }
  const integration = { branch: 'master', remote: await remote('integration'), channel }
  return {
    repository: `team/${name}`,
    ...(workplace && { git_url: await through(workplace.bitbucket.gitUrl) }),
    environments: { integration, production },
  }
}
