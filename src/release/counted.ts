/** What one release adds to the figures, read from its events and its plan. No I/O. */
import { defined } from '../lib/defined.ts'
import type { EventType } from './events.ts'
import type { Plan, PlannedCommit } from './plan.ts'
import type { Release } from './release.ts'
import { isIrreversible } from './steps.ts'
import type { ReleaseKind, ReleaseState, StepName } from './terms.ts'

/** A release as it is counted. Times are milliseconds since 1970; its end and the others are those of its events. */
export interface CountedRelease {
  readonly number: number
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  /** How it ended; absent: it has not. */
  readonly outcome?: ReleaseState
  readonly endedAt?: number
  /** When the platform was proven to run its commit. */
  readonly confirmedAt?: number
  /** When it first needed attention after something irreversible. */
  readonly attentionAt?: number
  /** When a rollback took it away. */
  readonly rolledBackAt?: number
  /** How long people took to sign the plan; absent: nobody signed it, or an emergency went without. */
  readonly signedAfterMs?: number
  readonly isEmergency: boolean
  /** From the start of the run to its end, of a release that succeeded at its first attempt. */
  readonly runMs?: number
  /** How long each step took that was done; in the order of the record. */
  readonly stepMs: Readonly<Partial<Record<StepName, number>>>
  /** The plan's steps: releases with the same ones do the same work. */
  readonly steps: readonly StepName[]
  /** From each commit's author time to `confirmedAt`, in seconds; merge commits and unknown times are left out. */
  readonly leadSeconds: readonly number[]
  /** How many commits went out, merge commits left out as far as they are listed. */
  readonly commits: number
}

/** What is counted of a plan. */
export interface CountedPlan extends Pick<Plan, 'commits' | 'commitCount' | 'firstRelease'> {
  readonly steps?: Plan['steps']
  readonly hotfix?: { readonly picks: readonly { readonly made: string }[] }
}

/** An event as far as it is counted. */
export interface CountableEvent {
  readonly type: string
  readonly at: Date | string
  readonly data: object
}

/** The events after which a release is counted again. */
export const COUNTED_AFTER: readonly EventType[] = ['attention_needed', 'release_ended', 'release_marked']

/** The events that are read for it. */
export const COUNTABLE_EVENTS: readonly EventType[] = [
  ...COUNTED_AFTER,
  ...(['plan_made', 'sign_off_given', 'go_given', 'release_scheduled', 'release_approved', 'run_started'] as const),
  ...(['step_started', 'step_done', 'step_failed', 'step_unknown'] as const),
]

/** Counts a release by its events, in order, and its plan. The same facts give the same result. */
export function countedRelease(
  release: Pick<Release, 'number' | 'app' | 'environment' | 'kind'> & { readonly plan?: CountedPlan },
  events: readonly CountableEvent[],
): CountedRelease {
  const { number, app, environment, kind, plan } = release
  const ended = events.findLast(({ type }) => type === 'release_ended')
  const confirmed = events.findLast(({ type, data }) => type === 'step_done' && field(data, 'step') === 'confirm')
  const rolledBack = events.find(({ type, data }) => type === 'release_marked' && field(data, 'rollback') !== undefined)
  const attention = events.findIndex(
    ({ type }, index) => type === 'attention_needed' && hasStartedIrreversibleIn(events.slice(0, index)),
  )
  const outcome = ended && (field(ended.data, 'state') as ReleaseState)
  const confirmedAt = confirmed && time(confirmed)
  const authored = confirmedAt === undefined ? [] : authoredCommits(kind, plan)
  return {
    ...{ number, app, environment, kind },
    isEmergency: events.some(({ type, data }) => type === 'sign_off_given' && field(data, 'kind') === 'emergency'),
    stepMs: stepTimes(events),
    steps: plan?.steps ?? [],
    leadSeconds: authored.flatMap((at) =>
      at === undefined ? [] : [Math.max(0, Math.round(((confirmedAt ?? 0) - at) / 1000))],
    ),
    commits: confirmedAt === undefined ? 0 : commitsOut(kind, plan),
    ...defined({
      outcome,
      confirmedAt,
      endedAt: ended && time(ended),
      attentionAt: attention === -1 ? undefined : time(events[attention]),
      rolledBackAt: rolledBack && time(rolledBack),
      signedAfterMs: signedAfter(events),
      runMs: runTime(events, outcome),
    }),
  }
}

