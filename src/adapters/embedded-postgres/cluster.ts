import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, chown, constants, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type ServerAccount, serverAccount } from './account.ts'
import { type PostgresBinaries, postgresEnvironment, postgresMajor } from './binaries.ts'
import { errnoOf, isErrno, unreadable } from './errors.ts'
import { socketConnection } from './postmaster.ts'

const run = promisify(execFile)

/** An embedded store's directory, and the account of its server. */
export type Place = { dataDir: string; clusterDir: string; account: ServerAccount }

/** Creates the data directory if absent; throws if this user can't use it. */
export async function preparePlace(dataDir: string): Promise<Place> {
  try {
    // A directory of root must let the server's account through; any other is private.
    await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unreadable(dataDir, error)
  }
  return placeIn(await realpath(resolve(dataDir)))
}

/** The store of an existing data directory, by its real path. */
export async function placeIn(dataDir: string): Promise<Place> {
  const clusterDir = join(dataDir, 'pg')
  return { dataDir, clusterDir, account: await serverAccount(clusterDir) }
}

/** Creates the cluster if absent. Safe to repeat after a kill, and in two processes at once. */
export async function makeCluster(place: Place, binaries: PostgresBinaries): Promise<void> {
  if (await hasCluster(place)) return
  // Each attempt has its own directory, so that a kill leaves no partial cluster, and two processes don't conflict.
  const fresh = join(place.dataDir, `pg.init.${randomBytes(6).toString('hex')}`)
  await mkdir(fresh, { mode: 0o700 })
  try {
    await chown(fresh, place.account.uid, place.account.gid)
    await initialize(fresh, binaries, place.account)
    await rename(fresh, place.clusterDir)
    await syncDirectory(place.dataDir)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another process was first: use its cluster.
    if (!(await hasCluster(place))) throw error
  }
}

async function initialize(clusterDir: string, binaries: PostgresBinaries, account: ServerAccount): Promise<void> {
  const { user } = socketConnection('')
  const options = ['-U', `${user}`, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--data-checksums']
  try {
    await run(binaries.initdb, ['-D', clusterDir, ...options], { ...account, cwd: '/', env: postgresEnvironment })
  } catch (cause) {
    const reason = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : errnoOf(cause)
    throw new Error(`The embedded store could not be made: ${reason}`, { cause })
  }
}

async function hasCluster({ clusterDir, account }: Place): Promise<boolean> {
  const version = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined
    throw unreadable(clusterDir, error)
  })
  if (version === undefined) return false
  if (version.trim() !== `${postgresMajor}`) {
    throw new Error(
      `The embedded store in ${clusterDir} was made by Postgres ${version.trim()}, and this Signoff brings Postgres ` +
        `${postgresMajor}. Start the Signoff that made it, or move its data to a Postgres server and set STORE_URL.`,
    )
  }
  // A cluster that root restored from a backup belongs to root, which Postgres refuses.
  if ((await stat(clusterDir)).uid !== account.uid) {
    await run('chown', ['-R', `${account.uid}:${account.gid}`, '--', clusterDir])
  }
  return true
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

/** Deletes what killed attempts left. Only after the cluster exists is it certain that no other attempt can succeed. */
export async function removeLeftovers(dataDir: string): Promise<void> {
  const names = (await readdir(dataDir)).filter((name) => name.startsWith('pg.init.'))
  // An attempt that still writes there fails anyway, and removes its own directory.
  await Promise.all(
    names.map((name) => rm(join(dataDir, name), { recursive: true, force: true }).catch(() => undefined)),
  )
}
