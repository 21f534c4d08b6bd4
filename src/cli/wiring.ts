/** Builds the adapters that a configuration names; `start` and the commands share them. */
import { join } from 'node:path'
import { createMigrations } from '../adapters/alembic/alembic.ts'
import { createBitbucket } from '../adapters/bitbucket/bitbucket.ts'
import { attachEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { createGit } from '../adapters/git/git.ts'
import { createHeroku } from '../adapters/heroku/heroku.ts'
import { createSqlRisks } from '../adapters/sql-risks/sql-risks.ts'
import { openStore, type StoreOptions } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'

type WorkerSettings = NonNullable<Configuration['worker']>

/** What the worker, and nobody else, reaches the world by. `close` of git leaves nothing running. */
export function createWorldAdapters(
  { releases, dataDir }: Configuration,
  { bitbucket, heroku }: WorkerSettings,
  scrub: (text: string) => string,
  log?: (said: string, facts: Record<string, unknown>) => void,
) {
  return {
    git: createGit({
      mirrors: join(dataDir, 'mirrors'),
      credentials: gitCredentials(releases.apps, bitbucket, heroku),
      ...(log && { log }),
    }),
    bitbucket: createBitbucket({ apiUrl: bitbucket.apiUrl, credentials: bitbucket.credentials }),
    ...(heroku && { heroku: createHeroku({ apiUrl: heroku.apiUrl, apiKey: heroku.apiKey }) }),
    migrations: createMigrations({ scrub }),
    sqlRisks: createSqlRisks(),
  }
}

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/

/** Each credential goes to the host of its own service and, for the remotes that releases.yml names, to this machine. */
export function gitCredentials(
  apps: Configuration['releases']['apps'],
  { credentials }: WorkerSettings['bitbucket'],
  heroku: WorkerSettings['heroku'],
): (url: URL) => { username: string; password: string } | undefined {
  const environments = apps.flatMap((app) => app.environments)
  const remotes = new Set(
    environments.filter(({ remote }) => remote.platform === 'heroku').map(({ remote }) => addressOf(remote.url)),
  )
  const repositories = new Set(apps.map(({ gitUrl }) => addressOf(gitUrl)))
  const ofBitbucket =
    'token' in credentials
      ? { username: 'x-token-auth', password: credentials.token }
      : { username: 'x-bitbucket-api-token-auth', password: credentials.apiToken }
  return (url) => {
    const isLocal = LOOPBACK.test(url.hostname)
    if (url.hostname === 'git.heroku.com' || (isLocal && remotes.has(addressOf(url.href)))) {
      return heroku && { username: 'heroku', password: heroku.apiKey }
    }
    const isOurs = url.hostname === 'bitbucket.org' || (isLocal && repositories.has(addressOf(url.href)))
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
