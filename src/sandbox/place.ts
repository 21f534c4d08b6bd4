import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** What a sandbox must find unchanged when it starts again: addresses are part of what people have signed. */
export type Kept = { ports: { slack: number; bitbucket: number; heroku: number } }

export type Place = {
  directory: string
  kept: Kept
  /** Ports that were taken by another program and had to change. */
  moved: string[]
  release(): Promise<void>
}

/**
 * Takes the directory of a sandbox for this process. Throws when another living one has it. The ports of the stand-ins are those
 * of the last time; the first time those after `near`, or any where these are taken (0: any).
 */
export async function takePlace(directory: string, near: number): Promise<Place> {
  await mkdir(directory, { recursive: true })
  await refuseIfTaken(directory)
  const pidFile = pidFileIn(directory)
  await writeFile(pidFile, String(process.pid))

  const file = join(directory, 'sandbox.json')
  const before = JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) as Kept | null
  const wanted = before?.ports ?? { slack: next(near, 1), bitbucket: next(near, 2), heroku: next(near, 3) }
  const moved: string[] = []
  const ports = { ...wanted }
  for (const name of ['slack', 'bitbucket', 'heroku'] as const) {
    ports[name] = await freePort(wanted[name])
    if (before !== null && ports[name] !== wanted[name]) moved.push(name)
  }
  const kept = { ports }
  await writeFile(file, JSON.stringify(kept))
  return { directory, kept, moved, release: () => rm(pidFile, { force: true }) }
}

const pidFileIn = (directory: string) => join(directory, 'sandbox.pid')

/** Throws when another living process has the directory. */
export async function refuseIfTaken(directory: string): Promise<void> {
  const holder = Number(await readFile(pidFileIn(directory), 'utf8').catch(() => '0'))
  if (holder === process.pid || !isAlive(holder)) return
  throw new Error(`A sandbox runs already in ${directory} (process ${holder}). Stop it first, or use another DATA_DIR.`)
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

/** The port itself when nobody listens on it, else any free one. */
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
