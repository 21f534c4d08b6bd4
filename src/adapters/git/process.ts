import { execa } from 'execa'
import { endGroup, groupLives, signalGroup } from '../../lib/process-group.ts'
import { createLineReader } from './lines.ts'

export interface GitCall {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly input?: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Each line of stderr as it comes. */
  readonly onLine?: (line: string) => void
}

export interface GitEnded {
  /** undefined: ended by a signal, ours or another's. */
  readonly exitCode: number | undefined
  readonly stdout: string
  /** The last 500 lines. */
  readonly stderr: readonly string[]
  /** Set when we ended it. */
  readonly stopped?: 'aborted' | 'timed out'
}

const KEPT_LINES = 500
const MAX_STDOUT = 256 * 1024 * 1024

/** Runs git, each call in a process group of its own, so that nothing that git started outlives the call. */
export interface GitProcesses {
  /** Exit codes are data; throws only when git can't be started at all. */
  run(call: GitCall): Promise<GitEnded>
  /** Ends everything that still runs. Later calls end at once as `aborted`. */
  close(): Promise<void>
}

export function createGitProcesses(options: { graceMs: number }): GitProcesses {
  const closing = new AbortController()
  const running = new Map<number, Promise<void>>()
  const killAll = () => {
    for (const group of running.keys()) signalGroup(group, 'SIGKILL')
  }

  async function run(call: GitCall): Promise<GitEnded> {
    const stop = new AbortController()
    let stopped: GitEnded['stopped']
    const stopBecause = (why: 'aborted' | 'timed out') => () => {
      stopped ??= why
      stop.abort()
    }
    const abort = stopBecause('aborted')
    if (call.signal?.aborted || closing.signal.aborted) {
      return { exitCode: undefined, stdout: '', stderr: [], stopped: 'aborted' }
    }

    const child = execa('git', [...call.args], {
      cwd: call.directory,
      env: call.environment,
      extendEnv: false,
      detached: true,
      reject: false,
      stripFinalNewline: false,
      maxBuffer: MAX_STDOUT,
      buffer: { stdout: true, stderr: false },
      ...(call.input === undefined ? { stdin: 'ignore' as const } : { input: call.input }),
    })
    const group = child.pid
    if (group === undefined) {
      const failed = await child
      throw new Error(`git can't be started: ${failed.code ?? 'unknown reason'}`)
    }

    const stderr: string[] = []
    const lines = createLineReader((line) => {
      stderr.push(line)
      if (stderr.length > KEPT_LINES) stderr.shift()
      call.onLine?.(line)
    })
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', lines.add)

    let ending: Promise<void> | undefined
    const end = () => {
      ending ??= endGroup(group, options.graceMs)
    }
    // Whatever ended git itself: its helpers hold the pipes open and could go on with a push.
    let orphans: NodeJS.Timeout | undefined
    child.nodeChildProcess.once('exit', () => {
      orphans = setTimeout(end, options.graceMs)
    })
    const timer = setTimeout(stopBecause('timed out'), call.timeoutMs)
    stop.signal.addEventListener('abort', end, { once: true })
    call.signal?.addEventListener('abort', abort, { once: true })
    closing.signal.addEventListener('abort', abort, { once: true })
    if (running.size === 0) process.once('exit', killAll)
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(group, promise)
    try {
      const ended = await child
      lines.end()
      if (await groupLives(group)) end()
      await ending
      if (ended.isMaxBuffer) throw new Error(`git ${call.args[0]} gave more output than can be read`)
      return { exitCode: ended.exitCode, stdout: ended.stdout, stderr, ...(stopped === undefined ? {} : { stopped }) }
    } finally {
      clearTimeout(timer)
      clearTimeout(orphans)
      call.signal?.removeEventListener('abort', abort)
      closing.signal.removeEventListener('abort', abort)
      running.delete(group)
      resolve()
      if (running.size === 0) process.off('exit', killAll)
    }
  }

  return {
    run,
    async close() {
      closing.abort()
      await Promise.all(running.values())
    },
  }
}
