import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The user and group that the server runs as; usable as spawn's options. */
export type ServerAccount = { uid: number; gid: number }

/** The user that runs the server if the service is started by root and the system has it. */
const dedicatedUser = 'signoff'
const lastResort: ServerAccount = { uid: 65534, gid: 65534 }

/**
 * The account that runs the server: this process's own or, if that is root, which Postgres refuses, the owner of the
 * existing cluster, else `signoff`, else `nobody`. Throws if we can't become the cluster's owner.
 */
export async function serverAccount(clusterDir: string): Promise<ServerAccount> {
  const self = ownAccount()
  const owner = await ownerOf(clusterDir)
  if (self.uid === 0) {
    if (owner !== undefined && owner.uid !== 0) return owner
    return (await accountNamed(dedicatedUser)) ?? (await accountNamed('nobody')) ?? lastResort
  }
  if (owner !== undefined && owner.uid !== self.uid) {
    throw new Error(
      `The embedded store in ${clusterDir} belongs to the user id ${owner.uid}, and this is ${self.uid}. ` +
        'Use the user that started it first, or give the directory to this one.',
    )
  }
  return self
}

function ownAccount(): ServerAccount {
  if (process.getuid === undefined || process.getgid === undefined) {
    throw new Error(
      `There is no embedded Postgres for ${process.platform}. Set STORE_URL to a Postgres server instead.`,
    )
  }
  return { uid: process.getuid(), gid: process.getgid() }
}

async function ownerOf(path: string): Promise<ServerAccount | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`The embedded store in ${path} can't be read by this user (${error.code}).`, { cause: error })
  })
  return found && { uid: found.uid, gid: found.gid }
}

async function accountNamed(name: string): Promise<ServerAccount | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    const account = { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    return account.uid > 0 ? account : undefined
  } catch {
    return undefined
  }
}

/**
 * The first part of `path`, from the root, that `account` may not enter or execute; undefined: none. The kernel checks it
 * as that account, so that access lists count too.
 */
export async function firstBarrier(path: string, account: ServerAccount): Promise<string | undefined> {
  if (account.uid === process.getuid?.()) return undefined
  const script = 'for part; do [ -x "$part" ] || { printf %s "$part"; exit; }; done'
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', ...partsOf(path)], { ...account, cwd: '/' })
  return stdout === '' ? undefined : stdout
}

function partsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [...partsOf(parent), path]
}

/**
 * Lets the account pass through the data directory to its cluster. A data directory of root gets the account's group, with
 * the right to enter but not to list. Throws if a directory above it is closed, because that is not ours to change.
 */
export async function letAccountPass(dataDir: string, account: ServerAccount): Promise<void> {
  const barrier = await firstBarrier(dataDir, account)
  if (barrier === undefined) return
  if (barrier === dataDir) {
    const { uid, gid, mode } = await stat(dataDir)
    // It has the account's group: another process is doing the same.
    if (uid === 0 && (gid === 0 || gid === account.gid)) {
      await chmod(dataDir, (mode & 0o707) | 0o010)
      await chown(dataDir, uid, account.gid)
      if ((await firstBarrier(dataDir, account)) === undefined) return
    }
  }
  throw new Error(
    `Postgres refuses to run as root, and the user id ${account.uid} that runs it instead can't reach ${dataDir}: ` +
      `${barrier} is closed to it. Set DATA_DIR to a directory outside it (such as /var/lib/signoff), run Signoff as ` +
      'an ordinary user, or set STORE_URL to a Postgres server.',
  )
}

/** The longest path of a unix socket, in bytes: sun_path without its final NUL (unix(7); macOS has 104). */
const longestSocketPath = process.platform === 'darwin' ? 103 : 107

/**
 * The directory of the server's socket: the data directory or, if its path is too long for a socket, one in the system's
 * temporary directory, named by a hash of the data directory. Not XDG_RUNTIME_DIR, which is deleted when its user logs out,
 * while the service may continue.
 */
export function socketDirectory(dataDir: string): string {
  const inside = join(dataDir, 'pg.socket')
  if (fitsSocket(inside)) return inside
  const digest = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const outside = join(tmpdir(), `signoff-${digest}`)
  if (fitsSocket(outside)) return outside
  throw new Error(
    `Neither ${dataDir} nor ${tmpdir()} is short enough for a unix socket. Set DATA_DIR to a shorter path.`,
  )
}

function fitsSocket(dir: string): boolean {
  return Buffer.byteLength(join(dir, '.s.PGSQL.5432')) <= longestSocketPath
}

/**
 * Creates a directory that only the account may enter, or verifies an existing one. Throws if it belongs to another user,
 * is a symbolic link, or could be replaced by others. Safe to repeat.
 */
export async function makePrivateDirectory(dir: string, account: ServerAccount): Promise<void> {
  const above = await stat(dirname(dir))
  const anyoneMayReplace = (above.mode & 0o002) !== 0 && (above.mode & 0o1000) === 0
  if (anyoneMayReplace) {
    throw new Error(`${dirname(dir)} is writable for everyone, so the store's socket can't be kept private there.`)
  }
  await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(dir)
  const ours = found.uid === account.uid || found.uid === process.getuid?.()
  if (found.isDirectory() && ours) {
    await chmod(dir, 0o700)
    await chown(dir, account.uid, account.gid)
  }
  if (!(await isPrivateDirectory(dir, account))) {
    throw new Error(`${dir} should be a private directory of the user id ${account.uid}, and is not: remove it.`)
  }
}

/** Whether a path is a directory, and not a link, that only the account may enter. False if it does not exist. */
export async function isPrivateDirectory(dir: string, account: ServerAccount): Promise<boolean> {
  const found = await lstat(dir).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === account.uid && (found.mode & 0o077) === 0
}
