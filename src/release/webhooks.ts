/**
 * What webhooks tell of: the types of their events, and the audit event behind each. The types are public names, which
 * never change.
 */
import type { EventType, ReleaseEvent } from './events.ts'
import type { Lock } from './lock.ts'
import type { Release } from './release.ts'
import { hasEnded, type ReleaseState } from './terms.ts'
import { lockData, releaseData, type WebhookData } from './webhook-data.ts'

export const WEBHOOK_TYPES = [
  'release.requested',
  'release.planned',
  'release.signed',
  'release.scheduled',
  'release.approved',
  'release.started',
  'release.needs_attention',
  'release.succeeded',
  'release.failed',
  'release.refused',
  'release.rejected',
  'release.cancelled',
  'release.expired',
  'release.outdated',
  'release.closed',
  'release.marked',
  'lock.set',
  'lock.taken_over',
  'lock.ended',
] as const

export type WebhookType = (typeof WEBHOOK_TYPES)[number]

/** One entry of `webhooks` in releases.yml. */
export interface Webhook {
  readonly url: string
  /** The environment variables of its secrets, the new one first; requests are signed with each. */
  readonly secretEnv: readonly string[]
  /** Absent: all. */
  readonly events?: readonly WebhookType[]
}

/** What the event tells of: the release or the lock as its transaction leaves it. */
export interface WebhookSubject {
  readonly release?: Release
  readonly lock?: Lock
}

type TypeOf<T extends EventType> = (
  data: Extract<ReleaseEvent, { type: T }>['data'],
  subject: WebhookSubject,
) => WebhookType | undefined

const ENDED = {
  succeeded: 'release.succeeded',
  failed: 'release.failed',
  refused: 'release.refused',
  rejected: 'release.rejected',
  cancelled: 'release.cancelled',
  expired: 'release.expired',
  outdated: 'release.outdated',
  closed: 'release.closed',
} as const satisfies Partial<Record<ReleaseState, WebhookType>>

/** The webhook of each audit event; undefined: it has none. */
export const WEBHOOK_OF: { readonly [T in EventType]: WebhookType | TypeOf<T> | undefined } = {
  release_requested: 'release.requested',
  plan_made: 'release.planned',
  card_posted: undefined,
  // The rejection ends the release in the same transaction, which has a type of its own.
  sign_off_given: ({ kind }) => (kind === 'rejection' ? undefined : 'release.signed'),
  // It approves the release in the same transaction.
  go_given: undefined,
  release_approved: 'release.approved',
  preflight_passed: undefined,
  preflight_refused: undefined,
  announcement_sent: undefined,
  announcement_confirmed: undefined,
  run_started: 'release.started',
  step_started: undefined,
  step_done: undefined,
  step_failed: undefined,
  step_unknown: undefined,
  cancel_asked: undefined,
  retry_asked: undefined,
  attention_needed: 'release.needs_attention',
  release_ended: ({ state }) => (isEnd(state) ? ENDED[state] : undefined),
  aftermath_seen: undefined,
  hotfix_carried: undefined,
  hotfix_followed_up: undefined,
  hotfix_branch_settled: undefined,
  lock_set: 'lock.set',
  lock_changed: 'lock.set',
  lock_taken_over: 'lock.taken_over',
  lock_ended: 'lock.ended',
  release_scheduled: 'release.scheduled',
  start_held: undefined,
  start_asked: undefined,
  start_time_changed: (_, { release }) => (release?.state === 'scheduled' ? 'release.scheduled' : undefined),
  release_marked: 'release.marked',
  record_settled: undefined,
  head_not_deployed: undefined,
  people_told: undefined,
  // What it does to the release has a type of its own.
  sign_off_disputed: undefined,
}

function isEnd(state: ReleaseState): state is keyof typeof ENDED {
  return hasEnded(state)
}

/** A webhook's event as it waits for its delivery. Stored as JSON, so a key that is added later is optional. */
export interface WebhookMessage {
  readonly kind: 'webhook'
  /** The request's `webhook-id`: the same over all tries, and for every URL. */
  readonly id: string
  readonly type: WebhookType
  /** When it happened, in ISO. */
  readonly timestamp: string
  readonly data: WebhookData
}

/** A webhook's event before its audit event has got its number. */
export interface WebhookDraft extends Pick<WebhookMessage, 'type' | 'data'> {
  /** What it is in order with: the events of one release, and those of the locks of one place. */
  readonly stream: string
  /** Absent for a lock's. */
  readonly release?: number
}

/** What webhooks tell of an audit event; undefined: nothing. */
export function webhookOf(event: ReleaseEvent, subject: WebhookSubject): WebhookDraft | undefined {
  const row: unknown = WEBHOOK_OF[event.type]
  const type = (typeof row === 'function' ? row(event.data, subject) : row) as WebhookType | undefined
  if (type === undefined) return undefined
  const { release, lock } = subject
  if ('lock' in event.data && typeof event.data.lock === 'number') {
    const { app, environment } = event.data
    const place = app === undefined || environment === undefined ? 'all' : `${app}/${environment}`
    return { type, stream: `lock ${place}`, data: lockData(event, lock) }
  }
  if (release === undefined) return undefined
  return { type, stream: `release ${release.number}`, release: release.number, data: releaseData(event, release) }
}

/** What `webhookOf` needs to know of an event; undefined: nothing is told of it. */
export function subjectOf(event: ReleaseEvent): { readonly release: number } | { readonly lock: number } | undefined {
  if (WEBHOOK_OF[event.type] === undefined) return undefined
  if ('lock' in event.data && typeof event.data.lock === 'number') return { lock: event.data.lock }
  return event.release === undefined ? undefined : { release: event.release }
}

/** An event's `webhook-id`, from its hash in the record: unique over all stores, and found again by an auditor. */
export function webhookId(eventHash: string): string {
  return `evt_${eventHash.slice(0, 32)}`
}
