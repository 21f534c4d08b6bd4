/** Delivery figures of an environment over a period: how each is counted. docs/figures.md has the definitions. No I/O. */
import { defined } from '../lib/defined.ts'
import type { CountedRelease } from './counted.ts'
import type { ReleaseState, StepName } from './terms.ts'

/** The periods that figures are shown for, in days. */
export const FIGURE_DAYS = [7, 30, 90] as const

export type FigureDays = (typeof FIGURE_DAYS)[number]

/** The period that ends at `until`. */
export interface FiguresAsked {
  /** Absent, as `environment`: all. */
  readonly app?: string
  readonly environment?: string
  readonly days: FigureDays
  readonly until: Date
}

/** Figures of one environment over one period. Everything in it is counted by when a release ended. */
export interface Figures {
  readonly app: string
  readonly environment: string
  readonly days: FigureDays
  readonly until: Date
  /** Deploys and hot-fixes that ended, by how they ended; rollbacks are not among them. */
  readonly outcomes: Readonly<Partial<Record<ReleaseState, number>>>
  readonly releases: number
  /** Rollbacks that succeeded. */
  readonly rollbacks: number
  readonly emergencies: number
  /** From author to `confirm`. `known`: the commits that it is of, of all that went out. */
  readonly leadTime: { readonly known: number; readonly commits: number } & Partial<Spread>
  /** `failed` of the deploys and hot-fixes that changed something. */
  readonly changeFailures: { readonly failed: number; readonly changes: number; readonly numbers: readonly number[] }
  /** Of the failures: how long until the environment was well again. `open`: those that it is not after yet. */
  readonly restore: { readonly restored: number; readonly open: number } & Partial<Spread>
  /** From the plan to the last sign-off. */
  readonly waiting: { readonly releases: number } & Partial<Spread>
  /** The step with the longest median, of the deploys and hot-fixes that succeeded. */
  readonly slowestStep?: { readonly step: StepName; readonly medianMs: number; readonly releases: number }
  /** Oldest first: whole weeks or, over 7 days, days, counted back from the end. */
  readonly buckets: readonly Bucket[]
}

export interface Spread {
  readonly medianMs: number
  readonly p90Ms: number
}

export interface Bucket {
  readonly from: Date
  readonly outcomes: Readonly<Partial<Record<ReleaseState, number>>>
  /** Median lead time; absent: no commit with a known time went out. */
  readonly leadTimeMs?: number
}

export const DAY_MS = 24 * 60 * 60_000
const HOTFIX_WITHIN_MS = DAY_MS

/** The figures of each environment that has any, by name. `isComplete`: false while releases of before are still counted. */
export interface FiguresFound {
  readonly figures: readonly Figures[]
  readonly isComplete: boolean
}

/** When a release counts: at its end or, while it needs attention, since then. */
export function countedAt({ endedAt, attentionAt }: CountedRelease): number | undefined {
  return endedAt ?? attentionAt
}

/** What a stored question asks, its time as a date. */
export function figuresAsked({
  app,
  environment,
  days,
  until,
}: Omit<FiguresAsked, 'until'> & { readonly until: string }): FiguresAsked {
  return { days, until: new Date(until), ...defined({ app, environment }) }
}

/** The start of the period. */
export function figuresSince({ days, until }: Pick<FiguresAsked, 'days' | 'until'>): Date {
  return new Date(until.getTime() - days * DAY_MS)
}

/**
 * The figures of one environment. `counted`: its releases, in any order; those outside the period are left out. What
 * happened after `until` does not count, so the same question has the same answer later.
 */
