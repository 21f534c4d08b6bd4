import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import type { PostgresBinaries } from '../../src/adapters/embedded-postgres/binaries.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import {
  inDatabase,
  type Settings,
  type StartedServer,
  startServer,
  type TestServer,
  urlOf,
} from './postgres-server.ts'

/**
 * The tests' Postgres: the real programs, one server for a whole vitest run, made for speed (no fsync). It listens on a
 * unix socket and, with a password, on a loopback port. It ends with the process that started it, however that ends.
 */
export type TestPostgres = {
  /** As the superuser, on the loopback port, to the database `postgres`. */
  url: string
  /** The directory of the unix socket (port 5432's name, no password): `{ host: socketDir, port, user, database }`. */
  socketDir: string
  port: number
  user: string
  /** A new, empty database. */
  createDatabase(): Promise<TestDatabase>
  /**
   * A new database that holds `what`: a copy of the one that `fill` has filled, once for all processes that use this server.
   * `fill` leaves nobody connected.
   */
  createCopy(what: string, fill: (url: string) => Promise<unknown>): Promise<TestDatabase>
  /** Ends the server when this call started it; leaves the shared one. */
  stop(): Promise<void>
}

export type TestDatabase = {
  /** postgresql://user:password@127.0.0.1:port/name */
  url: string
  name: string
  /** Removes it, and the connections to it. Safe to repeat. */
  drop(): Promise<void>
}

declare module 'vitest' {
  export interface ProvidedContext {
    testPostgres: TestServer
  }
}

/** Of each project that needs one the setup is asked, in one process: they share the first one's server. */
const ofThisRun = globalThis as { testPostgres?: { server: Promise<StartedServer>; users: number } }

/** For vitest's `globalSetup`: one server for the run. */
export async function setup(project: { provide(key: 'testPostgres', value: TestServer): void }): Promise<void> {
  ofThisRun.testPostgres ??= { server: startServer(), users: 0 }
  ofThisRun.testPostgres.users += 1
  project.provide('testPostgres', (await ofThisRun.testPostgres.server).server)
}

export async function teardown(): Promise<void> {
  const ours = ofThisRun.testPostgres
  if (ours === undefined) return
  ours.users -= 1
  if (ours.users > 0) return
  delete ofThisRun.testPostgres
  await (await ours.server).stop()
}

/**
 * The shared server of this run; outside a run with the global setup, one of its own, for the caller to stop, with these
 * settings over those of tests. Throws among the tests that start no process: vitest.config.ts lists those which do.
 */
export async function startTestPostgres(settings: Settings = {}): Promise<TestPostgres> {
  const given = injected()
  if (given !== undefined) return controls(given, leave)
  if (process.env.WITHOUT_PROCESSES === 'true')
    throw new Error('a test that needs Postgres is none of the fast ones: see vitest.config.ts')
  const started = await startServer(settings)
  return controls(started.server, started.stop)
}

/** A server of its own, which can end as with its machine and come back on the same port. For the caller to stop. */
export type MortalPostgres = TestPostgres & Pick<StartedServer, 'kill' | 'startAgain'>

export async function startMortalPostgres(): Promise<MortalPostgres> {
  const { server, stop, kill, startAgain } = await startServer()
  return { ...controls(server, stop), kill, startAgain }
}

/** A server of another version, by the programs in this folder, for the caller to stop. */
export async function startOtherPostgres(programs: string): Promise<TestPostgres> {
  const binaries: PostgresBinaries = { initdb: join(programs, 'initdb'), postgres: join(programs, 'postgres') }
  const started = await startServer({}, binaries)
  return controls(started.server, started.stop)
}

function injected(): TestServer | undefined {
  try {
    return inject('testPostgres')
  } catch {
    return undefined
  }
}

const leave = async (): Promise<void> => undefined

function controls(server: TestServer, stop: () => Promise<void>): TestPostgres {
  const url = urlOf(server, 'postgres')
  const create = async (template: string): Promise<TestDatabase> => {
    const name = `test_${randomBytes(8).toString('hex')}`
    // Twice as fast as through the write-ahead log, where nothing is synced.
    await ask(url, `create database ${name} template ${template} strategy file_copy`)
    const drop = async (): Promise<void> => {
      await ask(url, `drop database if exists ${name} with (force)`)
    }
    return { url: urlOf(server, name), name, drop }
  }
  const createDatabase = () => create('template1')
  return {
    ...server,
    url,
    createDatabase,
    async createCopy(what, fill) {
      const template = `copied_${createHash('sha256').update(what).digest('hex').slice(0, 16)}`
      const isThere = () => ask(url, `select from pg_database where datname = '${template}'`)
      if ((await isThere()).length === 0) {
        await inDatabase(url, async (client) => {
          await client.query(`select pg_advisory_lock(hashtext('${template}'))`)
          if ((await isThere()).length > 0) return
          const filled = await createDatabase()
          await fill(filled.url)
          await client.query(`alter database ${filled.name} rename to ${template}`)
        })
      }
      return create(template)
    },
    stop,
  }
}

/** A database for a store, as one that is opened for the first time makes it. */
export function createStoreDatabase(server: TestPostgres): Promise<TestDatabase> {
  return server.createCopy('a new store', async (url) => {
    await (await openStore({ pool: { connectionString: url } })).close()
  })
}

/** One statement to a database. Each may have a connection of its own: nothing that lasts longer than it. */
export async function ask<Row extends object>(url: string, sql: string): Promise<readonly Row[]> {
  const pool = pools.get(url) ?? createPool(url)
  pools.set(url, pool)
  return (await pool.query<Row>(sql)).rows
}

/** Stories ask every 50 ms whether it is so far: to connect for each question took a quarter of the time of a processor. */
const pools = new Map<string, pg.Pool>()

function createPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4, idleTimeoutMillis: 1_000, allowExitOnIdle: true })
  // One that is cut off while nobody asks, as when its database is dropped, is replaced by the next question.
  return pool.on('error', () => undefined)
}
