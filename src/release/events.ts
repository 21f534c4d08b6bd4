/**
 * The audit events: each type with its data. They are stored in a hash chain for good, so a type or a key is never
 * renamed; an optional key is absent in events that were written before it was kept.
 */
import type { Failure, Gate } from './refusals.ts'
import type { PostedMessage, ReleaseKind, ReleaseState, SignOffKind, StepName } from './terms.ts'

/** What an event says of the person who pressed, beside their id. */
export interface Attribution {
  readonly name: string
  /** Where their right came from at that press: a group's handle, `named by id`, `every full member` or `the requester`. */
  readonly right: string
}

/** By which Slack delivery it was done: what that has done once, it does not do again. */
interface Delivered {
  readonly delivery?: string
}

interface StepEvent {
  readonly step: StepName
  readonly attempt: number
  readonly effect?: 'none' | 'some' | 'unknown'
  readonly ms?: number
  // What the step found or made.
  readonly said?: string
  readonly commit?: string
  readonly revisions?: readonly string[]
  readonly platformRelease?: string
  readonly commentUrl?: string
}

/** The data of each type of event. JSON values only. */
export interface EventData {
  release_requested: {
    readonly app: string
    readonly environment: string
    readonly kind: ReleaseKind
    readonly replaces?: number
    readonly forEmergency?: true
  } & Attribution
  plan_made: { readonly fingerprint: string; readonly commits: number; readonly pending: number }
  card_posted: PostedMessage
  sign_off_given: {
    readonly kind: SignOffKind
    readonly fingerprint: string
    readonly note?: string
  } & Attribution
  go_given: { readonly fingerprint: string } & Attribution
  release_approved: { readonly attempt: number }
  preflight_passed: { readonly attempt: number }
  preflight_refused: { readonly gate: Gate }
  announcement_sent: Record<never, never>
  announcement_confirmed: PostedMessage
  run_started: { readonly attempt: number }
  step_started: StepEvent
  step_done: StepEvent
  step_failed: StepEvent
  step_unknown: StepEvent
  cancel_asked: { readonly state: ReleaseState } & Attribution & Delivered
  retry_asked: { readonly attempt: number } & Attribution & Delivered
  attention_needed: {
    readonly gate: Gate | Failure['gate']
    readonly step?: StepName
    readonly attempt: number
  }
  release_ended: {
    readonly app: string
    readonly environment: string
    readonly state: ReleaseState
    readonly gate?: Gate | Failure['gate']
    readonly step?: StepName
    readonly reason?: string
  } & Partial<Attribution>
  /** A pull request brings what a hot-fix has picked to the promoting branch. `source`: its branch, where it is ours. */
  hotfix_carried: {
    readonly branch: string
    readonly pullRequest: number
    readonly isNew: boolean
    readonly source?: string
  }
  hotfix_followed_up: { readonly branch: string; readonly missing: readonly string[] }
  hotfix_branch_settled: { readonly branch: string; readonly became: string }
}

export type EventType = keyof EventData

/** What the record's readers need to know of each type. */
interface EventFacts {
  /** A person's press, where the actor is one: named in the evidence with the right by which it was allowed. */
  readonly isPress: boolean
  /** The message in Slack whose place the event keeps. */
  readonly placeOf?: 'card' | 'announcement'
}

export const EVENTS: Readonly<Record<EventType, EventFacts>> = {
  release_requested: { isPress: true },
  plan_made: { isPress: false },
  card_posted: { isPress: false, placeOf: 'card' },
  sign_off_given: { isPress: true },
  go_given: { isPress: true },
  release_approved: { isPress: false },
  preflight_passed: { isPress: false },
  preflight_refused: { isPress: false },
  announcement_sent: { isPress: false },
  announcement_confirmed: { isPress: false, placeOf: 'announcement' },
  run_started: { isPress: false },
  step_started: { isPress: false },
  step_done: { isPress: false },
  step_failed: { isPress: false },
  step_unknown: { isPress: false },
  cancel_asked: { isPress: true },
  retry_asked: { isPress: true },
  attention_needed: { isPress: false },
  // An end by a press alone, such as Close, has no event of its own beside it.
  release_ended: { isPress: false },
  hotfix_carried: { isPress: false },
  hotfix_followed_up: { isPress: false },
  hotfix_branch_settled: { isPress: false },
}

/** One line of the audit trail, as it is written. */
export type ReleaseEvent = {
  readonly [T in EventType]: {
    /** Absent for events of no release. */
    readonly release?: number
    readonly type: T
    /** A Slack user id, `worker` or `bot`. */
    readonly actor: string
    readonly data: EventData[T]
  }
}[EventType]

/** The same as it is read again: an older version may have written less. */
export type StoredEvent<T extends EventType = EventType> = {
  readonly [K in T]: {
    readonly id: number
    readonly at: Date
    readonly release?: number
    readonly type: K
    readonly actor: string
    readonly data: Partial<EventData[K]>
    readonly hash: string
    readonly previousHash: string
  }
}[T]

/** The first event of a type; undefined where there is none. */
export function findEvent<T extends EventType>(events: readonly StoredEvent[], type: T): StoredEvent<T> | undefined {
  return events.find((event) => event.type === type) as StoredEvent<T> | undefined
}
