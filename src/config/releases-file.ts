/** Reads `releases.yml` into its apps, or into all its problems. */
import { isAbsolute, resolve } from 'node:path'
import type { z } from 'zod'
import { defined } from '../lib/defined.ts'
import type { App, Environment, MigrationSettings, Releases, SignOffRules } from '../release/settings.ts'
import { APP_OF, crossCheck, type Declared, type DeclaredEnvironment, platformOf } from './cross-checks.ts'
import { digestsOf } from './digests.ts'
import { milliseconds } from './durations.ts'
import {
  type EnvFileUse,
  envFilesIn,
  environmentsIn,
  groupNamesIn,
  groupsIn,
  groupsOnHerokuIn,
} from './environments-in-file.ts'
import { explainIssues, formatPath, isRecord, type PlacedProblem } from './explain.ts'
import { controlProblems } from './named-environments.ts'
import { type AppEntry, appSchema, releasesJsonSchema, releasesSchema } from './releases-schema.ts'
import { type EnvironmentEntry, environmentSchema, remoteSchema } from './schema/environment.ts'
import type { MigrationEntry } from './schema/migrations.ts'
import { type SignOffEntry, signOffSchema } from './schema/sign-off.ts'
import { workerGroupSchema } from './schema/worker-groups.ts'
import { type PlacedWebhook, webhooksIn } from './webhooks.ts'
import { type Path, readYaml } from './yaml-source.ts'

export interface ReleasesFile {
  /** Present when the file has no problem. */
  readonly releases?: Releases
  /** Those that can be read, even when the file has problems. */
  readonly envFiles: readonly EnvFileUse[]
  /** The groups with an environment on Heroku; undefined stands for workers without a group. */
  readonly groupsOnHeroku: ReadonlySet<string | undefined>
  /** The names of the groups of workers, as written. */
  readonly groups: readonly string[]
  /** Whether an environment is in no group, so that it needs a worker without one. */
  readonly hasUngrouped: boolean
  /** Those that can be read, even when the file has problems. */
  readonly webhooks: readonly PlacedWebhook[]
  readonly warnings: readonly string[]
  /** All problems with their lines, `releases.yml:14: …`, together with `more` problems of places in the file. */
  report(more: readonly PlacedProblem[]): readonly string[]
}

/**
 * @param text the content of the file
 * @param directory the directory of the file, the base of relative paths in it
 */
export function readReleases(text: string, directory: string): ReleasesFile {
  const source = readYaml(text)
  const value = source.data?.value
  const problems: PlacedProblem[] = []
  const parsed = releasesSchema.safeParse(value)
  if (source.data !== undefined) problems.push(...shapeProblems(value, parsed))
  const declared = declaredIn(value)
  const crossChecks = crossCheck(declared)
  problems.push(...crossChecks.problems)
  const names = declared.environments.map(({ app, name }) => `${app}/${name}`)
  problems.push(...controlProblems(value, names))

  const report = (more: readonly PlacedProblem[]) => {
    const all = [
      ...source.problems,
      ...[...problems, ...more].map(({ path, text: problem }) => {
        const line = source.lineOf(path)
        const place = formatPath(path)
        return { ...defined({ line }), text: place === '' ? problem : `${place} ${problem}` }
      }),
    ]
    const inOrder = all.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    return [...new Set(inOrder.map(({ line, text: problem }) => `${fileAt(line)}: ${problem}`))]
  }

  const groupOf = groupsIn(value)
  const isValid = source.problems.length === 0 && problems.length === 0 && parsed.success
  return {
    ...defined({
      releases: isValid
        ? {
            progress: parsed.data.slack.progress,
            directMessages: parsed.data.slack.direct_messages,
            timeZone: parsed.data.time_zone,
            apps: Object.entries(parsed.data.apps).map(([name, entry]) =>
              withGroups(withFreezes(appOf(name, entry, directory), parsed.data), groupOf),
            ),
          }
        : undefined,
    }),
    envFiles: envFilesIn(value, directory, groupOf),
    webhooks: webhooksIn(value),
    groupsOnHeroku: groupsOnHerokuIn(value, groupOf),
    groups: groupNamesIn(value),
    hasUngrouped: names.some((name) => !groupOf.has(name)),
    warnings: crossChecks.warnings.map(
      ({ path, text: warning }) => `${fileAt(source.lineOf(path))}: ${formatPath(path)} ${warning}`,
    ),
    report,
  }
}

function fileAt(line: number | undefined): string {
  return line === undefined ? 'releases.yml' : `releases.yml:${line}`
}

/** The problems that zod finds, also inside apps and environments with invalid names, which zod skips. */
function shapeProblems(value: unknown, whole: ReturnType<typeof releasesSchema.safeParse>): readonly PlacedProblem[] {
  if (value === null || value === undefined) return [{ path: [], text: 'is empty' }]
  if (whole.success) return []
  const schema = releasesJsonSchema()
  const misnamed = whole.error.issues.flatMap((issue): readonly PlacedProblem[] => {
    if (issue.code !== 'invalid_key') return []
    const inside = issue.path.reduce<unknown>(
      (found, step) => (isRecord(found) ? found[String(step)] : undefined),
      value,
    )
    const parsed = schemaBehindName(issue.path).safeParse(inside)
    return parsed.success ? [] : explainIssues(parsed.error.issues, inside, issue.path, schema)
  })
  return [...explainIssues(whole.error.issues, value, [], schema), ...misnamed]
}

function schemaBehindName([list, , environments]: Path): z.ZodType {
  if (list === 'workers') return workerGroupSchema
  return environments === undefined ? appSchema : environmentSchema
}

