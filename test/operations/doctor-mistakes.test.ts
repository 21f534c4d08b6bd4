/**
 * `signoff doctor` on forty mistakes that people make, each made in a right installation: it is red, says what is wrong and
 * where, and how to fix it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runDoctorCommand } from '../../src/cli/doctor.ts'
import { readConfiguration } from '../../src/config/configuration.ts'
import type { Role } from '../../src/config/variables.ts'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam({ isolation: 'auto' })
})
afterAll(() => team?.close())

type Entry = Record<string, unknown>

/** What `releases.yml` has, for a mistake to change. */
interface File {
  readonly apps: { api: Entry & { environments: { integration: Entry; production: Entry } } }
}

interface Mistake {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly file?: (file: File) => void
  /** Text in place of the file. */
  readonly text?: string
  /** The world's part of the mistake. Gives how it is undone. */
  readonly make?: () => Promise<(() => void) | undefined>
}

/** What the command prints, as `main.ts` does: problems of the configuration, else the lines of the doctor; those in green left out. */
async function doctor({ env, file, text, make }: Mistake, role: Role) {
  const path = join(team.directory, 'mistaken.yml')
  const entries = JSON.parse(await readFile(team.env.RELEASES_FILE ?? '', 'utf8')) as File
  file?.(entries)
  await writeFile(path, text ?? JSON.stringify(entries, null, 2))
  const undo = await make?.()
  try {
    const variables = { ...team.env, RELEASES_FILE: path, ...env }
    const mistaken = readConfiguration({ env: variables, cwd: team.directory, role })
    if (!mistaken.ok) return { lines: mistaken.problems, isRed: true }
    const { lines, exitCode } = await runDoctorCommand(mistaken.configuration, process.env.PATH ?? '')
    return { lines: lines.filter((line) => !line.startsWith('✓')), isRed: exitCode === 1 }
  } finally {
    undo?.()
  }
}

const production = (change: (entry: Entry) => void) => (file: File) => change(file.apps.api.environments.production)
const inSignOff = (rules: Entry) =>
  production((entry) => {
    entry.sign_off = { qa: 1, approvals: 1, approvers: ['@release-approvers'], ...rules }
  })
const inMigrations = (migrations: Entry) =>
  production((entry) => {
    entry.migrations = { ...(entry.migrations as Entry), ...migrations }
  })
const inRemote = (remote: Entry) =>
  production((entry) => {
    entry.remote = { ...(entry.remote as Entry), ...remote }
  })

/** An env file, named so that no other mistake uses it. */
const envFile = (name: string, content: () => string) => async () => {
  await writeFile(join(team.directory, name), content(), { mode: 0o600 })
  return undefined
}

