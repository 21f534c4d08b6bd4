/** What grows with a team: each line is the largest beside the smallest. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Case } from '../case.ts'
import { number } from '../report.ts'
import { releaseProduction } from '../stage/release.ts'
import { channelOf, startStage } from '../stage/stage.ts'
import { type Change, type Sizes, startWorkplace, type Workplace } from '../stage/workplace.ts'
import { idleFor } from './process.ts'

const FLAT = { of: 'ratio', atMost: 1.3 } as const

export const APPS: Case = {
  lines: [
    {
      id: 'growth apps start',
      what: 'Apps in releases.yml, 1 → 400: start to ready',
      yardstick: 'one app',
      unit: 's',
      goal: FLAT,
    },
    {
      id: 'growth apps status',
      what: 'Apps, 1 → 400: `/deploy status` until it is read',
      yardstick: 'one app',
      unit: 'ms',
      goal: FLAT,
    },
    {
      id: 'growth apps idle',
      what: 'Apps, 1 → 400: statements of an idle Signoff',
      yardstick: 'one app',
      unit: '/s',
      goal: FLAT,
    },
  ],

  async measure(bench) {
    const rounds = bench.rounds(bench.sized({ small: 1, usual: 2 }))
    const [few, many] = [1, bench.sized({ small: 5, usual: 400 })]
    for (const round of rounds) {
      const order = round % 2 === 0 ? [few, many] : [many, few]
      const seen = new Map<number, Awaited<ReturnType<typeof withApps>>>()
      for (const apps of order) seen.set(apps, await withApps(bench, apps))
      for (const what of ['start', 'status', 'idle'] as const) {
        const [ours, yardstick] = [seen.get(many)?.[what], seen.get(few)?.[what]]
        if (ours !== undefined && yardstick !== undefined) bench.add(`growth apps ${what}`, { ours, yardstick })
      }
    }
  },
}

async function withApps(bench: Bench, apps: number): Promise<{ start: number; status: number; idle: number }> {
  const workplace = await startWorkplace({ ...bench, name: 'first' })
  const stage = await startStage({ ...bench, workplaces: [workplace], apps })
  const program = await stage.start('all')
  await delay(bench.sized({ small: 100, usual: 3_000 }))
  const { statements } = await idleFor(bench, stage, program, bench.sized({ small: 1, usual: 10 }))
  const { slack, people } = stage
  const typed = { user: people.dana, channel: channelOf('first'), command: '/deploy', text: 'status' }
  const readAt = () => slack.log.findLast(({ method }) => method === 'response_url')?.at ?? 0
  const times: number[] = []
  for (let at = 0; at < 4; at += 1) {
    const asked = Date.now()
    const before = readAt()
    await slack.command(typed)
    await slack.waitFor(() => readAt() > before && readAt() >= asked, { what: 'the status', silenceMs: 60_000 })
    times.push(readAt() - asked)
  }
  await stage.close()
  await workplace.close()
  // The first of a process compiles what it needs.
  return { start: program.readyAfterMs / 1_000, status: Math.min(...times.slice(1)), idle: statements }
}

interface Growth {
  readonly id: string
  readonly what: string
  /** The most times that the largest may take of the smallest. */
  readonly goal: number
  /** From the smallest to the largest. Those between are measured with --heavy. */
  readonly points: readonly number[]
  at(point: number): { readonly sizes?: Sizes; readonly change?: Partial<Change> }
}

const GROWTHS: readonly Growth[] = [
  {
    id: 'growth refs',
    what: 'Branches of the repository, 10 → 10,000',
    goal: 1.3,
    points: [10, 1_000, 10_000],
    at: (point) => ({ sizes: { refs: point } }),
  },
  {
    id: 'growth migration files',
    what: 'Revisions in the repository, 10 → 1,000',
    goal: 1.3,
    points: [10, 100, 1_000],
    at: (point) => ({ sizes: { migrationFiles: point } }),
  },
  {
    id: 'growth commits',
    what: 'Commits in the release, 10 → 5,000',
    goal: 3,
    points: [10, 500, 5_000],
    at: (point) => ({ change: { commits: point } }),
  },
  {
    id: 'growth files',
    what: 'Files in the repository, 10 → 20,000',
    goal: 2,
    points: [10, 2_000, 20_000],
    at: (point) => ({ sizes: { files: point } }),
  },
  {
    id: 'growth changed files',
    what: 'Files that the release changes, 10 → 20,000',
    goal: 2,
    points: [10, 2_000, 20_000],
    at: (point) => ({ change: { changed: point } }),
  },
]

