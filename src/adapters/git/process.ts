import { stripVTControlCharacters } from 'node:util'
import { defined } from '../../lib/defined.ts'
import { createLineReader, type TextReader } from '../../lib/lines.ts'
import { runInGroup } from '../../lib/process-group.ts'

export interface GitCall {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly input?: string
  /** `latin1`: each character of `input` and of stdout is one byte. Default `utf8`. */
  readonly encoding?: 'utf8' | 'latin1'
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Called with each line of stderr. */
  readonly onLine?: (line: string) => void
}

export interface GitEnded {
  /** Undefined: ended by a signal. */
  readonly exitCode: number | undefined
  readonly stdout: string
  /** The last 500 lines, of each the first 4000 characters. */
  readonly stderr: readonly string[]
  /** Set when we ended it. */
  readonly stopped?: 'aborted' | 'timed out'
}

const KEPT_LINES = 500
// git separates progress lines with carriage returns.
const LINES = { longest: 4000, breaks: /[\r\n]/ }
const MAX_STDOUT = 256 * 1024 * 1024

/** Runs git, each call in its own process group, so that no child process outlives the call. */
export interface GitProcesses {
  /** Does not throw on exit codes; throws only if git can't be started or its output is too large. */
  run(call: GitCall): Promise<GitEnded>
  /** Ends every running git. Later calls end at once as `aborted`. */
  close(): Promise<void>
}

export function createGitProcesses({ graceMs }: { graceMs: number }): GitProcesses {
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()

  async function run(call: GitCall): Promise<GitEnded> {
    const stderr: string[] = []
    const lines = createLineReader((raw) => {
      const line = stripVTControlCharacters(raw).trimEnd()
      if (line === '') return
      stderr.push(line)
      if (stderr.length > KEPT_LINES) stderr.shift()
      call.onLine?.(line)
    }, LINES)
    const stdout = keepText(`git ${call.args[0]}`)
    const ended = await runInGroup({
      command: ['git', ...call.args],
      directory: call.directory,
      environment: call.environment,
      input: call.input,
      ...defined({ encoding: call.encoding }),
      stdout,
      stderr: lines,
      timeoutMs: call.timeoutMs,
      graceMs,
      orphanMs: graceMs,
      signal: call.signal === undefined ? closing.signal : AbortSignal.any([closing.signal, call.signal]),
    })
    if (ended.started) {
      const { exitCode, stopped } = ended
      return { exitCode, stdout: stdout.text(), stderr, ...defined({ stopped }) }
    }
    if (ended.error !== undefined) throw new Error(`git can't be started: ${ended.error}`)
    return { exitCode: undefined, stdout: '', stderr: [], stopped: 'aborted' }
  }

  return {
    async run(call) {
      const ended = run(call)
      running.add(ended)
      try {
        return await ended
      } finally {
        running.delete(ended)
      }
    },
    async close() {
      closing.abort()
      await Promise.allSettled(running)
    },
  }
}

/** Collects a program's output. Throws if it is too large. */
function keepText(program: string): TextReader & { text(): string } {
  const parts: string[] = []
  let length = 0
  return {
    add(text) {
      length += text.length
      if (length > MAX_STDOUT) throw new Error(`${program} printed more than ${MAX_STDOUT} characters`)
      parts.push(text)
    },
    end() {},
    text: () => parts.join(''),
  }
}
