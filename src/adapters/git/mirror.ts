import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defined } from '../../lib/defined.ts'
import type { App } from '../../release/settings.ts'
import { gitEnvironment } from './environment.ts'
import type { GitEnded, GitProcesses } from './process.ts'
import { gitAddress } from './values.ts'

// With more packs, lookups become slow. Each fetch with new objects adds a pack.
const MAX_PACKS = 60
// git holds a reference's lock for milliseconds, and waits up to 2.5 s for one (environment.ts).
const STALE_LOCK_MS = 2000

/** Our bare repository of one app: the objects of its remotes, and references under `refs/signoff/`. */
export interface Mirror {
  readonly directory: string
  /** Runs git in the mirror without any transport. Does not throw on exit codes. */
  git(args: readonly string[], options?: LocalOptions): Promise<GitEnded>
  /** Runs git in the mirror and returns stdout. Throws with git's message unless the exit code is 0. */
  read(args: readonly string[], options?: LocalOptions): Promise<string>
  /** The commit of a reference that stands in a file of its own, as ours do; undefined: there is no such file. */
  reference(name: string): Promise<string | undefined>
  /** Sets references to commits of the mirror; null deletes. All or none. Safe to repeat. */
  setReferences(references: Readonly<Record<string, string | null>>): Promise<void>
  /** Repacks many packs into one. Keeps unreachable objects. */
  tidy(): Promise<void>
}

export interface LocalOptions {
  readonly input?: string
  /** `latin1`: each character of `input` and of stdout is one byte. Default `utf8`. */
  readonly encoding?: 'utf8' | 'latin1'
  readonly environment?: Record<string, string>
  readonly directory?: string
}

export interface Mirrors {
  /** The app's mirror; created if absent or if it belongs to another git URL. Safe to call concurrently. */
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
        // The configuration was modified. Settings can name programs, so restore our own.
        await writeWhole(join(directory, 'config'), configuration)
        return
      }
      await moveAway(directory)
    }
    await make(directory, configuration)
  }

  async function make(directory: string, configuration: string): Promise<void> {
    const fresh = `${directory}.${randomUUID()}.new`
    // The team's source code: no other user of this machine may read it.
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
    // Overrides every .gitattributes: files are written byte for byte, and no filter runs.
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
        ...defined({ input: local.input, encoding: local.encoding }),
      })
    return {
      directory,
      git,
      async read(args, local) {
        const ended = await git(args, local)
        if (ended.exitCode !== 0) throw failure(args, ended)
        return ended.stdout
      },
      async reference(name) {
        const text = await readIfThere(join(directory, name))
        return /^([0-9a-f]{40})\n$/.exec(text ?? '')?.[1]
      },
      async setReferences(references) {
        const lines = Object.entries(references).map(([reference, commit]) =>
          commit === null ? `delete ${reference}\n` : `update ${reference} ${commit}\n`,
        )
        if (lines.length === 0) return
        const update = () => git(['update-ref', '--no-deref', '--stdin'], { input: lines.join('') })
        let ended = await update()
        // Each failure names only one lock.
        for (const _ of lines) {
          if (ended.exitCode === 0 || !(await removeStaleLock(directory, ended))) break
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

/** The reference of a remote's branch: the address is hashed, and branches such as `a` and `a/b` can coexist. */
export function referenceFor(address: string, branch: string): string {
  return `refs/signoff/${hash(address).slice(0, 16)}/${branch.replaceAll('%', '%25').replaceAll('/', '%2F')}`
}

/** An error with git's own message. */
export function failure(args: readonly string[], ended: GitEnded): Error {
  const message = ended.stopped ?? ended.stderr.slice(-3).join(' ')
  return new Error(`git ${args[0]} ended with ${ended.exitCode ?? 'a signal'}: ${message}`)
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
    if (isNotFound(error)) return undefined
    throw error
  }
}

async function removeStaleLock(directory: string, ended: GitEnded): Promise<boolean> {
  const lock = /Unable to create '(.+\.lock)': File exists/.exec(ended.stderr.join('\n'))?.[1]
  if (lock === undefined || !lock.startsWith(`${directory}/`)) return false
  try {
    if (Date.now() - (await stat(lock)).mtimeMs < STALE_LOCK_MS) return false
    await rm(lock, { force: true })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  return true
}

async function repack(directory: string, git: Mirror['git']): Promise<void> {
  const files = await readdir(join(directory, 'objects', 'pack'))
  if (files.filter((file) => file.endsWith('.pack')).length <= MAX_PACKS) return
  const args = ['repack', '-a', '-d', '--keep-unreachable', '--quiet']
  const ended = await git(args)
  if (ended.exitCode !== 0) throw failure(args, ended)
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
