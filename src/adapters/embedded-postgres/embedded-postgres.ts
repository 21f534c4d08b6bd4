import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, realpath, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { PoolConfig } from 'pg'
import { CLOCK } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
import { pollUntil } from '../../lib/retry.ts'
import { isPrivateDirectory, letAccountPass, makePrivateDirectory, socketDirectory } from './account.ts'
import { type PostgresBinaries, postgresBinaries, postgresEnvironment, provePostgresRuns } from './binaries.ts'
import { makeCluster, type Place, placeIn, preparePlace, removeLeftovers } from './cluster.ts'
import { isErrno, unreadable } from './errors.ts'
import {
  type Answer,
  isSeenRunning,
  knock,
  readPostmasterFile,
  removeStaleLockFiles,
  socketConnection,
} from './postmaster.ts'
import { takeUse, type Use } from './use.ts'

export type EmbeddedPostgres = {
  /** The connection for `pg`: the socket's directory, user and database. There is no password and no TCP port. */
  connection: PoolConfig
  /** The server was already running: started by another process, or left by a killed service. */
  attached: boolean
  /**
   * Stops the server with a fast shutdown (open transactions are rolled back, connections closed) and waits for its end,
   * regardless of which process started it. Leaves it running while other services use it. Safe to repeat.
   */
  stop(): Promise<void>
}

/**
 * Ensures that the embedded store under `dataDir` runs, and returns its connection. Attaches to a running server; else
 * creates the cluster if absent and starts a server, which outlives this process unless stopped. Two processes may start at
 * once: they share one server. `maxConnections` applies to a server that is started here.
 *
 * Throws an Error that says what to do if this machine, user or directory can't run it, if the cluster has another major
 * version, or if no server answers within about 30 seconds (two minutes while it recovers).
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string
  maxConnections?: number
  /** The directory of the package with the Postgres programs; default: the installed one for this platform. */
  packageDir?: string
}): Promise<EmbeddedPostgres> {
  const place = await preparePlace(options.dataDir)
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const server = await findOrStart(place, options)
    const use = await takeUse(server.connection)
    if (use !== undefined) return inUse(server, use)
    // Its last user is stopping it: try again.
  }
  throw new Error(`The embedded Postgres in ${place.dataDir} ends again and again as soon as it has started.`)
}

const MOST_ATTEMPTS = 5

/** A server, and how to stop it. */
type Server = Pick<EmbeddedPostgres, 'connection' | 'attached'> & {
  end(): Promise<void>
}

async function findOrStart(place: Place, options: { maxConnections?: number; packageDir?: string }): Promise<Server> {
  const running = await findServer(place)
  if (running?.answer === 'ready') return attachedTo(place, running.socketDir)

  const binaries = await postgresBinaries(defined({ packageDir: options.packageDir }))
  await provePostgresRuns(binaries, place.account)
  await letAccountPass(place.dataDir, place.account)
  await makeCluster(place, binaries)
  return startServer(place, binaries, options.maxConnections ?? 30)
}

function inUse({ connection, attached, end }: Server, use: Use): EmbeddedPostgres {
  const stop = async (): Promise<void> => {
    const last = await use.letGo()
    // A server that can't tell who uses it keeps running: stopping one that is in use is worse.
    if (last === true || (last === undefined && !attached)) await end()
    await use.close()
  }
  let stopped: Promise<void> | undefined
  return {
    connection,
    attached,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

/**
 * Attaches to the running server of the embedded store under `dataDir`; undefined if none runs. Never starts or stops one,
 * and waits while it is starting. Throws if the store belongs to another user and is not readable.
 */
export async function attachEmbeddedPostgres(options: {
  dataDir: string
}): Promise<Pick<EmbeddedPostgres, 'connection'> | undefined> {
  const dataDir = await realpath(options.dataDir).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw unreadable(options.dataDir, error)
  })
  if (dataDir === undefined) return undefined
  const place = await placeIn(dataDir)
  const settled = await pollUntil(
    async () => {
      const server = await findServer(place)
      return server?.answer === 'busy' ? undefined : { server }
    },
    { forMs: recoverySeconds * 1000, everyMs: 50, clock: CLOCK },
  )
  if (settled === undefined)
    throw new Error(`The embedded store in ${dataDir} is starting or stopping, and does not end.`)
  const { server } = settled
  return server?.answer === 'ready' ? { connection: socketConnection(server.socketDir) } : undefined
}

/** Probes the socket's expected place, then the place that a running server has written down. */
async function findServer(place: Place): Promise<{ socketDir: string; answer: Answer } | undefined> {
  const file = await readPostmasterFile(place.clusterDir)
  for (const socketDir of new Set([socketDirectory(place.dataDir), file?.socketDir ?? ''])) {
    if (!(await isPrivateDirectory(socketDir, place.account))) continue
    const answer = await knock(socketDir)
    if (answer !== 'absent') return { socketDir, answer }
  }
  return undefined
}

