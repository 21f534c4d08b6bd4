import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../../release/settings.ts'
import { gitEnvironment } from './environment.ts'
import type { GitEnded, GitProcesses } from './process.ts'
import { gitAddress } from './values.ts'

// Above this many packs every look-up gets slow; each fetch that brought something has left one.
const MANY_PACKS = 60
// git holds a reference's lock for milliseconds and waits two and a half seconds for another's (environment.ts).
const DEAD_LOCK_MS = 2000

/** A bare repository of ours for one app: objects of its remotes, and references under `refs/signoff/`. */
export interface Mirror {
  readonly directory: string
  /** Runs git in the mirror with no transport allowed; exit codes are data. */
  git(args: readonly string[], options?: LocalOptions): Promise<GitEnded>
  /** Runs git in the mirror and gives stdout; throws, with git's words, unless it ends with 0. */
  read(args: readonly string[], options?: LocalOptions): Promise<string>
  /** Points references at commits that are in the mirror, null takes them away; all or none. Repeatable. */
  setReferences(references: Readonly<Record<string, string | null>>): Promise<void>
  /** Puts many packs into one. Nothing is lost: unreachable objects are kept. */
  tidy(): Promise<void>
}

export interface LocalOptions {
  readonly input?: string
  readonly environment?: Record<string, string>
  readonly directory?: string
}

export interface Mirrors {
  /** The app's mirror, made when it is not there or when it is that of another git URL. Safe to call at once. */
  of(app: App): Promise<Mirror>
}

/** Mirrors live at `<directory>/<app name>.git`. */
export function createMirrors(options: { directory: string; processes: GitProcesses; timeoutMs: number }): Mirrors {
  const opening = new Map<string, Promise<void>>()
  const tidying = new Map<string, Promise<void>>()

  async function open(directory: string, configuration: string): Promise<void> {
    const found = await readIfThere(join(directory, 'config'))
    if (found === configuration) return
    if (found !== undefined) {
      if (originIn(found) === originIn(configuration)) {
        // Somebody wrote into it: settings there can name programs, so it goes back to what it was.
        await writeWhole(join(directory, 'config'), configuration)
        return
      }
      await moveAway(directory)
    }
    await make(directory, configuration)
  }

  async function make(directory: string, configuration: string): Promise<void> {
    const fresh = `${directory}.${randomUUID()}.new`
    // The team's source code: for nobody else on this machine.
    await mkdir(fresh, { recursive: true, mode: 0o700 })
    const made = await options.processes.run({
      args: ['init', '--quiet', '--bare', '--template=', '--initial-branch=none', '.'],
      environment: gitEnvironment(),
      directory: fresh,
      timeoutMs: options.timeoutMs,
    })
    if (made.exitCode !== 0) throw failure(['init'], made)
    await writeFile(join(fresh, 'config'), configuration)
    await mkdir(join(fresh, 'info'), { recursive: true })
    // Over every .gitattributes: files leave the mirror byte for byte, and no filter runs.
    await writeFile(join(fresh, 'info', 'attributes'), '* -text -ident -filter !eol !working-tree-encoding\n')
    try {
      await rename(fresh, directory)
    } catch (error) {
      await rm(fresh, { recursive: true, force: true })
      if ((await readIfThere(join(directory, 'config'))) !== configuration) throw error
    }
  }

  function mirrorAt(directory: string): Mirror {
    const git: Mirror['git'] = (args, local = {}) =>
      options.processes.run({
        args,
        environment: { ...gitEnvironment(), GIT_DIR: directory, ...local.environment },
        directory: local.directory ?? directory,
        timeoutMs: options.timeoutMs,
        ...(local.input === undefined ? {} : { input: local.input }),
      })
    return {
      directory,
      git,
      async read(args, local) {
        const ended = await git(args, local)
        if (ended.exitCode !== 0) throw failure(args, ended)
        return ended.stdout
      },
      async setReferences(references) {
        const lines = Object.entries(references).map(([reference, commit]) =>
          commit === null ? `delete ${reference}\n` : `update ${reference} ${commit}\n`,
        )
        if (lines.length === 0) return
        const update = () => git(['update-ref', '--no-deref', '--stdin'], { input: lines.join('') })
        let ended = await update()
        // Each failure names one lock.
        for (const _ of lines) {
          if (ended.exitCode === 0 || !(await removeDeadLock(directory, ended))) break
          ended = await update()
        }
        if (ended.exitCode !== 0) throw failure(['update-ref'], ended)
      },
      tidy() {
        const tidy = tidying.get(directory) ?? repack(directory, git).finally(() => tidying.delete(directory))
        tidying.set(directory, tidy)
        return tidy
      },
    }
  }

  return {
    async of(app) {
      const directory = join(options.directory, `${directoryName(app.name)}.git`)
      const opened = (opening.get(directory) ?? Promise.resolve())
        .catch(() => {})
        .then(() => open(directory, configurationFor(app)))
      opening.set(directory, opened)
      await opened
      return mirrorAt(directory)
    },
  }
}

/** Hides where a reference came from in its name; branches such as `a` and `a/b` can both be there. */
export function referenceFor(address: string, branch: string): string {
  return `refs/signoff/${hash(address).slice(0, 16)}/${branch.replaceAll('%', '%25').replaceAll('/', '%2F')}`
}

/** What went wrong, in git's words. */
export function failure(args: readonly string[], ended: GitEnded): Error {
  const words = ended.stopped ?? ended.stderr.slice(-3).join(' ')
  return new Error(`git ${args[0]} ended with ${ended.exitCode ?? 'a signal'}: ${words}`)
}

function directoryName(app: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(app)) throw new TypeError(`not the name of an app: ${JSON.stringify(app)}`)
  return app
}

function configurationFor(app: App): string {
  const origin = hash(gitAddress(app.gitUrl).address)
  return `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[signoff]\n\torigin = ${origin}\n`
}

const originIn = (configuration: string) => /^\torigin = ([0-9a-f]{64})$/m.exec(configuration)?.[1]

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

async function moveAway(directory: string): Promise<void> {
  const old = `${directory}.${randomUUID()}.old`
  await rename(directory, old)
  await rm(old, { recursive: true, force: true })
}

async function writeWhole(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomUUID()}`
  await writeFile(fresh, text)
  await rename(fresh, path)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isNotThere(error)) return undefined
    throw error
  }
}

async function removeDeadLock(directory: string, ended: GitEnded): Promise<boolean> {
  const lock = /Unable to create '(.+\.lock)': File exists/.exec(ended.stderr.join('\n'))?.[1]
  if (lock === undefined || !lock.startsWith(`${directory}/`)) return false
  try {
    if (Date.now() - (await stat(lock)).mtimeMs < DEAD_LOCK_MS) return false
    await rm(lock, { force: true })
  } catch (error) {
    if (!isNotThere(error)) throw error
  }
  return true
}

async function repack(directory: string, git: Mirror['git']): Promise<void> {
  const files = await readdir(join(directory, 'objects', 'pack'))
  if (files.filter((file) => file.endsWith('.pack')).length <= MANY_PACKS) return
  const args = ['repack', '-a', '-d', '--keep-unreachable', '--quiet']
  const ended = await git(args)
  if (ended.exitCode !== 0) throw failure(args, ended)
}

function isNotThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
