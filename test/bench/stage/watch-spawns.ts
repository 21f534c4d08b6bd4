/**
 * node --import watch-spawns.ts …: how long each start of a program keeps the loop of this process, in milliseconds, a line
 * each in the file that BENCH_SPAWNS names.
 */
import { ChildProcess } from 'node:child_process'
import { appendFileSync } from 'node:fs'

const file = process.env.BENCH_SPAWNS
if (file === undefined) throw new Error('BENCH_SPAWNS names no file')
/** What `spawn`, `execFile` and `fork` all come to. */
const prototype = ChildProcess.prototype as unknown as { spawn(options: { file: string }): unknown }
const start = prototype.spawn
prototype.spawn = function timed(this: unknown, options) {
  const began = performance.now()
  try {
    return start.call(this, options)
  } finally {
    const ms = performance.now() - began
    appendFileSync(file, `${ms.toFixed(3)} ${options.file}\n`)
  }
}
