/**
 * The digests of an environment's entry: over the entry as written with its defaults filled in, and over what the app says
 * of its repository. Paths count as written: bot and worker may keep their files in different places. What no release
 * depends on is never in a digest: the health check, receipts, freezes, webhooks, groups of workers, Slack's settings.
 */
import { canonicalJson, digest } from '../lib/canonical-json.ts'
import type { App, Environment, EnvironmentDigests, MigrationSettings } from '../release/settings.ts'
import type { EnvironmentEntry } from './schema/environment.ts'
import type { MigrationEntry } from './schema/migrations.ts'

/** An environment without what is made of it, and with its migrations' paths as they are written. */
export type DeclaredSettings = Omit<Environment, 'digests' | 'migrations'> & {
  readonly migrations: readonly MigrationSettings[]
}

/** `entry`: what `environment` was made of; of it come the keys that are newer than form 1. */
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
 * The keys of the first edition, whose digests test/config/first-edition pins: none may be added. Canonical JSON leaves
 * out those that are undefined.
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

/** A single database keeps the shape of the first edition, which knew no list. */
function oneOrList<T>(items: readonly T[]): T | readonly T[] | undefined {
  return items.length > 1 ? items : items[0]
}

type Bound = Omit<ReturnType<typeof firstEdition>, 'channel'>

/** Adds the newer keys that are set to anything but their default: a file that uses none keeps its digest. */
function withNewerKeys(bound: Bound, migrations: readonly MigrationSettings[], entry: EnvironmentEntry) {
  const entries = [entry.migrations ?? []].flat()
  const rules = entry.sign_off === 'none' ? undefined : entry.sign_off
  return {
    ...bound,
    deploys: unless('on request', entry.deploys),
    order: unless('shown', entry.order),
    hotfix: unless('auto', entry.hotfix),
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
      directory: unless('.', entry.directory),
      tool: unless('alembic', entry.tool),
      isolation: unless('auto', entry.isolation),
      readable: entry.readable.length === 0 ? undefined : entry.readable,
    }
  )
}

function unless<T>(standard: T, value: T): T | undefined {
  return value === standard ? undefined : value
}
