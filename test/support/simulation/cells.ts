/** The cells of the fault matrix: which faults stand for "this goes wrong at this step", in the flow that is asked about. */
import { needsDisk } from './failures.ts'
import type { FaultKind, PlannedFault } from './faults.ts'
import type { AnyFlow, Point } from './flow.ts'

export const ROWS = [
  'look',
  'request',
  'announce',
  'open',
  'approve',
  'hold',
  'start',
  'merge',
  'sync',
  'migrate',
  'verify',
  'push',
  'confirm',
  'outcome',
] as const
export type Row = (typeof ROWS)[number]

export const COLUMNS = [
  'kill before',
  'kill after',
  'timeout, applied',
  'timeout, not applied',
  '5xx',
  '429',
  'disk full',
  'DB down',
  'Slack down',
  'clock jump',
  'duplicate',
  'two workers',
] as const
export type Column = (typeof COLUMNS)[number]

/** One way for a cell to go wrong: faults at calls, or what Slack delivers again. */
export interface Case {
  readonly name: string
  readonly faults: readonly PlannedFault[]
  /** Slack delivers the last click once more. */
  readonly again?: 'same id' | 'new id'
  /** Instead of the cell's. A: nobody has to help in this case. ?: it may end the release, which is asked for again then. */
  readonly letter?: 'A' | '?'
}

/** What a row is called among the points of a flow. A hot-fix picks where a release merges, and opens its pull request afterwards. */
const STEP: Readonly<Record<Row, (flow: AnyFlow) => string>> = {
  look: () => 'look',
  request: () => 'request',
  announce: () => 'announcement',
  open: (flow) => (flow === 'hot-fix' ? 'carry' : 'open'),
  approve: () => 'approve',
  hold: () => 'hold',
  start: () => 'start',
  merge: (flow) => (flow === 'hot-fix' ? 'pick' : 'merge'),
  sync: () => 'sync',
  migrate: () => 'migrate',
  verify: () => 'verify',
  push: () => 'push',
  confirm: () => 'confirm',
  outcome: () => 'outcome',
}

const MINUTE = 60_000
const SLACK_DOWN_MS = 3 * MINUTE
/** The store is away for longer than a job waits for its worker; and for longer than anyone waits for a step. */
const STORE_AWAY_MS = 5 * MINUTE
const STORE_AWAY_LONG_MS = 70 * MINUTE
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const JUMPS = [1_000, 5 * MINUTE, HOUR, DAY].flatMap((ms) => [ms, -ms])
/** What must begin within an hour: of the last sign-off, or of its time. */
const HAS_AN_HOUR: readonly Row[] = ['approve', 'hold', 'start', 'announce']
const HAS_A_TIME: readonly AnyFlow[] = ['scheduled', 'started now', 'held']

/**
 * How long after its answer was lost a server may still begin: within the time that is looked for it, and after. What a killed
 * alembic has begun goes on at once. Slack, and the opening of a pull request, are not looked for again so long: a second
 * message, or pull request, is possible then and not promised away.
 */
const LATE: Readonly<Record<Row, readonly number[]>> = {
  look: [],
  hold: [],
  start: [],
  request: [],
  announce: [],
  open: [],
  approve: [],
  merge: [0, 20_000, 70_000, 150_000],
  sync: [],
  migrate: [0],
  verify: [],
  push: [0, 20_000, 310_000, 400_000],
  confirm: [],
  outcome: [],
}

/** A platform lists a release within a minute of the request, or never makes it (`releaseAppearsWithinMs`). */
const RELEASE_APPEARS_MS = 60_000

function lateOf(row: Row, { call: { call } }: Point): readonly number[] {
  return call === 'platform.releaseAgain' ? LATE[row].filter((ms) => ms < RELEASE_APPEARS_MS) : LATE[row]
}

interface Moments {
  readonly intent?: Point
  readonly effect?: Point
  readonly result?: Point
}

/** The last of each moment of the row's step: of two approvals the one that starts the run. */
function momentsOf(points: readonly Point[], step: string): Moments {
  const last = (moment: Point['moment'], of = step) =>
    points.findLast((each) => each.step === of && each.moment === moment)
  // What planning has opened is written down with the plan.
  const result = step === 'open' ? last('result', 'plan') : last('result')
  const [intent, effect] = [last('intent'), last('effect')]
  return { ...(intent && { intent }), ...(effect && { effect }), ...(result && { result }) }
}

