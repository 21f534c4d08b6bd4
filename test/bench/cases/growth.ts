/** What grows with a team: each line is the largest beside the smallest. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Case } from '../case.ts'
import { number } from '../report.ts'
import { proveProduction } from '../stage/release.ts'
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
    const rounds = bench.rounds(1)
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
  /** To the largest. Those before are measured with --heavy, and noted. */
  readonly points: readonly number[]
  at(point: number): { readonly sizes?: Sizes; readonly change?: Partial<Change> }
}

const GROWTHS: readonly Growth[] = [
  {
    id: 'growth refs',
    what: 'Branches of the repository, 10 → 10,000',
    goal: 1.3,
    points: [1_000, 10_000],
    at: (refs) => ({ sizes: { refs } }),
  },
  {
    id: 'growth migration files',
    what: 'Revisions in the repository, 10 → 1,000',
    goal: 1.3,
    points: [100, 1_000],
    at: (migrationFiles) => ({ sizes: { migrationFiles } }),
  },
  {
    id: 'growth commits',
    what: 'Commits in the release, 10 → 5,000',
    goal: 3,
    points: [500, 5_000],
    at: (commits) => ({ change: { commits } }),
  },
  {
    id: 'growth files',
    what: 'Files in the repository, 10 → 20,000',
    goal: 2,
    points: [2_000, 20_000],
    at: (files) => ({ sizes: { files } }),
  },
  {
    id: 'growth changed files',
    what: 'Files that the release changes, 10 → 20,000',
    goal: 2,
    points: [2_000, 20_000],
    at: (changed) => ({ change: { changed } }),
  },
]

const SMALLEST_SIZES: Required<Sizes> = { files: 10, refs: 10, migrationFiles: 10 }
const SMALLEST_CHANGE: Change = { commits: 10, migration: true }

interface GrownApp {
  /** Absent: the smallest, beside which all others are measured. */
  readonly growth?: Growth
  readonly point?: number
  readonly workplace: Workplace
  readonly change: Change
}

/** All in one Signoff, so that the smallest is measured once a round for all lines. */
export const RELEASES_GROW: Case = {
  lines: GROWTHS.map(({ id, what, goal }) => ({
    id,
    what: `${what}: plan and run of a release`,
    yardstick: 'the same with 10 of everything',
    unit: 's',
    goal: { of: 'ratio', atMost: goal },
  })),

  async measure(bench) {
    const apps = await grownApps(bench)
    const stage = await startStage({ ...bench, workplaces: apps.map(({ workplace }) => workplace) })
    await stage.start('all')
    const release = async (workplace: Workplace, change: Change) => {
      await workplace.grow(change)
      const { asked, card, click, proven } = await proveProduction(stage, workplace)
      return (card - asked + proven - click) / 1_000
    }
    // The first one clones.
    for (const { workplace } of apps) await release(workplace, { commits: 1, migration: true })
    for (const round of bench.rounds(2)) {
      const took = new Map<GrownApp, number>()
      for (const app of round % 2 === 0 ? apps : apps.toReversed()) {
        took.set(app, await release(app.workplace, app.change))
      }
      const [smallest, ...others] = apps
      const yardstick = (smallest && took.get(smallest)) ?? Number.NaN
      for (const app of others) {
        const { growth, point } = app
        const ours = took.get(app) ?? Number.NaN
        if (growth === undefined) continue
        if (point === growth.points.at(-1)) bench.add(growth.id, { ours, yardstick })
        else bench.note(growth.id, `${number(ours / yardstick)} × with ${point}`)
      }
    }
    await stage.close()
    for (const { workplace } of apps) await workplace.close()
  },
}

async function grownApps(bench: Bench): Promise<readonly GrownApp[]> {
  const apps: GrownApp[] = []
  const start = (name: string, sizes: Sizes) => startWorkplace({ ...bench, name, sizes })
  apps.push({ workplace: await start('smallest', SMALLEST_SIZES), change: SMALLEST_CHANGE })
  for (const growth of GROWTHS.filter(({ id }) => bench.wants(id))) {
    const largest = growth.points.slice(-1)
    for (const point of bench.sized({ small: largest, usual: largest, heavy: growth.points })) {
      const { sizes = {}, change = {} } = growth.at(bench.sized({ small: 20, usual: point }))
      const workplace = await start(`app${apps.length}`, { ...SMALLEST_SIZES, ...sizes })
      apps.push({ growth, point, workplace, change: { ...SMALLEST_CHANGE, ...change } })
    }
  }
  return apps
}

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
      const done = await Promise.all(all.map((workplace) => proveProduction(stage, workplace)))
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
