import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLineReader } from '../../lib/lines.ts'
import { runInGroup, type SideChannel } from '../../lib/process-group.ts'

export type Ended =
  | { readonly ended: 'not started' }
  | { readonly ended: 'exit'; readonly code: number }
  /** By us, at the time limit or when stopped, or by another signal. */
  | { readonly ended: 'killed'; readonly why: 'time' | 'stopped' | 'signal' }

const GRACE_MS = 2000

/** In characters. Readers cut lines again after they are scrubbed. */
const LONGEST_LINE = 300_000

/** In characters. The answer of a look must fit, with up to a million characters of SQL. */
const LONGEST_MESSAGE = 16 * 1024 * 1024

/** What the app's code is started for, and so what it may reach. */
export type Mode = 'look' | 'preview' | 'upgrade'

/** Lines beside the output, each way, and what the program prints elsewhere. */
export interface Conversation {
  readonly open: SideChannel['open']
  readonly onMessage: (line: string) => void
  readonly onAside: (line: string) => void
}

/**
 * Runs a program in its own process group, with exactly this environment, an empty HOME and no standard input. Calls
 * `onLine` with each line; very long ones are cut. At `timeoutMs`, or when `signal` aborts, it ends the group, and kills it
 * two seconds later. Nothing of the group is running when this resolves, or after this process exits.
 */
export async function runAlone(
  command: readonly [string, ...string[]],
  options: {
    cwd: string
    env: Readonly<Record<string, string>>
    timeoutMs: number
    signal?: AbortSignal
    mode: Mode
    onLine: (line: string, from: 'stdout' | 'stderr') => void
    conversation?: Conversation
  },
): Promise<Ended> {
  const home = await mkdtemp(join(tmpdir(), 'signoff-home-'))
  const reader = (onLine: (line: string) => void, longest = LONGEST_LINE) =>
    createLineReader(onLine, { longest, breaks: '\n' })
  const { conversation } = options
  const channel = conversation && {
    open: conversation.open,
    received: reader(conversation.onMessage, LONGEST_MESSAGE),
    aside: reader(conversation.onAside),
  }
  try {
    const ended = await runInGroup({
      command,
      directory: options.cwd,
      environment: { ...options.env, HOME: home },
      stdout: reader((line) => options.onLine(line, 'stdout')),
      stderr: reader((line) => options.onLine(line, 'stderr')),
      channel,
      timeoutMs: options.timeoutMs,
      graceMs: GRACE_MS,
      orphanMs: 0,
      signal: options.signal,
    })
    if (!ended.started) return { ended: 'not started' }
    // A migration that succeeded while it was being stopped has succeeded.
    if (ended.exitCode === 0) return { ended: 'exit', code: 0 }
    if (ended.stopped !== undefined) return { ended: 'killed', why: ended.stopped === 'timed out' ? 'time' : 'stopped' }
    if (ended.exitCode === undefined) return { ended: 'killed', why: 'signal' }
    return { ended: 'exit', code: ended.exitCode }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}
