import { fileURLToPath } from 'node:url'
import type { GitAddress } from './values.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

const ASKPASS = fileURLToPath(new URL('./askpass.sh', import.meta.url))

// No user or system configuration, no hooks, no stored credentials and no background work.
const SETTINGS: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.attributesFile', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.autocrlf', 'false'],
  ['credential.helper', ''],
  ['transfer.credentialsInUrl', 'die'],
  ['protocol.ext.allow', 'never'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  // A killed fetch leaves whole packs or nothing. Waiting for a reference's lock takes no longer than such a lock lives.
  ['fetch.unpackLimit', '1'],
  ['core.filesRefLockTimeout', '2500'],
]

/** The environment of a git that reads a mirror: it sees no configuration but the mirror's own. */
export function readingEnvironment(): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
  }
}

interface RemoteAccess {
  readonly address: GitAddress
  readonly credentials: Credentials | undefined
}

/**
 * The complete environment of a git that may write. Without `remote` no transport is allowed. The credentials go with the
 * first request, as a header for this address alone. git would send such a header on to where a server redirects it, so it
 * follows no redirect.
 */
export function gitEnvironment(remote?: RemoteAccess): Record<string, string> {
  if (remote?.credentials === undefined || remote.address.web === undefined) return withSettings(remote, [])
  return withSettings(remote, [
    headerFor(remote.address.address, remote.credentials),
    ['http.followRedirects', 'false'],
  ])
}

/** The same for a server that redirects: it gets the credentials only when it asks for them, and nobody else does. */
export function redirectedEnvironment(remote: RemoteAccess): Record<string, string> {
  return { ...withSettings(remote, []), ...askpassEnvironment(remote.address, remote.credentials) }
}

/** The same for git-lfs, which asks again and again for a credential that is refused: nobody answers it. */
export function lfsEnvironment(remote: RemoteAccess): Record<string, string> {
  const { address, credentials } = remote
  if (credentials === undefined || address.web === undefined) return withSettings(remote, [])
  return withSettings(remote, [headerFor(lfsAddress(address), credentials)])
}

/** In the environment: an argument could be read in the list of processes. */
function headerFor(address: string, credentials: Credentials): readonly [string, string] {
  checkLines(credentials)
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  return [`http.${address}.extraHeader`, `Authorization: Basic ${basic}`]
}

function checkLines({ username, password }: Credentials): void {
  if (/[\r\n\0]/.test(username + password))
    throw new TypeError('a git credential contains a line break: check the configured user and password')
}

/** Where a repository's files of Git LFS are asked for (git-lfs, docs/api/server-discovery.md). */
export function lfsAddress({ address }: GitAddress): string {
  return `${address.replace(/\/$/, '')}/info/lfs`
}

function withSettings(
  remote: RemoteAccess | undefined,
  more: readonly (readonly [string, string])[],
): Record<string, string> {
  // A hosted service may redirect a moved repository; a local server has no reason to redirect.
  const redirects = remote?.address.protocol === 'https' ? 'initial' : 'false'
  const settings = [...SETTINGS, ['http.followRedirects', redirects] as const, ...more]
  return {
    ...readingEnvironment(),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ALLOW_PROTOCOL: remote?.address.protocol ?? '',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}

function askpassEnvironment(address: GitAddress, credentials: Credentials | undefined): Record<string, string> {
  if (credentials === undefined || address.web === undefined) return {}
  checkLines(credentials)
  return {
    GIT_ASKPASS: ASKPASS,
    SIGNOFF_GIT_SCHEME: address.protocol,
    SIGNOFF_GIT_HOST: address.web.host,
    SIGNOFF_GIT_USERNAME: credentials.username,
    SIGNOFF_GIT_PASSWORD: credentials.password,
  }
}
