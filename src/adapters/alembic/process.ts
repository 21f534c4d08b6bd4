import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

export type Ended =
  | { readonly ended: 'not started' }
  | { readonly ended: 'exit'; readonly code: number }
  /** By us, at the time limit or when told to stop, or by somebody else. */
  | { readonly ended: 'killed'; readonly why: 'time' | 'stopped' | 'signal' }

const GRACE_MS = 2000

/**
 * Runs a program in a process group of its own, with exactly this environment and an empty HOME, and nothing on standard
 * input. Gives its lines as they come. At `timeoutMs`, and when `signal` aborts, the group is told to end, and killed
 * two seconds later; nothing of it is left running when this resolves, or when this process exits.
 */
export async function runAlone(
  command: readonly [string, ...string[]],
  options: {
    cwd: string
    env: Readonly<Record<string, string>>
    timeoutMs: number
    signal?: AbortSignal
    onLine: (line: string, from: 'stdout' | 'stderr') => void
  },
): Promise<Ended> {
  const home = await mkdtemp(join(tmpdir(), 'signoff-home-'))
  const limit = AbortSignal.timeout(options.timeoutMs)
  const stop = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit])
  try {
    if (stop.aborted) return { ended: 'not started' }
    const [program, ...args] = command
    const running = execa(program, args, {
      cwd: options.cwd,
      env: { ...options.env, HOME: home },
      extendEnv: false,
      detached: true,
      stdin: 'ignore',
      buffer: false,
      reject: false,
      stripFinalNewline: false,
    })
    const { pid } = running
    const killGroup = (name: 'SIGTERM' | 'SIGKILL') => {
      try {
        if (pid !== undefined) process.kill(-pid, name)
      } catch {
        // The group is gone.
      }
    }
    const killNow = () => killGroup('SIGKILL')
    let late: NodeJS.Timeout | undefined
    const end = () => {
      killGroup('SIGTERM')
      late = setTimeout(killNow, GRACE_MS)
    }
    stop.addEventListener('abort', end, { once: true })
    process.once('exit', killNow)
    // What the program has started and left behind would keep its output open.
    running.nodeChildProcess.once('exit', killNow)
    try {
      const [result] = await Promise.all([
        running,
        readLines(running.stdout, (line) => options.onLine(line, 'stdout')),
        readLines(running.stderr, (line) => options.onLine(line, 'stderr')),
      ])
      if (pid === undefined) return { ended: 'not started' }
      if (result.exitCode === 0) return { ended: 'exit', code: 0 }
      if (stop.aborted) return { ended: 'killed', why: limit.aborted ? 'time' : 'stopped' }
      if (result.exitCode === undefined) return { ended: 'killed', why: 'signal' }
      return { ended: 'exit', code: result.exitCode }
    } finally {
      clearTimeout(late)
      stop.removeEventListener('abort', end)
      process.off('exit', killNow)
      killNow()
    }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  }
  if (rest !== '') onLine(rest)
}
