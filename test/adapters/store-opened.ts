import pg from 'pg'
import { onTestFinished } from 'vitest'
import { type OpenStore, openStore, type StoreOptions } from '../../src/adapters/store/open.ts'
import type { NewRelease, Store } from '../../src/release/ports/store.ts'
import type { Release } from '../../src/release/release.ts'
import { createStoreDatabase, startTestPostgres, type TestDatabase, type TestPostgres } from '../support/postgres.ts'

let postgres: Promise<TestPostgres> | undefined

function server(): Promise<TestPostgres> {
  postgres ??= startTestPostgres()
  return postgres
}

export async function stopPostgres(): Promise<void> {
  await (await postgres)?.stop()
}

/** An empty database of its own for one test. */
export async function emptyDatabase(): Promise<TestDatabase> {
  const database = await (await server()).createDatabase()
  onTestFinished(() => database.drop())
  return database
}

export interface Opened extends OpenStore {
  readonly url: string
  /** Opens the same store once more, as another process would. */
  again(options?: Partial<StoreOptions>): Promise<OpenStore>
  /** SQL as an operator would type it. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

/** A store of its own, closed and removed when the test ends, or as `until` says. */
export async function openedStore(
  options: Partial<StoreOptions> = {},
  until: (end: () => Promise<void>) => void = onTestFinished,
): Promise<Opened> {
  const database = await createStoreDatabase(await server())
  until(() => database.drop())
  const open = async (more: Partial<StoreOptions> = {}) => {
    const opened = await openStore({ pool: { connectionString: database.url }, role: 'bot', ...options, ...more })
    until(() => opened.close())
    return opened
  }
  return {
    ...(await open()),
    url: database.url,
    again: open,
    sql: async (text, values = []) => {
      const client = new pg.Client({ connectionString: database.url })
      client.on('error', () => undefined)
      await client.connect()
      try {
        return (await client.query(text, values)).rows
      } finally {
        await client.end()
      }
    },
  }
}

export function request(more: Partial<NewRelease> = {}): NewRelease {
  return {
    app: 'api',
    environment: 'production',
    kind: 'deploy',
    requester: { id: 'U1', name: 'Ada' },
    configuration: 'digest',
    requestKey: `key ${Math.random()}`,
    ...more,
  }
}

/** Makes a release in its own transaction; throws when it was not made. */
export async function makeRelease({ store }: { store: Store }, more: Partial<NewRelease> = {}): Promise<Release> {
  const outcome = await store.transaction((tx) => tx.createRelease(request(more)))
  if (!('made' in outcome)) throw new Error(`not made: ${JSON.stringify(outcome)}`)
  return outcome.made
}

/** Who waits for a lock in this store right now; to be polled until somebody does. */
export function waiters(opened: Opened): Promise<Record<string, unknown>[]> {
  return opened.sql(`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
}
