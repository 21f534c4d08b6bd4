import { Worker } from 'node:worker_threads'
import { type StatementShape, unparsed } from './statement-shape.ts'

const TIME_LIMIT_MS = 5000
/** The parser's time grows faster than its input. */
const LONGEST_STATEMENT = 100_000

export interface Parser {
  /** What a statement is. `unparsed` if it is too long, takes over five seconds, or the thread has failed. */
  shape(sql: string): Promise<StatementShape>
  close(): Promise<void>
}

/** Postgres's parser in a thread of its own. One statement at a time. */
export function startParser(): Parser {
  const thread = new Worker(new URL('./parser-thread.ts', import.meta.url), {
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  })
  let answer: ((shape: StatementShape | undefined) => void) | undefined
  let isOver = false
  const settle = (shape: StatementShape | undefined) => {
    answer?.(shape)
    answer = undefined
  }
  const end = () => {
    isOver = true
    settle(undefined)
  }
  thread.on('message', settle)
  thread.once('error', end)
  thread.once('exit', end)
  // Nothing waits for this thread alone.
  thread.unref()
  return {
    shape(sql) {
      if (isOver || sql.length > LONGEST_STATEMENT) return Promise.resolve(unparsed(sql))
      return new Promise((resolve) => {
        const limit = setTimeout(() => {
          end()
          thread.terminate().catch(() => undefined)
        }, TIME_LIMIT_MS)
        answer = (shape) => {
          clearTimeout(limit)
          resolve(shape ?? unparsed(sql))
        }
        thread.postMessage(sql)
      })
    },
    async close() {
      isOver = true
      await thread.terminate()
    },
  }
}
