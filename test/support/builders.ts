/** Releases, plans and environments for tests: whole and ordinary, with what the test is about handed in. */

import { SERVICE_WORDS } from '../../src/cli/service-words.ts'
import type { ReleaseEvent } from '../../src/release/events.ts'
import { fingerprint, type Plan, type PlannedCommit } from '../../src/release/plan.ts'
import type { PlannedMigration } from '../../src/release/planned-migration.ts'
import type { ServiceWords } from '../../src/release/ports/words.ts'
import type { Release, SignOff, StepRow } from '../../src/release/release.ts'
import type {
  App,
  Environment,
  EnvironmentDigests,
  MigrationSettings,
  SignOffRules,
} from '../../src/release/settings.ts'
import type { PersonName, StepName } from '../../src/release/terms.ts'

export const DANA: PersonName = { id: 'U01DANA', name: 'Dana' }
export const LIN: PersonName = { id: 'U05LIN', name: 'Lin' }
export const TOM: PersonName = { id: 'U04TOM', name: 'Tom' }

/** 40 hex digits that begin with those given. */
export function sha(start: string): string {
  return start.padEnd(40, '0')
}

/** An environment's digests, of 64 hex digits that begin with those given. */
export function digests(start: string): EnvironmentDigests {
  const hex = start.padEnd(64, '0')
  return { form1: hex, form2: `2:${hex}`, isForm1Complete: true }
}

/** A moment on the day on which these releases happen, `HH:MM` or `HH:MM:SS` in UTC. */
export function at(time: string): Date {
  return new Date(`2026-11-22T${time.length === 5 ? `${time}:00` : time}Z`)
}

export const SIGN_OFF: SignOffRules = {
  qa: 1,
  approvals: 1,
  approvers: ['@release-approvers'],
  requireChecks: false,
  expiresAfterMs: 24 * 60 * 60 * 1000,
}

/** What messages say of the services, as the wiring hands it over. */
export const SERVICES: ServiceWords = SERVICE_WORDS

/** The one entry of `migrations` of api production. */
export function aMigration(overrides: Partial<MigrationSettings> = {}): MigrationSettings {
  return {
    app: 'api',
    environment: 'production',
    config: 'alembic_users.ini',
    envFile: '/srv/signoff/.env_production',
    directory: '.',
    tool: 'alembic',
    isolation: 'auto',
    readable: [],
    program: 'alembic',
    lockTimeout: '10s',
    statementTimeout: '0',
    talkItOver: [],
    ...overrides,
  }
}

/** api production on Heroku, with migrations, an announcement, one QA and one approval. */
export function anEnvironment(overrides: Partial<Environment> = {}): Environment {
  const environment: Environment = {
    app: 'api',
    name: 'production',
    branch: 'production',
    promotes: 'integration',
    order: 'shown',
    pullRequest: 'branch',
    remote: {
      name: 'heroku-production',
      url: 'https://git.heroku.com/complianceai-api-production.git',
      branch: 'master',
      platform: 'heroku',
      app: 'complianceai-api-production',
    },
    migrations: [aMigration()],
    channel: '#product',
    announce: 'required',
    signOff: SIGN_OFF,
    digests: digests('d19e57'),
    ...overrides,
  }
  return withItsMigrations(environment)
}

/** Each entry of `migrations` names its app and environment. */
function withItsMigrations(environment: Environment): Environment {
  const { app, name, migrations } = environment
  return { ...environment, migrations: migrations.map((each) => ({ ...each, app, environment: name })) }
}

/** api integration: nobody is asked, nothing is announced. */
export function anIntegration(overrides: Partial<Environment> = {}): Environment {
  const { promotes: _promotes, order: _order, signOff: _signOff, ...rest } = anEnvironment()
  return withItsMigrations({
    ...rest,
    name: 'integration',
    branch: 'master',
    remote: {
      name: 'heroku-integration',
      url: 'https://git.heroku.com/complianceai-api-integration.git',
      branch: 'master',
      platform: 'heroku',
      app: 'complianceai-api-integration',
    },
    announce: 'off',
    digests: digests('1e6'),
    ...overrides,
  })
}

export function anApp(overrides: Partial<App> = {}): App {
  return {
    name: 'api',
    repository: 'jurispect/jurispect_api',
    gitUrl: 'https://bitbucket.org/jurispect/jurispect_api.git',
    environments: [anIntegration(), anEnvironment()],
    ...overrides,
  }
}

export function aCommit(
  start: string,
  title: string,
  author = 'Marek',
  overrides: Partial<PlannedCommit> = {},
): PlannedCommit {
  return {
    sha: sha(start),
    title,
    author: { name: author, email: `${author.toLowerCase()}@example.com` },
    at: '2026-11-21T09:00:00Z',
    isMerge: false,
    ...overrides,
  }
}

export const COMMITS: readonly PlannedCommit[] = [
  aCommit('9f2c1ab', 'Add rate limits to the search endpoint'),
  aCommit('41d7e03', 'Drop the unused saved_searches table', 'Priya'),
  aCommit('c06be52', 'Show jurisdiction names in alerts'),
  aCommit('7ad90f4', 'Fix the time zone of weekly digests'),
  aCommit('e83b7d1', 'Index alerts by organisation', 'Priya'),
]