/** A release with a migration: from `/deploy` to the card, and from the last click until the platform is proven to run it. */
export const RELEASES_GROW: readonly Case[] = GROWTHS.map(({ id, what, goal, points, at }) => ({
  lines: [
    {
      id,
      what: `${what}: plan and run of a release`,
      yardstick: `the same with ${points[0]}`,
      unit: 's',
      goal: { of: 'ratio', atMost: goal },
    },
  ],

  async measure(bench) {
    const asked = bench.sized({ small: [2, 4], usual: [points[0] ?? 0, points.at(-1) ?? 0], heavy: points })
    const apps: { point: number; workplace: Workplace; change: Change }[] = []
    for (const point of asked) {
      const { sizes = {}, change = {} } = at(point)
      const workplace = await startWorkplace({ ...bench, name: `with${point}`, sizes })
      apps.push({ point, workplace, change: { commits: 10, migration: true, ...change } })
    }
    const stage = await startStage({ ...bench, workplaces: apps.map(({ workplace }) => workplace) })
    await stage.start('all')
    const release = async ({ workplace, change }: (typeof apps)[number], of: Change = change) => {
      await workplace.grow(of)
      const { asked: began, card, click, proven } = await releaseProduction(stage, workplace)
      return (card - began + proven - click) / 1_000
    }
    // The first one clones.
    for (const app of apps) await release(app, { commits: 1, migration: true })
    for (const round of bench.rounds(2)) {
      const took = new Map<number, number>()
      for (const app of round % 2 === 0 ? apps : apps.toReversed()) took.set(app.point, await release(app))
      const [yardstick = Number.NaN, ...others] = apps.map(({ point }) => took.get(point) ?? Number.NaN)
      bench.add(id, { ours: others.at(-1) ?? Number.NaN, yardstick })
      for (const [between, value] of others.slice(0, -1).entries()) {
        bench.note(id, `${number(value / yardstick)} × with ${asked[between + 1]}`)
      }
    }
    await stage.close()
    for (const { workplace } of apps) await workplace.close()
  },
}))

export const AT_ONCE: Case = {
  lines: [
    {
      id: 'growth at once',
      what: 'Releases at once on two workers, 1 → 20: from the first `/deploy` until the last is proven',
      yardstick: 'one release',
      unit: 's',
      goal: { of: 'ratio', atMost: 10 },
    },
  ],

  async measure(bench) {
    const count = bench.sized({ small: 2, usual: 20 })
    const workplaces: Workplace[] = []
    for (let at = 0; at < count; at += 1) workplaces.push(await startWorkplace({ ...bench, name: `worker${at}` }))
    const stage = await startStage({ ...bench, workplaces })
    await stage.start('bot')
    await Promise.all([stage.start('worker'), stage.start('worker')])
    const release = async (all: readonly Workplace[]) => {
      for (const workplace of all) await workplace.grow({ commits: 3, migration: true })
      const began = Date.now()
      const done = await Promise.all(all.map((workplace) => releaseProduction(stage, workplace)))
      return (Math.max(...done.map(({ proven }) => proven)) - began) / 1_000
    }
    // The first ones clone, each worker for itself.
    const [one] = workplaces
    for (let times = 0; times < 3 && one !== undefined; times += 1) await release([one])
    for (const _ of bench.rounds(1)) {
      const yardstick = one === undefined ? Number.NaN : await release([one])
      bench.add('growth at once', { ours: await release(workplaces), yardstick })
    }
    await stage.close()
    for (const workplace of workplaces) await workplace.close()
  },
}
