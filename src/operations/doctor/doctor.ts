/** Looks at everything that a release needs, one line a check. */
import { defined } from '../../lib/defined.ts'
import { runWithTimeout } from '../../lib/timeout.ts'

/** ✓ good · ! goes on, and somebody should look · ✗ releases will not work. */
export type Mark = '✓' | '!' | '✗'

export interface Finding {
  readonly mark: Mark
  readonly says: string
  /** What a person does about it. */
  readonly mend?: string
}

export interface Check {
  /** What is looked at, such as `remote api/production`. */
  readonly name: string
  /** How long it may take; 15 s unless said. */
  readonly limitMs?: number
  /** Changes nothing. May throw; the signal aborts at the limit. */
  look(signal: AbortSignal): Promise<Finding>
}

const LIMIT_MS = 15_000
const LONGEST_SAID = 500

/**
 * Does all checks at once and gives a line for each, in the order given: its mark, its name, what was found and what
 * mends it. A check that throws or takes longer than its limit is wrong (✗). Every line is scrubbed and is one line.
 * `exitCode` is 1 when a check is wrong, else 0. Safe to repeat.
 */
export async function runDoctor(options: {
  readonly checks: readonly Check[]
  readonly scrub: (text: string) => string
}): Promise<{ readonly lines: readonly string[]; readonly exitCode: 0 | 1 }> {
  const findings = await Promise.all(
    options.checks.map(async (check) => {
      const limitMs = check.limitMs ?? LIMIT_MS
      const looked = await runWithTimeout(limitMs, (signal) => check.look(signal))
      if (looked.ok) return looked.value
      const why = looked.late ? `no answer in ${limitMs / 1_000} s` : messageOf(looked.error)
      return wrong(why, looked.late ? 'see whether it can be reached from this host' : undefined)
    }),
  )
  const lines = findings.map(({ mark, says, mend }, index) => {
    const said = `${options.checks[index]?.name ?? ''}: ${says}${mend === undefined ? '' : ` → ${mend}`}`
    return `${mark} ${oneLine(options.scrub(said))}`
  })
  return { lines, exitCode: findings.some(({ mark }) => mark === '✗') ? 1 : 0 }
}

export function good(says: string): Finding {
  return { mark: '✓', says }
}

export function odd(says: string, mend: string): Finding {
  return { mark: '!', says, mend }
}

export function wrong(says: string, mend?: string): Finding {
  return { mark: '✗', says, ...defined({ mend }) }
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'it failed without saying why'
}

/** Terminals must not be told anything by what others have written. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]{1,64}/gu, ' ').trim()
  return line.length > LONGEST_SAID ? `${line.slice(0, LONGEST_SAID)}…` : line
}