export const MIGRATIONS: readonly PlannedMigration[] = [
  {
    revision: 'a41c9e2f5b60',
    message: 'index alerts by organisation',
    file: 'migrations/a41c9e2f5b60.py',
    risk: 'adds',
  },
  { revision: 'b7d20c31aa04', message: 'drop saved_searches', file: 'migrations/b7d20c31aa04.py', risk: 'destroys' },
]

/**
 * Five commits and two migrations on their way to production by pull request 418. What is bound follows from
 * `commits` and `migrations` unless `bound` says otherwise.
 */
export function aPlan(
  overrides: Partial<Omit<Plan, 'bound'>> & { readonly bound?: Partial<Plan['bound']> } = {},
): Plan {
  const { bound, ...shown } = overrides
  const commits = overrides.commits ?? COMMITS
  const migrations = overrides.migrations ?? MIGRATIONS
  return {
    firstRelease: false,
    commitCount: commits.length,
    commits,
    authors: [...new Map(commits.map(({ author }) => [author.email, author])).values()],
    pullRequest: { id: 418, url: 'https://bitbucket.org/jurispect/jurispect_api/pull-requests/418' },
    migrations,
    checks: ['build', 'lint', 'e2e'].map((name) => ({
      name,
      state: 'passed' as const,
      url: `https://ci.example.com/${name}`,
    })),
    files: {
      count: 2,
      list: [
        { path: 'api/search.py', added: 40, removed: 3 },
        { path: 'api/alerts.py', added: 7, removed: 7 },
      ],
    },
    steps: ['record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'],
    webUrl: 'https://bitbucket.org/jurispect/jurispect_api',
    warnings: [],
    ...shown,
    bound: {
      app: 'api',
      environment: 'production',
      kind: 'deploy',
      remote: {
        url: 'https://git.heroku.com/complianceai-api-production.git',
        branch: 'master',
        holds: sha('5b8e6c0'),
        runs: sha('5b8e6c0'),
      },
      target: { branch: 'production', commit: sha('5b8e6c0') },
      source: { branch: 'master', commit: sha('9f2c1ab') },
      commits: commits.map((commit) => commit.sha).toReversed(),
      result: { how: 'merge', parents: [sha('5b8e6c0'), sha('9f2c1ab')], tree: sha('7ee') },
      database: {
        identity: 'db.example.com:5432/api',
        revisions: ['5f19ab44c1d2'],
        pending: migrations.map(({ revision }) => revision),
        head: migrations.at(-1)?.revision ?? '5f19ab44c1d2',
        migrationsTree: sha('a1e'),
      },
      configuration: anEnvironment().digests.form1,
      ...bound,
    },
  }
}

/** Release #12 of api to production, requested by Dana and waiting for its sign-offs; `plan: undefined` takes the plan away. */
export function aRelease(overrides: { readonly [K in keyof Release]?: Release[K] | undefined } = {}): Release {
  const plan = 'plan' in overrides ? overrides.plan : aPlan()
  const whole = {
    number: 12,
    app: 'api',
    environment: 'production',
    kind: 'deploy',
    state: 'awaiting sign-off',
    requester: DANA,
    configuration: anEnvironment().digests.form1,
    ...(plan === undefined ? {} : { plan, fingerprint: fingerprint(plan), plannedAt: at('08:14') }),
    card: { channel: 'C02PROD', ts: '1795335300.000100' },
    attempt: 0,
    requestedAt: at('08:14'),
    cardPostedAt: at('08:15'),
    expiresAt: new Date('2026-11-23T08:15:00Z'),
    signOffs: [],
    steps: [],
    ...overrides,
  }
  // Keys that are taken away are absent, as they are in the store, not undefined.
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined)) as unknown as Release
}

/** A word on the plan of `aRelease()`, or on the one handed in. */
export function aSignOff(kind: SignOff['kind'], person: PersonName, overrides: Partial<SignOff> = {}): SignOff {
  return {
    kind,
    person,
    fingerprint: fingerprint(aPlan()),
    right: 'every full member',
    at: at('08:30'),
    ...overrides,
  }
}

export const SIGNED: readonly SignOff[] = [
  aSignOff('qa', LIN),
  aSignOff('approval', TOM, { right: '@release-approvers', at: at('08:44') }),
]

/** A step's row, done in a second unless said otherwise. */
export function aStep(name: StepName, overrides: Partial<StepRow> = {}): StepRow {
  const irreversible = ['merge', 'pick', 'migrate', 'push'].includes(name)
  return {
    name,
    state: 'done',
    attempt: 1,
    effect: irreversible ? 'some' : 'none',
    startedAt: at('08:45:10'),
    endedAt: at('08:45:11'),
    ...overrides,
  }
}

/** The rows of a run that has reached `name`: those before it done, it in the state that is handed in. */
export function stepsUpTo(
  name: StepName,
  last: Partial<StepRow> = { state: 'running' },
  plan = aPlan(),
): readonly StepRow[] {
  const order: readonly StepName[] = ['announce', ...plan.steps]
  const before = order
    .slice(0, order.indexOf(name))
    .map((one) => aStep(one, one === 'merge' || one === 'pick' ? { result: { commit: sha('c0ffee1') } } : {}))
  const { endedAt: _endedAt, ...running } = aStep(name)
  return [...before, { ...running, effect: 'none', ...last }]
}

/** An event of any type, for tests of how events are kept and not of what they say. */
export function anyEvent(event: {
  readonly release?: number
  readonly type: string
  readonly actor: string
  readonly data: Record<string, unknown>
}): ReleaseEvent {
  return event as ReleaseEvent
}