/** Every way in which this cell goes wrong in a flow; none where the flow has no such step. */
export function casesOf(row: Row, column: Column, flow: AnyFlow, points: readonly Point[]): readonly Case[] {
  const moments = momentsOf(points, STEP[row](flow))
  const { intent, effect, result } = moments
  if (effect === undefined) return []

  const at = (point: Point | undefined, fault: FaultKind, more: Partial<PlannedFault> = {}): readonly Case[] => {
    if (point === undefined) return []
    const { role, call, nth } = point.call
    const ms = more.ms === undefined ? '' : ` ${more.ms} ms`
    const who = more.who === undefined ? '' : ` of ${more.who}`
    const name = `${fault}${who}${ms} at ${point.moment} (${call} ${nth})`
    return [{ name, faults: [{ role, call, nth, fault, ...more }] }]
  }
  const as = (cases: readonly Case[]) => cases
  const alone = (cases: readonly Case[]) => cases.map((each) => ({ ...each, letter: 'A' as const }))
  const perhaps = (cases: readonly Case[]) => cases.map((each) => ({ ...each, letter: '?' as const }))
  // A hot-fix is carried on after its end, by a job that is resumed until it is.
  const carrying = row === 'open' && flow === 'hot-fix' ? alone : as
  const isOutside = !/^(store|inbox|outbox)/.test(effect.call.call)
  const isWorker = effect.call.role === 'worker'
  const hasTime = HAS_A_TIME.includes(flow)
  // A card that was put off is redrawn a day later, and a time comes a day later.
  const isLongToSimulate = hasTime || (isWorker && flow === 'hot-fix')
  // By a tick, and nobody's click.
  const isTick =
    row === 'hold' || (row === 'start' && flow !== 'started now') || (row === 'request' && flow === 'automatic')
  // What no worker has noted when it dies is only remembered: the next commit takes it along.
  const noting = row === 'look' ? perhaps : as

  switch (column) {
    case 'kill before':
      return noting([
        ...at(intent, 'kill before'),
        ...at(effect, 'kill before'),
        ...at(effect, 'kill before', { who: 'both' }),
      ])
    case 'kill after':
      return [
        ...at(effect, 'kill after'),
        ...at(effect, 'kill after', { who: 'both' }),
        ...(isOutside ? at(effect, 'kill during') : []),
        ...at(result, 'kill before'),
        ...at(result, 'kill after'),
      ]
    case 'timeout, applied':
      return isOutside
        ? [...at(effect, 'timeout applied'), ...lateOf(row, effect).flatMap((ms) => at(effect, 'timeout late', { ms }))]
        : at(effect, 'store down after')
    case 'timeout, not applied':
      return isOutside ? carrying(at(effect, 'timeout not applied')) : at(effect, 'store down before')
    case '5xx':
      if (!isOutside) return at(effect, 'store down before')
      // A pull request that was opened all the same is found.
      return [...carrying(at(effect, '5xx before')), ...(row === 'open' ? alone : as)(at(effect, '5xx after'))]
    case '429':
      return isOutside ? carrying(at(effect, '429')) : []
    case 'disk full':
      // The store's own disk, for every step; and the worker's, where the call writes to it: an HTTP request needs none.
      return [
        ...alone(at(intent ?? (isOutside ? result : effect), 'store down before')),
        ...(needsDisk(effect.call.call) ? at(effect, 'disk full') : []),
      ]
    case 'DB down':
      return [
        ...[intent, isOutside ? result : effect].flatMap((point) => [
          ...at(point, 'store down before'),
          ...at(point, 'store down after'),
          ...at(point, 'store away', { ms: STORE_AWAY_MS }),
        ]),
        ...(isOutside ? at(effect, 'store away', { ms: STORE_AWAY_MS }) : []),
        ...(row === 'migrate' || row === 'confirm'
          ? [intent, effect, result].flatMap((point) => at(point, 'store away', { ms: STORE_AWAY_LONG_MS }))
          : []),
      ]
    case 'Slack down':
      return at(effect, 'slack down', { ms: SLACK_DOWN_MS })
    case 'clock jump':
      return JUMPS.filter((ms) => ms > -DAY || !isLongToSimulate).flatMap((ms) =>
        // What has an hour, or a time, may end by it; nothing else does.
        ((HAS_AN_HOUR.includes(row) || hasTime) && ms >= HOUR ? perhaps : as)(at(effect, 'clock jump', { ms })),
      )
    case 'duplicate': {
      if (isTick || row === 'look') return at(effect, 'job twice')
      if (row === 'request' || row === 'approve' || row === 'start' || row === 'announce') {
        return (['same id', 'new id'] as const).map((again) => ({
          name: `delivered again, ${again}`,
          faults: [],
          again,
        }))
      }
      if (row === 'outcome')
        return at(
          points.find(({ step, moment }) => step === 'report' && moment === 'result'),
          'job twice',
        )
      return at(effect, 'job twice')
    }
    case 'two workers':
      return isWorker
        ? [
            ...at(intent, 'stall before'),
            ...at(intent, 'stall after'),
            ...at(effect, 'stall after'),
            ...at(result, 'stall before'),
            ...at(effect, 'stall after', { ms: 150_000 }),
          ]
        : [...at(intent ?? effect, 'stall before'), ...at(result, 'stall before')]
  }
}
