import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIsolate, type Isolate } from '../../src/adapters/alembic/isolation/isolation.ts'
import { type Ended, type Mode, runAlone } from '../../src/adapters/alembic/process.ts'
import { defined } from '../../src/lib/defined.ts'
import type { HostIsolation } from '../../src/release/ports/migrator.ts'

/** What this machine can do; for `describe.skipIf(kind !== 'bubblewrap')`. Says why where bubblewrap doesn't work. */
export async function hostIsolation(): Promise<HostIsolation> {
  const found = await createIsolate({ hidden: { folders: [], files: [] }, path: process.env.PATH ?? '' }).found()
  if (found.kind !== 'bubblewrap') {
    const why = `bubblewrap, which does not work here: ${found.missing} (Debian: apt-get install bubblewrap)`
    if (process.env.CI === 'true' && found.missing?.includes('not installed'))
      throw new Error(`these tests need ${why}`)
    console.warn(`skipped: these tests need ${why}`)
  }
  return found
}

const PATH = process.env.PATH ?? '/usr/bin:/bin'
const PYTHON = '/usr/bin/python3'
/** In each file of a place that the app's code must not read. */
export const SECRET = 'xoxb-the-secret-of-the-service'

export interface Place {
  readonly folder: string
  readonly dataDir: string
  readonly settings: string
  readonly checkout: string
  readonly isolate: Isolate
  remove(): Promise<void>
}

/** A worker's host: DATA_DIR with mirrors and a checkout; elsewhere releases.yml and two env files. */
export async function makePlace(
  files: Readonly<Record<string, string>> = {},
  options: { path?: string; isRoot?: boolean } = {},
): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'signoff-place-'))
  const [dataDir, settings] = [join(folder, 'data'), join(folder, 'settings')]
  const checkout = join(dataDir, 'checkouts/1/look-1')
  await mkdir(checkout, { recursive: true })
  await mkdir(join(dataDir, 'mirrors'))
  await writeFile(join(dataDir, 'mirrors/secret'), SECRET, { mode: 0o600 })
  await mkdir(settings)
  await writeFile(join(settings, 'releases.yml'), SECRET, { mode: 0o644 })
  await writeFile(join(settings, '.env_other'), SECRET, { mode: 0o600 })
  for (const [name, text] of Object.entries(files)) await writeFile(join(checkout, name), text)
  await writeFile(join(checkout, '.env'), 'OF=this\n', { mode: 0o600 })
  const hidden = { folders: [dataDir, settings], files: [join(settings, '.env_other')] }
  const isolate = createIsolate({ hidden, path: PATH, ...options })
  const remove = () => rm(folder, { recursive: true, force: true })
  return { folder, dataDir, settings, checkout, isolate, remove }
}

export interface Told {
  readonly ended: Ended
  readonly lines: readonly string[]
  readonly ms: number
}

export async function start(
  { isolate, checkout }: Place,
  args: readonly string[],
  options: {
    mode?: Mode
    env?: Record<string, string>
    readable?: string[]
    python?: string
    /** The program by which the Python was found; default: the Python. */
    program?: string
    timeoutMs?: number
    signal?: AbortSignal
    policy?: 'auto' | 'off'
    onLine?: (line: string) => void
  } = {},
): Promise<Told> {
  const lines: string[] = []
  const python = options.python ?? PYTHON
  const began = performance.now()
  const ended = await runAlone([python, ...args], {
    cwd: checkout,
    env: { PATH, LANG: 'C.UTF-8', ...options.env },
    timeoutMs: options.timeoutMs ?? 30_000,
    ...defined({ signal: options.signal }),
    mode: options.mode ?? 'look',
    isolation: {
      isolate,
      policy: options.policy ?? 'auto',
      checkout,
      readable: options.readable ?? [],
      program: { path: options.program ?? python, python: [python] },
    },
    onLine(line) {
      lines.push(line)
      options.onLine?.(line)
    },
  })
  return { ended, lines, ms: performance.now() - began }
}
