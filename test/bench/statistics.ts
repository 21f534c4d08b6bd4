/** What rounds amount to: the median, how far they spread, and whether a goal is met. Pure. */

/** One round: what was measured, and beside it, in the same run, its yardstick. */
export interface Round {
  readonly ours: number
  readonly yardstick?: number
}

/** `ratio`: ours divided by the yardstick; `value`: ours as it is, in the line's unit. */
export type Goal = { readonly of: 'ratio' | 'value' } & ({ readonly atMost: number } | { readonly atLeast: number })

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Summary {
  readonly rounds: number
  readonly ours: Spread
  /** Absent where a round has no yardstick. */
  readonly yardstick?: Spread
  /** Of the rounds' own ratios, so that what slows both does not count. */
  readonly ratio?: Spread
  /** `not measured`: there was no round, or a goal about a ratio has no yardstick. */
  readonly verdict: 'met' | 'missed' | 'not measured'
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]
  if (upper === undefined) return Number.NaN
  const lower = sorted[middle - 1]
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2
}

/** The value that so many percent of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

export function summarize(rounds: readonly Round[], goal: Goal): Summary {
  if (rounds.length === 0) {
    const nothing = { median: Number.NaN, min: Number.NaN, max: Number.NaN }
    return { rounds: 0, ours: nothing, verdict: 'not measured' }
  }
  const ours = spread(rounds.map((round) => round.ours))
  const pairs = rounds.flatMap((round) =>
    round.yardstick === undefined || round.yardstick === 0 ? [] : [{ ...round, yardstick: round.yardstick }],
  )
  const isPaired = pairs.length === rounds.length
  const yardstick = isPaired ? spread(pairs.map((pair) => pair.yardstick)) : undefined
  const ratio = isPaired ? spread(pairs.map((pair) => pair.ours / pair.yardstick)) : undefined
  return {
    rounds: rounds.length,
    ours,
    ...(yardstick && { yardstick }),
    ...(ratio && { ratio }),
    verdict: verdict(goal.of === 'ratio' ? ratio?.median : ours.median, goal),
  }
}

function verdict(value: number | undefined, goal: Goal): Summary['verdict'] {
  if (value === undefined || Number.isNaN(value)) return 'not measured'
  const isMet = 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
  return isMet ? 'met' : 'missed'
}
