/**
 * Service names that are contracts: they stand in stores, `releases.yml` and gates, so they never change. No other file
 * outside adapters/, config/ and the wiring spells a service's name.
 */

import { defined } from '../lib/defined.ts'

/** The platforms as `remote.platform` in releases.yml and stored refusals name them. */
export const PLATFORM_NAMES = ['heroku', 'git'] as const
export type PlatformName = (typeof PLATFORM_NAMES)[number]

/** The platform of a stored gate that names none. */
export const FIRST_PLATFORM: PlatformName = 'heroku'

/** The tools that apply migrations, as `migrations.tool` in releases.yml names them. */
export const MIGRATION_TOOLS = ['alembic', 'flask'] as const
export type MigrationTool = (typeof MIGRATION_TOOLS)[number]

/** The gate for a forge without a usable answer. Each forge has its own. */
export const FORGE_UNREACHABLE = 'bitbucket_unreachable'
export type ForgeUnreachable = typeof FORGE_UNREACHABLE

/** The gate for migrations that the migrator can't read. Any migrator's program is stored under the key `alembic`. */
export interface MigrationsUnreadable {
  readonly gate: 'migrations_unreadable'
  readonly alembic: string
  readonly detail: string
  /** The configuration that the settings name, where the commit lacks it. */
  readonly configuration?: string
}

export function migrationsUnreadable(program: string, detail: string, configuration?: string): MigrationsUnreadable {
  return { gate: 'migrations_unreadable', alembic: program, detail, ...defined({ configuration }) }
}

/** The migrator's program that couldn't read the migrations. */
export function programOf({ alembic }: MigrationsUnreadable): string {
  return alembic
}
