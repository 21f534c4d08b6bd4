/** T12: what people and the bot itself read of a long history, beside the least that a store can be asked. */
import pg from 'pg'
import { openStore } from '../../../src/adapters/store/open.ts'
import type { Store } from '../../../src/release/ports/store.ts'
import { createReleaseService, type ReleaseService } from '../../../src/release/service.ts'
import { createHomeDrawing, type HomeDrawing } from '../../../src/slack/home/drawing.ts'
import type { WorkerPorts } from '../../../src/worker/ports.ts'
import { followUpHotfixes } from '../../../src/worker/watch/follow-up.ts'
import { SERVICES } from '../../support/builders.ts'
import type { Bench, Case } from '../case.ts'
import { closedAtTheEnd } from '../stage/closing.ts'
import { APPS, appsOfHistory, createHistory } from '../stage/history.ts'
import { median } from '../statistics.ts'

const FLOOR = '`select 1`'
const FLAT = { of: 'ratio', atMost: 1.3 } as const

/** What is read, by the name that its lines have. Each gives a promise of one read. */
type Reads = Readonly<Record<(typeof READS)[number], () => Promise<unknown>>>
const READS = ['last ten', 'who approved', 'status', 'home', 'report', 'report of all', 'tick', 'look'] as const

/** The others read a period, in which more was released with the longer history. */
const isOfHistory = (read: string) => !['home', 'report', 'report of all'].includes(read)
const BESIDE_FLOOR: readonly string[] = ['last ten', 'who approved', 'home', 'report', 'report of all']

export const HISTORY: Case = {
  lines: [
    {
      id: 'T12 last ten',
      what: 'The last ten releases of an app',
      yardstick: FLOOR,
      unit: 'ms',
      goal: { of: 'ratio', atMost: 2 },
    },
    {
      id: 'T12 who approved',
      what: 'Who approved a release',
      yardstick: FLOOR,
      unit: 'ms',
      goal: { of: 'ratio', atMost: 2 },
    },
    {
      id: 'T12 status',
      what: '`/deploy status` of 100 environments',
      unit: 'ms',
      goal: { of: 'value', atMost: 10 },
    },
    {
      id: 'T12 home',
      what: 'App Home of a person, 100 environments',
      yardstick: FLOOR,
      unit: 'ms',
      goal: { of: 'value', atMost: 300 },
    },
    {
      id: 'T12 report',
      what: '`/deploy report` of an environment over 90 days',
      yardstick: FLOOR,
      unit: 'ms',
      goal: { of: 'value', atMost: 300 },
    },
    {
      id: 'T12 report of all',
      what: '`/deploy report` of 100 environments over 30 days',
      yardstick: FLOOR,
      unit: 'ms',
      goal: { of: 'value', atMost: 300 },
    },
    { id: 'T12 tick', what: 'The tick of the bot, each 30 s', unit: 'ms', goal: { of: 'value', atMost: 10 } },
    {
      id: 'T12 look',
      what: "The worker's look after 2,000 hot-fixes, each 5 minutes",
      unit: 'ms',
      goal: { of: 'value', atMost: 20 },
    },
    ...READS.filter(isOfHistory).map((read) => ({
      id: `growth history ${read}`,
      what: 'The same with the longest history',
      yardstick: 'with a thousand releases',
      unit: 'ms' as const,
      goal: FLAT,
    })),
  ],

  async measure(bench) {
    const few = bench.sized({ small: 50, usual: 1_000 })
    const many = bench.sized({ small: 200, usual: 100_000, heavy: 1_000_000 })
    const withFew = await openHistory(bench, few)
    const withMany = await openHistory(bench, many)
    for (const round of bench.rounds()) {
      // Each read of both histories next to each other: their ratio is what is asked.
      for (const read of READS) {
        const [first, second] = round % 2 === 0 ? [withFew, withMany] : [withMany, withFew]
        const before = await first.timed(read)
        const after = await second.timed(read)
        const [ofFew, ofMany] = round % 2 === 0 ? [before, after] : [after, before]
        const isBeside = BESIDE_FLOOR.includes(read)
        bench.add(`T12 ${read}`, { ours: ofMany.ms, ...(isBeside && { yardstick: ofMany.floorMs }) })
        if (isOfHistory(read)) bench.add(`growth history ${read}`, { ours: ofMany.ms, yardstick: ofFew.ms })
      }
    }
    for (const id of ['T12 last ten', 'growth history last ten']) {
      bench.note(id, `${many.toLocaleString('en')} releases, made in ${withMany.madeInSeconds.toFixed(0)} s`)
    }
    await Promise.all([withFew.close(), withMany.close()])
  },
}

