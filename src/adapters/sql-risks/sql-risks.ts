import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { SqlFinding } from '../../release/plan.ts'
import type { SqlRisks } from '../../release/ports/sql-risks.ts'
import { KINDS } from './kinds.ts'

const TIME_LIMIT_MS = 10_000
/** The most characters of all statements together. */
const LONGEST_IN_ALL = 1_000_000

type Findings = readonly (readonly SqlFinding[])[]

/**
 * `SqlRisks` by Postgres's own parser, in its own thread for each call. SQL of over a million characters, or that takes over
 * ten seconds, is `unknown`, and so is everything if the thread fails. From then on this process compiles WebAssembly only
 * once, without the optimizing compiler.
 */
export function createSqlRisks({ timeLimitMs = TIME_LIMIT_MS }: { timeLimitMs?: number } = {}): SqlRisks {
  compileOnce()
  return {
    async classify(revisions) {
      const length = revisions.flat().reduce((sum, sql) => sum + sql.length, 0)
      if (length === 0) return revisions.map(() => [])
      if (length > LONGEST_IN_ALL) return notRead(revisions)
      return (await inThread(revisions, timeLimitMs)) ?? notRead(revisions)
    },
  }
}

/**
 * To optimize the parser's largest function, V8 needs 560 MB and most of a second, after the SQL is already parsed. That is
 * more memory than a small host has. Both flags are necessary.
 */
function compileOnce(): void {
  setFlagsFromString('--no-wasm-dynamic-tiering')
  setFlagsFromString('--no-wasm-tier-up')
}

/** Undefined if the thread fails or takes too long. */
function inThread(revisions: readonly (readonly string[])[], timeLimitMs: number): Promise<Findings | undefined> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./thread.ts', import.meta.url), {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    const end = (found?: Findings) => {
      clearTimeout(limit)
      thread.terminate().catch(() => undefined)
      resolve(found)
    }
    const limit = setTimeout(end, timeLimitMs)
    thread.once('message', end)
    thread.once('error', () => end())
    thread.once('exit', () => end())
    thread.postMessage(revisions)
  })
}

function notRead(revisions: readonly (readonly string[])[]): Findings {
  const { risk, why } = KINDS['too long']
  return revisions.map((statements) =>
    statements.length === 0 ? [] : [{ risk, why, what: 'has SQL that was not read' }],
  )
}
