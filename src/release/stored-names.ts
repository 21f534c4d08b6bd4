/**
 * Names of services as stores, `releases.yml` and published gates have them. They are contracts, so they stay; this is the
 * only file outside of adapters/, config/ and the wiring that spells them.
 */

/** The platforms, as `remote.platform` in releases.yml and stored refusals name them. */
export const PLATFORM_NAMES = ['heroku', 'git'] as const
export type PlatformName = (typeof PLATFORM_NAMES)[number]

/** The platform of a gate that was stored without one, and for which none is stored. */
export const FIRST_PLATFORM: PlatformName = 'heroku'

/** The gate of a forge that gave nothing to go by. A forge names its own. */
export const FORGE_UNREACHABLE = 'bitbucket_unreachable'
export type ForgeUnreachable = typeof FORGE_UNREACHABLE

/** The gate of migrations that the migrator can't read; its program is stored under this key, whatever the migrator. */
export interface MigrationsUnreadable {
  readonly gate: 'migrations_unreadable'
  readonly alembic: string
  readonly detail: string
}

export function migrationsUnreadable(program: string, detail: string): MigrationsUnreadable {
  return { gate: 'migrations_unreadable', alembic: program, detail }
}

/** The migrator's program that could not read them. */
export function programOf({ alembic }: MigrationsUnreadable): string {
  return alembic
}
