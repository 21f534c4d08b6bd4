/**
 * Everything around Signoff during an upgrade: one Slack workspace, one Bitbucket, Heroku apps, git remotes, databases and one
 * store. Both versions use the same.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { parse } from 'yaml'
import { type AppRepository, createAppRepository } from '../../src/sandbox/app-repository.ts'
import { git } from '../../src/sandbox/bare-git.ts'
import { type Bitbucket, startBitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'
import { type Heroku, startHeroku } from '../../src/sandbox/heroku/heroku.ts'
import {
  type Delivery,
  type Message,
  type SlackWorkspace,
  startSlackWorkspace,
} from '../../src/sandbox/slack/workspace.ts'
import { ask, startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'
import { BRANCHES, isOne, MIGRATED, nameOf, ON_HEROKU, releasesFile } from './releases-file.ts'
import { createStoreView, type StoreView } from './store-view.ts'
import type { Place, Version, VersionProcess } from './versions.ts'

const run = promisify(execFile)

type Migrated = (typeof MIGRATED)[number]

export interface Workplace extends Place {
  readonly slack: SlackWorkspace
  readonly bitbucket: Bitbucket
  readonly heroku: Heroku
  readonly repository: AppRepository
  readonly store: StoreView
  readonly people: Readonly<Record<'dana' | 'lin' | 'tom' | 'eve' | 'ben' | 'sam' | 'nora', string>>
  /** A commit for hot-fixes. No environment's branch has it. */
  readonly fix: string
  /** Bots and workers that were started. `close` kills those that still run. */
  readonly processes: VersionProcess[]
  /** How often the last migration ran in an environment's database. */
  migrationsRun(environment: Migrated): Promise<number>
  /** Runs a statement in an environment's database. */
  runSql(environment: Migrated, sql: string): Promise<void>
  /** Locks rows or a table in the store or an environment's database until `release`. */
  lock(where: 'store' | Migrated, sql: string): Promise<Lock>
  /** The commits that were pushed to an environment's remote, in order. */
  pushed(environment: string): Promise<readonly string[]>
  /** Makes an environment's git remote accept or reject pushes. */
  allowPushes(environment: string, allowed: boolean): Promise<void>
  /** The names of Bitbucket's branches. */
  branches(): Promise<readonly string[]>
  /** Types a command in #product. */
  command(user: string, text: string): Promise<void>
  /** Clicks a button on the card of an environment's newest release, once the card has it. */
  press(user: string, environment: string, actionId: string): Promise<void>
  /** The same click as a delivery for later. */
  preparePress(user: string, environment: string, actionId: string): Promise<Delivery>
  /** A click on a button of a private message. */
  preparePrivatePress(user: string, actionId: string): Promise<Delivery>
  /** Fills in the open modal and submits it. */
  submit(user: string, values: Record<string, string | boolean>): Promise<void>
  close(): Promise<void>
}

export interface Lock {
  /** Whether somebody waits for it. */
  isBlocking(): Promise<boolean>
  release(): Promise<void>
}

