/** The setting of a team: a Slack workspace with people, Bitbucket, two Heroku apps, two databases, and the files of one host. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { Pace } from '../../src/cli/start.ts'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { type Bitbucket, startBitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'
import { type SlackWorkspace, startSlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { createStoreDatabase, startTestPostgres, type TestDatabase, type TestPostgres } from './postgres.ts'

const run = promisify(execFile)

export const INTEGRATION = 'complianceai-api-integration'
export const PRODUCTION = 'complianceai-api-production'

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
  /**
   * Default `off`: each start of the app's code in bubblewrap takes a few programs more. `auto`, as people have it, is for stories
   * about what the app's code may do, what a kill leaves of it, or who reads its processes.
   */
  readonly isolation?: 'auto' | 'off'
  /** Their secrets are variables of the bot: HOOK_1, HOOK_1_OLD, HOOK_2, … */
  readonly webhooks?: readonly {
    readonly url: string
    readonly secrets: readonly string[]
    readonly events?: readonly string[]
  }[]
  /** Where the store is; left out: the server of all tests. */
  readonly storeServer?: TestPostgres
  /** Nobody is started: the test starts roles itself. */
  readonly unstarted?: boolean
}

/** The outside of a team, and where its Signoff finds it. */
export interface Setting {
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
}

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

/** Makes it; for the team to take away again. */
export async function makeSetting(options: TeamOptions): Promise<Setting> {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-team-'))
  const slack = await startSlackWorkspace(await appOfManifest())
  // As a workspace does that they have not come to yet: a message with one must come without it.
  slack.refuseBlocks(['data_table', 'data_visualization'])
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
    store: await createStoreDatabase(options.storeServer ?? server),
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
    ...Object.fromEntries(webhookVariables(options).flat()),
  }
  await mkdir(env.DATA_DIR)
  for (const name of ['integration', 'production'] as const) {
    const variables = `DATABASE_URL="${databases[name].url}"\nPGSSLMODE=disable\n`
    await writeFile(join(directory, `.env_${name}`), variables, { mode: 0o600 })
  }
  await writeFile(env.RELEASES_FILE, JSON.stringify(releasesFile(bitbucket, heroku, options)))
  const secrets = [
    ...[slack.botToken, slack.appToken, slack.signingSecret, bitbucket.token, heroku.apiKey],
    ...Object.values(databases).map(({ url }) => decodeURIComponent(new URL(url).password)),
    ...webhookVariables(options).flatMap((each) => each.map(([, secret]) => secret)),
  ]
  return { slack, bitbucket, heroku, repository, directory, env, databases, people, secrets }
}

function webhookVariables({ webhooks = [] }: TeamOptions): readonly (readonly (readonly [string, string])[])[] {
  return webhooks.map(({ secrets }, index) =>
    secrets.map((secret, place) => [`HOOK_${index + 1}${place === 0 ? '' : '_OLD'}`, secret] as const),
  )
}

/** A missing scope or event in the manifest must fail a test, so the workspace grants exactly those. */
async function appOfManifest() {
  const manifest = parse(await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8')) as {
    features: { app_home: { home_tab_enabled: boolean } }
    oauth_config: { scopes: { bot: string[] } }
    settings: { event_subscriptions?: { bot_events: string[] } }
  }
  return {
    scopes: manifest.oauth_config.scopes.bot,
    events: manifest.settings.event_subscriptions?.bot_events ?? [],
    hasHomeTab: manifest.features.app_home.home_tab_enabled,
  }
}

function releasesFile(bitbucket: Bitbucket, heroku: Heroku, options: TeamOptions): object {
  const { isolation = 'off' } = options
  const integration: Record<string, unknown> = {
    branch: 'master',
    remote: { name: 'heroku-integration', url: heroku.gitUrl(INTEGRATION), platform: 'heroku', app: INTEGRATION },
    migrations: { config: 'alembic_users.ini', env_file: '.env_integration', isolation },
    channel: '#product',
  }
  const production: Record<string, unknown> = {
    branch: 'production',
    promotes: 'integration',
    remote: { name: 'heroku-production', url: heroku.gitUrl(PRODUCTION), platform: 'heroku', app: PRODUCTION },
    migrations: { config: 'alembic_users.ini', env_file: '.env_production', isolation },
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
  const webhooks = webhookVariables(options).map((variables, index) => {
    const { url, events } = options.webhooks?.[index] ?? {}
    return { url, secret_env: variables.map(([name]) => name), ...(events && { events }) }
  })
  const one = webhooks.map(({ secret_env, ...rest }) => ({
    ...rest,
    secret_env: secret_env.length === 1 ? secret_env[0] : secret_env,
  }))
  return {
    ...(options.progress && { slack: { progress: options.progress } }),
    ...(one.length > 0 && { webhooks: one }),
    apps: { api },
  }
}