const MISTAKES: readonly (readonly [what: string, role: Role, mistake: Mistake, told: RegExp])[] = [
  ['no bot token', 'bot', { env: { SLACK_BOT_TOKEN: '' } }, /^SLACK_BOT_TOKEN is missing: the bot's token, xoxb-…$/],
  [
    'a user’s token',
    'bot',
    { env: { SLACK_BOT_TOKEN: 'xoxp-1' } },
    /^SLACK_BOT_TOKEN must be the bot's token: xoxb-…$/,
  ],
  [
    'no way to Slack',
    'bot',
    { env: { SLACK_APP_TOKEN: '', SLACK_SIGNING_SECRET: '' } },
    /^SLACK_APP_TOKEN .* or SLACK_SIGNING_SECRET .* is missing$/,
  ],
  [
    'tokens swapped',
    'bot',
    { env: { SLACK_APP_TOKEN: 'xoxb-1' } },
    /^SLACK_APP_TOKEN must be an app-level token: xapp-…$/,
  ],
  ['another host for Slack', 'bot', { env: { SLACK_API_URL: 'https://slack.example/api' } }, /^SLACK_API_URL /],
  [
    'no Bitbucket token',
    'worker',
    { env: { BITBUCKET_TOKEN: '' } },
    /^BITBUCKET_TOKEN, or BITBUCKET_EMAIL .*, is missing$/,
  ],
  [
    'two ways to Bitbucket',
    'worker',
    { env: { BITBUCKET_EMAIL: 'a@b.test', BITBUCKET_API_TOKEN: 'c' } },
    /^BITBUCKET_TOKEN and BITBUCKET_EMAIL .* are alternatives; set only one of them$/,
  ],
  [
    'an e-mail without its token',
    'worker',
    { env: { BITBUCKET_TOKEN: '', BITBUCKET_EMAIL: 'a@b.test' } },
    /^BITBUCKET_API_TOKEN is missing: it goes with BITBUCKET_EMAIL$/,
  ],
  [
    'no Heroku key',
    'worker',
    { env: { HEROKU_API_KEY: '' } },
    /^HEROKU_API_KEY is missing: an environment is on Heroku$/,
  ],
  [
    'another database as the store',
    'all',
    { env: { STORE_URL: 'mysql://a/b' } },
    /^STORE_URL must be a Postgres URL: /,
  ],
  ['a bot without a store', 'bot', { env: { STORE_URL: '' } }, /^STORE_URL is missing: --role bot shares a Postgres/],
  ['a port in words', 'all', { env: { PORT: 'http' } }, /^PORT must be a number from 0 to 65535$/],
  ['one port twice', 'all', { env: { PORT: '3000', HEALTH_PORT: '3000' } }, /^HEALTH_PORT must differ from PORT$/],
  ['a level that is none', 'all', { env: { LOG_LEVEL: 'verbose' } }, /^LOG_LEVEL must be one of /],
  [
    'releases.yml elsewhere',
    'all',
    { env: { RELEASES_FILE: 'else/releases.yml' } },
    /^releases\.yml: there is no file \/.*\/else\/releases\.yml; set RELEASES_FILE to its path$/,
  ],
  ['a file as DATA_DIR', 'all', { env: { DATA_DIR: '.env_integration' } }, /^DATA_DIR is not a directory$/],
  ['no YAML', 'all', { text: 'apps: [' }, /^releases\.yml:\d+: /],
  [
    'a key mistyped',
    'all',
    { file: production((entry) => Object.assign(entry, { chanel: entry.channel })) },
    /^releases\.yml:\d+: .*chanel is not a known key; did you mean channel\?$/,
  ],
  [
    'a branch left out',
    'all',
    { file: production((entry) => delete entry.branch) },
    /^releases\.yml:\d+: .*production\.branch is missing$/,
  ],
  [
    'an environment mistyped',
    'all',
    { file: production((entry) => Object.assign(entry, { promotes: 'integraton' })) },
    /^releases\.yml:\d+: .*promotes .*integration/,
  ],
  [
    'one remote for two environments',
    'all',
    {
      file: ({ apps: { api } }) =>
        Object.assign(api.environments.production, { remote: api.environments.integration.remote }),
    },
    /^releases\.yml:\d+: .*each environment needs its own$/,
  ],
  [
    'an env file elsewhere',
    'worker',
    { file: inMigrations({ env_file: 'env/.env' }) },
    /^releases\.yml:\d+: .*env_file names a file that does not exist: \/.*\/env\/\.env$/,
  ],
  [
    'an env file without variables',
    'worker',
    { file: inMigrations({ env_file: '.env_empty' }), make: envFile('.env_empty', () => '# nothing yet\n') },
    /^releases\.yml:\d+: .*env_file contains no variables: \/.*\.env_empty$/,
  ],
  [
    'Signoff’s own store to migrate',
    'worker',
    {
      file: inMigrations({ env_file: '.env_store' }),
      make: envFile('.env_store', () => `DATABASE_URL=${team.env.STORE_URL}\n`),
    },
    /^releases\.yml:\d+: .*env_file points to Signoff's own store \(STORE_URL\), where a migration must never run$/,
  ],
  [
    'a bot token that was revoked',
    'bot',
    {
      make: async () => {
        team.slack.refuseToken('token_revoked')
        return () => team.slack.refuseToken(undefined)
      },
    },
    /^✗ Slack: .*token_revoked.*→ .*SLACK_BOT_TOKEN/,
  ],
  [
    'an app-level token that is wrong',
    'bot',
    { env: { SLACK_APP_TOKEN: 'xapp-1-wrong' } },
    /^✗ Slack Socket Mode: .*→ .*SLACK_APP_TOKEN/,
  ],
  [
    'a scope that is missing',
    'bot',
    {
      make: async () => {
        const { slack } = team
        const held = ['chat:write', 'commands', 'users:read', 'channels:read', 'groups:read', 'im:write']
        slack.setScopes(held)
        return () =>
          slack.setScopes([
            ...held,
            ...['usergroups:read', 'users:read.email', 'channels:history', 'groups:history', 'im:history'],
          ])
      },
    },
    /^✗ Slack scopes: missing: .*usergroups:read.* → update the app from manifest\.yml and reinstall it$/,
  ],
  [
    'Slack out of reach',
    'bot',
    { env: { SLACK_API_URL: 'http://localhost:1023/api/' } },
    /^✗ Slack: .*does not answer.*→ .*SLACK_API_URL/,
  ],
  [
    'a channel that is not there',
    'bot',
    { file: production((entry) => Object.assign(entry, { channel: '#prodct' })) },
    /^✗ channel #prodct: .*→ type \/invite @signoff in #prodct, or fix channel in releases\.yml$/,
  ],
  [
    'a channel without the bot',
    'bot',
    {
      file: production((entry) => Object.assign(entry, { channel: '#quiet' })),
      make: async () => {
        team.slack.addChannel({ name: 'quiet', botIsMember: false })
        return undefined
      },
    },
    /^✗ channel #quiet: the bot is not in it.*→ type \/invite @signoff in #quiet/,
  ],
  [
    'a group that is not there',
    'bot',
    { file: inSignOff({ approvers: ['@aprovers'] }) },
    /^✗ user group @aprovers: there is no such group.*→ fix its handle in releases\.yml, or create it in Slack$/,
  ],
  [
    'a group without members',
    'bot',
    {
      file: inSignOff({ approvers: ['@nobody-yet'] }),
      make: async () => {
        team.slack.addGroup({ handle: 'nobody-yet', users: [] })
        return undefined
      },
    },
    /^✗ user group @nobody-yet: it has no members → add people to it in Slack$/,
  ],
  [
    'more approvals than people',
    'bot',
    { file: inSignOff({ approvals: 3 }) },
    /^✗ people api\/production: 2 people may approve, 3 needed → add people to approvers$/,
  ],
  [
    'a guest for QA',
    'bot',
    { file: (file) => inSignOff({ qa_by: [team.people.gus] })(file) },
    /^✗ people api\/production: 0 people may confirm QA, 1 needed → add people to qa_by$/,
  ],
  [
    'a Bitbucket token that is wrong',
    'worker',
    { env: { BITBUCKET_TOKEN: 'wrong' } },
    /^✗ Bitbucket api: refuses the credentials: .*→ check BITBUCKET_TOKEN/,
  ],
  [
    'a repository mistyped',
    'worker',
    { file: ({ apps: { api } }) => Object.assign(api, { repository: 'jurispect/jurispect_app' }) },
    /^✗ Bitbucket api: jurispect\/jurispect_app was not found: .*→ check repository in releases\.yml first/,
  ],
  [
    'Bitbucket out of reach',
    'worker',
    { env: { BITBUCKET_API_URL: 'http://localhost:1023/2.0' } },
    /^✗ Bitbucket api: does not answer: the connection failed \(ECONNREFUSED\) → check that this host can reach it$/,
  ],
  [
    'a branch mistyped',
    'worker',
    { file: production((entry) => Object.assign(entry, { branch: 'prodution' })) },
    /^✗ repository api: has no branch prodution → create it, or fix branch in releases\.yml$/,
  ],
  [
    'a Heroku key that is wrong',
    'worker',
    { env: { HEROKU_API_KEY: 'wrong' } },
    /^✗ Heroku \S+: refuses the credentials: .*→ .*HEROKU_API_KEY/,
  ],
  [
    'a Heroku app that is not there',
    'worker',
    { file: (file) => inRemote({ url: team.heroku.gitUrl('no-such-app'), app: 'no-such-app' })(file) },
    /^✗ Heroku no-such-app: no-such-app was not found: .*→ check remote\.app in releases\.yml first/,
  ],
  [
    'an alembic that is not installed',
    'worker',
    { file: inMigrations({ alembic: '/nowhere/alembic' }) },
    /^✗ alembic api\/production: .*\/nowhere\/alembic.* → install it, or fix .*alembic.* in releases\.yml$/,
  ],
  [
    'an ini file that is not there',
    'worker',
    { file: inMigrations({ config: 'alembic_user.ini' }) },
    /^✗ alembic api\/production: can't read the app's revisions: .*alembic_user\.ini.* → /,
  ],
  [
    'a database out of reach',
    'worker',
    {
      file: inMigrations({ env_file: '.env_away' }),
      make: envFile('.env_away', () => 'DATABASE_URL=postgresql://app:word@localhost:1023/app\n'),
    },
    /^✗ alembic api\/production: the database does not answer: .*→ check the database URL in env_file$/,
  ],
  [
    'a store out of reach',
    'worker',
    { env: { STORE_URL: 'postgres://signoff:word@localhost:1023/signoff' } },
    /^✗ store: The store does not answer \(ECONNREFUSED\)\. See STORE_URL/,
  ],
]

describe('signoff doctor', () => {
  it('knows forty mistakes', async () => {
    expect(new Set(MISTAKES.map(([what]) => what)).size).toBeGreaterThanOrEqual(40)
    await mkdir(join(team.directory, 'else'), { recursive: true })
  })

  it.each(MISTAKES)('is red on %s, says where it is and how to fix it', async (_what, role, mistake, told) => {
    const { lines, isRed } = await doctor(mistake, role)
    expect(lines).toContainEqual(expect.stringMatching(told))
    expect(isRed).toBe(true)
    for (const secret of team.secrets) expect(lines.join('\n')).not.toContain(secret)
  })

  it('is green again once they are undone', async () => {
    expect(await doctor({}, 'all')).toEqual({ lines: [], isRed: false })
  })
})