const startTimeoutSeconds = 30
const recoverySeconds = 120

/** The message of a server that could not start because of another one, which may be gone or ready soon. */
const passing = /lock file|shared memory block|already in use|starting up|shutting down/

async function startServer(place: Place, binaries: PostgresBinaries, maxConnections: number): Promise<Server> {
  const socketDir = socketDirectory(place.dataDir)
  await makePrivateDirectory(socketDir, place.account)
  const begin = Date.now()
  let child: StartedServer | undefined
  let failures = 0
  for (;;) {
    const found = await findServer(place)
    if (found?.answer === 'ready') {
      await removeLeftovers(place.dataDir)
      const pid = (await readPostmasterFile(place.clusterDir))?.pid
      if (child === undefined || child.process.pid !== pid) return attachedTo(place, found.socketDir)
      return startedAs(place, child, socketDir)
    }
    const seconds = (Date.now() - begin) / 1000
    if (child?.ended() === true) {
      const words = await child.words()
      failures += 1
      if ((failures >= 3 && !passing.test(words)) || seconds > startTimeoutSeconds) {
        throw new Error(`The embedded Postgres in ${place.dataDir} does not start. It says: ${words || '(nothing)'}`)
      }
      if (words.includes('lock file')) await removeStaleLockFiles(place.clusterDir, socketDir)
      child = undefined
      await delay(Math.min(500, 50 * failures))
    } else if (
      seconds > recoverySeconds ||
      (child === undefined && found?.answer === 'busy' && seconds > startTimeoutSeconds)
    ) {
      child?.process.kill('SIGQUIT')
      throw new Error(
        `The embedded Postgres in ${place.dataDir} did not become ready in ${Math.round(seconds)} seconds.`,
      )
    } else if (child === undefined && found === undefined) {
      child = await spawnServer(place, binaries, socketDir, maxConnections)
    }
    await delay(20)
  }
}

type StartedServer = { process: ChildProcess; exit: Promise<void>; ended(): boolean; words(): Promise<string> }

async function spawnServer(
  place: Place,
  binaries: PostgresBinaries,
  socketDir: string,
  maxConnections: number,
): Promise<StartedServer> {
  const settings = {
    listen_addresses: '',
    // A list; quoted entries may contain commas and spaces.
    unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    port: '5432',
    max_connections: `${maxConnections}`,
    // The log has errors, but never the values of statements.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const logPath = join(place.dataDir, 'pg.log')
  await keepLogSmall(logPath)
  const log = await open(logPath, 'a', 0o600)
  try {
    const begin = (await log.stat()).size
    // Its own session: Ctrl-C on the service must not stop the store before the service has stopped.
    const child = spawn(binaries.postgres, ['-D', place.clusterDir, ...options], {
      ...place.account,
      cwd: '/',
      env: postgresEnvironment,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    let ended = false
    const exit = new Promise<void>((settle) => {
      child.once('exit', () => settle())
      child.once('error', () => settle())
    }).then(() => {
      ended = true
    })
    child.unref()
    const words = async () => (await readFile(logPath)).subarray(begin).toString('utf8').trim().slice(-2000)
    return { process: child, exit, ended: () => ended, words }
  } finally {
    await log.close()
  }
}

const largestLog = 10_000_000

async function keepLogSmall(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size > largestLog) await rename(path, `${path}.old`)
}

function startedAs(place: Place, child: StartedServer, socketDir: string): Server {
  return {
    connection: socketConnection(socketDir),
    attached: false,
    end: async () => {
      child.process.ref()
      await shutDown(
        place,
        (signal) => child.process.kill(signal),
        async () => child.ended(),
      )
    },
  }
}

function attachedTo(place: Place, socketDir: string): Server {
  return {
    connection: socketConnection(socketDir),
    attached: true,
    end: async () => {
      const file = await readPostmasterFile(place.clusterDir)
      if (file === undefined || (await knock(socketDir)) === 'absent') return
      // The server deletes its file shortly before it exits.
      const gone = async () =>
        (await readPostmasterFile(place.clusterDir))?.pid !== file.pid && !(await isSeenRunning(file.pid))
      await shutDown(place, (signal) => sendSignal(file.pid, signal), gone)
    },
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}

/** A fast shutdown. After a minute the server is killed, which costs a recovery at the next start but no data. */
async function shutDown(
  place: Place,
  signal: (name: NodeJS.Signals) => unknown,
  gone: () => Promise<boolean>,
): Promise<void> {
  for (const [name, seconds] of [
    ['SIGINT', 60],
    ['SIGQUIT', 15],
  ] as const) {
    if (await gone()) return
    signal(name)
    const isGone = async () => (await gone()) || undefined
    if (await pollUntil(isGone, { forMs: seconds * 1000, everyMs: 20, clock: CLOCK })) return
  }
  throw new Error(`The embedded Postgres in ${place.dataDir} does not stop.`)
}