function field(data: object, key: string): unknown {
  return (data as Readonly<Record<string, unknown>>)[key]
}

function time(event: CountableEvent | undefined): number {
  return new Date(event?.at ?? 0).getTime()
}

/** Whether an irreversible step had begun whose effect was seen or not known, by the steps' last events. */
function hasStartedIrreversibleIn(events: readonly CountableEvent[]): boolean {
  const effects = new Map<unknown, unknown>()
  for (const { type, data } of events) {
    const step = field(data, 'step')
    if (type === 'step_started') effects.set(step, effects.get(step) === 'some' ? 'some' : 'unknown')
    else if (type.startsWith('step_')) effects.set(step, field(data, 'effect') ?? 'unknown')
  }
  return [...effects].some(([step, effect]) => isIrreversible(step as StepName) && effect !== 'none')
}

function stepTimes(events: readonly CountableEvent[]): CountedRelease['stepMs'] {
  const times: Partial<Record<StepName, number>> = {}
  for (const { type, data } of events) {
    const [step, ms] = [field(data, 'step') as StepName, field(data, 'ms')]
    if (type === 'step_done' && typeof ms === 'number') times[step] = ms
  }
  return times
}

/** From the plan to the moment at which nothing was owed any more, where people's sign-offs led there. */
function signedAfter(events: readonly CountableEvent[]): number | undefined {
  const planned = events.find(({ type }) => type === 'plan_made')
  const signed = events.findIndex(({ type }) => type === 'release_scheduled' || type === 'release_approved')
  if (planned === undefined || signed === -1) return undefined
  const before = events.slice(0, signed)
  const given = before.filter(({ type }) => type === 'sign_off_given').map(({ data }) => field(data, 'kind'))
  if (given.length === 0 || given.includes('emergency')) return undefined
  return Math.max(0, time(events[signed]) - time(planned))
}

function runTime(events: readonly CountableEvent[], outcome: ReleaseState | undefined): number | undefined {
  const [started, again] = events.filter(({ type }) => type === 'run_started')
  const ended = events.findLast(({ type }) => type === 'release_ended')
  if (outcome !== 'succeeded' || started === undefined || again !== undefined || ended === undefined) return undefined
  return Math.max(0, time(ended) - time(started))
}

/**
 * The author times of the listed commits, merge commits left out; undefined where the plan doesn't know. A first release
 * lists commits that may be years old, and a rollback those that it takes away: they have none.
 */
function authoredCommits(kind: ReleaseKind, plan: CountedPlan | undefined): readonly (number | undefined)[] {
  if (!bringsCommits(kind, plan)) return []
  return plan.commits.filter(({ isMerge }) => !isMerge).map((commit) => authoredAt(commit, plan))
}

function bringsCommits(kind: ReleaseKind, plan: CountedPlan | undefined): plan is CountedPlan {
  return kind !== 'rollback' && plan !== undefined && !plan.firstRelease
}

/** Plans of older versions have the committer's time alone, which for a picked commit is that of the plan. */
function authoredAt({ sha, at, authoredAt: authored }: PlannedCommit, { hotfix }: CountedPlan): number | undefined {
  const isPick = hotfix?.picks.some(({ made }) => made === sha) === true
  const moment = Date.parse(authored ?? (isPick ? '' : at))
  return Number.isNaN(moment) ? undefined : moment
}

function commitsOut(kind: ReleaseKind, plan: CountedPlan | undefined): number {
  if (!bringsCommits(kind, plan)) return 0
  return Math.max(0, plan.commitCount - plan.commits.filter(({ isMerge }) => isMerge).length)
}
