import { createLineReader } from '../../lib/lines.ts'
import { runInGroup } from '../../lib/process-group.ts'
import type { MigrationSettings } from '../../release/settings.ts'
import { groupCall, type Isolate, type IsolatedCommand, unisolated } from './isolation/isolation.ts'
import type { AlembicProgram } from './program.ts'

export type Ended =
  /** `why`: what to do about the isolation, if it was that. */
  | { readonly ended: 'not started'; readonly why?: string }
  | { readonly ended: 'exit'; readonly code: number }
  /** By us, at the time limit or when stopped, or by another signal. */
  | { readonly ended: 'killed'; readonly why: 'time' | 'stopped' | 'signal' }

/**
 * In characters. The answer of status.py must fit, with up to a million characters of SQL. Readers cut lines again after
 * they are scrubbed.
 */
const LONGEST_LINE = { stdout: 16 * 1024 * 1024, stderr: 300_000 }

/** What a program may reach: an upgrade and a look the database, which a preview must not. */
export type StartMode = 'look' | 'preview' | 'upgrade'

export interface StartIsolation {
  readonly isolate: Isolate
  /** As releases.yml says. */
  readonly policy: MigrationSettings['isolation']
  readonly mode: StartMode
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
    onLine: (line: string, from: 'stdout' | 'stderr') => void
    /** Absent: not isolated. */
    isolation?: StartIsolation
  },
): Promise<Ended> {
  const { isolation } = options
  const call = { command, environment: options.env, directory: options.cwd }
  const isolated = await (isolation === undefined ? unisolated(call) : isolate(isolation, call)).catch(
    (error: unknown) => (error instanceof Error ? error.message : 'it could not be isolated'),
  )
  if (typeof isolated === 'string') return { ended: 'not started', why: isolated }
  const linesOf = (from: 'stdout' | 'stderr') =>
    createLineReader((line) => options.onLine(line, from), { longest: LONGEST_LINE[from], breaks: '\n' })
  try {
    const ended = await runInGroup({
      ...groupCall(isolated),
      stdout: linesOf('stdout'),
      stderr: linesOf('stderr'),
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
  { isolate: host, policy, mode, checkout, readable, program }: StartIsolation,
  call: { command: readonly [string, ...string[]]; environment: Readonly<Record<string, string>>; directory: string },
): Promise<IsolatedCommand> {
  const needsNetwork = mode !== 'preview'
  const found = { ...call, checkout, needsNetwork, readable, python: program.python, program: program.path }
  return policy === 'off' ? unisolated(call) : host.isolate(found)
}
