/** T5 and T6: what Slack is asked for, and when, while it holds to its published limits. */
import type { Case } from '../case.ts'
import { askFor, callsSince, ends, type Moments, press, releaseProduction } from '../stage/release.ts'
import { slowly } from '../stage/slowly.ts'
import { type Stage, startStage } from '../stage/stage.ts'
import { startWorkplace, type Workplace } from '../stage/workplace.ts'

export const AT_ONCE_IN_SLACK: Case = {
  lines: [
    {
      id: 'T5 refused',
      what: "20 releases at once within Slack's published limits: calls that Slack refuses with 429",
      unit: 'calls',
      goal: { of: 'value', atMost: 0 },
    },
    {
      id: 'T5 outcome',
      what: 'The end of a release → the channel is told, the latest of them',
      unit: 's',
      goal: { of: 'value', atMost: 5 },
    },
    {
      id: 'T5 card',
      what: 'The end of a release → its card is drawn for the last time, the latest of them',
      unit: 's',
      goal: { of: 'value', atMost: 10 },
    },
  ],

  async measure(bench) {
    const count = bench.sized({ small: 2, usual: 20 })
    const workplaces: Workplace[] = []
    for (let at = 0; at < count; at += 1) {
      const workplace = await startWorkplace({ ...bench, name: `one${at}` })
      await workplace.grow({ commits: 3, migration: true })
      workplaces.push(workplace)
    }
    const stage = await startStage({ ...bench, workplaces, limits: true })
    await stage.start('all')
    const asked = Date.now()
    const all = await Promise.all(workplaces.map((each) => releaseHastily(stage, each)))
    const calls = callsSince(stage, asked)
    const redrawn = (moments: Moments) =>
      calls.findLast(({ method, ts, isApplied }) => method === 'chat.update' && isApplied && ts === moments.ts)?.at ??
      moments.ended
    const late = (of: (moments: Moments) => number) =>
      Math.max(...all.map((moments) => of(moments) - moments.ended)) / 1_000
    bench.add('T5 refused', { ours: calls.filter(({ error }) => error === 'ratelimited').length })
    bench.add('T5 outcome', { ours: late(({ told }) => told) })
    bench.add('T5 card', { ours: late(redrawn) })
    if (count !== 20) bench.note('T5 refused', `${count} releases`)
    await stage.close()
    for (const workplace of workplaces) await workplace.close()
  },
}

/** Each person presses as soon as they can. */
async function releaseHastily(stage: Stage, app: Workplace): Promise<Moments> {
  const planned = await askFor(stage, app)
  const { number } = planned
  await press(stage, app, { number, user: stage.people.lin, pressed: 'qa' })
  const click = await press(stage, app, { number, user: stage.people.tom, pressed: 'approval' })
  return { ...planned, click, ...(await ends(stage, number)) }
}

export const CALLS: Case = {
  lines: [
    {
      id: 'T6',
      what: 'Posts and updates of one release with slow steps, without the lines of its thread',
      unit: 'calls',
      goal: { of: 'value', atMost: 9 },
    },
  ],

  async measure(bench) {
    const workplace = await startWorkplace({ ...bench, name: 'slow' })
    const services = slowly()
    const stage = await startStage({ ...bench, workplaces: [workplace], through: services.through })
    await stage.start('all')
    for (const _ of bench.rounds(1)) {
      await workplace.grow({ commits: 3, migration: true })
      const { asked, number } = await releaseProduction(stage, workplace)
      const calls = callsSince(stage, asked).filter(({ isApplied }) => isApplied)
      const chat = calls.filter(({ method }) => method === 'chat.postMessage' || method === 'chat.update')
      const lines = chat.filter(({ args }) => args.thread_ts !== undefined && !isOutcome(args, number))
      bench.add('T6', { ours: chat.length - lines.length })
      bench.note('T6', `and ${lines.length} lines; ${calls.length - chat.length} other calls`)
    }
    await stage.close()
    await services.close()
    await workplace.close()
  },
}

function isOutcome(args: unknown, number: number): boolean {
  return JSON.stringify(args).includes(`"${number}:outcome"`)
}
