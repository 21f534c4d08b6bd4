import { createLineReader } from '../../lib/lines.ts'
import { runInGroup, type SideChannel } from '../../lib/process-group.ts'
import type { MigrationSettings } from '../../release/settings.ts'
import { groupCall, type Isolate, type IsolatedCommand, unisolated } from './isolation/isolation.ts'
import type { AlembicProgram } from './program.ts'

export type Ended =
  /** `why`: what to do about the isolation, if it was that. */
  | { readonly ended: 'not started'; readonly why?: string }
  | { readonly ended: 'exit'; readonly code: number }
  /** By us, at the time limit or when stopped, or by another signal. */
  | { readonly ended: 'killed'; readonly why: 'time' | 'stopped' | 'signal' }

/** In characters. Readers cut lines again after they are scrubbed. */
const LONGEST_LINE = 300_000

/** In characters. The answer of a look must fit, with up to a million characters of SQL. */
const LONGEST_MESSAGE = 16 * 1024 * 1024

/** What the app's code is started for: a look and an upgrade may reach the database, which a preview must not. */
export type Mode = 'look' | 'preview' | 'upgrade'

/** Lines beside the output, each way, and what the program prints elsewhere. */
export interface Conversation {
  readonly open: SideChannel['open']
  readonly onMessage: (line: string) => void
  readonly onAside: (line: string) => void
}

export interface StartIsolation {
  readonly isolate: Isolate
  /** As releases.yml says. */
  readonly policy: MigrationSettings['isolation']
  /** The only folder that the program may change; `cwd` is in it. */
  readonly checkout: string
  readonly readable: readonly string[]
  readonly program: AlembicProgram
}

/**
 * Runs a program in its own process group, with exactly this environment, an empty HOME and no standard input, isolated from
 * the host as far as `isolation` says. Calls `onLine` with each line; very long ones are cut. At `timeoutMs`, or when
 * `signal` aborts, it ends the group, and kills it two seconds later. When this resolves, nothing of the program runs, in
 * bubblewrap and as another user not even what has left its group.
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
    /** Absent: not isolated. */
    isolation?: StartIsolation | undefined
  },
): Promise<Ended> {
  const { isolation, conversation, mode } = options
  const call = { command, environment: options.env, directory: options.cwd }
  const isolated = await (isolation === undefined ? unisolated(call) : isolate(isolation, mode, call)).catch(
    (error: unknown) => (error instanceof Error ? error.message : 'it could not be isolated'),
  )
  if (typeof isolated === 'string') return { ended: 'not started', why: isolated }
  const reader = (onLine: (line: string) => void, longest = LONGEST_LINE) =>
    createLineReader(onLine, { longest, breaks: '\n' })
  const channel = conversation && {
    open: conversation.open,
    received: reader(conversation.onMessage, LONGEST_MESSAGE),
    aside: reader(conversation.onAside),
  }
  try {
    const ended = await runInGroup({
      ...groupCall(isolated),
      stdout: reader((line) => options.onLine(line, 'stdout')),
      stderr: reader((line) => options.onLine(line, 'stderr')),
      channel,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    })
    if (!ended.started) return { ended: 'not started' }
    const { exitCode: code, stopped } = ended
    // A migration that succeeded while it was being stopped has succeeded.
    if (code === 0) return { ended: 'exit', code: 0 }
    if (stopped !== undefined) return { ended: 'killed', why: stopped === 'timed out' ? 'time' : 'stopped' }
    if (code === undefined || (isolated.codesOfSignals && code > 128)) return { ended: 'killed', why: 'signal' }
    return { ended: 'exit', code }
  } finally {
    await isolated.remove()
  }
}

function isolate(
  { isolate: host, policy, checkout, readable, program }: StartIsolation,
  mode: Mode,
  call: { command: readonly [string, ...string[]]; environment: Readonly<Record<string, string>>; directory: string },
): Promise<IsolatedCommand> {
  const needsNetwork = mode !== 'preview'
  const found = { ...call, checkout, needsNetwork, readable, python: program.python, program: program.path }
  return policy === 'off' ? unisolated(call) : host.isolate(found)
}
