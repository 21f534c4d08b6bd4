/** One database of a plan: where it stands, what this release would apply to it, and that no other environment uses it. */
import { posix } from 'node:path'
import { defined } from '../../lib/defined.ts'
import { type BoundDatabase, type BoundFacts, databasesOf } from '../../release/plan.ts'
import type { MigrationStatus } from '../../release/ports/migrator.ts'
import type { App, Environment, MigrationSettings } from '../../release/settings.ts'
import { migrationsUnreadable } from '../../release/stored-names.ts'
import { isOurs } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'
import { withDatabaseRetry } from '../retry.ts'
import { migratorError, type Refused } from '../service-errors.ts'
import { missingFrom } from './not-in-git.ts'

export interface Asked {
  readonly app: App
  readonly environment: Environment
  readonly signal: AbortSignal
}

type AskedDatabase = Asked & {
  readonly migration: MigrationSettings
  /** The entries before this one. */
  readonly earlier: readonly PlannedDatabase[]
}

export interface PlannedDatabase {
  readonly bound: BoundDatabase
  readonly status: MigrationStatus
}

/** Reads what one entry of the environment's migrations would do. Refuses what the migrator can't upgrade to one head. */
export async function planDatabase(
  ports: WorkerPorts,
  request: AskedDatabase,
  result: BoundFacts['result'],
): Promise<PlannedDatabase | Refused> {
  const { app, environment, migration } = request
  const { tree } = result
  const found = await configurationAt(ports, app, tree, migration)
  if (found === undefined) {
    return {
      refused: migrationsUnreadable(migration.program, `${migration.config} is not in the commit`, migration.config),
    }
  }
  const { folder, isOneFolder } = ports.migrator.placeOf(found.configuration, found.path, migration.directory)
  // The migrations belong to a Python package, or behind a link: then any change may be a migration.
  const migrationsTree = (folder === undefined ? undefined : await ports.git.folderAt(app, tree, folder)) ?? tree

  const where = { app: app.name, environment: environment.name }
  const [last] = await ports.store.releases({ ...where, states: ['succeeded'], limit: 1 })
  const before = last?.plan === undefined ? [] : databasesOf(last.plan.bound)
  const name = environment.migrations.length > 1 ? migration.name : undefined
  const applied = isOneFolder ? before.find((each) => each.name === name) : undefined
  const status = await migrationStatus(ports, request, { tree, migrationsTree, applied })
  if ('refused' in status) return status
  const { identity, heads, current, unknown, pending } = status
  const other = applied?.identity === identity ? undefined : await otherEnvironmentOf(ports, environment, identity)
  if (other !== undefined) {
    const names = { environment: `${app.name} ${environment.name}`, other: `${other.app} ${other.name}` }
    return { refused: { gate: 'same_database', ...names } }
  }
  const twin = request.earlier.find((each) => isSameTable(each, status))
  if (twin !== undefined) {
    const named = (entry = '') => `${app.name} ${environment.name} ${entry}`.trim()
    const names = { environment: named(name), other: named(twin.bound.name) }
    return { refused: { gate: 'same_database', ...names, table: status.versionTable ?? '' } }
  }
  if (heads.length > 1) return { refused: { gate: 'migration_heads', heads } }
  if (unknown.length > 0) {
    const commit = result.how === 'merge' ? result.parents[1] : result.commit
    return { refused: { gate: 'unknown_revision', revisions: unknown, commit } }
  }
  const bound = {
    ...defined({ name }),
    identity,
    revisions: current,
    pending: pending.map(({ revision }) => revision),
    head: heads[0]?.revision ?? null,
    migrationsTree,
  }
  return { bound, status }
}

/** Whether two entries would write their revisions into one table. Where it is not known, one database is enough. */
function isSameTable({ bound, status }: PlannedDatabase, { identity, versionTable }: MigrationStatus): boolean {
  if (bound.identity !== identity) return false
  return versionTable === undefined || status.versionTable === undefined || versionTable === status.versionTable
}

/** The entry's configuration: in the directory where the migrator runs or, if it is not there, from the root. */
async function configurationAt(
  ports: WorkerPorts,
  app: App,
  tree: string,
  { config, directory }: MigrationSettings,
): Promise<{ path: string; configuration: string } | undefined> {
  for (const path of new Set([posix.join(directory, config), config])) {
    const configuration = await ports.git.fileAt(app, tree, path)
    if (configuration !== undefined) return { path, configuration }
  }
  return undefined
}

/**
 * Another environment whose migrations reach this database: by its current DATABASE_URL or, if that does not name it, by
 * what its own planning stored. The stored identity alone may be out of date, because env files are corrected.
 */
async function otherEnvironmentOf(
  ports: WorkerPorts,
  environment: Environment,
  identity: string,
): Promise<Environment | undefined> {
  const stored = await ports.store.noteDatabase(identity, environment.app, environment.name)
  const others = ports.apps
    .flatMap(({ environments }) => environments)
    .filter((each) => !(each.app === environment.app && each.name === environment.name))
  const sharing = await Promise.all(
    others.map(async (other) => {
      const isStored = stored.app === other.app && stored.environment === other.name
      // This host need not have another group's env files.
      if (!isOurs(ports, other)) return isStored && other.migrations.length > 0
      const reaches = await Promise.all(other.migrations.map((migration) => reachesIt(migration, isStored)))
      return reaches.includes(true)
    }),
  )
  return others.find((_, index) => sharing[index])

  async function reachesIt(migration: MigrationSettings, isStored: boolean): Promise<boolean> {
    const named = await ports.migrator.databasesNamed(migration)
    if (named.DATABASE_URL === identity) return true
    return isStored && (named.DATABASE_URL === undefined || Object.values(named).includes(identity))
  }
}

/** Skips the migrator if the last release applied the same folder and a direct query shows the database at its head. */
async function migrationStatus(
  ports: WorkerPorts,
  { app, migration, signal }: AskedDatabase,
  { tree, migrationsTree, applied }: { tree: string; migrationsTree: string; applied: BoundDatabase | undefined },
): Promise<MigrationStatus | Refused> {
  if (applied?.migrationsTree === migrationsTree && applied.head !== null) {
    const direct = await withDatabaseRetry(() => ports.migrator.revisions(migration), ports)
    if (!direct.ok) return migratorError(migration, direct)
    const { value } = direct
    if (value?.identity === applied.identity && value.revisions.length === 1 && value.revisions[0] === applied.head) {
      const heads = [{ revision: applied.head, file: '' }]
      const { identity, versionTable, revisions: current } = value
      return { identity, ...defined({ versionTable }), heads, current, unknown: [], pending: [] }
    }
  }
  return ports.checkouts.use(app, tree, async (checkout, notInGit) => {
    const status = await withDatabaseRetry(
      () => ports.migrator.status(migration, checkout, signal, { preview: true }),
      ports,
    )
    const missing = missingFrom(notInGit, status)
    if (missing !== undefined) return missing
    return status.ok ? status.value : migratorError(migration, status)
  })
}
