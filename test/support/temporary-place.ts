/** Where the tests of a run keep what lives for seconds: in memory, where there is a place for it. */
import { chmod, mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

const IN_MEMORY = '/dev/shm'
const ROOM_NEEDED = 4 * 2 ** 30

/** Of each project its setup is asked, in one process: they share one place, and the last one takes it away. */
const ofThisRun = globalThis as { testPlace?: { made: string | undefined; users: number } }

/**
 * For vitest's `globalSetup`. Hundreds of databases and repositories are made and thrown away: to write them to a disk, and to
 * wait for it, takes a fifth of the time. What TMPDIR says counts for more.
 */
export async function setup(): Promise<void> {
  ofThisRun.testPlace ??= { made: await makePlace(), users: 0 }
  ofThisRun.testPlace.users += 1
}

export async function teardown(): Promise<void> {
  const ours = ofThisRun.testPlace
  if (ours === undefined) return
  ours.users -= 1
  if (ours.users > 0) return
  delete ofThisRun.testPlace
  if (ours.made !== undefined) await rm(ours.made, { recursive: true, force: true, maxRetries: 5 })
}

async function makePlace(): Promise<string | undefined> {
  if (process.env.TMPDIR !== undefined || !(await isUsable())) return undefined
  const made = await mkdtemp(join(IN_MEMORY, 'signoff-tests-'))
  // Where tests run as root, Postgres runs as somebody else.
  await chmod(made, 0o711)
  process.env.TMPDIR = made
  return made
}

async function isUsable(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(IN_MEMORY)
    const [, options = 'noexec'] = / \/dev\/shm tmpfs (\S+)/.exec(await readFile('/proc/self/mounts', 'utf8')) ?? []
    // The hooks of repositories are programs.
    return bavail * bsize >= ROOM_NEEDED && !options.split(',').includes('noexec')
  } catch {
    return false
  }
}
