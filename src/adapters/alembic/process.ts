import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLineReader } from '../../lib/lines.ts'
import { runInGroup } from '../../lib/process-group.ts'

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
  const linesOf = (from: 'stdout' | 'stderr') =>
    createLineReader((line) => options.onLine(line, from), { longest: LONGEST_LINE[from], breaks: '\n' })
  try {
    const ended = await runInGroup({
      command,
      directory: options.cwd,
      environment: { ...options.env, HOME: home },
      stdout: linesOf('stdout'),
      stderr: linesOf('stderr'),
      timeoutMs: options.timeoutMs,
      graceMs: GRACE_MS,
      orphanMs: 0,
      signal: options.signal,
    })
    if (!ended.started) return { ended: 'not started' }
    // A migration that ended well did so, also when it was being stopped.
    if (ended.exitCode === 0) return { ended: 'exit', code: 0 }
    if (ended.stopped !== undefined) return { ended: 'killed', why: ended.stopped === 'timed out' ? 'time' : 'stopped' }
    if (ended.exitCode === undefined) return { ended: 'killed', why: 'signal' }
    return { ended: 'exit', code: ended.exitCode }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}
