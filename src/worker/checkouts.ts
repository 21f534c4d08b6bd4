/** The folders in which the app's own code runs: each has the exact files of one commit, and is used once. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runInGroup } from '../lib/process-group.ts'
import type { Git, NotInGit } from '../release/ports/git.ts'
import type { App } from '../release/settings.ts'

export interface Checkouts {
  /** Makes the worker's directory. Deletes those of dead workers in the background, because they may contain a team's `.env`. */
  open(): Promise<void>
  /**
   * Calls `work` with a folder that has the exact files of a commit or tree, and deletes the folder afterwards, in the
   * background. Takes the spare of the app if there is one, in which nothing but git has written, so that only what differs
   * is written. Afterwards makes the next spare, of the same commit: after `nextMs`, by default at once.
   */
  use<T>(
    app: App,
    commit: string,
    work: (checkout: string, notInGit: NotInGit) => Promise<T>,
    options?: { readonly nextMs?: number },
  ): Promise<T>
  /** Makes no more spares and deletes nothing more: the next start does. */
  close(): void
}

/** A spare is as large as the app's repository without its history. */
const MOST_SPARES = 4

/** Of the disk must be free for a spare. */
const FREE_PART = 0.1

const REMOVAL_MS = 10 * 60_000

/**
 * `directory`: this worker's own, named by its pid. Its siblings of dead processes are deleted. What runs in the background
 * runs one after the other, so that many releases at once don't write many spares at once.
 */
export function createCheckouts({
  directory,
  git,
  log,
}: {
  readonly directory: string
  readonly git: Pick<Git, 'checkout' | 'prepareCheckout'>
  readonly log: { warn(fields: object, message: string): void }
}): Checkouts {
  /** By app; the oldest comes first. */
  const spares = new Map<string, string>()
  /** The spares that are being written. */
  const writing = new Map<string, Promise<void>>()
  const timers = new Set<NodeJS.Timeout>()
  const closing = new AbortController()
  let background: Promise<void> = Promise.resolve()

  function inBackground(work: () => Promise<void>, failed: string): Promise<void> {
    background = background
      .then(() => (closing.signal.aborted ? undefined : work()))
      .catch((err: unknown) => (closing.signal.aborted ? undefined : log.warn({ err }, failed)))
    return background
  }

  function after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      work()
    }, ms)
    timers.add(timer.unref())
  }

  const removeLater = (folder: string) =>
    inBackground(() => remove(folder, closing.signal), 'a checkout could not be deleted; the next start tries again')

  async function take(app: App): Promise<string> {
    // To write all of it beside the one who already does would take longer.
    await writing.get(app.name)?.catch(() => undefined)
    const spare = spares.get(app.name)
    spares.delete(app.name)
    return spare ?? mkdtemp(join(directory, 'checkout-'))
  }

  async function makeSpare(app: App, commit: string): Promise<void> {
    if (spares.has(app.name) || !(await hasRoom(directory))) return
    const written = writeSpare(app, commit)
    writing.set(app.name, written)
    await written.finally(() => writing.delete(app.name))
    const [oldest] = spares
    if (oldest === undefined || spares.size <= MOST_SPARES) return
    spares.delete(oldest[0])
    await remove(oldest[1], closing.signal)
  }

  async function writeSpare(app: App, commit: string): Promise<void> {
    const spare = await mkdtemp(join(directory, 'checkout-'))
    try {
      await git.prepareCheckout(app, commit, spare)
      spares.set(app.name, spare)
    } catch (error) {
      void removeLater(spare)
      throw error
    }
  }

  return {
    async open() {
      const around = dirname(directory)
      await mkdir(around, { recursive: true, mode: 0o700 })
      for (const name of await readdir(around)) {
        if (join(around, name) !== directory && isAlive(Number(name))) continue
        // In a container, the worker before had the same pid.
        const old = join(around, `old-${randomUUID()}`)
        await rename(join(around, name), old)
        void removeLater(old)
      }
      await mkdir(directory, { mode: 0o700 })
    },

    async use(app, commit, work, { nextMs = 0 } = {}) {
      const checkout = await take(app)
      try {
        return await work(checkout, await git.checkout(app, commit, checkout))
      } finally {
        after(nextMs, () => {
          void inBackground(() => makeSpare(app, commit), 'no spare checkout could be made')
          void removeLater(checkout)
        })
      }
    },

    close() {
      closing.abort()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

/** By a program: twenty thousand files would keep this process busy for half a second. */
async function remove(folder: string, signal: AbortSignal): Promise<void> {
  const nothing = { add() {}, end() {} }
  const ended = await runInGroup({
    command: ['rm', '-rf', '--', folder, `${folder}.index`],
    directory: '/',
    environment: { PATH: '/usr/bin:/bin' },
    stdout: nothing,
    stderr: nothing,
    timeoutMs: REMOVAL_MS,
    graceMs: 1_000,
    orphanMs: 0,
    signal,
  })
  if (signal.aborted || (ended.started && ended.exitCode === 0)) return
  await rm(folder, { recursive: true, force: true })
}

async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, blocks } = await statfs(folder)
  return bavail > blocks * FREE_PART
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
