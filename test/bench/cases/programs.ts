/** T14: the programs that a release starts, and what a start costs the process that does it. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Bench, Case } from '../case.ts'
import { closedAtTheEnd } from '../stage/closing.ts'
import type { Program } from '../stage/program.ts'
import { askFor, ends, quiet, releaseProduction, sign } from '../stage/release.ts'
import { type Stage, startStage } from '../stage/stage.ts'
import { startWorkplace, type Workplace } from '../stage/workplace.ts'
import { median } from '../statistics.ts'

const run = promisify(execFile)
const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export const PROGRAMS: Case = {
  lines: [
    {
      id: 'T14 run',
      what: 'Programs that a run with a migration starts, and those start',
      unit: 'programs',
      goal: { of: 'value', atMost: 35 },
    },
    {
      id: 'T14 plan',
      what: 'Programs that a plan with a migration starts, and those start',
      unit: 'programs',
      goal: { of: 'value', atMost: 15 },
    },
    {
      id: 'T14 blocked',
      what: 'How long a start keeps the loop of Signoff, the median',
      yardstick: 'a bare spawn from a small process',
      unit: 'ms',
      goal: { of: 'value', atMost: 2 },
    },
  ],

  async measure(bench) {
    const workplace = await startWorkplace({ ...bench, name: 'programs' })
    const stage = await startStage({ ...bench, workplaces: [workplace] })
    const spawns = join(bench.root, 'spawns')
    const signoff = await stage.start('all', {
      node: ['--import', pathOf('../stage/watch-spawns.ts')],
      env: { BENCH_SPAWNS: spawns },
    })
    const release = async () => {
      await workplace.grow({ commits: 3, migration: true })
      return releaseProduction(stage, workplace)
    }
    await release()
    const before = (await spawned(spawns)).length
    for (const _ of bench.rounds(2)) {
      const known = (await spawned(spawns)).length
      await release()
      const bare = await run(process.execPath, [pathOf('../yardsticks/bare-spawn.ts')])
      const times = (await spawned(spawns)).slice(known)
      bench.add('T14 blocked', { ours: median(times.map(({ ms }) => ms)), yardstick: Number(bare.stdout) })
    }
    if (bench.wants('T14 run') || bench.wants('T14 plan'))
      await countPrograms(bench, { stage, workplace, signoff, spawns })
    bench.note('T14 blocked', `${(await spawned(spawns)).length - before} starts in all`)
    await stage.close()
    await workplace.close()
  },
}

/** The starts so far, in the process itself. */
async function spawned(file: string): Promise<readonly { ms: number; program: string }[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ ms: Number(line.split(' ')[0]), program: line.slice(line.indexOf(' ') + 1) }))
}

/** By strace where it is: each execve that succeeded, in all descendants. Else only what Signoff starts itself. */
async function countPrograms(
  bench: Bench,
  { stage, workplace, signoff, spawns }: { stage: Stage; workplace: Workplace; signoff: Program; spawns: string },
): Promise<void> {
  await workplace.grow({ commits: 3, migration: true })
  const tracing = await trace(bench, signoff)
  const count = async () => tracing?.count() ?? (await spawned(spawns)).length
  const start = await count()
  const { number } = await askFor(stage, workplace)
  await quiet(stage, number)
  const planned = await count()
  await sign(stage, workplace, number)
  await ends(stage, number)
  const ended = await count()
  await tracing?.stop()
  bench.add('T14 plan', { ours: planned - start })
  bench.add('T14 run', { ours: ended - planned })
  const how = tracing ? 'counted by strace' : 'without strace: only what Signoff itself starts'
  for (const id of ['T14 plan', 'T14 run']) bench.note(id, how)
}

interface Tracing {
  count(): Promise<number>
  stop(): Promise<void>
}

/** Undefined where strace is not installed, or may not look at processes. */
async function trace(bench: Bench, { pid }: Program): Promise<Tracing | undefined> {
  const file = join(bench.root, 'execve')
  const strace = spawn('strace', ['-f', '-qq', '-e', 'trace=execve', '-e', 'signal=none', '-o', file, '-p', `${pid}`], {
    stdio: 'ignore',
  })
  const ended = once(strace, 'exit').catch(() => undefined)
  const stop = closedAtTheEnd(async () => {
    // It lets the process go on.
    strace.kill('SIGINT')
    await ended
  })
  await Promise.race([ended, delay(500)])
  if (strace.exitCode !== null || strace.pid === undefined) return undefined
  return {
    async count() {
      await delay(100)
      const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n')
      return lines.filter((line) => /execve(\(| resumed)/.test(line) && line.endsWith(' = 0')).length
    },
    stop,
  }
}
