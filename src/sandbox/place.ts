import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** What must stay the same across restarts: addresses are part of the plans that people have signed. */
export type Kept = { ports: { slack: number; bitbucket: number; heroku: number; webhooks: number } }

export type Place = {
  directory: string
  kept: Kept
  /** Stand-ins whose port was in use and had to change. */
  moved: string[]
  release(): Promise<void>
}

/**
 * Locks the directory of a sandbox for this process. Throws if another running process has it. The stand-ins keep their last
 * ports; at first they get the ports after `near`, or any free ones if those are in use or `near` is 0.
 */
export async function takePlace(directory: string, near: number): Promise<Place> {
  await mkdir(directory, { recursive: true })
  await refuseIfTaken(directory)
  const pidFile = pidFileIn(directory)
  await writeFile(pidFile, String(process.pid))

  const file = join(directory, 'sandbox.json')
  const before = JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) as Kept | null
  const first = { slack: next(near, 1), bitbucket: next(near, 2), heroku: next(near, 3), webhooks: next(near, 4) }
  // A sandbox that an earlier version made has no receiver of webhooks.
  const wanted = { ...first, ...before?.ports }
  const moved: string[] = []
  const ports = { ...wanted }
  for (const name of ['slack', 'bitbucket', 'heroku'] as const) {
    ports[name] = await freePort(wanted[name])
    if (before !== null && ports[name] !== wanted[name]) moved.push(name)
  }
  ports.webhooks = await freePort(wanted.webhooks)
  const kept = { ports }
  await writeFile(file, JSON.stringify(kept))
  return { directory, kept, moved, release: () => rm(pidFile, { force: true }) }
}

const pidFileIn = (directory: string) => join(directory, 'sandbox.pid')

/** Throws if another running process has the directory. */
export async function refuseIfTaken(directory: string): Promise<void> {
  const holder = Number(await readFile(pidFileIn(directory), 'utf8').catch(() => '0'))
  if (holder === process.pid || !isAlive(holder)) return
  throw new Error(
    `A sandbox is already running in ${directory} (process ${holder}). Stop it first, or use another DATA_DIR.`,
  )
}

const next = (near: number, by: number) => (near === 0 ? 0 : near + by)

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Returns the port itself if it is free, otherwise any free port. */
export async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const probe = createServer()
    const found = await new Promise<number | undefined>((resolve) => {
      probe.once('error', () => resolve(undefined))
      probe.listen(port, '127.0.0.1', () => {
        const address = probe.address()
        resolve(typeof address === 'object' && address !== null ? address.port : undefined)
      })
    })
    if (found === undefined) continue
    await new Promise((resolve) => probe.close(resolve))
    return found
  }
  throw new Error('No loopback port is free.')
}