export function figuresOf(
  place: { readonly app: string; readonly environment: string },
  counted: readonly CountedRelease[],
  { days, until }: Pick<FiguresAsked, 'days' | 'until'>,
): Figures {
  const [since, end] = [figuresSince({ days, until }).getTime(), until.getTime()]
  const inPeriod = counted
    .map((one) => asOf(one, end))
    .filter((one) => isWithin(countedAt(one), since, end))
    .sort((one, other) => one.number - other.number)
  const ended = inPeriod.filter(({ outcome }) => outcome !== undefined)
  const deploys = ended.filter(({ kind }) => kind !== 'rollback')
  const succeeded = deploys.filter(isSucceeded)
  const failures = failuresOf(inPeriod, end)
  const restored = failures.flatMap(({ restoreMs }) => (restoreMs === undefined ? [] : [restoreMs]))
  const confirmed = deploys.filter(({ confirmedAt }) => confirmedAt !== undefined)
  const leads = leadTimes(confirmed)
  const waits = deploys.flatMap(({ signedAfterMs }) => (signedAfterMs === undefined ? [] : [signedAfterMs]))
  return {
    ...place,
    ...{ days, until },
    outcomes: tally(deploys),
    releases: deploys.length,
    rollbacks: ended.filter((one) => one.kind === 'rollback' && isSucceeded(one)).length,
    emergencies: deploys.filter(({ isEmergency }) => isEmergency).length,
    leadTime: { known: leads.length, commits: sum(confirmed.map(({ commits }) => commits)), ...spread(leads) },
    changeFailures: {
      failed: failures.length,
      changes: inPeriod.filter(isChange).length,
      numbers: failures.map(({ number }) => number),
    },
    restore: { restored: restored.length, open: failures.length - restored.length, ...spread(restored) },
    waiting: { releases: waits.length, ...spread(waits) },
    ...defined({ slowestStep: slowestStep(succeeded) }),
    buckets: buckets(deploys, { days, until }),
  }
}

/** The figures of each environment that has a counted release. */
export function figuresOfAll(
  counted: readonly CountedRelease[],
  period: Pick<FiguresAsked, 'days' | 'until'>,
): readonly Figures[] {
  const begun = counted.filter((one) => countedAt(one) !== undefined)
  const places = Map.groupBy(begun, ({ app, environment }) => `${app}/${environment}`)
  return [...places.keys()].sort().flatMap((key) => {
    const releases = places.get(key) ?? []
    const [first] = releases
    return first === undefined ? [] : [figuresOf({ app: first.app, environment: first.environment }, releases, period)]
  })
}

/** The release as it was then. */
function asOf(one: CountedRelease, end: number): CountedRelease {
  if (one.endedAt === undefined || one.endedAt <= end) return one
  const { outcome: _outcome, endedAt: _endedAt, confirmedAt: _confirmedAt, ...rest } = one
  return { ...rest, leadSeconds: [], commits: 0 }
}

const isSucceeded = ({ outcome }: CountedRelease) => outcome === 'succeeded'

/** A deploy or hot-fix that changed the environment, as far as is known. */
function isChange(one: CountedRelease): boolean {
  return one.kind !== 'rollback' && (isSucceeded(one) || one.attentionAt !== undefined)
}

function isWithin(at: number | undefined, since: number, until: number): boolean {
  return at !== undefined && at > since && at <= until
}

/**
 * The changes that failed, each once: they needed attention after something irreversible, were rolled back, or the next
 * change was a hot-fix within 24 hours. `inPeriod`: by number. What ended or was marked after `end` does not count.
 */
function failuresOf(
  inPeriod: readonly CountedRelease[],
  end: number,
): readonly { readonly number: number; readonly restoreMs?: number }[] {
  const nextChanges = nextChangesOf(inPeriod)
  return inPeriod.flatMap((one, index) => {
    if (!isChange(one)) return []
    const isRolledBack = one.rolledBackAt !== undefined && one.rolledBackAt <= end
    const isFixed = isHotfixedBy(one, nextChanges[index])
    const needed = one.attentionAt !== undefined && one.attentionAt <= end
    if (!needed && !isRolledBack && !isFixed) return []
    const later = inPeriod.slice(index + 1)
    return [{ number: one.number, ...defined({ restoreMs: restoredAfter(one, later, isRolledBack || isFixed) }) }]
  })
}

/** Of each release the change after it. */
function nextChangesOf(releases: readonly CountedRelease[]): readonly (CountedRelease | undefined)[] {
  const next: (CountedRelease | undefined)[] = []
  let after: CountedRelease | undefined
  for (const one of releases.toReversed()) {
    next.push(after)
    if (isChange(one)) after = one
  }
  return next.reverse()
}

