/**
 * Signoff as real processes, to be killed, paused and started again: `src/main.ts start --role …` as people start it, or
 * the same parts with the pace of tests.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Pace } from '../../src/cli/start.ts'
import type { Role } from '../../src/config/variables.ts'
import type { Team } from './team.ts'
import { waitUntil } from './waiting.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const QUICK_MAIN = fileURLToPath(new URL('./quick-main.ts', import.meta.url))

const { PATH, NODE_COMPILE_CACHE, GLIBC_TUNABLES, MALLOC_ARENA_MAX } = process.env
/** For every Signoff that tests start: it is small, since starting git takes the longer the larger who starts it. */
export const STARTS_QUICKLY = {
  PATH,
  NODE_COMPILE_CACHE,
  GLIBC_TUNABLES,
  MALLOC_ARENA_MAX,
  NODE_OPTIONS: '--max-semi-space-size=1',
}

export interface SignoffProcess {
  readonly pid: number
  /** Everything that it has printed so far. */
  output(): string
  /** Sends a signal: SIGSTOP, SIGCONT, … */
  signal(name: NodeJS.Signals): void
  /** SIGKILL; resolves when it is gone. Its children are left as they are, as a crash leaves them. */
  kill(): Promise<void>
  /** SIGTERM; gives the exit code and how long it took. */
  stop(): Promise<{ code: number | null; ms: number }>
}

/** Starts a role of a team as a process of its own; resolves when it says that it has started. */
export async function startProcess(
  team: Team,
  role: Role,
  options: { pace?: Pace; dataDir?: string; group?: string; env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<SignoffProcess> {
  const { pace, dataDir, group, env } = options
  const program =
    pace === undefined
      ? [MAIN, 'start', '--role', role, ...(group === undefined ? [] : ['--group', group])]
      : [QUICK_MAIN, role, JSON.stringify(pace), ...(group === undefined ? [] : [group])]
  const child = spawn(process.execPath, program, {
    cwd: team.directory,
    env: {
      ...STARTS_QUICKLY,
      HOME: team.directory,
      ...team.env,
      LOG_LEVEL: 'info',
      ...(dataDir !== undefined && { DATA_DIR: dataDir }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      team.logs.push(text)
      if (process.env.TEST_LOG_LEVEL !== undefined) process.stderr.write(text)
    })
  }
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  await started(child, () => printed)
  return {
    pid: child.pid ?? 0,
    output: () => printed,
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      const from = performance.now()
      child.kill('SIGTERM')
      const [code] = await ended
      return { code, ms: performance.now() - from }
    },
  }
}

/** Waits until it says that it has started, for as long as it prints anything or uses a processor. */
async function started(child: ChildProcess, printed: () => string): Promise<void> {
  let code: number | null | undefined
  child.once('exit', (ended) => {
    code = ended
  })
  await waitUntil(() => code !== undefined || printed().includes('"msg":"started"'), {
    what: () => `it to start:\n${printed()}`,
    moves: async () => [printed().length, await processorTime(child.pid ?? 0)],
  })
  if (code !== undefined) throw new Error(`it ended with ${code} before it had started:\n${printed()}`)
}

/** What a process has used so far, in ticks; undefined where the system does not tell. */
export async function processorTime(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields && Number(fields[11]) + Number(fields[12])
}
