/** The files that `signoff init` writes, from its answers. No I/O. */
import { stringify } from 'yaml'
import { releasesJsonSchema } from '../../config/releases-schema.ts'
import type { Checkout, MigrationFile } from './checkout.ts'
import { type Answers, appOfRemote, EVERYBODY, isUrl, NONE, pathOf, wordsIn } from './questions.ts'

export interface WrittenFile {
  /** From the folder of releases.yml. */
  readonly name: string
  readonly text: string
  readonly mode: number
  /** It is filled in with secrets: one that is there is neither read nor replaced. */
  readonly isSecret: boolean
}

const SHOWN = 0o644
const SECRET = 0o600

interface Migration extends MigrationFile {
  readonly name: string
  readonly envFile: string
}

interface Environment {
  readonly name: 'integration' | 'production'
  readonly branch: string
  readonly remote: string
  readonly migrations: readonly Migration[]
}

/** `manifest`: the Slack app's. `timeZone`: of this machine. */
export function filesOf(
  answers: Answers,
  { checkout, manifest, timeZone }: { checkout: Checkout | undefined; manifest: string; timeZone: string },
): readonly WrittenFile[] {
  const environments = environmentsOf(answers, checkout)
  return [
    { name: 'releases.yml', text: releasesText(answers, environments, timeZone), mode: SHOWN, isSecret: false },
    { name: 'releases.schema.json', text: schemaText(), mode: SHOWN, isSecret: false },
    { name: 'slack-manifest.yml', text: manifest, mode: SHOWN, isSecret: false },
    { name: 'signoff.env', text: serviceText(environments), mode: SECRET, isSecret: true },
    ...environments.flatMap((environment) =>
      environment.migrations.map((migration) => ({
        name: migration.envFile,
        text: envText(answers.app, environment.name, migration),
        mode: SECRET,
        isSecret: true,
      })),
    ),
  ]
}

function environmentsOf(answers: Answers, checkout: Checkout | undefined): readonly Environment[] {
  const files = answers.alembic === NONE ? [] : wordsIn(answers.alembic).map((path) => migrationAt(path, checkout))
  const migrationsOf = (environment: string) => {
    const names = namesOf(files)
    return files.map((file, index) => {
      const name = names[index] ?? ''
      return { ...file, name, envFile: files.length === 1 ? `.env_${environment}` : `.env_${environment}_${name}` }
    })
  }
  const environment = (name: Environment['name'], remote: string, branch: string): Environment[] =>
    remote === NONE ? [] : [{ name, remote, branch, migrations: migrationsOf(name) }]
  return [
    ...environment('integration', answers.integration, answers.integrationBranch),
    ...environment('production', answers.production, answers.productionBranch),
  ]
}

