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
 * In characters. Whoever takes a line cuts it again, after the secrets are out of it; and what status.py says fits in with its
 * SQL, of which it tells a million characters.
 */
const LONGEST_LINE = { stdout: 16 * 1024 * 1024, stderr: 300_000 }

/**
 * Runs a program in a process group of its own, with exactly this environment and an empty HOME, and nothing on standard
 * input. Gives its lines as they come, very long ones cut. At `timeoutMs`, and when `signal` aborts, the group is told to end, and killed
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
        readLines(running.stdout, LONGEST_LINE.stdout, (line) => options.onLine(line, 'stdout')),
        readLines(running.stderr, LONGEST_LINE.stderr, (line) => options.onLine(line, 'stderr')),
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

async function readLines(
  stream: NodeJS.ReadableStream,
  longest: number,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let parts: string[] = []
  let length = 0
  // Only what has come is looked through: a line of many chunks would else be looked through again with each.
  const add = (text: string) => {
    if (length < longest) parts.push(text.slice(0, longest - length))
    length += text.length
  }
  const give = () => {
    const line = parts.join('')
    parts = []
    length = 0
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
  for await (const chunk of stream) {
    const [rest = '', ...begun] = decoder.decode(chunk as Buffer, { stream: true }).split('\n')
    add(rest)
    for (const text of begun) {
      give()
      add(text)
    }
  }
  if (length > 0) give()
}
