import { link, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { PoolConfig } from 'pg'
import pg from 'pg'
import { errnoOf, isErrno } from './errors.ts'

/**
 * The connection for `pg` to the server's socket. It sets everything that pg would otherwise read from the environment
 * (PGPORT, PGUSER, PGSSLMODE, …).
 */
export function socketConnection(socketDir: string): PoolConfig {
  return { host: socketDir, port: 5432, user: 'signoff', password: '', database: 'postgres', ssl: false }
}

/** The result of a probe: a server that accepts connections, one that is starting or stopping (`busy`), or none. */
export type Answer = 'ready' | 'busy' | 'absent'

/** Probes the socket once. Throws on an answer that is not from our server. */
export async function knock(socketDir: string): Promise<Answer> {
  const client = new pg.Client({ ...socketConnection(socketDir), connectionTimeoutMillis: 3000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return 'ready'
  } catch (error) {
    return judge(error)
  }
}

const cannotConnectNow = '57P03'
/** The errors of a server that stops or crashes just after it accepted the connection. */
const shutDown = ['57P01', '57P02']
const tooManyConnections = '53300'

function judge(error: unknown): Answer {
  if (isErrno(error, 'ENOENT', 'ECONNREFUSED', 'ENOTDIR')) return 'absent'
  if (isErrno(error, tooManyConnections)) return 'ready'
  if (isErrno(error, cannotConnectNow, ...shutDown, 'ECONNRESET', 'EPIPE')) return 'busy'
  // No code: pg's own timeout, or a server that exited during the handshake.
  if (error instanceof Error && errnoOf(error) === 'unknown') return 'busy'
  throw error
}

/** The content of a running server's `postmaster.pid` (Postgres's miscadmin.h documents the lines). */
export type PostmasterFile = { text: string; pid: number; socketDir: string }

/** Reads `postmaster.pid`; undefined if absent or not complete yet. */
export function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | undefined> {
  return readLockFile(join(clusterDir, 'postmaster.pid'))
}

async function readLockFile(path: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return ''
    throw error
  })
  const lines = text.split('\n')
  const pid = Number(lines[0])
  return Number.isInteger(pid) && pid > 0 ? { text, pid, socketDir: lines[4] ?? '' } : undefined
}

/**
 * Deletes the lock files of the cluster and the socket if their process is certainly not this cluster's server: an unreaped
 * zombie (a container without an init), or another program with a reused pid. Postgres itself treats any live process of
 * its user as a server, and would never start. Keeps the files in doubt, and without /proc.
 */
export async function removeStaleLockFiles(clusterDir: string, socketDir: string): Promise<void> {
  for (const path of [join(clusterDir, 'postmaster.pid'), join(socketDir, '.s.PGSQL.5432.lock')]) {
    const file = await readLockFile(path)
    if (file !== undefined && !(await mayBeServer(file.pid, clusterDir))) await removeUnlessChanged(path, file.text)
  }
}

async function removeUnlessChanged(path: string, text: string): Promise<void> {
  const aside = `${path}.stale-${process.pid}`
  try {
    await rename(path, aside)
    // Another process may have written its own file since the check: restore that one.
    if ((await readFile(aside, 'utf8')) !== text) await link(aside, path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error
  } finally {
    await rm(aside, { force: true })
  }
}

/** Whether a process is alive by /proc. A zombie is not; without /proc none is. */
export async function isSeenRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return status !== undefined && !/\) [ZX] /.test(status)
}

async function mayBeServer(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform !== 'linux') return true
  if (!(await isSeenRunning(pid))) return false
  const entry = `/proc/${pid}`
  const commandLine = await readFile(`${entry}/cmdline`, 'utf8').catch(() => '')
  const program = commandLine.split('\0')[0] ?? ''
  if (basename(program) !== 'postgres' && !program.startsWith('postgres:')) return false
  return !(await worksElsewhere(`${entry}/cwd`, clusterDir))
}

async function worksElsewhere(workingDirectory: string, clusterDir: string): Promise<boolean> {
  try {
    const [there, here] = await Promise.all([stat(workingDirectory), stat(clusterDir)])
    return there.ino !== here.ino || there.dev !== here.dev
  } catch {
    return false
  }
}
