import { link, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { PoolConfig } from 'pg'
import pg from 'pg'
import { errnoOf, isErrno } from './errors.ts'

/**
 * What `pg` needs to reach the server on its socket. Everything that pg would otherwise take from the environment
 * (PGPORT, PGUSER, PGSSLMODE, …) is said.
 */
export function socketConnection(socketDir: string): PoolConfig {
  return { host: socketDir, port: 5432, user: 'signoff', password: '', database: 'postgres', ssl: false }
}

/**
 * What a knock on the socket finds: a server that takes connections (`ready`), one that is starting or stopping
 * (`busy`), or nobody (`absent`).
 */
export type Answer = 'ready' | 'busy' | 'absent'

/** Knocks once. Throws when something answers that is neither a server of ours nor its absence. */
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
/** What a server that is being ended says to whom it has let in a moment before; by an order, and by a crash. */
const shutDown = ['57P01', '57P02']
const tooManyConnections = '53300'

function judge(error: unknown): Answer {
  if (isErrno(error, 'ENOENT', 'ECONNREFUSED', 'ENOTDIR')) return 'absent'
  if (isErrno(error, tooManyConnections)) return 'ready'
  if (isErrno(error, cannotConnectNow, ...shutDown, 'ECONNRESET', 'EPIPE')) return 'busy'
  // Without a code: pg's own time limit, or a server that ended during the handshake.
  if (error instanceof Error && errnoOf(error) === 'unknown') return 'busy'
  throw error
}

/** What a running server writes into its cluster's `postmaster.pid` (Postgres's miscadmin.h names the lines). */
export type PostmasterFile = { text: string; pid: number; socketDir: string }

/** Reads it; undefined when there is none or it is not whole yet. */
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
 * Takes away the cluster's and the socket's lock file if its process is certainly not this cluster's server: a zombie
 * that nobody reaps (a container without an init), or another program that got the number after a restart. Postgres
 * itself takes any live process of its own user for a server and refuses for ever. Leaves the files when in doubt, and
 * where there is no /proc.
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
    // Another starter may have written its own file since we judged: that one goes back.
    if ((await readFile(aside, 'utf8')) !== text) await link(aside, path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EEXIST')) throw error
  } finally {
    await rm(aside, { force: true })
  }
}

/** Whether a process lives, as far as /proc tells: a zombie does not, and where there is no /proc nobody does. */
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
