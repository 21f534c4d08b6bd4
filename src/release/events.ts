/**
 * The audit events: each type with its data. They are stored in a hash chain for good, so no type or key is ever
 * renamed. An optional key may be absent because an older version wrote the event.
 */
import type { NotDeployedBecause } from './automatic.ts'
import type { DirectMessageKind } from './direct-messages.ts'
import type { GroupMembers } from './policy.ts'
import type { RecordedRules } from './recorded-rules.ts'
import type { Failure, Gate } from './refusals.ts'
import type { PersonName, PostedMessage, ReleaseKind, ReleaseState, SignOffKind, StepName } from './terms.ts'

/** Who did it and why they were allowed to, beside their id. */
export interface Attribution {
  readonly name: string
  /**
   * Where the permission came from: a group's handle, `named by id`, `every full member`, `the requester`, `the signer`,
   * or `unverified` for a requester or a signer about whom Slack gave no answer.
   */
  readonly right: string
}

/** The Slack delivery that did it: the same delivery never does it twice. */
interface Delivered {
  readonly delivery?: string
}

interface LockEvent {
  /** The lock's id. */
  readonly lock: number
  /** Absent, as `environment`: it is over all environments. */
  readonly app?: string
  readonly environment?: string
}

interface StepEvent {
  readonly step: StepName
  readonly attempt: number
  readonly effect?: 'none' | 'some' | 'unknown'
  readonly ms?: number
  // The step's result.
  readonly said?: string
  readonly commit?: string
  readonly revisions?: readonly string[]
  readonly platformRelease?: string
  readonly commentUrl?: string
}

/** The data of each event type. JSON values only. */
export interface EventData {
  release_requested: {
    readonly app: string
    readonly environment: string
    readonly kind: ReleaseKind
    readonly replaces?: number
    readonly forEmergency?: true
    /** When it was asked to start, in ISO, and in whose time zone. */
    readonly startAt?: string
    readonly timeZone?: string
    /** Of a rollback: the release to go back to, if one was named, and whether the environment is locked afterwards. */
    readonly to?: number
    readonly lock?: boolean
    /** The head that it was made for by Signoff itself, where the environment is deployed automatically. */
    readonly head?: string
  } & Attribution
  plan_made: {
    readonly fingerprint: string
    readonly commits: number
    readonly pending: number
    /** Where QA is asked for each change: the ids that stand for them. */
    readonly changes?: readonly string[]
    /** The rules in force, under which this plan asks for sign-offs. */
    readonly rules?: RecordedRules
  }
  card_posted: PostedMessage
  sign_off_given: {
    readonly kind: SignOffKind
    readonly fingerprint: string
    readonly note?: string
    /** Where QA is asked for each change: the ids of those that this person has tested, and of those with own commits. */
    readonly changes?: readonly string[]
    readonly own?: readonly string[]
    /** Who was in the groups that can give this sign-off, at that moment. Absent if the rules name no group. */
    readonly groups?: readonly GroupMembers[]
    /** The gates that an emergency waived, beside the sign-offs. */
    readonly waives?: readonly Gate[]
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
  /** After the end: how what was deployed runs. */
  aftermath_seen: { readonly warnings: readonly string[]; readonly notes: readonly string[] }
  /** A pull request backports a hot-fix to the branch that is promoted. `source`: its branch, if we created it. */
  hotfix_carried: {
    readonly branch: string
    readonly pullRequest: number
    readonly isNew: boolean
    readonly source?: string
  }
  hotfix_followed_up: { readonly branch: string; readonly missing: readonly string[] }
  hotfix_branch_settled: { readonly branch: string; readonly became: string }
  lock_set: LockEvent & { readonly reason: string; readonly until?: string } & Attribution & Delivered
  /** Its holder has set it again, or it was extended. */
  lock_changed: LockEvent & { readonly reason: string; readonly until?: string } & Attribution & Delivered
  /** `lock`: the new one, which its actor holds; `before`: the one that it ended, held by `from`. */
  lock_taken_over: LockEvent & {
    readonly before: number
    /** Slack user id. */
    readonly from: string
    readonly fromName: string
    readonly reason: string
  } & Attribution &
    Delivered
  lock_ended: LockEvent & { readonly how: 'unlocked' | 'taken over' | 'expired' } & Partial<Attribution> & Delivered
  /** Nothing is owed: it waits for its time, in ISO. */
  release_scheduled: { readonly at: string; readonly timeZone: string }
  /** Its time has come, and this gate holds it back. */
  start_held: { readonly gate: Gate }
  /** Start now: before its time, or while something held it back. */
  start_asked: { readonly fingerprint: string } & Attribution
  start_time_changed: { readonly from: string; readonly to: string; readonly timeZone: string } & Attribution &
    Delivered
  /** The release, which has ended, is marked. `rollback`: the one that marked it for its requester. */
  release_marked: {
    readonly mark: 'bad' | 'good'
    readonly reason?: string
    readonly rollback?: number
  } & Attribution &
    Delivered
  /** After the end of a rollback: its record, which could not be written before, or that it was given up after a day. */
  record_settled: { readonly commentUrl?: string; readonly detail?: string }
  /** Who was told in a direct message, and which groups and people the channel's message mentions instead. */
  people_told: {
    readonly kind: DirectMessageKind
    readonly people: readonly PersonName[]
    readonly mentioned: readonly string[]
  }
  /** A head is not deployed automatically because of its builds; of no release. */
  head_not_deployed: {
    readonly app: string
    readonly environment: string
    readonly commit: string
    readonly because: NotDeployedBecause
  }
  /** That was not me: its person says that somebody else gave it, so it is void. `state`: of the release at that moment. */
  sign_off_disputed: {
    readonly kind: SignOffKind
    readonly fingerprint: string
    /** In ISO. */
    readonly signedAt: string
    readonly state: ReleaseState
  } & Attribution &
    Delivered
}

export type EventType = keyof EventData

/** How reports of the audit trail treat each type. */
interface EventFacts {
  /** A person's action, if the actor is one: the evidence names them and their permission. */
  readonly isPress: boolean
  /** The Slack message whose channel and timestamp the event stores. */
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
  // For an end that a person caused without another event, such as Close, this is the only one.
  release_ended: { isPress: false },
  aftermath_seen: { isPress: false },
  hotfix_carried: { isPress: false },
  hotfix_followed_up: { isPress: false },
  hotfix_branch_settled: { isPress: false },
  lock_set: { isPress: true },
  lock_changed: { isPress: true },
  lock_taken_over: { isPress: true },
  lock_ended: { isPress: true },
  release_scheduled: { isPress: false },
  start_held: { isPress: false },
  start_asked: { isPress: true },
  start_time_changed: { isPress: true },
  release_marked: { isPress: true },
  record_settled: { isPress: false },
  people_told: { isPress: false },
  head_not_deployed: { isPress: false },
  sign_off_disputed: { isPress: true },
}

/** An audit event as it is written. */
export type ReleaseEvent = {
  readonly [T in EventType]: {
    /** Absent if the event belongs to no release. */
    readonly release?: number
    readonly type: T
    /** A Slack user id, `worker`, `bot`, or `signoff` for what is deployed automatically. */
    readonly actor: string
    readonly data: EventData[T]
  }
}[EventType]

/** An audit event as it is read: an older version may have written fewer keys. */
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

/** The first event of a type; undefined if there is none. */
export function findEvent<T extends EventType>(events: readonly StoredEvent[], type: T): StoredEvent<T> | undefined {
  return events.find((event) => event.type === type) as StoredEvent<T> | undefined
}
