/** Runs the app's code apart from the worker's host: what it may see, write to, reach and leave running. */
import { chmod, lchown, lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defined } from '../../../lib/defined.ts'
import { createLineReader } from '../../../lib/lines.ts'
import { type GroupEnded, type Leftovers, runInGroup } from '../../../lib/process-group.ts'
import type { HostIsolation } from '../../../release/ports/migrator.ts'
import type { Isolation } from '../../../release/terms.ts'
import { createCheckoutUsers, type User } from './checkout-users.ts'
import { databaseSockets } from './database-sockets.ts'
import { type Hidden, mountArguments } from './mounts.ts'
import { createPythonPaths } from './python-paths.ts'

export interface IsolationCall {
  readonly command: readonly [string, ...string[]]
  /** The program's whole environment but HOME. */
  readonly environment: Readonly<Record<string, string>>
  /** Absolute. The only folder that it may change. */
  readonly checkout: string
  /** Where it starts, inside the checkout. */
  readonly directory: string
  readonly needsNetwork: boolean
  /** Absolute paths that it may read, beside the system and its own Python. */
  readonly readable: readonly string[]
  /** Its Python, and the program by which that was found. */
  readonly python?: readonly [string, ...string[]]
  readonly program?: string
}

export interface IsolatedCommand {
  readonly isolation: Isolation
  readonly command: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly leftovers?: Leftovers
  /** An exit code over 128 means that a signal ended the program, as with a shell. */
  readonly codesOfSignals: boolean
  /** Removes its temporary folder. Call it when nothing of the program runs. */
  remove(): Promise<void>
}

export interface Isolate {
  /** Tried out once, by starting a program with the same arguments. */
  found(): Promise<HostIsolation>
  /** Where checkouts must be so that the app's code can read them; `usual` unless another user reads them. */
  checkoutsFolder(usual: string): Promise<string>
  /** The command that runs `call` isolated, as far as this host can. Throws if it can't be prepared. */
  isolate(call: IsolationCall): Promise<IsolatedCommand>
}

/** Our own programs, which the app's Python runs. */
const OUR_PROGRAMS = dirname(dirname(fileURLToPath(import.meta.url)))

const TRIAL_MS = 5_000

