/**
 * A whole team for feature tests: a Slack workspace with people, Bitbucket, two Heroku apps, two databases, and the real
 * bot and worker against them. Tests act as people do and read what people read.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { type Pace, type Running, startSignoff } from '../../src/cli/start.ts'
import { type Configuration, readConfiguration } from '../../src/config/configuration.ts'
import type { Role } from '../../src/config/variables.ts'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { type Bitbucket, startBitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'
import { type Message, type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { ask, createStoreDatabase, startTestPostgres, type TestDatabase, type TestPostgres } from './postgres.ts'
import { secretsSeen } from './secrets.ts'

const run = promisify(execFile)

export const INTEGRATION = 'complianceai-api-integration'
export const PRODUCTION = 'complianceai-api-production'

/** Short enough for tests; nothing decides by these what happened. */
export const QUICK: Pace = {
  times: { pause: 50, poll: 50 },
  limits: {
    forge: { mergeArrivesWithinMs: 1_500, pushArrivesWithinMs: 1_500 },
    platforms: {
      heroku: { pushArrivesWithinMs: 1_500, releaseAppearsWithinMs: 1_500, confirmedWithinMs: 5_000 },
      git: { pushArrivesWithinMs: 1_500 },
    },
    migrator: { endsWithinMs: 5_000 },
  },
  jobTiming: { pollSeconds: 1, superviseSeconds: 2, retrySeconds: 1 },
  updateEveryMs: 50,
  postEveryMs: 50,
  updatesAMinute: 10_000,
  pingTimeoutMs: 300,
  sweepEveryMs: 300,
}

export interface TeamOptions {
  /** Changes the entry of an environment in releases.yml before the start. */
  readonly production?: (entry: Record<string, unknown>) => void
  readonly integration?: (entry: Record<string, unknown>) => void
  /** Changes the repository before anything is deployed or started. */
  readonly repository?: (repository: AppRepository) => Promise<void>
  readonly pace?: Pace
  /** `apart`: a bot and a worker as two processes' worth of parts, on one store. */
  readonly roles?: 'together' | 'apart'
  readonly mode?: 'socket' | 'http'
  /** Leaves production without a deployed commit and its database empty. */
  readonly firstRelease?: boolean
  readonly progress?: 'lines' | 'plan'
  /** Nobody is started: the test starts roles itself. */
  readonly unstarted?: boolean
}

export interface Team {
  readonly slack: SlackWorkspace
  readonly bitbucket: Bitbucket
  readonly heroku: Heroku
  readonly repository: AppRepository
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  readonly databases: {
    readonly integration: TestDatabase
    readonly production: TestDatabase
    readonly store: TestDatabase
  }
  readonly people: Readonly<Record<'dana' | 'lin' | 'tom' | 'gus', string>>
  /** Every secret of the setting: none may be seen anywhere. */
  readonly secrets: readonly string[]
  /** Everything that the team's bots and workers have logged. */
  readonly logs: string[]
  configuration(role: Role): Configuration
  start(role: Role): Promise<Running>
  running: Running[]
  /** Types a command in #product. */
  command(user: string, text: string): Promise<void>
  /** Presses a button of the newest card that has it, and says yes where it asks; gives what it asked. */
  click(user: string, label: string): Promise<string | undefined>
  /** Fills in the open modal and sends it. */
  submit(user: string, values: Record<string, string | boolean | string[]>): Promise<void>
  /** The newest card in #product. */
  card(): Message | undefined
  /** Waits until a card, or any message of #product, shows this. */
  until(text: string | RegExp, timeoutMs?: number): Promise<void>
  /** Waits until the person has privately read this; gives the words. */
  told(user: string, text: string | RegExp, timeoutMs?: number): Promise<string>
  /** Waits until the release has succeeded and #product has been told. */
  succeeded(number: number): Promise<void>
  /** /deploy production by Dana, QA passed by Lin, Approve by Tom, and waits until it has succeeded. */
  releaseProduction(number: number): Promise<void>
  /** A message as people read it, with plain spaces. */
  words(message: Pick<Message, 'text' | 'blocks'> | undefined): string
  /** The steps that were done in a release, in order, as the record has them. */
  stepsDone(number: number): Promise<readonly string[]>
  /** Everything in #product with its threads, as people read it. */
  transcript(): string
  thread(): readonly string[]
  /** One row of an app's database. */
  revisions(of: 'integration' | 'production'): Promise<readonly string[]>
  query<Row extends object>(sql: string): Promise<readonly Row[]>
  restart(): Promise<void>
  close(): Promise<void>
}