function isHotfixedBy({ confirmedAt }: CountedRelease, next: CountedRelease | undefined): boolean {
  if (confirmedAt === undefined || next?.kind !== 'hotfix' || next.confirmedAt === undefined) return false
  return isSucceeded(next) && next.confirmedAt - confirmedAt <= HOTFIX_WITHIN_MS
}

/**
 * From the failing release's `confirm` to that of the next that succeeded; undefined: there is none yet. One that needed
 * attention and nothing else is well again with its own success after Retry, and began to fail when it needed attention.
 */
function restoredAfter(
  one: CountedRelease,
  later: readonly CountedRelease[],
  isTakenBack: boolean,
): number | undefined {
  const isRetried = !isTakenBack && isSucceeded(one)
  const from = isTakenBack ? (one.confirmedAt ?? one.attentionAt) : one.attentionAt
  const to = isRetried ? one.confirmedAt : later.find((next) => isSucceeded(next) && next.confirmedAt)?.confirmedAt
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from)
}

function leadTimes(confirmed: readonly CountedRelease[]): readonly number[] {
  return confirmed.flatMap(({ leadSeconds }) => leadSeconds).map((seconds) => seconds * 1000)
}

function tally(releases: readonly CountedRelease[]): Partial<Record<ReleaseState, number>> {
  const counts: Partial<Record<ReleaseState, number>> = {}
  for (const { outcome } of releases) if (outcome !== undefined) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

function slowestStep(succeeded: readonly CountedRelease[]): Figures['slowestStep'] {
  const times = new Map<StepName, number[]>()
  for (const { stepMs } of succeeded) {
    for (const [step, ms] of Object.entries(stepMs) as [StepName, number][]) {
      const known = times.get(step)
      if (known === undefined) times.set(step, [ms])
      else known.push(ms)
    }
  }
  let slowest: Figures['slowestStep']
  for (const [step, all] of times) {
    const medianMs = median(all)
    if (medianMs > (slowest?.medianMs ?? 0)) slowest = { step, medianMs, releases: all.length }
  }
  return slowest
}

/** Days over a week, else weeks. A part of a week at the beginning is left out. */
export function bucketDays(days: FigureDays): number {
  return days === 7 ? 1 : 7
}

function buckets(deploys: readonly CountedRelease[], { days, until }: Pick<FiguresAsked, 'days' | 'until'>): Bucket[] {
  const length = bucketDays(days) * DAY_MS
  const count = Math.floor((days * DAY_MS) / length)
  const inside: CountedRelease[][] = Array.from({ length: count }, () => [])
  for (const one of deploys) {
    const back = Math.floor((until.getTime() - (one.endedAt ?? 0)) / length)
    inside[count - 1 - back]?.push(one)
  }
  return inside.map((releases, index) => {
    const leads = leadTimes(releases)
    const from = new Date(until.getTime() - (count - index) * length)
    return { from, outcomes: tally(releases), ...(leads.length > 0 && { leadTimeMs: median(leads) }) }
  })
}

function spread(values: readonly number[]): Partial<Spread> {
  return values.length === 0 ? {} : { medianMs: median(values), p90Ms: percentile(values, 0.9) }
}

/** The value in the middle, or the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return Math.round((low + high) / 2)
}

/** The smallest value that so large a share is not above (nearest rank). */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0
}

const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0)

/** How many comparable releases "usually" needs, and the most that it is the median of. */
const USUAL = { least: 3, most: 10 } as const

/**
 * How long such a run usually takes: the median of the last comparable ones, which succeeded at their first attempt with
 * the same kind and the same steps. Undefined: there are too few. `counted`: newest first.
 */
export function usualRunMs(
  release: { readonly kind: string; readonly steps: readonly string[] },
  counted: readonly Pick<CountedRelease, 'kind' | 'steps' | 'runMs'>[],
): number | undefined {
  const times = counted
    .filter(({ kind, steps }) => kind === release.kind && steps.join() === release.steps.join())
    .flatMap(({ runMs }) => (runMs === undefined ? [] : [runMs]))
    .slice(0, USUAL.most)
  return times.length < USUAL.least ? undefined : median(times)
}
