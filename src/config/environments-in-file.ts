/** What can be read of the environments in `releases.yml`, also while the file has problems. */
import { resolve } from 'node:path'
import { defined } from '../lib/defined.ts'
import { isHerokuGitUrl } from './addresses.ts'
import { isRecord } from './explain.ts'
import type { Path } from './yaml-source.ts'

/** An env file that the worker needs. */
export interface EnvFileUse {
  readonly environment: string
  /** The group of workers that releases the environment. */
  readonly group?: string
  /** Absolute. */
  readonly path: string
  readonly place: Path
}

/** Every environment as written, with its place. */
export function environmentsIn(value: unknown) {
  const apps = isRecord(value) && isRecord(value.apps) ? value.apps : {}
  return Object.entries(apps).flatMap(([app, appEntry]) =>
    isRecord(appEntry) && isRecord(appEntry.environments)
      ? Object.entries(appEntry.environments).map(([name, entry]) => ({
          app,
          name,
          entry,
          path: ['apps', app, 'environments', name],
        }))
      : [],
  )
}

/** The group of each environment that a group names, by `app/environment`. */
export function groupsIn(value: unknown): ReadonlyMap<string, string> {
  const groups = isRecord(value) && isRecord(value.workers) ? value.workers : {}
  return new Map(
    Object.entries(groups).flatMap(([group, entry]) => {
      const named: readonly unknown[] = isRecord(entry) && Array.isArray(entry.environments) ? entry.environments : []
      return named.flatMap((name) => (typeof name === 'string' ? [[name, group] as const] : []))
    }),
  )
}

/** The names of the groups of workers, as written. */
export function groupNamesIn(value: unknown): readonly string[] {
  return isRecord(value) && isRecord(value.workers) ? Object.keys(value.workers) : []
}

/** The groups with an environment on Heroku; undefined stands for workers without a group. */
export function groupsOnHerokuIn(
  value: unknown,
  groupOf: ReadonlyMap<string, string>,
): ReadonlySet<string | undefined> {
  const onHeroku = environmentsIn(value).filter(({ entry }) => isOnHeroku(entry))
  return new Set(onHeroku.map(({ app, name }) => groupOf.get(`${app}/${name}`)))
}

/** The env files that migrations name. */
export function envFilesIn(
  value: unknown,
  directory: string,
  groupOf: ReadonlyMap<string, string>,
): readonly EnvFileUse[] {
  return environmentsIn(value).flatMap(({ app, name, entry, path }) => {
    const migrations = isRecord(entry) ? entry.migrations : undefined
    const placed = Array.isArray(migrations)
      ? migrations.map((each: unknown, index) => ({ each, place: [...path, 'migrations', index, 'env_file'] }))
      : [{ each: migrations, place: [...path, 'migrations', 'env_file'] }]
    return placed.flatMap(({ each, place }) => {
      const written = isRecord(each) ? each.env_file : undefined
      if (typeof written !== 'string' || written === '' || written.includes('\0')) return []
      const environment = `${app}/${name}`
      return [
        { environment, path: resolve(directory, written), place, ...defined({ group: groupOf.get(environment) }) },
      ]
    })
  })
}

function isOnHeroku(entry: unknown): boolean {
  const remote = isRecord(entry) && isRecord(entry.remote) ? entry.remote : {}
  if (remote.platform !== undefined) return remote.platform === 'heroku'
  return typeof remote.url === 'string' && isHerokuGitUrl(remote.url)
}
