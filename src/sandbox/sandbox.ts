import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { getCompileCacheDir } from 'node:module'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { type AppRepository, createAppRepository } from './app-repository.ts'
import { git, gitEnvironment } from './bare-git.ts'
import { type Bitbucket, startBitbucket } from './bitbucket/bitbucket.ts'
import { openClock, type SandboxClock } from './clock.ts'
import { type Databases, openDatabases, type PostgresServer } from './databases.ts'
import { createFaultInjector, type FaultInjector } from './faults.ts'
import { type Heroku, startHeroku } from './heroku/heroku.ts'
import { findMigrationProgram, type MigrationProgram, migrate } from './migrations.ts'
import { addPeople } from './people.ts'
import { takePlace } from './place.ts'
import { envFileName, releasesFile, type Variations } from './releases-file.ts'
import { MIGRATION_NAMES, type MigrationName } from './sample-app.ts'
import { createService, type RoleCommand, type RoleName, type Service } from './service.ts'
import { type SlackWorkspace, startSlackWorkspace } from './slack/workspace.ts'
import { APPS, createSystemsReader } from './systems.ts'
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.ts'
import { openPullRequests } from './work.ts'

/** The variable of the bot with the secret of webhooks. */
const WEBHOOK_SECRET = 'SANDBOX_WEBHOOK_SECRET'

export const REPOSITORY = 'jurispect/jurispect_api'

export type SandboxOptions = Variations & {
  /** Holds all state. A start with the same directory continues with that state. */
  directory: string
  /** The stand-ins and the receiver of webhooks use the four ports after it; 0 takes any free ports. */
  port: number
  startPostgres: (dataDir: string) => Promise<PostgresServer>
  command: (role: RoleName) => RoleCommand
  /** How migrations run. Default: alembic if this machine has it. */
  migrations?: MigrationProgram['kind']
}

export type Sandbox = {
  directory: string
  slack: SlackWorkspace
  bitbucket: Bitbucket
  heroku: Heroku
  repository: AppRepository
  databases: Databases
  service: Service
  webhooks: WebhookReceiver
  faults: FaultInjector
  systems: ReturnType<typeof createSystemsReader>
  /** The time of Slack and of Signoff's store. */
  now(): number
  /** Sets the time of Slack and of Signoff's store forward. */
  setForward: SandboxClock['setForward']
  slashCommands: { command: string; description: string; hint: string }[]
  /** Messages for people about what had to change since the last start. */
  remarks: string[]
  onChange(listener: () => void): () => void
  close(): Promise<void>
}

type SlackManifest = {
  features: {
    app_home: { home_tab_enabled: boolean }
    slash_commands: { command: string; description: string; usage_hint: string }[]
  }
  oauth_config: { scopes: { bot: string[] } }
  settings: { event_subscriptions?: { bot_events: string[] } }
}

/**
 * Starts stand-ins for Slack, Bitbucket, Heroku and the app's databases, with an app that has commits to release, and the
 * real bot and worker against them. If a part can't start, it stops the others and throws.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { directory } = options
  const closers: (() => unknown)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    const place = await takePlace(directory, options.port)
    closers.push(place.release)
    return await startIn(place, options, closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function startIn(
  place: Awaited<ReturnType<typeof takePlace>>,
  options: SandboxOptions,
  closers: (() => unknown)[],
  close: () => Promise<void>,
): Promise<Sandbox> {
  const { directory, kept } = place
  const manifest = parse(await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8')) as SlackManifest
  // The slowest part of a first start, so it runs while the repository is created.
  const opening = open(options.startPostgres(directory), closers)
  let clock: SandboxClock | undefined
  const slack = await startSlackWorkspace({
    now: () => clock?.now() ?? Date.now(),
    port: kept.ports.slack,
    scopes: manifest.oauth_config.scopes.bot,
    events: manifest.settings.event_subscriptions?.bot_events ?? [],
    hasHomeTab: manifest.features.app_home.home_tab_enabled,
    file: join(directory, 'slack.json'),
  })
  closers.push(() => slack.close())
  addPeople(slack)

  const bitbucket = await startBitbucket({
    repository: REPOSITORY,
    directory: join(directory, 'bitbucket'),
    port: kept.ports.bitbucket,
  })
  closers.push(() => bitbucket.close())
  const repository = await createAppRepository({ bare: bitbucket.bare, sqlBeside: true })
  await openPullRequests(repository, bitbucket, REPOSITORY)
  const heroku = await startHeroku({
    directory: join(directory, 'heroku'),
    apps: Object.values(APPS),
    port: kept.ports.heroku,
  })
  closers.push(() => heroku.close())
  const production = await repository.head('production')
  await deployFirst(heroku, repository, production)
  bitbucket.setStatus(await repository.head('master'), { state: 'SUCCESSFUL', key: 'pipeline', name: 'Pipeline' })

  const databases = await opening
  const storeClock = await openClock(databases.store)
  clock = storeClock
  closers.push(() => storeClock.close())
  const program = await findMigrationProgram(join(directory, 'bin'), options.migrations)
  if (databases.isNew) {
    const url = (name: MigrationName) => databases.url('production', name)
    await migrate({ program, bare: repository.bare, commit: production, url, directory })
    await databases.copyProduction()
  }

  const listeners = new Set<() => void>()
  const changed = () => {
    for (const listener of [...listeners]) listener()
  }
  closers.push(slack.onChange(changed))
  const webhooks = await startWebhookReceiver({ port: kept.ports.webhooks, onChange: changed })
  closers.push(() => webhooks.close())
  const service = createService({
    command: options.command,
    environment: await settings({
      ...{ directory, slack, bitbucket, heroku, databases, program, repository, webhooks },
      variations: { deploys: options.deploys, qa: options.qa },
    }),
    logs: join(directory, 'logs'),
    onChange: changed,
  })
  closers.push(() => service.stop())
  await service.start()
  const faults = createFaultInjector({
    slack,
    bitbucket,
    heroku,
    repository,
    databases,
    service: () => service,
    onChange: changed,
  })
  closers.push(() => faults.close())
  return {
    directory,
    slack,
    bitbucket,
    heroku,
    repository,
    databases,
    service,
    webhooks,
    faults,
    now: storeClock.now,
    async setForward(by) {
      await storeClock.setForward(by)
      changed()
    },
    systems: createSystemsReader({
      clock: storeClock,
      slack,
      repository,
      bitbucket,
      heroku,
      databases,
      program,
      service: () => service,
      webhooks,
    }),
    slashCommands: manifest.features.slash_commands.map(({ command, description, usage_hint }) => {
      return { command, description, hint: usage_hint }
    }),
    remarks: place.moved.map(
      (name) => `The port of ${name} was taken, so it has another one: releases that await sign-off become outdated.`,
    ),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close,
  }
}

/** Registers the server's closer before the server is up, so that a failed start closes it too. */
function open(starting: Promise<PostgresServer>, closers: (() => unknown)[]): Promise<Databases> {
  const opening = starting.then(async (server) => {
    closers.push(() => server.stop())
    const databases = await openDatabases(server)
    closers.push(() => databases.close())
    return databases
  })
  const settled = opening.catch(() => undefined)
  closers.push(() => settled)
  return opening
}

