/** Builds the adapters that a configuration names; `start` and the commands share them. */
import { join } from 'node:path'
import { createMigrations } from '../adapters/alembic/alembic.ts'
import { createBitbucket } from '../adapters/bitbucket/bitbucket.ts'
import { bitbucketWords } from '../adapters/bitbucket/words.ts'
import { attachEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { createGit } from '../adapters/git/git.ts'
import { createGitRemote } from '../adapters/git-remote/git-remote.ts'
import { createHeroku } from '../adapters/heroku/heroku.ts'
import { createSqlRisks } from '../adapters/sql-risks/sql-risks.ts'
import { openStore, type StoreOptions } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'
import type { ForgeLimits } from '../release/ports/forge.ts'
import type { MigratorLimits } from '../release/ports/migrator.ts'
import type { Platform, PlatformLimits } from '../release/ports/platform.ts'
import type { PlatformName } from '../release/stored-names.ts'

type WorkerSettings = NonNullable<Configuration['worker']>

/** Shorter limits of services, for where nothing takes as long as it may in service. */
export interface ServiceLimits {
  readonly forge?: Partial<ForgeLimits>
  readonly platforms?: Readonly<Partial<Record<PlatformName, Partial<PlatformLimits>>>>
  readonly migrator?: Partial<MigratorLimits>
}

/** What the worker, and nobody else, reaches the world by. `close` of git leaves nothing running. */
export function createWorldAdapters(
  { releases, dataDir }: Configuration,
  { bitbucket, heroku }: WorkerSettings,
  options: {
    readonly scrub: (text: string) => string
    readonly log?: (said: string, facts: Record<string, unknown>) => void
    readonly limits?: ServiceLimits
  },
) {
  const { scrub, log, limits = {} } = options
  const git = createGit({
    mirrors: join(dataDir, 'mirrors'),
    credentials: gitCredentials(releases.apps, bitbucket, heroku),
    ...(log && { log }),
  })
  const platforms: Readonly<Record<PlatformName, Platform | undefined>> = {
    heroku: heroku && createHeroku({ ...heroku, limits: limits.platforms?.heroku ?? {} }),
    git: createGitRemote({ git, settings: bitbucketWords.settings, limits: limits.platforms?.git ?? {} }),
  }
  return {
    git,
    forge: createBitbucket({ ...bitbucket, limits: limits.forge ?? {} }),
    platforms,
    migrator: createMigrations({ scrub, limits: limits.migrator ?? {} }),
    sqlRisks: createSqlRisks(),
  }
}

interface Credential {
  readonly username: string
  readonly password: string
}

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/

/** Each credential goes to the host of its own service and, for the remotes that releases.yml names, to this machine. */
export function gitCredentials(
  apps: Configuration['releases']['apps'],
  { credentials }: WorkerSettings['bitbucket'],
  heroku: WorkerSettings['heroku'],
): (url: URL) => Credential | undefined {
  const remotes = apps.flatMap(({ environments }) => environments.map(({ remote }) => remote))
  /** The git host of each platform that has one of its own. */
  const platforms: Readonly<Record<PlatformName, { host: string; credential: Credential | undefined } | undefined>> = {
    heroku: { host: 'git.heroku.com', credential: heroku && { username: 'heroku', password: heroku.apiKey } },
    git: undefined,
  }
  const repositories = new Set(apps.map(({ gitUrl }) => addressOf(gitUrl)))
  const ofBitbucket =
    'token' in credentials
      ? { username: 'x-token-auth', password: credentials.token }
      : { username: 'x-bitbucket-api-token-auth', password: credentials.apiToken }
  return (url) => {
    const isLocal = LOOPBACK.test(url.hostname)
    const address = addressOf(url.href)
    const local = isLocal ? remotes.filter((remote) => addressOf(remote.url) === address) : []
    const known = [
      ...local.map(({ platform }) => platforms[platform]),
      ...Object.values(platforms).filter((platform) => platform?.host === url.hostname),
    ].find((platform) => platform !== undefined)
    if (known !== undefined) return known.credential
    const isOurs = url.hostname === 'bitbucket.org' || (isLocal && repositories.has(address))
    return isOurs ? ofBitbucket : undefined
  }
}

/** A git URL without what does not matter, so that the same repository has the same address. */
function addressOf(url: string): string {
  return URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : url
}

/**
 * Where a command other than start finds the store: STORE_URL, or the embedded one of a running Signoff, which it never
 * starts and never stops. Undefined: none is running.
 */
type StorePlace = Pick<Configuration, 'storeUrl' | 'dataDir'>

export async function findStore({ storeUrl, dataDir }: StorePlace): Promise<StoreOptions['pool'] | undefined> {
  if (storeUrl !== undefined) return { connectionString: storeUrl }
  return (await attachEmbeddedPostgres({ dataDir }))?.connection
}

/** Neither STORE_URL nor a running Signoff says where the store is. */
export class NoStore extends Error {
  override readonly name = 'NoStore'
}

/** Opens the store for reading only; nothing is migrated. Throws where it is not there or of another version. */
export async function openStoreToRead(place: StorePlace) {
  const pool = await findStore(place)
  if (pool === undefined) {
    throw new NoStore(
      'No Signoff is running on this DATA_DIR, and STORE_URL is not set. Start it first, or set STORE_URL.',
    )
  }
  return openStore({ pool, migrate: false })
}