/** The valid parts of every environment, so that cross-checks work even when the file has other problems. */
function declaredIn(value: unknown): Declared {
  const apps = isRecord(value) && isRecord(value.apps) ? value.apps : {}
  return {
    apps: Object.entries(apps).map(([name, app]) => ({
      name,
      environments: isRecord(app) && isRecord(app.environments) ? Object.keys(app.environments) : [],
    })),
    environments: environmentsIn(value).map(({ app, name, entry, path }) =>
      declaredEnvironment(app, name, path, entry),
    ),
  }
}

function declaredEnvironment(app: string, name: string, path: Path, entry: unknown): DeclaredEnvironment {
  const written = isRecord(entry) ? entry : {}
  const remote = remoteSchema.safeParse(written.remote)
  const rules = signOffSchema.safeParse(written.sign_off)
  return {
    app,
    name,
    path,
    isPinned: written.pull_request === 'pinned',
    deploysAutomatically: written.deploys === 'automatically' || written.deploys === 'after checks',
    hasOrder: written.order !== undefined,
    ...defined({
      branch: typeof written.branch === 'string' ? written.branch : undefined,
      promotes: typeof written.promotes === 'string' ? written.promotes : undefined,
      remote: remote.data,
      migrationList: Array.isArray(written.migrations) ? (written.migrations as readonly unknown[]) : undefined,
      rules: rules.data,
    }),
  }
}

function appOf(name: string, entry: AppEntry, directory: string): App {
  const app = {
    name,
    repository: entry.repository,
    gitUrl: entry.git_url ?? `https://bitbucket.org/${entry.repository}.git`,
  }
  return {
    ...app,
    environments: Object.entries(entry.environments).map(([environmentName, environment]) =>
      environmentOf(app, environmentName, environment, directory),
    ),
  }
}

/** Each environment with the freezes that name it; one with a sign-off also with those that name none. */
function withFreezes(
  app: App,
  { freezes, time_zone: timeZone }: Pick<z.output<typeof releasesSchema>, 'freezes' | 'time_zone'>,
): App {
  const environments = app.environments.map((environment) => {
    const own = freezes.filter(({ environments: named }) =>
      named === undefined ? environment.signOff !== undefined : named.includes(`${app.name}/${environment.name}`),
    )
    if (own.length === 0) return environment
    return { ...environment, freezes: own.map(({ name, from, to }) => ({ name, from, to, timeZone })) }
  })
  return { ...app, environments }
}

function withGroups(app: App, groupOf: ReadonlyMap<string, string>): App {
  const environments = app.environments.map((environment) => ({
    ...environment,
    ...defined({ group: groupOf.get(`${app.name}/${environment.name}`) }),
  }))
  return { ...app, environments }
}

function environmentOf(
  app: Omit<App, 'environments'>,
  name: string,
  entry: EnvironmentEntry,
  directory: string,
): Environment {
  const platform = platformOf(entry.remote)
  const appName = APP_OF[platform](entry.remote)
  const place = { name: entry.remote.name, url: entry.remote.url, branch: entry.remote.branch, platform }
  const declared = {
    app: app.name,
    name,
    branch: entry.branch,
    ...defined({ deploys: entry.deploys === 'on request' ? undefined : entry.deploys }),
    ...(entry.promotes !== undefined && { promotes: entry.promotes, order: entry.order ?? 'shown' }),
    pullRequest: entry.pull_request,
    ...defined({ hotfix: entry.hotfix === 'auto' ? undefined : entry.hotfix }),
    remote: { ...place, ...defined({ app: appName, health: entry.remote.health }) },
    channel: entry.channel,
    announce: entry.announce,
    ...defined({ signOff: entry.sign_off === 'none' ? undefined : signOffOf(entry.sign_off) }),
  } satisfies Omit<Environment, 'digests' | 'migrations'>
  const hasSignOff = entry.sign_off !== 'none'
  const migrations = [entry.migrations ?? []].flat().map((each) => migrationsOf(declared, each, hasSignOff))
  return {
    ...declared,
    migrations: migrations.map((each) => onThisHost(each, directory)),
    digests: digestsOf(app, { ...declared, migrations }, entry),
  }
}

function migrationsOf(
  { app, name: environment }: Pick<Environment, 'app' | 'name'>,
  entry: MigrationEntry,
  hasSignOff: boolean,
): MigrationSettings {
  return {
    app,
    environment,
    ...defined({ name: entry.name }),
    config: entry.config,
    ...defined({ envFile: entry.env_file }),
    directory: entry.directory,
    tool: entry.tool,
    isolation: entry.isolation,
    readable: entry.readable,
    program: entry.alembic,
    lockTimeout: String(entry.lock_timeout),
    statementTimeout: String(entry.statement_timeout),
    talkItOver: entry.talk_it_over ?? (hasSignOff ? ['destroys', 'unknown'] : []),
    ...defined({ approvers: entry.approvers }),
  }
}

function onThisHost(migrations: MigrationSettings, directory: string): MigrationSettings {
  const isPath = migrations.program.includes('/') && !isAbsolute(migrations.program)
  return {
    ...migrations,
    program: isPath ? resolve(directory, migrations.program) : migrations.program,
    ...defined({ envFile: migrations.envFile === undefined ? undefined : resolve(directory, migrations.envFile) }),
  }
}

function signOffOf(entry: Exclude<SignOffEntry, 'none'>): SignOffRules {
  return {
    qa: entry.qa,
    approvals: entry.approvals,
    ...defined({ approvers: entry.approvers, qaBy: entry.qa_by, emergencyBy: entry.emergency_by }),
    requireChecks: entry.require_checks,
    expiresAfterMs: milliseconds(entry.expires_after) ?? 0,
    rollback: entry.rollback,
    ...(entry.receipts && { receipts: true as const }),
  }
}
