import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { SqlFinding } from '../../release/plan.ts'
import type { SqlRisks } from '../../release/ports/sql-risks.ts'
import { KINDS } from './kinds.ts'

const TIME_LIMIT_MS = 10_000
/** Of all statements together, in characters. */
const LONGEST_IN_ALL = 1_000_000

type Findings = readonly (readonly SqlFinding[])[]

/**
 * `SqlRisks` by Postgres's own parser, in a thread of its own for each call. What is longer than a million characters, or
 * takes longer than ten seconds, is `unknown`; so is all of it where the thread fails. From then on this process compiles
 * WebAssembly once, not a second time to make it quicker.
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
 * To compile the parser's largest function again, V8 takes 560 MB and most of a second, though the SQL is read by then: more
 * memory than a small host has. Either flag alone still has it do so.
 */
function compileOnce(): void {
  setFlagsFromString('--no-wasm-dynamic-tiering')
  setFlagsFromString('--no-wasm-tier-up')
}

/** Undefined when it fails or takes too long. */
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
