/** Builds the adapters that a configuration names. The worker and doctor share them. */
import { dirname, join } from 'node:path'
import { createMigrations } from '../adapters/alembic/alembic.ts'
import { createIsolate } from '../adapters/alembic/isolation/isolation.ts'
import { createBitbucket } from '../adapters/bitbucket/bitbucket.ts'
import { bitbucketWords } from '../adapters/bitbucket/words.ts'
import { createGit } from '../adapters/git/git.ts'
import { createGitRemote } from '../adapters/git-remote/git-remote.ts'
import { createHealthCheck } from '../adapters/health-check/health-check.ts'
import { createHeroku } from '../adapters/heroku/heroku.ts'
import { createSqlRisks } from '../adapters/sql-risks/sql-risks.ts'
import type { Configuration } from '../config/configuration.ts'
import { defined } from '../lib/defined.ts'
import type { ForgeLimits } from '../release/ports/forge.ts'
import type { MigratorLimits } from '../release/ports/migrator.ts'
import type { Platform, PlatformLimits } from '../release/ports/platform.ts'
import type { PlatformName } from '../release/stored-names.ts'

type WorkerSettings = NonNullable<Configuration['worker']>

/** Shorter time limits of services, for tests and demonstrations. */
export interface ServiceLimits {
  readonly forge?: Partial<ForgeLimits>
  readonly platforms?: Readonly<Partial<Record<PlatformName, Partial<PlatformLimits>>>>
  readonly migrator?: Partial<MigratorLimits>
}

/** Builds the adapters that only the worker uses. Close `git` at the end, so that no process is left. */
export function createWorkerAdapters(
  { releases, dataDir, releasesFile }: Configuration,
  { bitbucket, heroku }: WorkerSettings,
  options: {
    readonly scrub: (text: string) => string
    readonly log?: (message: string, facts: Record<string, unknown>) => void
    readonly limits?: ServiceLimits
  },
) {
  const { scrub, log, limits = {} } = options
  const git = createGit({
    mirrors: join(dataDir, 'mirrors'),
    credentials: gitCredentials(releases.apps, bitbucket, heroku),
    ...defined({ log }),
  })
  const platforms: Readonly<Record<PlatformName, Platform | undefined>> = {
    heroku: heroku && createHeroku({ ...heroku, limits: limits.platforms?.heroku ?? {} }),
    git: createGitRemote({ git, settings: bitbucketWords.settings, limits: limits.platforms?.git ?? {} }),
  }
  const envFiles = releases.apps
    .flatMap(({ environments }) => environments)
    .flatMap(({ migrations }) => migrations.flatMap(({ envFile }) => envFile ?? []))
  const hidden = { folders: [dataDir, dirname(releasesFile)], files: [releasesFile, ...envFiles] }
  const isolate = createIsolate({ hidden })
  return {
    git,
    forge: createBitbucket({ ...bitbucket, limits: limits.forge ?? {} }),
    platforms,
    isolate,
    migrator: createMigrations({ scrub, isolate, limits: limits.migrator ?? {} }),
    sqlRisks: createSqlRisks(),
    health: createHealthCheck(),
  }
}

interface Credential {
  readonly username: string
  readonly password: string
}

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/

/**
 * Returns the credential for a git URL. Each is sent only to the host of its own service and, for the addresses in
 * releases.yml, to this machine.
 */
export function gitCredentials(
  apps: Configuration['releases']['apps'],
  { credentials }: WorkerSettings['bitbucket'],
  heroku: WorkerSettings['heroku'],
): (url: URL) => Credential | undefined {
  const remotes = apps.flatMap(({ environments }) => environments.map(({ remote }) => remote))
  /** For platforms with their own git host. */
  const platforms: Readonly<Record<PlatformName, { host: string; credential: Credential | undefined } | undefined>> = {
    heroku: { host: 'git.heroku.com', credential: heroku && { username: 'heroku', password: heroku.apiKey } },
    git: undefined,
  }
  const repositories = new Set(apps.map(({ gitUrl }) => normalizedUrl(gitUrl)))
  const bitbucketCredential =
    'token' in credentials
      ? { username: 'x-token-auth', password: credentials.token }
      : { username: 'x-bitbucket-api-token-auth', password: credentials.apiToken }
  return (url) => {
    const isLocal = LOOPBACK.test(url.hostname)
    const normalized = normalizedUrl(url.href)
    const local = isLocal ? remotes.filter((remote) => normalizedUrl(remote.url) === normalized) : []
    const known = [
      ...local.map(({ platform }) => platforms[platform]),
      ...Object.values(platforms).filter((platform) => platform?.host === url.hostname),
    ].find((platform) => platform !== undefined)
    if (known !== undefined) return known.credential
    const isRepository = url.hostname === 'bitbucket.org' || (isLocal && repositories.has(normalized))
    return isRepository ? bitbucketCredential : undefined
  }
}

/** The same text for every way to write the same git URL. */
function normalizedUrl(url: string): string {
  return URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : url
}