/**
 * Slack's 3 s are proven in stories of their own. Here a machine that is too busy for them once must not end the story: Slack
 * shows its person a warning, and what was pressed has arrived all the same.
 */
const ARRIVED: readonly string[] = ['acknowledged', 'operation_timeout']

let postgres: Promise<TestPostgres> | undefined

/** A database at a revision of the sample application. */
async function databaseAt(
  server: TestPostgres,
  repository: AppRepository,
  commit: string,
  revision: string | undefined,
): Promise<TestDatabase> {
  if (revision === undefined) return server.createDatabase()
  return server.createCopy(`${revision} of ${commit}`, async (url) => {
    const checkout = await mkdtemp(join(tmpdir(), 'signoff-template-'))
    await run('git', ['--git-dir', repository.bare, '--work-tree', checkout, 'checkout', '-q', '-f', commit, '--', '.'])
    const env = { PATH: process.env.PATH ?? '', DATABASE_URL: url }
    await run('alembic', ['-c', 'alembic_users.ini', 'upgrade', revision], { cwd: checkout, env })
    await rm(checkout, { recursive: true, force: true })
  })
}

/** Starts everything. `close` leaves nothing running. */
export async function startTeam(options: TeamOptions = {}): Promise<Team> {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-team-'))
  const slack = await startSlackWorkspace({ scopes: await manifestScopes() })
  const people = {
    dana: slack.addUser({ name: 'dana', realName: 'Dana', email: 'dana@example.test' }).id,
    lin: slack.addUser({ name: 'lin', realName: 'Lin', email: 'lin@example.test' }).id,
    tom: slack.addUser({ name: 'tom', realName: 'Tom', email: 'tom@example.test' }).id,
    gus: slack.addUser({ name: 'gus', realName: 'Gus', email: 'gus@example.test', guest: 'multi' }).id,
  }
  for (const author of ['ada', 'ben', 'chi']) slack.addUser({ name: author, email: `${author}@example.test` })
  slack.addGroup({ handle: 'release-approvers', users: [people.tom, people.dana] })
  slack.addChannel({ name: 'product' })

  const bitbucket = await startBitbucket({
    repository: 'jurispect/jurispect_api',
    directory: join(directory, 'bitbucket'),
  })
  const repository = await createAppRepository({ bare: bitbucket.bare })
  await options.repository?.(repository)
  const heroku = await startHeroku({ directory: join(directory, 'heroku'), apps: [INTEGRATION, PRODUCTION] })
  const production = await repository.head('production')
  const merged = (await run('git', ['--git-dir', repository.bare, 'rev-parse', `${production}^2`])).stdout.trim()
  await heroku.pushBehind(INTEGRATION, merged, repository.bare)
  if (!options.firstRelease) await heroku.pushBehind(PRODUCTION, production, repository.bare)

  const revision = await repository.headRevision('production')
  postgres ??= startTestPostgres()
  const server = await postgres
  const databases = {
    integration: await databaseAt(server, repository, production, revision),
    production: await databaseAt(server, repository, production, options.firstRelease ? undefined : revision),
    store: await createStoreDatabase(server),
  }

  const env = {
    SLACK_BOT_TOKEN: slack.botToken,
    ...(options.mode === 'http' ? { SLACK_SIGNING_SECRET: slack.signingSecret } : { SLACK_APP_TOKEN: slack.appToken }),
    SLACK_API_URL: slack.apiUrl,
    PORT: '0',
    STORE_URL: databases.store.url,
    DATA_DIR: join(directory, 'data'),
    RELEASES_FILE: join(directory, 'releases.yml'),
    BITBUCKET_TOKEN: bitbucket.token,
    BITBUCKET_API_URL: bitbucket.apiUrl,
    HEROKU_API_KEY: heroku.apiKey,
    HEROKU_API_URL: heroku.apiUrl,
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'trace',
  }
  await mkdir(env.DATA_DIR)
  for (const name of ['integration', 'production'] as const) {
    const variables = `DATABASE_URL="${databases[name].url}"\nPGSSLMODE=disable\n`
    await writeFile(join(directory, `.env_${name}`), variables, { mode: 0o600 })
  }
  await writeFile(env.RELEASES_FILE, JSON.stringify(releasesFile(bitbucket, heroku, options)))

  const running: Running[] = []
  /** A busy machine may make the bot renew its socket: people at a real Slack would press again. */
  const connected = () =>
    slack.waitFor(() => options.mode === 'http' || slack.sockets > 0, {
      what: 'the bot at its socket',
      timeoutMs: 20_000,
    })
  const team: Team = {
    slack,
    bitbucket,
    heroku,
    repository,
    directory,
    env,
    databases,
    people,
    secrets: [
      ...[slack.botToken, slack.appToken, slack.signingSecret, bitbucket.token, heroku.apiKey],
      ...Object.values(databases).map(({ url }) => decodeURIComponent(new URL(url).password)),
    ],
    logs: [],
    running,
    configuration(role) {
      const read = readConfiguration({ env, cwd: directory, role })
      if (!read.ok) throw new Error(read.problems.join('\n'))
      return read.configuration
    },
    async start(role) {
      const pace = { ...QUICK, ...options.pace, times: { ...QUICK.times, ...options.pace?.times } }
      const started = await startSignoff(team.configuration(role), pace, {
        write(line) {
          team.logs.push(line)
          if (process.env.TEST_LOG_LEVEL !== undefined) process.stdout.write(line)
        },
      })
      running.push(started)
      if (options.mode === 'http' && role !== 'worker') slack.useHttp(`http://127.0.0.1:${started.port}/slack/events`)
      return started
    },
    async command(user, text) {
      const [command = '', ...rest] = text.split(' ')
      await connected()
      const seen = await slack.command({ user, channel: 'product', command, text: rest.join(' ') })
      if (!ARRIVED.includes(seen.seen)) throw new Error(`${text} was not acknowledged: ${seen.seen} ${seen.why ?? ''}`)
    },
    async click(user, label) {
      await connected()
      const message = await slack.waitFor(() => cards(slack).findLast((each) => hasButton(each, label)), {
        what: `a card with the button ${label}`,
        timeoutMs: 20_000,
      })
      const seen = await slack.click({ user, channel: 'product', ts: message.ts, label })
      if (!ARRIVED.includes(seen.seen)) throw new Error(`${label} was not acknowledged: ${seen.seen} ${seen.why ?? ''}`)
      const asked = seen.confirmation?.text as { text?: string } | undefined
      return asked?.text?.replaceAll('\u00a0', ' ')
    },
    async submit(user, values) {
      await connected()
      const view = await slack.waitFor(() => slack.openView(user), { what: `a modal for ${user}` })
      const seen = await slack.submit({ user, view, values })
      if (seen.seen !== 'acknowledged') throw new Error(`the modal was ${seen.seen}: ${JSON.stringify(seen.errors)}`)
    },
    card: () => cards(slack).at(-1),
    async until(text, timeoutMs = 30_000) {
      const found = () =>
        slack.messages('product').some((message) => matches(`${slack.plainText(message)}\n${message.text}`, text))
      await slack.waitFor(found, { what: `“${text}” in #product`, timeoutMs, channel: 'product' })
    },
    async told(user, text, timeoutMs = 30_000) {
      const read = () =>
        [...slack.ephemerals(user), ...slack.directMessages(user)].map((message) => slack.plainText(message))
      return slack.waitFor(() => read().findLast((words) => matches(words, text)), {
        what: `${user} being told “${text}”, not ${JSON.stringify(read())}`,
        timeoutMs,
      })
    },
    async succeeded(number) {
      const says = new RegExp(`#${number}\\b.* succeeded`)
      const isTold = ({ isBroadcast, text }: Message) => isBroadcast && says.test(text)
      const what = `#product being told that release #${number} succeeded`
      await slack.waitFor(() => slack.messages('product').some(isTold), { what, timeoutMs: 30_000, channel: 'product' })
    },
    words: (message) => slack.plainText(message ?? { blocks: [] }).replaceAll('\u00a0', ' '),
    async releaseProduction(number) {
      await team.command(people.dana, '/deploy production')
      await team.until(new RegExp(`Release #${number}: api → production\\s+:\\w+: \\*Awaiting sign-off`))
      await team.click(people.lin, 'QA passed')
      await team.click(people.tom, 'Approve')
      await team.succeeded(number)
    },
    async stepsDone(number) {
      const rows = await ask<{ step: string }>(
        databases.store.url,
        `select body::json->'data'->>'step' as step from event where release = ${number} and type = 'step_done' order by id`,
      )
      return rows.map(({ step }) => step)
    },
    transcript: () => slack.transcript('product'),
    thread() {
      const card = cards(slack).at(-1)
      return card
        ? slack
            .thread('product', card.ts)
            .filter(({ ts }) => ts !== card.ts)
            .map((message) => slack.plainText(message))
        : []
    },
    async revisions(of) {
      const rows = await ask<{ version_num: string }>(databases[of].url, 'select version_num from alembic_version')
      return rows.map(({ version_num }) => version_num)
    },
    query: (sql) => ask(databases.store.url, sql),
    async restart() {
      await Promise.all(running.splice(0).map((each) => each.stop()))
      await startRoles(team, options)
    },
    async close() {
      await Promise.all(running.map((each) => each.stop()))
      const leaks = await secretsSeen(team)
      await Promise.all([slack.close(), bitbucket.close(), heroku.close()])
      await Promise.all(Object.values(databases).map((database) => database.drop()))
      await rm(directory, { recursive: true, force: true })
      // The whole suite holds promise 8: none of the secrets that it plants gets out of any story.
      if (leaks.length > 0) throw new Error(`secrets got out: ${leaks.join('; ')}`)
    },
  }
  if (!options.unstarted) await startRoles(team, options)
  return team
}

