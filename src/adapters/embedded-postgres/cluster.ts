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

/** Where an embedded store lies and who runs its server. */
export type Place = { dataDir: string; clusterDir: string; account: ServerAccount }

/** Makes the data directory when there is none; throws when this user can't use it. */
export async function preparePlace(dataDir: string): Promise<Place> {
  try {
    // Root's directory lets the server's account through; everyone else's is theirs alone.
    await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unreadable(dataDir, error)
  }
  return placeIn(await realpath(resolve(dataDir)))
}

/** The store in a data directory that is there, by its real path. */
export async function placeIn(dataDir: string): Promise<Place> {
  const clusterDir = join(dataDir, 'pg')
  return { dataDir, clusterDir, account: await serverAccount(clusterDir) }
}

/** Makes the cluster when there is none. Safe to repeat, to be killed in, and to be done by two processes at once. */
export async function makeCluster(place: Place, binaries: PostgresBinaries): Promise<void> {
  if (await hasCluster(place)) return
  // A name of its own for each attempt: a kill leaves no half cluster in the real place, and two starters don't meet.
  const fresh = join(place.dataDir, `pg.init.${randomBytes(6).toString('hex')}`)
  await mkdir(fresh, { mode: 0o700 })
  try {
    await chown(fresh, place.account.uid, place.account.gid)
    await initialize(fresh, binaries, place.account)
    await rename(fresh, place.clusterDir)
    await syncDirectory(place.dataDir)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another starter was first: its cluster is the one.
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
  // A cluster that root restored from a backup belongs to root, whom Postgres refuses.
  if ((await stat(clusterDir)).uid !== account.uid) {
    await run('chown', ['-R', `${account.uid}:${account.gid}`, '--', clusterDir])
  }
  return true
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

/** What killed attempts to make the cluster left behind: only now is it certain that no other attempt can win. */
export async function removeLeftovers(dataDir: string): Promise<void> {
  const names = (await readdir(dataDir)).filter((name) => name.startsWith('pg.init.'))
  // An attempt that still writes there loses anyway, and removes its own.
  await Promise.all(
    names.map((name) => rm(join(dataDir, name), { recursive: true, force: true }).catch(() => undefined)),
  )
}
