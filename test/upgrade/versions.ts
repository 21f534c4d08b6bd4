/** The two versions of the test: the one before, from the repository's history, and this checkout. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Pace } from '../../src/cli/start.ts'
import { STARTS_QUICKLY } from '../support/processes.ts'

const run = promisify(execFile)

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

/** The last commit of the version before this one. */
const VERSION_BEFORE = 'ce4f498e4b116320c502f4804638c0c5e62c5a19'

export interface Version {
  readonly name: 'before' | 'after'
  /** Contains its `src`. */
  readonly directory: string
}

export const AFTER: Version = { name: 'after', directory: CHECKOUT }

/** Git ignores it. It lies outside of node_modules, where Node runs no TypeScript, and its modules are those of the checkout. */
const VERSIONS = join(CHECKOUT, '.versions')

/**
 * The source of the version before, from this repository's history. It is extracted once, and stays at one path, so that Node
 * finds at the next run what it has compiled; other versions are removed. Safe while another run does the same. Throws, with
 * what to do, when the history is missing: a test that is skipped would not tell whether an upgrade works.
 */
export async function extractVersionBefore(): Promise<Version> {
  await removeOtherVersions()
  const directory = join(VERSIONS, VERSION_BEFORE)
  if (!(await isThere(directory))) await extract(directory)
  return { name: 'before', directory }
}

async function removeOtherVersions(): Promise<void> {
  const isOther = (name: string) => /^[0-9a-f]{40}$/.test(name) && name !== VERSION_BEFORE
  for (const name of (await readdir(VERSIONS).catch(() => [])).filter(isOther)) {
    await rm(join(VERSIONS, name), { recursive: true, force: true })
  }
}

const isThere = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined

/** The directory is there with all its files, or not at all. */
async function extract(directory: string): Promise<void> {
  const git = (...args: string[]) => run('git', args, { cwd: CHECKOUT })
  await git('cat-file', '-e', `${VERSION_BEFORE}^{commit}`).catch(async () => {
    const isShallow = (await git('rev-parse', '--is-shallow-repository').catch(() => undefined))?.stdout.trim()
    throw new Error(
      isShallow === 'true'
        ? `This clone is shallow and lacks commit ${VERSION_BEFORE}, from which the upgrade is tested. Run: git fetch --unshallow`
        : `This repository lacks commit ${VERSION_BEFORE}, from which the upgrade is tested. Clone it with its whole history.`,
    )
  })
  await mkdir(VERSIONS, { recursive: true })
  const partly = await mkdtemp(join(VERSIONS, 'partly-'))
  try {
    const archive = join(partly, 'source.tar')
    const parts = ['src', 'package.json', 'manifest.yml', 'test/support/quick-main.ts']
    await git('archive', '--format=tar', '-o', archive, VERSION_BEFORE, ...parts)
    await run('tar', ['-xf', archive, '-C', partly])
    await rm(archive)
    await rename(partly, directory).catch(async (error) => {
      // Another run was faster.
      if (!(await isThere(directory))) throw error
    })
  } finally {
    await rm(partly, { recursive: true, force: true })
  }
}

export interface Place {
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

export interface VersionProcess {
  readonly pid: number
  /** The lines of its output that tell of a bug, such as an unexpected value. */
  bugs(): readonly string[]
  signal(name: NodeJS.Signals): void
  /** Sends SIGKILL; resolves when it has ended. Its children stay, as after a crash. Safe to repeat. */
  kill(): Promise<void>
  /** Sends SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>
}

/** Starts a role of a version; resolves when `isReady` is true. Throws when it ends before that. */
export async function startRole(
  { name, directory }: Version,
  role: 'bot' | 'worker',
  { place, pace, isReady }: { place: Place; pace: Pace; isReady: () => Promise<boolean> },
): Promise<VersionProcess> {
  const program = [join(directory, 'test/support/quick-main.ts'), role, JSON.stringify(pace)]
  const env = { ...STARTS_QUICKLY, HOME: place.directory, ...place.env, LOG_LEVEL: 'info' }
  const child = spawn(process.execPath, program, { cwd: place.directory, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = collect(child, `${role} ${name}`)
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  const watch = killWithUs(child.pid ?? 0)
  let hasEnded = false
  void ended.then(() => {
    hasEnded = true
    watch.kill()
  })
  for (const end = performance.now() + 60_000; !(await isReady()); ) {
    if (hasEnded) throw new Error(`the ${role} of the version ${name} ended before it was ready:\n${printed()}`)
    if (performance.now() > end) throw new Error(`the ${role} of the version ${name} is not ready:\n${printed()}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return {
    pid: child.pid ?? 0,
    bugs: () =>
      printed()
        .split('\n')
        .filter((line) => /\b(Type|Reference|Range|Syntax)Error\b/.test(line)),
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      child.kill('SIGTERM')
      return (await ended)[0]
    },
  }
}

/** Kills a process when this one is gone, even when the process is suspended. */
function killWithUs(pid: number): ChildProcess {
  const watch = spawn('/bin/sh', ['-c', 'read -r line; kill -KILL "$0"', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watch.unref()
  return watch
}

function collect(child: ChildProcess, whose: string): () => string {
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      if (process.env.TEST_LOG_LEVEL !== undefined) process.stderr.write(`${whose}: ${text}`)
    })
  }
  return () => printed
}

/** Runs a command of a version, such as `audit verify`. */
export async function runCommand(
  { directory }: Version,
  args: readonly string[],
  { directory: cwd, env }: Place,
): Promise<{ exitCode: number; printed: string }> {
  const { bin } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as { bin: { signoff: string } }
  const options = { cwd, env: { ...STARTS_QUICKLY, HOME: cwd, ...env }, maxBuffer: 64 * 2 ** 20 }
  return new Promise((resolve) => {
    execFile(process.execPath, [join(directory, bin.signoff), ...args], options, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? -1), printed: `${stdout}${stderr}` }),
    )
  })
}