/** `TEST_ROLES=apart npx vitest run test/features` tells every story with bot and worker apart. */
const ROLES = process.env.TEST_ROLES === 'apart' ? 'apart' : 'together'

async function startRoles(team: Team, { roles = ROLES }: TeamOptions): Promise<void> {
  if (roles === 'together') {
    await team.start('all')
  } else {
    await team.start('worker')
    await team.start('bot')
  }
}

/** A missing scope in the manifest must fail a test, so the workspace grants exactly those. */
async function manifestScopes(): Promise<string[]> {
  const manifest = parse(await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8')) as {
    oauth_config: { scopes: { bot: string[] } }
  }
  return manifest.oauth_config.scopes.bot
}

function releasesFile(bitbucket: Bitbucket, heroku: Heroku, options: TeamOptions): object {
  const integration: Record<string, unknown> = {
    branch: 'master',
    remote: { name: 'heroku-integration', url: heroku.gitUrl(INTEGRATION), platform: 'heroku', app: INTEGRATION },
    migrations: { config: 'alembic_users.ini', env_file: '.env_integration' },
    channel: '#product',
  }
  const production: Record<string, unknown> = {
    branch: 'production',
    promotes: 'integration',
    remote: { name: 'heroku-production', url: heroku.gitUrl(PRODUCTION), platform: 'heroku', app: PRODUCTION },
    migrations: { config: 'alembic_users.ini', env_file: '.env_production' },
    channel: '#product',
    announce: 'required',
    sign_off: { qa: 1, approvals: 1, approvers: ['@release-approvers'] },
  }
  options.integration?.(integration)
  options.production?.(production)
  const api = {
    repository: 'jurispect/jurispect_api',
    git_url: bitbucket.gitUrl,
    environments: { integration, production },
  }
  return { ...(options.progress && { slack: { progress: options.progress } }), apps: { api } }
}

function cards(slack: SlackWorkspace): Message[] {
  return slack.messages('product').filter(({ blocks }) => (blocks as { type?: string }[])[0]?.type === 'header')
}

function hasButton(message: Message, label: string): boolean {
  return JSON.stringify(message.blocks).includes(`"text":${JSON.stringify(label)}`)
}

function matches(words: string, text: string | RegExp): boolean {
  const plain = words.replaceAll('\u00a0', ' ')
  return typeof text === 'string' ? plain.includes(text) : text.test(plain)
}
