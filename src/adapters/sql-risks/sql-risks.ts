import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { compileCacheVariables } from '../../lib/compile-cache.ts'
import type { Circumstances, RevisionRisks, SqlRisks } from '../../release/ports/sql-risks.ts'
import { KINDS } from './kinds.ts'

const TIME_LIMIT_MS = 10_000
/** The most characters of all statements together. */
const LONGEST_IN_ALL = 1_000_000

type Risks = readonly RevisionRisks[]

/**
 * `SqlRisks` by Postgres's own parser, in its own thread for each call. SQL of over a million characters, or that takes over
 * ten seconds, is `unknown`, and so is everything if the thread fails. From then on this process compiles WebAssembly only
 * once, without the optimizing compiler.
 */
export function createSqlRisks({ timeLimitMs = TIME_LIMIT_MS }: { timeLimitMs?: number } = {}): SqlRisks {
  compileOnce()
  return {
    async classify(revisions, about = {}) {
      const length = revisions.flat().reduce((sum, sql) => sum + sql.length, 0)
      if (length === 0) return revisions.map(() => ({ findings: [], commits: false }))
      if (length > LONGEST_IN_ALL) return notRead(revisions)
      return (await inThread(revisions, about, timeLimitMs)) ?? notRead(revisions)
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
function inThread(
  revisions: readonly (readonly string[])[],
  about: Circumstances,
  timeLimitMs: number,
): Promise<Risks | undefined> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./thread.ts', import.meta.url), {
      env: compileCacheVariables(),
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    const end = (found?: Risks) => {
      clearTimeout(limit)
      thread.terminate().catch(() => undefined)
      resolve(found)
    }
    const limit = setTimeout(end, timeLimitMs)
    thread.once('message', end)
    thread.once('error', () => end())
    thread.once('exit', () => end())
    thread.postMessage([revisions, about])
  })
}

/** What was not read may commit. */
function notRead(revisions: readonly (readonly string[])[]): Risks {
  const { risk, why } = KINDS['too long']
  return revisions.map((statements) =>
    statements.length === 0
      ? { findings: [], commits: false }
      : { findings: [{ risk, why, what: 'has SQL that was not read' }], commits: true },
  )
}
