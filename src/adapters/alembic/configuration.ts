import { posix } from 'node:path'
import type { MigrationsPlace } from '../../release/ports/migrator.ts'

/** Reads the migrations' folder from an alembic configuration. */
export function placeOf(ini: string, path: string, directory: string): MigrationsPlace {
  // With revisions in several folders, one folder's tree is not enough.
  return { folder: scriptLocation(ini, path, directory), isOneFolder: !/^\s*version_locations\s*[=:]/m.test(ini) }
}

function scriptLocation(ini: string, path: string, directory: string): string | undefined {
  // Only alembic's own section counts: others may have a setting of this name.
  const [, own = ''] = `\n${ini}`.split(/\n\[(?:tool\.)?alembic\][^\n]*/, 2)
  const section = own.split('\n[', 1)[0] ?? ''
  const value = /^script_location[ \t]*[=:][ \t]*(.+?)\s*$/im.exec(section)?.[1]?.replace(/^(["'])(.*)\1$/, '$2')
  if (value === undefined || value.startsWith('/')) return undefined
  const here = posix.dirname(path)
  const location = value.startsWith('%(here)s')
    ? posix.join(here, value.slice('%(here)s'.length))
    : posix.join(directory, value)
  const normal = posix.normalize(location).replace(/\/$/, '')
  return normal.startsWith('..') ? undefined : normal
}
