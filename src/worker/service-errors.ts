/** The gates of services that did not answer, or gave no usable answer. */
import { defined } from '../lib/defined.ts'
import type { Answer, ServiceError } from '../release/ports/answers.ts'
import type { MigrationsAnswer } from '../release/ports/migrator.ts'
import type { Denied, Refusal } from '../release/refusals.ts'
import { type App, appAt, type Environment, type MigrationSettings, type RemoteSettings } from '../release/settings.ts'
import { FIRST_PLATFORM, migrationsUnreadable, type PlatformName } from '../release/stored-names.ts'
import { platformOf, type WorkerPorts } from './ports.ts'

export type Refused = { readonly refused: Refusal }

function unusable({ failure, detail }: ServiceError, denied: Denied | undefined) {
  return { detail, ...(failure === 'wrong' && { answered: true as const }), ...defined({ denied }) }
}

/** What the credentials don't see, by its name in releases.yml. */
function deniedOf({ denied }: ServiceError, named: Omit<Denied, 'why'>): Denied | undefined {
  return denied === undefined ? undefined : { why: denied, ...named }
}

export function originError({ forge }: Pick<WorkerPorts, 'forge'>, { gitUrl }: App, error: ServiceError): Refused {
  const { settings } = forge.words
  const denied = deniedOf(error, { what: 'repository', name: gitUrl, keys: ['repository', 'git_url'], settings })
  if (error.failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: gitUrl, settings, ...defined({ denied }) } }
  }
  return { refused: { gate: 'repository_unreachable', url: gitUrl, ...unusable(error, denied) } }
}

/** `api`: what the platform's API answered at the same time, if it was asked. */
export function remoteError(
  ports: Pick<WorkerPorts, 'platforms'>,
  { remote }: Environment,
  error: ServiceError,
  api?: Answer<unknown>,
): Refused {
  const { settings, statusPage } = platformOf(ports, remote).words
  const named =
    remote.app === undefined || !remote.url.endsWith(`/${remote.app}.git`)
      ? ({ what: 'repository', name: remote.url, keys: ['remote.url'] } as const)
      : ({ what: 'app', name: remote.app, keys: ['remote.url'] } as const)
  const denied = deniedOf(error, { ...named, settings })
  if (error.failure === 'refused') {
    const apiAccepts = denied === undefined && api?.ok === true && statusPage !== undefined ? true : undefined
    const more = defined({ denied, apiAccepts })
    return { refused: { gate: 'credentials_refused', service: remote.name, settings, ...onPlatform(remote), ...more } }
  }
  return { refused: { gate: 'remote_unreachable', remote: remote.name, ...unusable(error, denied) } }
}

/** `app`: whose repository it is about, if it was asked about that. */
export function forgeError(
  { forge: { words } }: Pick<WorkerPorts, 'forge'>,
  error: ServiceError,
  app?: Pick<App, 'repository'>,
): Refused {
  const { settings } = words
  const denied = app && deniedOf(error, { what: 'repository', name: app.repository, keys: ['repository'], settings })
  if (error.failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: words.name, settings } }
  }
  return { refused: { gate: words.unreachable, ...unusable(error, denied) } }
}

export function platformError(
  ports: Pick<WorkerPorts, 'platforms'>,
  { remote }: Pick<Environment, 'remote'>,
  error: ServiceError,
): Refused {
  const { name, settings } = platformOf(ports, remote).words
  const of = { app: appAt(remote), ...onPlatform(remote) }
  const denied = deniedOf(error, { what: 'app', name: of.app, keys: ['remote.app'], settings })
  if (error.failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: name, settings, ...defined({ denied }) } }
  }
  return { refused: { gate: 'platform_unreachable', ...of, ...unusable(error, denied) } }
}

/** The platform of a gate as it is stored: absent for the first platform. */
export function onPlatform({ platform }: RemoteSettings): { readonly platform?: PlatformName } {
  return platform === FIRST_PLATFORM ? {} : { platform }
}

export function migratorError(
  migration: MigrationSettings,
  answer: Extract<MigrationsAnswer<unknown>, { ok: false }>,
): Refused {
  const { why, detail } = answer
  if (why === 'unreadable') {
    const configuration = answer.noConfiguration === true ? migration.config : undefined
    return { refused: migrationsUnreadable(migration.program, detail, configuration) }
  }
  if (why === 'not isolated') return { refused: { gate: 'isolation_unavailable', detail } }
  const database = answer.database ?? `the database of ${migration.environment}`
  if (why === 'database refused') {
    return { refused: { gate: 'credentials_refused', service: database, settings: ['env_file'] } }
  }
  return { refused: { gate: 'database_unreachable', database, detail } }
}