/** Starts everything except Signoff. `installed` is the version whose Slack app is installed. `close` stops everything. */
export async function openWorkplace(installed: Version): Promise<Workplace> {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-upgrade-'))
  const slack = await startSlackWorkspace({ scopes: await scopesOf(installed) })
  const people = Object.fromEntries(
    (['dana', 'lin', 'tom', 'eve', 'ben', 'sam', 'nora'] as const).map((name) => [
      name,
      slack.addUser({ name, realName: `${name.charAt(0).toUpperCase()}${name.slice(1)}` }).id,
    ]),
  ) as Workplace['people']
  slack.addGroup({ handle: 'release-approvers', users: [people.dana, people.tom, people.eve, people.sam] })
  slack.addChannel({ name: 'product' })

  const bitbucket = await startBitbucket({
    repository: 'jurispect/jurispect_api',
    directory: join(directory, 'bitbucket'),
  })
  const repository = await createAppRepository({ bare: bitbucket.bare })
  const released = await repository.head('production')
  for (const branch of BRANCHES) await repository.branch(branch, released)
  const revision = await repository.headRevision('production')
  await repository.addRevision({
    message: 'note this migration',
    upgrade: `op.execute("INSERT INTO effects (note) VALUES ('ran')")`,
  })

  await repository.branch('fixes', released)
  const fix = await repository.commit({ branch: 'fixes', files: { 'api/fix.py': 'FIXED = 1\n' }, message: 'Fix it' })

  const heroku = await startHeroku({ directory: join(directory, 'heroku'), apps: ON_HEROKU.map(nameOf) })
  const first = (await run('git', ['--git-dir', bitbucket.bare, 'rev-parse', `${released}^2`])).stdout.trim()
  const releases = releasesFile({ bitbucket, heroku, directory })
  const environments = Object.entries(releases.apps).flatMap(([app, { environments }]) =>
    Object.keys(environments).map((name) => `${app} ${name}`),
  )
  const remoteOf = (environment: string) => join(directory, 'remotes', `${nameOf(environment)}.git`)
  for (const environment of environments) {
    if (isOne(ON_HEROKU, environment)) {
      await heroku.pushBehind(nameOf(environment), first, bitbucket.bare)
      continue
    }
    const bare = remoteOf(environment)
    await mkdir(bare, { recursive: true })
    await git(bare, ['init', '--quiet', '--bare', '.'])
    const holds = isOne(BRANCHES, nameOf(environment)) ? released : first
    await repository.push(holds, { bare, branch: 'master' })
    // From here on git logs each push.
    await git(bare, ['config', 'core.logAllRefUpdates', 'always'])
  }

  const server = await startTestPostgres()
  const made = await Promise.all(
    MIGRATED.map(async (environment) => {
      const database = await databaseAt(server, repository, revision ?? '')
      const variables = `DATABASE_URL="${database.url}"\nPGSSLMODE=disable\n`
      await writeFile(join(directory, `.env_${nameOf(environment)}`), variables, { mode: 0o600 })
      return [environment, database] as const
    }),
  )
  const databases = Object.fromEntries(made) as Readonly<Record<Migrated, TestDatabase>>
  const storeDatabase = await server.createDatabase()
  const env = {
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    PORT: '0',
    STORE_URL: storeDatabase.url,
    DATA_DIR: join(directory, 'data'),
    RELEASES_FILE: join(directory, 'releases.yml'),
    BITBUCKET_TOKEN: bitbucket.token,
    BITBUCKET_API_URL: bitbucket.apiUrl,
    HEROKU_API_KEY: heroku.apiKey,
    HEROKU_API_URL: heroku.apiUrl,
  }
  await writeFile(env.RELEASES_FILE, JSON.stringify(releases))

  const store = createStoreView(storeDatabase.url)
  const processes: VersionProcess[] = []
  const urlOf = (where: 'store' | keyof typeof databases) =>
    where === 'store' ? storeDatabase.url : databases[where].url
  async function preparePress(user: string, environment: string, actionId: string): Promise<Delivery> {
    await connected()
    const { cardTs } = await store.reaches(environment, /./, (release) => release.cardTs !== null)
    const isThere = ({ ts, blocks }: Message) => ts === cardTs && hasButton(blocks, actionId)
    const what = `the button ${actionId} on the card of ${environment}`
    const card = await slack.waitFor(() => slack.messages('product').find(isThere), { what, silenceMs: 30_000 })
    return slack.captureClick({ user, channel: 'product', ts: card.ts, actionId })
  }
  const connected = () => slack.waitFor(() => slack.sockets > 0, { what: 'a bot at its socket', silenceMs: 30_000 })
  return {
    directory,
    env,
    slack,
    bitbucket,
    heroku,
    repository,
    store,
    people,
    fix,
    processes,
    async migrationsRun(environment) {
      return (await ask(databases[environment].url, 'select from effects')).length
    },
    async pushed(environment) {
      const moves = heroku.log.flatMap((event) =>
        event.kind === 'ref moved' && event.by === 'push' && event.app === nameOf(environment) ? [event.to] : [],
      )
      if (isOne(ON_HEROKU, environment)) return moves
      const noted = await readFile(join(remoteOf(environment), 'logs/refs/heads/master'), 'utf8').catch(() => '')
      return noted.split('\n').flatMap((line) => line.split(' ')[1] ?? [])
    },
    async branches() {
      const format = '--format=%(refname:short)'
      return (await git(bitbucket.bare, ['for-each-ref', format, 'refs/heads'])).stdout.trim().split('\n')
    },
    async allowPushes(environment, allowed) {
      const hook = join(remoteOf(environment), 'hooks/pre-receive')
      await mkdir(join(hook, '..'), { recursive: true })
      await writeFile(hook, `#!/bin/sh\nexit ${allowed ? 0 : 1}\n`)
      await chmod(hook, 0o755)
    },
    async command(user, text) {
      const [command = '', ...rest] = text.split(' ')
      await connected()
      assertDelivered(text, await slack.command({ user, channel: 'product', command, text: rest.join(' ') }))
    },
    async press(user, environment, actionId) {
      const [seen] = await slack.deliver(await preparePress(user, environment, actionId))
      if (seen !== undefined) assertDelivered(`${actionId} of ${environment}`, seen)
    },
    preparePress,
    async preparePrivatePress(user, actionId) {
      const shown = () => [...slack.ephemerals(user), ...slack.directMessages(user)]
      const message = await slack.waitFor(() => shown().findLast(({ blocks }) => hasButton(blocks, actionId)), {
        what: `the private button ${actionId} of ${user}`,
        silenceMs: 30_000,
      })
      return slack.captureClick({ user, channel: message.channel, ts: message.ts, actionId })
    },
    runSql: async (environment, sql) => void (await ask(databases[environment].url, sql)),
    async lock(where, sql) {
      const client = new pg.Client({ connectionString: urlOf(where) })
      await client.connect()
      await client.query('begin')
      await client.query(sql)
      const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return {
        isBlocking: async () => (await ask(urlOf(where), waits)).length > 0,
        release: () => client.end(),
      }
    },
    async submit(user, values) {
      await connected()
      const view = await slack.waitFor(() => slack.openView(user), { what: `a modal of ${user}`, silenceMs: 30_000 })
      assertDelivered(`the modal ${view.callbackId}`, await slack.submit({ user, view, values }))
    },
    async close() {
      await Promise.all(processes.map((each) => each.kill()))
      await Promise.all([slack.close(), bitbucket.close(), heroku.close()])
      await Promise.all([storeDatabase, ...Object.values(databases)].map((database) => database.drop()))
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function hasButton(blocks: readonly object[], actionId: string): boolean {
  return JSON.stringify(blocks).includes(`"action_id":"${actionId}"`)
}

/** A busy machine may miss Slack's 3 s. The delivery has arrived all the same. */
function assertDelivered(what: string, { seen, why, errors }: Awaited<ReturnType<SlackWorkspace['click']>>): void {
  if (seen === 'acknowledged' || seen === 'operation_timeout') return
  throw new Error(`${what} was not delivered: ${seen} ${why ?? JSON.stringify(errors)}`)
}

/** Scopes stay as they are until somebody installs the app from a newer manifest. */
async function scopesOf({ directory }: Version): Promise<string[]> {
  const manifest = parse(await readFile(join(directory, 'manifest.yml'), 'utf8')) as {
    oauth_config: { scopes: { bot: string[] } }
  }
  return manifest.oauth_config.scopes.bot
}

async function databaseAt(server: TestPostgres, { bare, head }: AppRepository, revision: string) {
  const commit = await head('production')
  return server.createCopy(`${revision} of ${commit} with a ledger`, async (url) => {
    const checkout = await mkdtemp(join(tmpdir(), 'signoff-template-'))
    await run('git', ['--git-dir', bare, '--work-tree', checkout, 'checkout', '-q', '-f', commit, '--', '.'])
    const env = { PATH: process.env.PATH ?? '', DATABASE_URL: url }
    await run('alembic', ['-c', 'alembic_users.ini', 'upgrade', revision], { cwd: checkout, env })
    await rm(checkout, { recursive: true, force: true })
    // `ask` keeps its connection for a second, and a database can't be copied while somebody is connected.
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('create table effects (id serial primary key, note text not null)')
    await client.end()
  })
}