interface OpenHistory {
  readonly madeInSeconds: number
  /** The medians of several, and of a `select 1` after each. */
  timed(read: keyof Reads): Promise<{ ms: number; floorMs: number }>
  close(): Promise<void>
}

async function openHistory({ postgres, sized }: Bench, releases: number): Promise<OpenHistory> {
  const began = performance.now()
  const database = await createHistory(postgres, releases)
  const madeInSeconds = (performance.now() - began) / 1_000
  const opened = await openStore({ pool: { connectionString: database.url }, role: 'bot' })
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const close = closedAtTheEnd(async () => {
    await Promise.all([opened.close(), pool.end()])
    await database.drop()
  })
  const apps = appsOfHistory()
  const service = createReleaseService({ store: opened.store, directory: nobody(), apps, services: SERVICES })
  const look = () => followUpHotfixes(looking(opened.store, apps))
  const drawing = createHomeDrawing({
    store: opened.store,
    directory: dana(),
    apps,
    progress: 'lines',
    services: SERVICES,
    directMessages: true,
  })
  const reads = readsOf({ service, store: opened.store, drawing, releases, look })
  const times = sized({ small: 2, usual: 20 })
  const many = {
    'last ten': times * 5,
    'who approved': times * 5,
    status: times / 2,
    home: times / 2,
    report: times / 2,
    'report of all': times / 10,
    tick: times / 2,
    look: times / 10,
  }
  return {
    madeInSeconds,
    async timed(read) {
      const [all, floors]: [number[], number[]] = [[], []]
      await reads[read]()
      for (let left = Math.max(1, Math.round(many[read])); left > 0; left -= 1) {
        all.push(await msOf(reads[read]))
        floors.push(await msOf(() => pool.query('select 1')))
      }
      return { ms: median(all), floorMs: median(floors) }
    },
    close,
  }
}

function readsOf(of: {
  readonly service: ReleaseService
  readonly store: Store
  readonly drawing: HomeDrawing
  readonly releases: number
  readonly look: () => Promise<void>
}): Reads {
  const { service, store, drawing, releases, look } = of
  // Spread evenly, and the same in every run.
  let asked = 0
  const next = (below: number) => {
    asked += 1
    return (asked * 7_919) % below
  }
  return {
    'last ten': () => service.history({ app: `app${next(APPS)}` }),
    'who approved': async () => {
      const number = 1 + next(releases)
      if ((await store.release(number))?.signOffs.length !== 2) throw new Error(`#${number} lacks a sign-off`)
    },
    status: () => service.status(),
    // Each time after another event, so that nothing is remembered but tokens and addresses.
    home: () => drawing.draw('U01DANA', next(2 ** 30)),
    report: () => store.figures({ app: `app${next(APPS)}`, environment: 'production', days: 90, until: new Date() }),
    'report of all': () => store.figures({ days: 30, until: new Date() }),
    tick: () => service.tick(),
    look,
  }
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** Nobody is looked up by what is measured here. */
function nobody(): Parameters<typeof createReleaseService>[0]['directory'] {
  const never = () => Promise.reject(new Error('nobody is looked up here'))
  return { person: never, groupMembers: never, lookUpGroup: never, channel: never, permalink: never }
}

/** Slack, which answers at once: every person is Dana, who is in every group. */
function dana(): Parameters<typeof createHomeDrawing>[0]['directory'] {
  return {
    ...nobody(),
    person: async (id) => ({ is: 'member', id, name: 'Dana' }),
    groupMembers: async () => ['U01DANA'],
    permalink: async ({ ts }) => `https://example.slack.com/archives/C1/p${ts}`,
    groupIds: async () => ({}),
    unmatched: async () => 0,
    idsByEmail: async () => [],
    authors: async () => ({}),
  }
}

/** A worker that finds nothing to do: no hot-fix is owed anything, and no mirror keeps picks. */
function looking(store: WorkerPorts['store'], apps: WorkerPorts['apps']): WorkerPorts {
  const git = { keptPicks: async () => [], forgetPicks: async () => undefined }
  const fail = (fields: object, message: string) => {
    throw new Error(`${message}: ${JSON.stringify(fields)}`)
  }
  return { store, apps, git, log: { info: () => undefined, warn: fail, error: fail } } as unknown as WorkerPorts
}
