/** Where the tests of a run keep what lives for seconds: in memory, where there is a place for it. */
import { chmod, mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

const IN_MEMORY = '/dev/shm'
const ROOM_NEEDED = 4 * 2 ** 30

let made: string | undefined

/**
 * For vitest's `globalSetup`. Hundreds of databases and repositories are made and thrown away: to write them to a disk, and to
 * wait for it, takes a fifth of the time. What TMPDIR says counts for more.
 */
export async function setup(): Promise<void> {
  if (process.env.TMPDIR !== undefined || !(await isUsable())) return
  made = await mkdtemp(join(IN_MEMORY, 'signoff-tests-'))
  // Where tests run as root, Postgres runs as somebody else.
  await chmod(made, 0o711)
  process.env.TMPDIR = made
}

export async function teardown(): Promise<void> {
  if (made !== undefined) await rm(made, { recursive: true, force: true, maxRetries: 5 })
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
