/** The gates of services that did not answer, or gave no usable answer. */
import type { ServiceError } from '../release/ports/answers.ts'
import type { MigrationsAnswer } from '../release/ports/migrator.ts'
import type { Refusal } from '../release/refusals.ts'
import { type App, appAt, type Environment, type RemoteSettings } from '../release/settings.ts'
import { FIRST_PLATFORM, migrationsUnreadable, type PlatformName } from '../release/stored-names.ts'
import { platformOf, type WorkerPorts } from './ports.ts'

export type Refused = { readonly refused: Refusal }

function unusable(failure: ServiceError['failure'], detail: string): { detail: string; answered?: true } {
  return { detail, ...(failure === 'wrong' && { answered: true }) }
}

export function originError(
  { forge }: Pick<WorkerPorts, 'forge'>,
  { gitUrl }: App,
  { failure, detail }: ServiceError,
): Refused {
  if (failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: gitUrl, settings: forge.words.settings } }
  }
  return { refused: { gate: 'repository_unreachable', url: gitUrl, ...unusable(failure, detail) } }
}

export function remoteError(
  ports: Pick<WorkerPorts, 'platforms'>,
  { remote }: Environment,
  { failure, detail }: ServiceError,
): Refused {
  if (failure === 'refused') {
    const { settings } = platformOf(ports, remote).words
    return { refused: { gate: 'credentials_refused', service: remote.name, settings } }
  }
  return { refused: { gate: 'remote_unreachable', remote: remote.name, ...unusable(failure, detail) } }
}

export function forgeError(
  { forge: { words } }: Pick<WorkerPorts, 'forge'>,
  { failure, detail }: ServiceError,
): Refused {
  if (failure === 'refused') {
    return { refused: { gate: 'credentials_refused', service: words.name, settings: words.settings } }
  }
  return { refused: { gate: words.unreachable, ...unusable(failure, detail) } }
}

export function platformError(
  ports: Pick<WorkerPorts, 'platforms'>,
  { remote }: Environment,
  { failure, detail }: ServiceError,
): Refused {
  if (failure === 'refused') {
    const { name, settings } = platformOf(ports, remote).words
    return { refused: { gate: 'credentials_refused', service: name, settings } }
  }
  const of = { app: appAt(remote), ...onPlatform(remote) }
  return { refused: { gate: 'platform_unreachable', ...of, ...unusable(failure, detail) } }
}

/** The platform of a gate as it is stored: absent for the first platform. */
export function onPlatform({ platform }: RemoteSettings): { readonly platform?: PlatformName } {
  return platform === FIRST_PLATFORM ? {} : { platform }
}

export function migratorError(
  { migrator }: Pick<WorkerPorts, 'migrator'>,
  environment: Environment,
  answer: Extract<MigrationsAnswer<unknown>, { ok: false }>,
): Refused {
  const { why, detail } = answer
  if (why === 'unreadable') {
    return { refused: migrationsUnreadable(environment.migrations?.program ?? migrator.words.name, detail) }
  }
  const database = answer.database ?? `the database of ${environment.name}`
  if (why === 'database refused') {
    return { refused: { gate: 'credentials_refused', service: database, settings: ['env_file'] } }
  }
  return { refused: { gate: 'database_unreachable', database, detail } }
}
