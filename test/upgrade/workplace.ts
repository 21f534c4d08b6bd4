/**
 * A team at work while Signoff is upgraded: one Slack workspace, one Bitbucket, Heroku apps and plain git remotes, one store, and
 * an environment for each state that an upgrade can meet. Nothing in it is of either version but the scopes of the Slack app.
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
import { createStoreView, type StoreView } from './store-view.ts'
import type { Place, Version } from './versions.ts'

const run = promisify(execFile)

/** Environments, as `app environment`, by what deploys them. All that is not named here is a plain git remote. */
const ON_HEROKU = ['api integration', 'web pushing', 'web closing', 'web rolling'] as const
const MIGRATED = ['api production', 'api eu', 'web migrating'] as const

/** Environments with a branch of their own; the others follow master. */
const BRANCHES = ['production', 'eu', 'us', 'ca', 'apac', 'patch', 'careful'] as const

export interface Workplace extends Place {
  readonly slack: SlackWorkspace
  readonly bitbucket: Bitbucket
  readonly heroku: Heroku
  readonly repository: AppRepository
  readonly store: StoreView
  readonly people: Readonly<Record<'dana' | 'lin' | 'tom' | 'eve' | 'ben' | 'sam' | 'nora', string>>
  readonly databases: Readonly<Record<(typeof MIGRATED)[number], TestDatabase>>
  /** The migrations that ran since the start, once for each time. */
  migrationsRun(of: (typeof MIGRATED)[number]): Promise<number>
  /** The commits that pushes brought to an environment's remote, in order. */
  pushed(environment: string): Promise<readonly string[]>
  /** Bitbucket's branches, by name. */
  branches(): Promise<readonly string[]>
  /** Whether an environment's remote takes pushes. */
  takesPushes(environment: string, does: boolean): Promise<void>
  /** A commit on no branch that is released, for a hot-fix. */
  readonly fix: string
  /** Runs a statement in an environment's database, as somebody does by hand. */
  byHand(environment: (typeof MIGRATED)[number], sql: string): Promise<void>
  /** Locks by a statement what others will wait for, in the store or an environment's database. */
  hold(where: 'store' | (typeof MIGRATED)[number], sql: string): Promise<Hold>
  /** Types a command in #product. */
  command(user: string, text: string): Promise<void>
  /** Presses a button on the card of an environment's newest release. */
  press(user: string, environment: string, actionId: string): Promise<void>
  /** The same press as a delivery, for later. */
  readyPress(user: string, environment: string, actionId: string): Promise<Delivery>
  /** A press of a button that only this person sees. */
  readyPrivatePress(user: string, actionId: string): Promise<Delivery>
  /** Fills in the open modal and sends it. */
  submit(user: string, values: Record<string, string | boolean>): Promise<void>
  close(): Promise<void>
}

export interface Hold {
  isWaitedFor(): Promise<boolean>
  letGo(): Promise<void>
}

/** Starts everything but Signoff. `close` leaves nothing running. */
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
    // From here on git notes each push.
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
  const databases = Object.fromEntries(made) as Workplace['databases']
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
  const urlOf = (where: 'store' | keyof typeof databases) =>
    where === 'store' ? storeDatabase.url : databases[where].url
  async function readyPress(user: string, environment: string, actionId: string): Promise<Delivery> {
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
    databases,
    fix,
    async migrationsRun(of) {
      return (await ask(databases[of].url, 'select from effects')).length
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
    async takesPushes(environment, does) {
      const hook = join(remoteOf(environment), 'hooks/pre-receive')
      await mkdir(join(hook, '..'), { recursive: true })
      await writeFile(hook, `#!/bin/sh\nexit ${does ? 0 : 1}\n`)
      await chmod(hook, 0o755)
    },
    async command(user, text) {
      const [command = '', ...rest] = text.split(' ')
      await connected()
      arrived(text, await slack.command({ user, channel: 'product', command, text: rest.join(' ') }))
    },
    async press(user, environment, actionId) {
      const [seen] = await slack.deliver(await readyPress(user, environment, actionId))
      if (seen !== undefined) arrived(`${actionId} of ${environment}`, seen)
    },
    readyPress,
    async readyPrivatePress(user, actionId) {
      const shown = () => [...slack.ephemerals(user), ...slack.directMessages(user)]
      const message = await slack.waitFor(() => shown().findLast(({ blocks }) => hasButton(blocks, actionId)), {
        what: `the button ${actionId} that only ${user} sees`,
        silenceMs: 30_000,
      })
      return slack.captureClick({ user, channel: message.channel, ts: message.ts, actionId })
    },
    byHand: async (environment, sql) => void (await ask(databases[environment].url, sql)),
    async hold(where, sql) {
      const client = new pg.Client({ connectionString: urlOf(where) })
      await client.connect()
      await client.query('begin')
      await client.query(sql)
      const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return {
        isWaitedFor: async () => (await ask(urlOf(where), waits)).length > 0,
        letGo: () => client.end(),
      }
    },
    async submit(user, values) {
      await connected()
      const view = await slack.waitFor(() => slack.openView(user), { what: `a modal of ${user}`, silenceMs: 30_000 })
      arrived(`the modal ${view.callbackId}`, await slack.submit({ user, view, values }))
    },
    async close() {
      await Promise.all([slack.close(), bitbucket.close(), heroku.close()])
      await Promise.all([storeDatabase, ...Object.values(databases)].map((database) => database.drop()))
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function hasButton(blocks: readonly object[], actionId: string): boolean {
  return JSON.stringify(blocks).includes(`"action_id":"${actionId}"`)
}

/** A machine that is too busy for Slack's 3 s once must not end the story: what was pressed has arrived all the same. */
function arrived(what: string, { seen, why, errors }: Awaited<ReturnType<SlackWorkspace['click']>>): void {
  if (seen === 'acknowledged' || seen === 'operation_timeout') return
  throw new Error(`${what} did not arrive: ${seen} ${why ?? JSON.stringify(errors)}`)
}

const nameOf = (environment: string) => environment.split(' ').at(-1) ?? ''

function isOne(list: readonly string[], one: string): boolean {
  return list.includes(one)
}

/** The scopes that the workspace has granted, before anybody has installed a newer manifest. */
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
    // Not through the pool of `ask`: nobody may be connected to what is copied.
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('create table effects (id serial primary key, note text not null)')
    await client.end()
  })
}

