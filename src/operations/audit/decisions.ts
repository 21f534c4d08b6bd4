/** What people decided about a release, read from its events alone: they are in the chain, the store's tables are not. */
import { defined } from '../../lib/defined.ts'
import { SIGNOFF } from '../../release/automatic.ts'
import type { EventType } from '../../release/events.ts'
import type { GroupMembers } from '../../release/policy.ts'
import type { RecordedRules } from '../../release/recorded-rules.ts'
import type { ReleaseState, SignOffKind } from '../../release/terms.ts'

/** An event's stored text, parsed. */
export interface EventBody {
  readonly at: string
  readonly type: string
  readonly actor: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface Who {
  /** Slack user id. */
  readonly id: string
  /** Absent in old events, which do not record it. */
  readonly name?: string
}

export interface Decision {
  readonly kind: SignOffKind
  readonly by: Who
  readonly at: string
  readonly note?: string
  readonly fingerprint?: string
  /** A group's handle, `named by id` or `every full member`; absent in old events. */
  readonly right?: string
  /** Of QA for each change: the ids of those that they have tested, and of those with own commits. */
  readonly changes?: readonly string[]
  readonly own?: readonly string[]
  readonly groups?: readonly GroupMembers[]
  /** It was given after the release was approved, as an emergency allows. */
  readonly isAfterwards: boolean
  /** When its person said that they did not give it: it is void. */
  readonly disputedAt?: string
}

export interface Mark {
  readonly is: string
  readonly by: Who
  readonly at: string
  readonly reason?: string
  /** The rollback that marked it, for its requester. */
  readonly rollback?: number
}

export interface Decisions {
  readonly requested?: { readonly by: Who; readonly at: string }
  /** Absent if there was no plan, or if an older version made it. */
  readonly rules?: RecordedRules
  readonly fingerprint?: string
  readonly plannedAt?: string
  /** The ids of the changes of the plan, where QA was asked for each. */
  readonly changes?: readonly string[]
  readonly signOffs: readonly Decision[]
  /** The requester's **Go** for a hot-fix or a rollback that nobody signs. */
  readonly go?: Who
  readonly approvedAt?: string
  readonly startedAt?: string
  /** For which time it was scheduled, as last changed. */
  readonly scheduledFor?: string
  /** The last mark that says whether anybody should go back to it. */
  readonly mark?: Mark
  readonly ended?: { readonly state: ReleaseState; readonly at: string; readonly by?: Who; readonly reason?: string }
  /** What the platform was proven to run or, if that is not proven, what was pushed. */
  readonly commit?: string
}

/** The types that `decisionsOf` reads. */
export const DECIDING_EVENTS: readonly EventType[] = [
  ...(['release_requested', 'plan_made', 'sign_off_given', 'go_given', 'release_approved'] as const),
  ...(['run_started', 'step_done', 'release_ended', 'release_marked', 'start_time_changed'] as const),
  'sign_off_disputed',
]

/** Actors that are no people; `signoff` requests what is deployed automatically. */
export const PROCESSES: readonly string[] = ['bot', 'worker', SIGNOFF.id]

/** Whether it is no person but a process of Signoff, such as the one that requests what is deployed automatically. */
export function isProcess({ id }: Who): boolean {
  return PROCESSES.includes(id)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Reads a release's events, in order. Keys that an older version did not write are absent. */
export function decisionsOf(events: readonly EventBody[]): Decisions {
  const first = (type: EventType) => events.find((event) => event.type === type)
  const names = new Map(events.flatMap(({ actor, data: { name } }) => (isText(name) ? [[actor, name] as const] : [])))
  const whoDid = ({ actor }: EventBody): Who => ({ id: actor, ...defined({ name: names.get(actor) }) })
  const requested = first('release_requested')
  const plan = first('plan_made')
  const started = first('run_started')
  // Without sign-offs the plan approves the release; then only the run says so.
  const approved = first('release_approved') ?? started
  const ended = events.findLast(({ type }) => type === 'release_ended')
  const go = first('go_given')
  const changedTo = events.findLast(({ type }) => type === 'start_time_changed')?.data.to
  const scheduledFor = [changedTo, requested?.data.startAt].find(isText)
  const marked = events.findLast(({ type }) => type === 'release_marked')
  const done = (step: string) => events.findLast(({ type, data }) => type === 'step_done' && data.step === step)?.data
  const commit = [done('confirm')?.commit, done('push')?.commit].find(isText)
  return {
    signOffs: events.flatMap((event, index) => {
      if (event.type !== 'sign_off_given') return []
      const isAfterwards = approved !== undefined && index > events.indexOf(approved)
      const disputedAt = disputeOf(events, index)?.at
      return [{ ...decisionOf(event), by: whoDid(event), isAfterwards, ...defined({ disputedAt }) }]
    }),
    ...defined({
      requested: requested && { by: whoDid(requested), at: requested.at },
      rules: plan?.data.rules as RecordedRules | undefined,
      fingerprint: plan?.data.fingerprint as string | undefined,
      plannedAt: plan?.at,
      changes: textsOf(plan?.data.changes),
      go: go && whoDid(go),
      approvedAt: approved?.at,
      startedAt: started?.at,
      ended: ended && {
        ...endOf(ended),
        ...defined({ by: PROCESSES.includes(ended.actor) ? undefined : whoDid(ended) }),
      },
      commit,
      scheduledFor,
      mark: marked && { ...markOf(marked), by: whoDid(marked) },
    }),
  }
}

/**
 * The dispute of the sign-off at this place: the first that its person made of that kind before they gave it again. All that a
 * person has tested is one QA.
 */
function disputeOf(events: readonly EventBody[], index: number): EventBody | undefined {
  const signed = events[index]
  const next = events
    .slice(index + 1)
    .filter(({ actor, data }) => actor === signed?.actor && data.kind === signed.data.kind)
    .find(({ type, data }) => type === 'sign_off_disputed' || (type === 'sign_off_given' && data.changes === undefined))
  return next?.type === 'sign_off_disputed' ? next : undefined
}

function markOf({ at, data: { mark, reason, rollback } }: EventBody): Omit<Mark, 'by'> {
  return {
    is: String(mark),
    at,
    ...defined({
      reason: isText(reason) ? reason : undefined,
      rollback: typeof rollback === 'number' ? rollback : undefined,
    }),
  }
}

function decisionOf({ at, data }: EventBody): Omit<Decision, 'by' | 'isAfterwards'> {
  return {
    ...{ kind: data.kind as SignOffKind, at },
    ...defined({
      note: isText(data.note) ? data.note : undefined,
      fingerprint: isText(data.fingerprint) ? data.fingerprint : undefined,
      right: isText(data.right) ? data.right : undefined,
      changes: textsOf(data.changes),
      own: textsOf(data.own),
      groups: data.groups as readonly GroupMembers[] | undefined,
    }),
  }
}

function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter(isText) : undefined
}

/** Who has tested which change, as the events record it, in order. */
export function testersOf(decisions: Decisions, change: string): readonly (Decision & { readonly isOwn: boolean })[] {
  return decisions.signOffs
    .filter(({ kind, changes = [] }) => kind === 'qa' && changes.includes(change))
    .map((decision) => ({ ...decision, isOwn: decision.own?.includes(change) === true }))
}

function endOf({ at, data }: EventBody): Omit<NonNullable<Decisions['ended']>, 'by'> {
  return {
    state: data.state as ReleaseState,
    at,
    ...defined({ reason: isText(data.reason) ? data.reason : undefined }),
  }
}