/** Deploys production a few commits behind master, and integration at master's commit of the last release. */
async function deployFirst(heroku: Heroku, repository: AppRepository, production: string): Promise<void> {
  if ((await heroku.holds(APPS.production)) !== undefined) return
  const { stdout } = await git(repository.bare, ['rev-parse', `${production}^2`])
  await heroku.pushBehind(APPS.integration, stdout.trim(), repository.bare)
  await heroku.pushBehind(APPS.production, production, repository.bare)
}

/** Writes releases.yml and the environment files. Returns the settings of each role, without those of the other. */
async function settings(given: {
  directory: string
  slack: SlackWorkspace
  bitbucket: Bitbucket
  heroku: Heroku
  databases: Databases
  program: MigrationProgram
  variations: Variations
  repository: AppRepository
  webhooks: WebhookReceiver
}): Promise<(role: RoleName) => Record<string, string>> {
  const { directory, slack, bitbucket, heroku, databases, program, repository, variations, webhooks } = given
  // A sandbox that an earlier version made has no search.
  const hasSearch = (await repository.headRevision('production', 'search')) !== undefined
  const migrations = MIGRATION_NAMES.filter((name) => name === 'users' || hasSearch)
  const file = join(directory, 'releases.yml')
  const hook = { url: webhooks.url, secretEnv: WEBHOOK_SECRET }
  const entries = { bitbucket, heroku, program, migrations, ...variations, webhook: hook }
  await writeFile(file, releasesFile({ repository: REPOSITORY, apps: APPS, ...entries }))
  for (const environment of ['integration', 'production'] as const) {
    for (const name of migrations) {
      const path = join(directory, envFileName(environment, name))
      await writeFile(path, `DATABASE_URL="${databases.url(environment, name)}"\n`, { mode: 0o600 })
    }
  }
  const dataDir = join(directory, 'service')
  await mkdir(dataDir, { recursive: true })
  const { PATH = '' } = gitEnvironment()
  const shared = {
    PATH,
    LANG: 'C.UTF-8',
    PORT: '0',
    STORE_URL: databases.storeUrl,
    DATA_DIR: dataDir,
    RELEASES_FILE: file,
    LOG_LEVEL: 'info',
    NODE_NO_WARNINGS: '1',
    NODE_COMPILE_CACHE: compiledFolder(directory),
  }
  return (role) =>
    role === 'bot'
      ? {
          ...shared,
          SLACK_BOT_TOKEN: slack.botToken,
          SLACK_APP_TOKEN: slack.appToken,
          SLACK_API_URL: slack.apiUrl,
          [WEBHOOK_SECRET]: webhooks.secret,
        }
      : {
          ...shared,
          BITBUCKET_TOKEN: bitbucket.token,
          BITBUCKET_API_URL: bitbucket.apiUrl,
          HEROKU_API_KEY: heroku.apiKey,
          HEROKU_API_URL: heroku.apiUrl,
        }
}

/** Half of what a role's start costs is compiling: each one after the first, as after a kill, finds it done. */
function compiledFolder(directory: string): string {
  const ours = getCompileCacheDir()
  return ours === undefined ? join(directory, 'compiled') : dirname(ours)
}