type Entry = Readonly<Record<string, unknown>>
interface ReleasesFile {
  readonly apps: Readonly<Record<string, { readonly environments: Readonly<Record<string, Entry>> } & Entry>>
}

/** As the version before reads it; the one after must read it in the same way. */
function releasesFile({
  bitbucket,
  heroku,
  directory,
}: {
  bitbucket: Bitbucket
  heroku: Heroku
  directory: string
}): ReleasesFile {
  const channel = '#product'
  const remoteOf = (environment: string) => {
    const name = nameOf(environment)
    return isOne(ON_HEROKU, environment)
      ? { name: `heroku-${name}`, url: heroku.gitUrl(name), platform: 'heroku', app: name }
      : { name: `git-${name}`, url: join(directory, 'remotes', `${name}.git`), platform: 'git' }
  }
  const following = (branch: string, environment: string, more: Entry = {}): Entry => ({
    branch,
    remote: remoteOf(environment),
    channel,
    ...more,
  })
  const api = (name: string, more: Entry) => ({ [name]: following(name, `api ${name}`, more) })
  const web = (name: string, more: Entry = {}) => ({ [name]: following('master', `web ${name}`, more) })
  const migrations = (name: string, more: Entry = {}) => ({
    migrations: { config: 'alembic_users.ini', env_file: `.env_${name}`, ...more },
  })
  const approvers = ['@release-approvers']
  const approval = { sign_off: { qa: 0, approvals: 1, approvers } }
  const promotes = { promotes: 'integration' }
  const application = { repository: 'jurispect/jurispect_api', git_url: bitbucket.gitUrl }
  return {
    apps: {
      api: {
        ...application,
        environments: {
          integration: following('master', 'api integration'),
          ...api('production', {
            ...promotes,
            ...migrations('production', { talk_it_over: ['adds'] }),
            announce: 'required',
            sign_off: { qa: 1, approvals: 1, approvers },
          }),
          ...api('eu', { ...promotes, ...migrations('eu', { talk_it_over: [] }), ...approval }),
          ...api('us', { ...promotes, pull_request: 'pinned', ...approval }),
          ...api('ca', { ...promotes, pull_request: 'pinned', ...approval }),
          ...api('apac', { ...promotes, ...approval }),
          ...api('patch', { ...promotes, ...approval }),
          ...api('careful', {}),
        },
      },
      web: {
        ...application,
        environments: {
          ...web('pushing'),
          ...web('migrating', migrations('migrating', { lock_timeout: '20min' })),
          ...web('recording', approval),
          ...web('closing'),
          ...web('failing'),
          ...web('approved', approval),
          ...web('announced', { announce: 'required' }),
          ...web('announcing', { announce: 'required' }),
          ...web('rejecting', approval),
          ...web('urgent', approval),
          ...web('queued', approval),
          ...web('checked', { sign_off: { ...approval.sign_off, require_checks: true } }),
          ...web('left', { sign_off: { ...approval.sign_off, approvals: 2 } }),
          ...web('again'),
          ...web('rolling'),
        },
      },
    },
  }
}
