import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { inject } from 'vitest'
import { type ServerAccount, serverAccount } from '../../src/adapters/embedded-postgres/account.ts'
import {
  type PostgresBinaries,
  postgresBinaries,
  postgresEnvironment,
} from '../../src/adapters/embedded-postgres/binaries.ts'
import { openStore } from '../../src/adapters/store/open.ts'

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
  /** Removes it, and whoever is connected. Safe to repeat. */
  drop(): Promise<void>
}

/** What the global setup hands to the tests. */
export type TestServer = { socketDir: string; port: number; user: string; password: string }

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

/** A server of another version, by the programs in this folder, for the caller to stop. */
export async function startOtherPostgres(programs: string): Promise<TestPostgres> {
  const binaries = { initdb: join(programs, 'initdb'), postgres: join(programs, 'postgres') }
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
  const urlOf = (name: string): string =>
    `postgresql://${server.user}:${server.password}@127.0.0.1:${server.port}/${name}`
  const url = urlOf('postgres')
  const create = async (template: string): Promise<TestDatabase> => {
    const name = `test_${randomBytes(8).toString('hex')}`
    // Twice as fast as through the write-ahead log, where nothing is synced.
    await ask(url, `create database ${name} template ${template} strategy file_copy`)
    const drop = async (): Promise<void> => {
      await ask(url, `drop database if exists ${name} with (force)`)
    }
    return { url: urlOf(name), name, drop }
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

async function inDatabase(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Settings of the server, by their names in postgresql.conf. */
type Settings = Readonly<Record<string, string>>

type StartedServer = { server: TestServer; stop(): Promise<void> }

/** `other`: the programs of an older version, which does not know the newest settings. */
async function startServer(settings: Settings = {}, other?: PostgresBinaries): Promise<StartedServer> {
  const binaries = other ?? (await postgresBinaries())
  const root = await mkdtemp(join(tmpdir(), 'signoff-test-postgres-'))
  const cluster = join(root, 'cluster')
  const account = await serverAccount(cluster)
  const password = randomBytes(16).toString('hex')
  const user = 'tests'
  try {
    await writeFile(join(root, 'password'), password, { mode: 0o600 })
    await mkdir(join(root, 'socket'), { mode: 0o700 })
    for (const path of [root, join(root, 'password'), join(root, 'socket')]) {
      await chown(path, account.uid, account.gid)
    }
    const newest = other === undefined ? ['-c', 'scram_iterations=1'] : []
    await initialize(binaries.initdb, cluster, user, join(root, 'password'), account, newest)
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort()
      const server = { socketDir: join(root, 'socket'), port, user, password }
      const child = launch(binaries.postgres, cluster, root, server, account, {
        ...(other === undefined && { io_method: 'sync' }),
        ...settings,
      })
      const words = collect(child)
      if (await becomesReady(controls(server, leave).url, words)) {
        return { server, stop: () => end(child) }
      }
      await end(child)
      // Another program may have taken the port in between.
      if (attempt === 3) throw new Error(`The tests' Postgres does not start: ${words()}`)
    }
  } catch (error) {
    await rm(root, { recursive: true, force: true })
    throw error
  }
}

async function initialize(
  initdb: string,
  cluster: string,
  user: string,
  passwordFile: string,
  account: ServerAccount,
  more: readonly string[],
): Promise<void> {
  const access = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`]
  // Thousands of connections, each of which would hash the password 4,096 times at either end.
  const options = ['-U', user, '-E', 'UTF8', '--locale=C', '--no-sync', ...more, ...access]
  await promisify(execFile)(initdb, ['-D', cluster, ...options], { ...account, cwd: '/', env: postgresEnvironment })
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((settle, refuse) => probe.once('error', refuse).listen(0, '127.0.0.1', settle))
  const address = probe.address()
  await new Promise((settle) => probe.close(settle))
  if (address === null || typeof address === 'string') throw new Error('No loopback port is free.')
  return address.port
}

/**
 * The shell waits for the end of its input, which comes when we close it or are gone; then the server ends, and its
 * directory goes. The directory of one that never started stays, for the next attempt.
 */
const untilInputEnds = '"$@" & server=$!; read -r line; kill -INT $server && { wait $server; rm -rf "$0"; }'

function launch(
  postgres: string,
  cluster: string,
  root: string,
  server: TestServer,
  account: ServerAccount,
  others: Settings,
): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: `${server.port}`,
    unix_socket_directories: server.socketDir,
    max_connections: '200',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    // Databases that live for seconds need nobody to look after them, nor a log that could be replayed elsewhere.
    autovacuum: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    checkpoint_timeout: '1h',
    jit: 'off',
    ...others,
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return spawn('/bin/sh', ['-c', untilInputEnds, root, postgres, '-D', cluster, ...options], {
    ...account,
    cwd: '/',
    env: postgresEnvironment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
}

function collect(child: ChildProcess): () => string {
  let words = ''
  child.stderr?.on('data', (chunk) => {
    words = (words + chunk).slice(-4000)
  })
  return () => words
}

async function becomesReady(url: string, words: () => string): Promise<boolean> {
  const patience = Date.now() + 20_000
  while (Date.now() < patience && !words().includes('could not create any TCP/IP sockets')) {
    try {
      await inDatabase(url, async () => undefined)
      return true
    } catch {
      await delay(20)
    }
  }
  return false
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((settle) => child.once('close', settle))
  child.stdin?.end()
  await gone
}
