/**
 * The digests of an environment's entry with its defaults, and of the app's repository. Paths count as written, because bot
 * and worker may keep their files in different places. Digests exclude what no release depends on: the health check,
 * receipts, freezes, webhooks, groups of workers and Slack's settings.
 */
import { canonicalJson, digest } from '../lib/canonical-json.ts'
import type { App, Environment, EnvironmentDigests, MigrationSettings } from '../release/settings.ts'
import type { EnvironmentEntry } from './schema/environment.ts'
import type { MigrationEntry } from './schema/migrations.ts'

/** An environment before its digests are computed, with the paths of its migrations as written. */
export type DeclaredSettings = Omit<Environment, 'digests'>

/** `entry` is the source of `environment`; the keys that are newer than form 1 are read from it. */
export function digestsOf(
  app: Omit<App, 'environments'>,
  environment: DeclaredSettings,
  entry: EnvironmentEntry,
): EnvironmentDigests {
  const of = (declared: object) =>
    digest({ app: app.name, repository: app.repository, gitUrl: app.gitUrl, environment: declared })
  const first = firstEdition(environment)
  const { channel: _, ...bound } = first
  const second = withNewerKeys(bound, environment.migrations, entry)
  return {
    form1: of(first),
    form2: `2:${of(second)}`,
    isForm1Complete: canonicalJson(second) === canonicalJson(bound),
  }
}

/**
 * The keys of form 1. None may be added, because stored digests depend on them (test/config/first-edition pins them).
 * Canonical JSON omits undefined values.
 */
function firstEdition(environment: DeclaredSettings) {
  const { app, name, branch, promotes, pullRequest, remote, migrations, channel, announce, signOff } = environment
  return {
    app,
    name,
    branch,
    promotes,
    pullRequest,
    remote: {
      name: remote.name,
      url: remote.url,
      branch: remote.branch,
      platform: remote.platform,
      herokuApp: remote.app,
    },
    migrations: oneOrList(migrations.map(firstMigration)),
    channel,
    announce,
    signOff: signOff && {
      qa: signOff.qa,
      approvals: signOff.approvals,
      approvers: signOff.approvers,
      qaBy: signOff.qaBy,
      emergencyBy: signOff.emergencyBy,
      requireChecks: signOff.requireChecks,
      expiresAfterMs: signOff.expiresAfterMs,
    },
  }
}

function firstMigration(settings: MigrationSettings) {
  const { config, envFile, program: alembic, lockTimeout, statementTimeout, talkItOver, approvers } = settings
  return { config, envFile, alembic, lockTimeout, statementTimeout, talkItOver, approvers }
}

/** A single database keeps the shape of form 1, which had no list. */
function oneOrList<T>(items: readonly T[]): T | readonly T[] | undefined {
  return items.length > 1 ? items : items[0]
}

type Bound = Omit<ReturnType<typeof firstEdition>, 'channel'>

/** Adds the newer keys whose value is not the default, so that a file that uses none of them keeps its digest. */
function withNewerKeys(bound: Bound, migrations: readonly MigrationSettings[], entry: EnvironmentEntry) {
  const entries = [entry.migrations ?? []].flat()
  const rules = entry.sign_off === 'none' ? undefined : entry.sign_off
  return {
    ...bound,
    deploys: unlessDefault('on request', entry.deploys),
    order: unlessDefault('shown', entry.order),
    hotfix: unlessDefault('auto', entry.hotfix),
    migrations: oneOrList(
      migrations.map((settings, index) => ({ ...firstMigration(settings), ...newerOfMigration(entries[index]) })),
    ),
    signOff: bound.signOff && {
      ...bound.signOff,
      ...(rules?.qa === 'each change' && { qa: rules.qa }),
      rollback: rules?.rollback.qa === 0 && rules.rollback.approvals === 1 ? undefined : rules?.rollback,
    },
  }
}

function newerOfMigration(entry: MigrationEntry | undefined) {
  return (
    entry && {
      name: entry.name,
      directory: unlessDefault('.', entry.directory),
      tool: unlessDefault('alembic', entry.tool),
      isolation: unlessDefault('auto', entry.isolation),
      readable: entry.readable.length === 0 ? undefined : entry.readable,
    }
  )
}

function unlessDefault<T>(standard: T, value: T): T | undefined {
  return value === standard ? undefined : value
}
