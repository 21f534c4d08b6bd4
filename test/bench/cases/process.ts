/** T10 and T11: what a Signoff costs that starts, and one that nobody needs. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from '../../support/postgres.ts'
import type { Bench, Case } from '../case.ts'
import { activityOf, memoryOf, type Program } from '../stage/program.ts'
import { type Stage, startStage } from '../stage/stage.ts'
import { startWorkplace } from '../stage/workplace.ts'
import { startYardstick } from '../yardsticks/yardstick.ts'

export const START: Case = {
  lines: [
    {
      id: 'T10 server',
      what: 'Start to ready, with a Postgres server',
      yardstick: 'stock Bolt',
      unit: 's',
      goal: { of: 'value', atMost: 1 },
    },
    {
      id: 'T10 embedded again',
      what: 'Start to ready, with the embedded Postgres of the start before',
      unit: 's',
      goal: { of: 'value', atMost: 1.2 },
    },
    {
      id: 'T10 embedded first',
      what: 'Start to ready, with an embedded Postgres that must be made',
      unit: 's',
      goal: { of: 'value', atMost: 2 },
    },
    {
      id: 'T10 memory',
      what: 'Resident memory of the Signoff, without Postgres',
      yardstick: 'stock Bolt',
      unit: 'MB',
      goal: { of: 'value', atMost: 150 },
    },
  ],

  async measure(bench) {
    const workplace = await startWorkplace({ ...bench, name: 'start' })
    const stage = await startStage({ ...bench, workplaces: [workplace], mode: 'http' })
    for (const round of bench.rounds(3)) {
      const bolt = await startYardstick('bolt.ts', [], stage.slack.signingSecret)
      const server = await stage.start('all')
      bench.add('T10 server', { ours: server.readyAfterMs / 1_000, yardstick: bolt.readyAfterMs / 1_000 })
      // Long enough for what a start leaves behind to be collected, as it would be.
      await delay(bench.sized({ small: 100, usual: 2_000 }))
      bench.add('T10 memory', { ours: await memoryOf(server.pid), yardstick: await memoryOf(bolt.pid) })
      await Promise.all([server.stop(), bolt.stop()])
      if (!bench.wants('T10 embedded')) continue
      const embedded = { env: { STORE_URL: '', DATA_DIR: join(stage.directory, `embedded-${round}`) } }
      await mkdir(embedded.env.DATA_DIR)
      for (const line of ['T10 embedded first', 'T10 embedded again']) {
        const program = await stage.start('all', embedded)
        bench.add(line, { ours: program.readyAfterMs / 1_000 })
        await program.stop()
      }
    }
    await stage.close()
    await workplace.close()
  },
}

export const IDLE: Case = {
  lines: [
    {
      id: 'T11 statements',
      what: 'Idle for a minute: statements to the store',
      unit: '/s',
      goal: { of: 'value', atMost: 2 },
    },
    {
      id: 'T11 wake-ups',
      what: 'Idle for a minute: times that a thread woke up (voluntary context switches)',
      unit: '/s',
      goal: { of: 'value', atMost: 10 },
    },
    {
      id: 'T11 processor',
      what: 'Idle for a minute: processor time',
      unit: 's',
      goal: { of: 'value', atMost: 0.3 },
    },
  ],

  async measure(bench) {
    const workplace = await startWorkplace({ ...bench, name: 'idle' })
    const stage = await startStage({ ...bench, workplaces: [workplace] })
    const program = await stage.start('all')
    const seconds = bench.sized({ small: 2, usual: 60 })
    await delay(bench.sized({ small: 500, usual: 10_000 }))
    const idle = await idleFor(bench, stage, program, seconds)
    bench.add('T11 statements', { ours: idle.statements })
    bench.add('T11 wake-ups', { ours: idle.wakeUps })
    bench.add('T11 processor', { ours: idle.processorSeconds * (60 / seconds) })
    await stage.close()
    await workplace.close()
  },
}

/** Statements and wake-ups a second, and processor time in all, while nobody does anything for so long. */
export async function idleFor(
  { postgres }: Pick<Bench, 'postgres'>,
  stage: Stage,
  program: Program,
  seconds: number,
): Promise<{ statements: number; wakeUps: number; processorSeconds: number }> {
  const look = async () => ({ calls: await statementsOf(postgres.url, stage), ...(await activityOf(program.pid)) })
  const before = await look()
  await delay(seconds * 1_000)
  const after = await look()
  return {
    statements: (after.calls - before.calls) / seconds,
    wakeUps: (after.wakeUps - before.wakeUps) / seconds,
    processorSeconds: after.processorSeconds - before.processorSeconds,
  }
}

/** How many statements the store's database was given, by pg_stat_statements: begin and commit are none of them. */
async function statementsOf(server: string, { store }: Stage): Promise<number> {
  await ask(server, 'create extension if not exists pg_stat_statements')
  const [row] = await ask<{ calls: string }>(
    server,
    `select coalesce(sum(s.calls), 0) as calls from pg_stat_statements s join pg_database d on d.oid = s.dbid
     where d.datname = '${store.name}' and s.query !~* '^(begin|commit|rollback)'`,
  )
  return Number(row?.calls)
}
