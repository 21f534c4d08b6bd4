/** What a start of a program keeps the loop of a small process at least: prints the median of 50, in milliseconds. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { median } from '../statistics.ts'

const times: number[] = []
for (let at = 0; at < 50; at += 1) {
  const began = performance.now()
  const child = spawn('/bin/true', { stdio: ['ignore', 'pipe', 'pipe'] })
  times.push(performance.now() - began)
  await once(child, 'exit')
}
console.log(median(times))