export function createIsolate({
  hidden,
  path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  isRoot = process.getuid?.() === 0,
}: {
  /** DATA_DIR, the folder of releases.yml, and every env file; absolute. */
  readonly hidden: Hidden
  /** Where bubblewrap is searched for. */
  readonly path?: string
  readonly isRoot?: boolean
}): Isolate {
  const pythonPaths = createPythonPaths()
  const userOf = createCheckoutUsers(path)
  let trying: Promise<HostIsolation> | undefined
  async function asOtherUser(call: IsolationCall): Promise<IsolatedCommand> {
    const user = await userOf(call.checkout)
    const plain = await unisolated(call)
    const home = plain.environment.HOME ?? ''
    await othersMayRead((call.python && (await pythonPaths(call.python)))?.prefixes ?? [])
    await chmod(dirname(call.checkout), 0o711)
    await lchown(home, user.uid, user.gid)
    return { ...plain, isolation: 'other user', user, leftovers: { uid: user.uid } }
  }

  async function inBubblewrap(call: IsolationCall, cutsNetwork: boolean): Promise<IsolatedCommand> {
    const bubblewrap = await programOn(path, 'bwrap')
    if (bubblewrap === undefined) throw new Error('bubblewrap is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'signoff-isolated-'))
    const remove = () => rm(folder, { recursive: true, force: true })
    try {
      const temporary = join(folder, 'tmp')
      await mkdir(temporary)
      const user = isRoot ? await userOf(call.checkout) : undefined
      if (user !== undefined) await lchown(temporary, user.uid, user.gid)
      const paths = call.python === undefined ? undefined : await pythonPaths(call.python)
      if (user !== undefined) await othersMayRead(paths?.prefixes ?? [])
      const ownPath = (call.environment.PYTHONPATH ?? '').split(delimiter).filter(isAbsolute)
      const mounts = await mountArguments({
        prefixes: [...(paths?.prefixes ?? [])],
        readable: [...(paths?.modules ?? []), ...ownPath, ...call.readable, OUR_PROGRAMS],
        programs: [call.python?.[0], call.program].filter((each) => each !== undefined && isAbsolute(each)) as string[],
        hidden: { ...hidden, folders: [...hidden.folders, homedir()] },
        files: call.needsNetwork ? await databaseSockets(call.environment) : [],
        checkout: call.checkout,
        temporary,
        passwd: user && (await passwdWith(user, folder)),
      })
      return {
        isolation: 'bubblewrap',
        command: [
          bubblewrap,
          '--die-with-parent',
          '--unshare-pid',
          '--unshare-ipc',
          '--unshare-uts',
          '--unshare-cgroup-try',
          ...(call.needsNetwork || !cutsNetwork ? [] : ['--unshare-net']),
          // Root in a user namespace of its own would still own /proc/sys and the devices: it becomes another user instead.
          ...(user === undefined ? ['--unshare-user', '--cap-drop', 'ALL'] : []),
          ...mounts,
          '--chdir',
          call.directory,
          '--',
          ...(user === undefined ? [] : becoming(user)),
          ...call.command,
        ],
        environment: { ...call.environment, HOME: '/tmp' },
        directory: '/',
        codesOfSignals: true,
        remove,
      }
    } catch (error) {
      await remove()
      throw error
    }
  }

  /** Starts a program with the same arguments as later ones, and looks from outside at what it could do. */
  async function tryOut(start: (call: IsolationCall) => Promise<IsolatedCommand>, needsNetwork: boolean) {
    const place = await mkdtemp(join(tmpdir(), 'signoff-trial-'))
    const checkout = join(place, 'checkout')
    try {
      await mkdir(checkout)
      const script = 'test ! -r "$1" && echo done > done'
      await writeFile(join(place, 'secret'), '', { mode: 0o600 })
      const command = ['/bin/sh', '-c', script, 'sh', join(place, 'secret')] as const
      const isolated = await start({
        command,
        environment: { PATH: path },
        checkout,
        directory: checkout,
        needsNetwork,
        readable: [],
      })
      try {
        const said: string[] = []
        const ended = await runInGroup({
          ...groupCall(isolated),
          stdout: { add() {}, end() {} },
          stderr: createLineReader((line) => void said.push(line), { longest: 500, breaks: '\n' }),
          timeoutMs: TRIAL_MS,
        })
        const wrote = await stat(join(checkout, 'done')).then(
          () => true,
          () => false,
        )
        return wrote && ended.started && ended.exitCode === 0 ? undefined : (said.at(-1) ?? whyNot(ended))
      } finally {
        await isolated.remove()
      }
    } catch (error) {
      return error instanceof Error ? error.message : 'failed'
    } finally {
      await rm(place, { recursive: true, force: true })
    }
  }

  async function find(): Promise<HostIsolation> {
    const cut = await tryOut((call) => inBubblewrap(call, true), false)
    if (cut === undefined) return { kind: 'bubblewrap', cutsNetwork: true }
    const shared = await tryOut((call) => inBubblewrap(call, false), true)
    if (shared === undefined) return { kind: 'bubblewrap', cutsNetwork: false, missing: oneLine(cut) }
    if (!isRoot) return { kind: 'none', cutsNetwork: false, missing: oneLine(shared) }
    const other = await tryOut(asOtherUser, true)
    return other === undefined
      ? { kind: 'other user', cutsNetwork: false, missing: oneLine(shared) }
      : { kind: 'none', cutsNetwork: false, missing: oneLine(`${shared}; as another user: ${other}`) }
  }

  const found = () => {
    trying ??= find()
    return trying
  }
  return {
    found,
    async checkoutsFolder(usual) {
      if ((await found()).kind !== 'other user') return usual
      const folder = join(tmpdir(), 'signoff-checkouts')
      await mkdir(folder, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
      const made = await lstat(folder)
      if (!made.isDirectory() || made.uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user`)
      await chmod(folder, 0o711)
      return folder
    },
    async isolate(call) {
      const { kind, cutsNetwork } = await found()
      if (kind === 'bubblewrap') return inBubblewrap(call, cutsNetwork)
      return kind === 'other user' ? asOtherUser(call) : unisolated(call)
    },
  }
}

/** The command as it is, with an empty HOME. */
export async function unisolated(
  call: Pick<IsolationCall, 'command' | 'environment' | 'directory'>,
): Promise<IsolatedCommand> {
  const home = await mkdtemp(join(tmpdir(), 'signoff-home-'))
  return {
    isolation: 'none',
    command: call.command,
    environment: { ...call.environment, HOME: home },
    directory: call.directory,
    // No other process has this HOME, but what the program itself has started.
    leftovers: { environmentHas: `HOME=${home}` },
    codesOfSignals: false,
    remove: () => rm(home, { recursive: true, force: true }),
  }
}

/** How an isolated command is started and ended: its parts of `runInGroup`'s call. */
export function groupCall({ command, environment, directory, user, leftovers }: IsolatedCommand) {
  return { command, environment, directory, graceMs: 2_000, orphanMs: 0, ...defined({ user, leftovers }) }
}

function becoming({ uid, gid }: User): readonly string[] {
  const none = ['--clear-groups', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...none, '--']
}

/** Throws what to do if only their owner may read the folders. */
async function othersMayRead(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const found = await stat(folder).catch(() => undefined)
    if (found === undefined || (found.mode & 0o005) === 0o005) continue
    throw new Error(`the isolated program can't read ${folder}, as only its owner may: run chmod -R o+rX ${folder}`)
  }
}

/** Libraries look up the name of the user who runs them. */
async function passwdWith({ uid, gid }: User, folder: string): Promise<string> {
  const file = join(folder, 'passwd')
  const host = await readFile('/etc/passwd', 'utf8').catch(() => '')
  await writeFile(file, `${host}app:x:${uid}:${gid}::/tmp:/bin/sh\n`, { mode: 0o644 })
  return file
}

async function programOn(path: string, name: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name)
    const found = await stat(file).catch(() => undefined)
    if (found?.isFile() && (found.mode & 0o111) !== 0) return file
  }
  return undefined
}

function whyNot(ended: GroupEnded): string {
  if (!ended.started) return `it can't be started (${ended.error ?? 'stopped'})`
  return ended.stopped === 'timed out' ? `no end within ${TRIAL_MS / 1000} s` : `it ended with code ${ended.exitCode}`
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim().slice(0, 300)
