import { Worker } from 'node:worker_threads'
import { compileCacheVariables } from '../../lib/compile-cache.ts'
import { type StatementShape, unparsed } from './statement-shape.ts'

const TIME_LIMIT_MS = 5000
/** A busy host takes seconds to start a thread. */
const START_LIMIT_MS = 60_000
/** The thread's first message. */
export const READY = 'ready'
/** The parser's time grows faster than its input. */
const LONGEST_STATEMENT = 100_000

export interface Parser {
  /** What a statement is. `unparsed` if it is too long, takes over five seconds, or the thread has failed. */
  shape(sql: string): Promise<StatementShape>
  close(): Promise<void>
}

/** Postgres's parser in a thread of its own, started with the first statement: most previews read nothing. One at a time. */
export function openParser(): Parser {
  let running: { readonly thread: Worker; readonly ready: Promise<void> } | undefined
  let answer: ((shape: StatementShape | undefined) => void) | undefined
  let started: () => void = () => undefined
  let isOver = false
  const settle = (shape: StatementShape | undefined) => {
    answer?.(shape)
    answer = undefined
  }
  const end = () => {
    isOver = true
    started()
    settle(undefined)
  }
  const giveUp = () => {
    end()
    running?.thread.terminate().catch(() => undefined)
  }

  function start() {
    const thread = new Worker(new URL('./parser-thread.ts', import.meta.url), {
      env: compileCacheVariables(),
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    const starting = setTimeout(giveUp, START_LIMIT_MS).unref()
    const ready = new Promise<void>((resolve) => {
      started = () => {
        clearTimeout(starting)
        resolve()
      }
    })
    thread.on('message', (message: StatementShape | typeof READY) => (message === READY ? started() : settle(message)))
    thread.once('error', end)
    thread.once('exit', end)
    // Nothing waits for this thread alone.
    thread.unref()
    return { thread, ready }
  }

  return {
    async shape(sql) {
      if (isOver || sql.length > LONGEST_STATEMENT) return unparsed(sql)
      running ??= start()
      const { thread, ready } = running
      await ready
      if (isOver) return unparsed(sql)
      return new Promise((resolve) => {
        const limit = setTimeout(giveUp, TIME_LIMIT_MS)
        answer = (shape) => {
          clearTimeout(limit)
          resolve(shape ?? unparsed(sql))
        }
        thread.postMessage(sql)
      })
    },
    async close() {
      end()
      await running?.thread.terminate()
    },
  }
}