/** As the checkout has it; a file that it does not have is taken for alembic's, run from its folder. */
function migrationAt(path: string, checkout: Checkout | undefined): MigrationFile {
  const found = checkout?.migrations.find((file) => pathOf(file) === path)
  if (found !== undefined) return found
  const parts = path.replace(/^\.\//, '').split('/')
  return { config: parts.at(-1) ?? path, directory: parts.slice(0, -1).join('/') || '.', tool: 'alembic' }
}

/** `users` of alembic_users.ini; each is different. */
function namesOf(files: readonly MigrationFile[]): readonly string[] {
  const names: string[] = []
  for (const file of files) {
    const of = pathOf(file).toLowerCase()
    const wanted = of
      .replace(/\.(ini|toml)$/, '')
      .replaceAll(/(^|[/_-])(alembic|pyproject)(?=$|[/_-])/g, '$1')
      .replaceAll(/[^a-z0-9]+/g, '_')
      .replaceAll(/^[^a-z]+|_+$/g, '')
    const name = wanted === '' ? 'main' : wanted.slice(0, 50)
    names.push(names.includes(name) ? `${name}_${names.length + 1}` : name)
  }
  return names
}

/** As `signoff config schema` prints it. */
const schemaText = () => `${JSON.stringify(releasesJsonSchema(), null, 2)}\n`

/** A value as YAML writes it on one line. */
const yaml = (value: string | readonly string[]): string =>
  typeof value === 'string' ? stringify(value).trimEnd() : `[${value.map((each) => JSON.stringify(each)).join(', ')}]`

function releasesText(answers: Answers, environments: readonly Environment[], timeZone: string): string {
  const lines = [
    '# yaml-language-server: $schema=./releases.schema.json',
    '# Every key: docs/configuration.md. `signoff config check` reads this file without any secret.',
    ...(timeZone === 'UTC'
      ? []
      : [`time_zone: ${yaml(timeZone)} # of freezes, and of times where a person's own is unknown`]),
    '# freezes: # nothing starts in them but an emergency',
    '#   - { name: weekend, from: Fri 16:00, to: Mon 08:00 }',
    'apps:',
    `  ${answers.app}:`,
    `    repository: ${yaml(answers.repository)} # at Bitbucket: workspace/name`,
    '    environments:',
    ...environments.flatMap((environment) => environmentLines(answers, environment, environments)),
  ]
  return `${lines.join('\n')}\n`
}

function environmentLines(
  { channel, approvers }: Answers,
  { name, branch, remote, migrations }: Environment,
  all: readonly Environment[],
): readonly string[] {
  const isProduction = name === 'production'
  const app = appOfRemote(remote)
  const url = isUrl(remote) ? remote : `https://git.heroku.com/${remote}.git`
  const from = isProduction ? all.find((other) => other.name === 'integration' && other.branch !== branch) : undefined
  const signOff = isProduction
    ? [
        'announce: required # nothing is changed before the channel was told',
        'sign_off:',
        '  qa: 1 # how many people must say that QA passed; or each change: docs/people.md',
        "  approvals: 1 # how many must approve; the requester's own does not count",
        approvers === EVERYBODY
          ? '# approvers: ["@release-approvers"] # user groups and user ids; left out: every full member'
          : `  approvers: ${yaml(wordsIn(approvers))} # user groups and user ids`,
        '  expires_after: 24h # how long a release waits for them',
      ]
    : ['sign_off: none # a request starts at once']
  const lines = [
    `branch: ${yaml(branch)} # the branch that this environment follows`,
    ...(from === undefined ? [] : [`promotes: ${from.name} # a pull request merges its branch into this one`]),
    'remote:',
    `  name: ${app === undefined ? name : `heroku-${name}`}`,
    `  url: ${yaml(url)}`,
    '  branch: master # the branch on the remote',
    ...migrationLines(migrations),
    `channel: ${yaml(channel)}`,
    ...signOff,
  ]
  return [`      ${name}:`, ...lines.map((line) => (line.startsWith('# ') ? `          ${line}` : `        ${line}`))]
}

function migrationLines(migrations: readonly Migration[]): readonly string[] {
  const [only, another] = migrations
  if (only === undefined) return []
  const keysOf = ({ config, directory, tool, envFile }: Migration) => [
    `config: ${yaml(config)}`,
    ...(directory === '.' ? [] : [`directory: ${yaml(directory)} # alembic runs there`]),
    ...(tool === 'flask' ? ['tool: flask # Flask-Migrate: FLASK_APP stands in the env file'] : []),
    `env_file: ${envFile} # beside this file: the only variables that the migration gets`,
    "# alembic: /srv/venvs/app/bin/alembic # a program with the app's own packages; default: alembic on PATH",
  ]
  if (another === undefined) return ['migrations:', ...keysOf(only).map((line) => `  ${line}`)]
  return [
    'migrations: # run in this order',
    ...migrations.flatMap((migration) => [
      `  - name: ${migration.name}`,
      ...keysOf(migration).map((line) => `    ${line}`),
    ]),
  ]
}

function envText(app: string, environment: string, { config, tool }: Migration): string {
  return [
    `# For ${config} on ${environment} of ${app}. A migration sees these variables and nothing else of this host.`,
    '# Copy what the app has there: `heroku config --shell --app <app>` prints it.',
    'DATABASE_URL=',
    ...(tool === 'flask' ? ['FLASK_APP='] : []),
    '',
  ].join('\n')
}

function serviceText(environments: readonly Environment[]): string {
  const isOnHeroku = environments.some(({ remote }) => appOfRemote(remote) !== undefined)
  return [
    '# What Signoff itself needs: `set -a; . ./signoff.env; set +a` before signoff doctor and signoff start.',
    "# A value with &, $ or spaces stands in single quotes, as in STORE_URL='postgres://…?sslmode=require&…'.",
    '# Slack: make an app from slack-manifest.yml at api.slack.com/apps and install it.',
    '# OAuth & Permissions: Bot User OAuth Token, xoxb-…',
    'SLACK_BOT_TOKEN=',
    '# Basic Information: App-Level Tokens, with connections:write, xapp-…',
    'SLACK_APP_TOKEN=',
    '# Bitbucket: an access token of the repository, with write for repositories and pull requests',
    'BITBUCKET_TOKEN=',
    ...(isOnHeroku ? ['# `heroku authorizations:create --description Signoff` prints it', 'HEROKU_API_KEY='] : []),
    "# A Postgres of its own, never the app's; left out, Signoff runs one under DATA_DIR",
    '# STORE_URL=postgres://…',
    '',
  ].join('\n')
}
