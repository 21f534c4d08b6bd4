/** The store as commands read it. Apart from the adapters of the worker, which take as long to load as the store itself. */
import { attachEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { openStore, type StoreOptions } from '../adapters/store/open.ts'
import type { Configuration } from '../config/configuration.ts'

type StoreLocation = Pick<Configuration, 'storeUrl' | 'dataDir'>

/**
 * Finds the store for commands other than start: STORE_URL, or the embedded store of a running Signoff, which is neither
 * started nor stopped here. Undefined when no Signoff is running.
 */
export async function findStore({ storeUrl, dataDir }: StoreLocation): Promise<StoreOptions['pool'] | undefined> {
  if (storeUrl !== undefined) return { connectionString: storeUrl }
  return (await attachEmbeddedPostgres({ dataDir }))?.connection
}

/** STORE_URL is not set and no Signoff is running on DATA_DIR. */
export class StoreNotFound extends Error {
  override readonly name = 'StoreNotFound'
}

/** Opens the store for reading, without migrating it. Throws when it can't be found or has another version. */
export async function openStoreToRead(location: StoreLocation) {
  const pool = await findStore(location)
  if (pool === undefined) {
    throw new StoreNotFound(
      'No Signoff is running on this DATA_DIR, and STORE_URL is not set. Start Signoff, or set STORE_URL.',
    )
  }
  return openStore({ pool, migrate: false })
}
