/** Runs the checks of everything that a release needs, and prints one line for each. */
import { defined } from '../../lib/defined.ts'
import { runWithTimeout } from '../../lib/timeout.ts'

/** ✓ passed · ! works, but needs attention · ✗ releases will not work. */
export type Mark = '✓' | '!' | '✗'

export interface Finding {
  readonly mark: Mark
  readonly message: string
  /** What to do about it. */
  readonly fix?: string
}

export interface Check {
  /** What is checked, such as `remote api/production`. */
  readonly name: string
  /** Default: 15 s. */
  readonly limitMs?: number
  /**
   * Changes nothing. May throw. The signal aborts at the limit. Undefined: another check tells the reason, so this one has no
   * line.
   */
  run(signal: AbortSignal): Promise<Finding | undefined>
}

const LIMIT_MS = 15_000
const MAX_LINE_LENGTH = 500

/**
 * Runs all checks at once and returns a line for each that has one, in their order: mark, name, finding and fix. A check that throws or
 * exceeds its limit fails (✗). Lines are scrubbed. `exitCode` is 1 when a check fails, else 0. Safe to repeat.
 */
export async function runDoctor(options: {
  readonly checks: readonly Check[]
  readonly scrub: (text: string) => string
}): Promise<{ readonly lines: readonly string[]; readonly exitCode: 0 | 1 }> {
  const findings = await Promise.all(
    options.checks.map(async (check) => {
      const limitMs = check.limitMs ?? LIMIT_MS
      const result = await runWithTimeout(limitMs, (signal) => check.run(signal))
      if (result.ok) return result.value
      return result.late
        ? fail(`no answer in ${limitMs / 1_000} s`, 'check that this host can reach it')
        : fail(messageOf(result.error))
    }),
  )
  const lines = findings.flatMap((finding, index) => {
    if (finding === undefined) return []
    const { mark, message, fix } = finding
    const line = `${options.checks[index]?.name ?? ''}: ${message}${fix === undefined ? '' : ` → ${fix}`}`
    return `${mark} ${oneLine(options.scrub(line))}`
  })
  return { lines, exitCode: findings.some((finding) => finding?.mark === '✗') ? 1 : 0 }
}

export function pass(message: string): Finding {
  return { mark: '✓', message }
}

export function warn(message: string, fix: string): Finding {
  return { mark: '!', message, fix }
}

export function fail(message: string, fix?: string): Finding {
  return { mark: '✗', message, ...defined({ fix }) }
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'failed without a reason'
}

/** Removes control characters, so that text from outside can't control the terminal. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]{1,64}/gu, ' ').trim()
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line
}
