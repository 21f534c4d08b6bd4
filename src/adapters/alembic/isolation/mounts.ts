/** What a program in a mount namespace of its own sees of the host, as arguments of bubblewrap. */
import { lstat, readlink, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'

/** Programs and libraries. /nix/store is where NixOS has what others have in /usr. */
const SYSTEM_FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store']

/**
 * What Python, libpq and the C library read of /etc. A list, because others put secrets there: unit files, env files,
 * keys, /etc/shadow.
 */
const ETC = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'debian_version',
  'gai.conf',
  'group',
  'host.conf',
  'hosts',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'locale.alias',
  'locale.conf',
  'localtime',
  'login.defs',
  'mime.types',
  'networks',
  'nsswitch.conf',
  'os-release',
  'passwd',
  'pki/ca-trust',
  'pki/tls/cert.pem',
  'pki/tls/certs',
  'pki/tls/openssl.cnf',
  'protocols',
  'resolv.conf',
  'services',
  'ssl/cert.pem',
  'ssl/certs',
  'ssl/openssl.cnf',
  'timezone',
].map((name) => `/etc/${name}`)

export interface Seen {
  /** Folders and files that may be read, with everything in them that is not hidden. */
  readonly readable: readonly string[]
  /** The program's own folders, of which only the parts that have code are shown if they contain what is hidden. */
  readonly prefixes: readonly string[]
  readonly hidden: Hidden
  /** The program and its Python, wherever their links lead. */
  readonly programs: readonly string[]
  /** Files that may be read although they are in a hidden place, such as the socket of a database. */
  readonly files: readonly string[]
  /** The one folder that may be written to. */
  readonly checkout: string
  /** In place of /tmp. */
  readonly temporary: string
  /** In place of /etc/passwd. */
  readonly passwd?: string | undefined
}

export interface Hidden {
  /** Nothing of them is shown but a prefix or a readable folder inside. */
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/** A mount, and where it is. Those of a folder come before those inside it. */
interface Mount {
  readonly at: string
  readonly arguments: readonly string[]
}

/** The parts of a prefix that have code. */
const PREFIX_PARTS = ['bin', 'lib', 'lib32', 'lib64', 'include', 'share', 'ssl', 'etc', 'pyvenv.cfg']

/**
 * The arguments that show a program exactly what `seen` says, of a host as it is now: system folders, a few files of /etc,
 * its own Python. Everything is read-only but the checkout and /tmp.
 */
export async function mountArguments(seen: Seen): Promise<readonly string[]> {
  const system = (await Promise.all(SYSTEM_FOLDERS.map(systemFolder))).flat()
  const hidden = (await existing(seen.hidden.folders)).map(({ real }) => real)
  const hides = hidden.filter((folder) => folder !== '/' && !system.some(({ at }) => contains(folder, at)))
  const prefixes = seen.prefixes.flatMap((prefix) =>
    hides.some((folder) => contains(prefix, folder)) ? PREFIX_PARTS.map((part) => join(prefix, part)) : [prefix],
  )
  const shown = (await existing([...prefixes, ...seen.readable]))
    .filter(({ real }) => real !== '/' && !hides.includes(real))
    .flatMap(({ at, real }) => [...new Set([at, real])].map((place) => readOnly(place, real)))
    .filter(({ at }) => !isShown(at, system, hides))
  const covers = [...system, ...shown]
  const found = (await Promise.all(seen.programs.map(linksTo))).flat()
  const links = found.filter(
    ({ at }, index) => !isShown(at, covers, hides) && found.findIndex((each) => each.at === at) === index,
  )
  const files = (await existing(seen.hidden.files)).flatMap(({ at, real }) => [at, real])
  const mounts: Mount[] = [
    ...covers,
    ...links,
    ...ETC.map((at) => readOnly(at)),
    ...seen.files.map((at) => readOnly(at)),
    ...hides.filter((at) => isShown(at, covers, [])).map((at) => ({ at, arguments: ['--tmpfs', at] })),
    { at: '/proc', arguments: ['--proc', '/proc'] },
    { at: '/dev', arguments: ['--dev', '/dev'] },
    { at: '/run', arguments: ['--dir', '/run'] },
    { at: '/var/run', arguments: ['--symlink', '/run', '/var/run'] },
    { at: '/var/tmp', arguments: ['--symlink', '/tmp', '/var/tmp'] },
    { at: '/tmp', arguments: ['--bind', seen.temporary, '/tmp'] },
    { at: seen.checkout, arguments: ['--bind', seen.checkout, seen.checkout] },
  ]
  // bubblewrap makes what is missing above a mount for root alone.
  const above = [...new Set(mounts.flatMap(({ at }) => foldersAbove(at)))].filter(
    (folder) => !mounts.some(({ at }) => at === folder) && !isShown(folder, covers, hides),
  )
  return [
    ...[...mounts, ...above.map((at) => ({ at, arguments: ['--dir', at] }))]
      .toSorted((a, b) => depth(a.at) - depth(b.at))
      .flatMap((mount) => mount.arguments),
    ...(seen.passwd === undefined ? [] : ['--ro-bind', seen.passwd, '/etc/passwd']),
    ...[...new Set(files)].filter((at) => isShown(at, covers, [])).flatMap((at) => ['--ro-bind', '/dev/null', at]),
    ...['--remount-ro', '/'],
  ]
}

/** The links that a program's path leads through, as links, because Python finds its modules by where it was started. */
async function linksTo(program: string): Promise<readonly Mount[]> {
  const mounts: Mount[] = []
  for (let at = program; isAbsolute(at) && mounts.length < 40; ) {
    const target = await readlink(at).catch(() => undefined)
    if (target === undefined) return [...mounts, readOnly(at)]
    mounts.push({ at, arguments: ['--symlink', target, at] })
    at = resolve(dirname(at), target)
  }
  return mounts
}

async function systemFolder(at: string): Promise<readonly Mount[]> {
  const found = await lstat(at).catch(() => undefined)
  if (found === undefined) return []
  return found.isSymbolicLink() ? [{ at, arguments: ['--symlink', await readlink(at), at] }] : [readOnly(at)]
}

function readOnly(at: string, from: string = at): Mount {
  return { at, arguments: ['--ro-bind-try', from, at] }
}

async function existing(paths: readonly string[]): Promise<readonly { at: string; real: string }[]> {
  const found = await Promise.all(
    [...new Set(paths)].map(async (at) => {
      const real = await realpath(at).catch(() => undefined)
      return real === undefined ? [] : [{ at, real }]
    }),
  )
  return found.flat()
}

/** Whether one of these mounts shows the path, and no hidden folder is between. */
function isShown(path: string, mounts: readonly Mount[], hides: readonly string[]): boolean {
  return mounts.some(
    ({ at }) => contains(at, path) && !hides.some((folder) => contains(at, folder) && contains(folder, path)),
  )
}

/** Whether the folder is the path, or has it. */
function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

function foldersAbove(path: string): readonly string[] {
  const folder = dirname(path)
  return folder === '/' ? [] : [...foldersAbove(folder), folder]
}

const depth = (path: string) => path.split('/').length
