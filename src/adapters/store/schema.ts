import type { ColumnType, Generated } from 'kysely'
import type { HeadState, NotDeployedBecause } from '../../release/automatic.ts'
import type { CountedRelease } from '../../release/counted.ts'
import type { LockEnd } from '../../release/lock.ts'
import type { OutboxMessage } from '../../release/messages.ts'
import type { MergeRequirement, Plan, Proof } from '../../release/plan.ts'
import type { WorkerSeen } from '../../release/ports/store.ts'
import type { Problem } from '../../release/refusals.ts'
import type { ReleaseMark, RollbackRequest, StepRow } from '../../release/release.ts'
import type { ReleaseKind, ReleaseState, SignOffKind, StepName } from '../../release/terms.ts'
import type { WebhookMessage, WebhookType } from '../../release/webhooks.ts'

/**
 * JSON that is stored byte for byte: Postgres's `json`, because `jsonb` rejects NUL escapes and loses the order of keys.
 * Written as text.
 */
type Json<T> = ColumnType<T, string, string>
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>

/** The columns of each table after the last migration. */
export interface Tables {
  /** One row: the last assigned release number. */
  release_number: { last: number }
  release: ReleaseTable
  sign_off: {
    position: Generated<number>
    release: number
    kind: SignOffKind
    person_id: string
    person_name: string
    fingerprint: string
    note: string | null
    right: string
    at: Generated<Date>
  }
  /** Who has tested which change, where QA is asked for each. Rows are added, and gone where their person's QA is void. */
  change_tested: {
    position: Generated<number>
    release: number
    change: string
    person_id: string
    person_name: string
    right: string
    is_own: boolean
    note: string | null
    at: Generated<Date>
  }
  /** Void sign-offs, as they stood in `sign_off`. */
  disputed_sign_off: {
    position: number
    release: number
    kind: SignOffKind
    person_id: string
    person_name: string
    fingerprint: string
    note: string | null
    right: string
    at: Date
    disputed_at: Generated<Date>
  }
  step: {
    position: Generated<number>
    release: number
    name: StepName
    state: StepRow['state']
    attempt: number
    effect: StepRow['effect']
    started_at: Date | null
    ended_at: Date | null
    result: NullableJson<NonNullable<StepRow['result']>>
    /** The fencing number of the lease under which the step was last written; null in rows of older versions. */
    fence: number | null
  }
  /** The last mark of each release that was marked. */
  release_mark: {
    release: number
    mark: ReleaseMark['is']
    by_id: string
    by_name: string
    reason: string | null
    rollback: number | null
    at: Generated<Date>
  }
  /** One row: the end of the chain. */
  event_chain: { count: number; hash: string }
  event: {
    id: number
    release: number | null
    type: string
    actor: string
    at: Date
    /** The canonical JSON of id, at, type, actor, release and data: the input of the hash. */
    body: string
    hash: string
    previous_hash: string
  }
  inbox: {
    id: string
    payload: NullableJson<unknown>
    received_at: Generated<Date>
    claimed_until: Date | null
    handled_at: Date | null
  }
  outbox: {
    id: Generated<number>
    release: number | null
    /** Slack's messages, and requests of webhooks: these alone have `endpoint` and `stream`. */
    kind: OutboxMessage['kind'] | WebhookMessage['kind']
    key: string | null
    message: Json<OutboxMessage | WebhookMessage>
    state: Generated<'waiting' | 'sent' | 'given up'>
    tries: Generated<number>
    put_in_at: Generated<Date>
    first_tried_at: Date | null
    not_before: Generated<Date>
    settled_at: Date | null
    posted_channel: string | null
    posted_ts: string | null
    reason: string | null
    endpoint: string | null
    stream: string | null
  }
  /** The URLs that webhooks tell, by digests of them. `named_at`: when a bot last named it. */
  webhook_endpoint: { id: string; events: readonly WebhookType[] | null; named_at: Date; gone_at: Date | null }
  /** `asks`: the button that has it asked before the click. */
  button_token: { token: string; release: number; action: string; asks: Generated<boolean> }
  /** `subject`: its canonical JSON. */
  subject_token: { token: string; subject: string; action: string }
  /** The id by which a channel's name was last found. */
  channel_id: { name: string; id: string }
  /** `worker_group`: its `--group`; null without one. */
  worker: {
    id: string
    at: Date
    configurations: Json<WorkerSeen['configurations']>
    host: string | null
    worker_group: string | null
  }
  database_identity: { identity: string; app: string; environment: string }
  /** Rows that exist only to be locked. The one without names stands for all environments. */
  environment_row: { app: string; environment: string }
  /** One row per environment that has been run. `session`: the holder's connection; see lease.ts. */
  environment_lease: {
    app: string
    environment: string
    fence: number
    holder: string
    session: string
    expires_at: Date
  }
  /** Empty names: the lock is over all environments. */
  environment_lock: {
    id: Generated<number>
    app: string
    environment: string
    holder_id: string
    holder_name: string
    reason: string
    since: Generated<Date>
    until: Date | null
    ended_at: Date | null
    ended_how: LockEnd['how'] | null
    ended_by_id: string | null
    ended_by_name: string | null
  }
  /** Slack's deliveries that have set or changed a lock. */
  lock_delivery: { key: string; lock: number; at: Generated<Date> }
  /** Who is told when an environment is free. */
  free_watch: { id: Generated<number>; app: string; environment: string; person_id: string }
  /** Kinds of direct messages that a person has switched off. */
  direct_message_off: { person_id: string; kind: string; at: Generated<Date> }
  /** People to whom Slack delivers no direct message, with its code, since when. */
  direct_message_refused: { person_id: string; error: string; at: Generated<Date> }
  /** The head of each environment that is deployed automatically. `watchers`: the workers that have looked. */
  head: {
    app: string
    environment: string
    configuration: string
    commit: string
    state: HeadState
    seen_at: Date
    told: NotDeployedBecause | null
    release: number | null
    held_back: number | null
    watchers: Json<readonly string[]>
  }
  /** Who has opened App Home, and what Slack shows there; homes.ts. */
  home: {
    person: string
    opened_at: Date
    asked_at: Date | null
    looked_at: Date | null
    looked_events: number | null
    not_before: Date
    published_at: Date | null
    claim: number
    claimed_until: Date | null
    hash: string | null
    shown: string | null
  }
  /** One row: when App Homes were published in the last minute. */
  home_pace: { at: Date[] }
  /** What each release adds to the figures (release/counted.ts). `at`: its end or, before that, since when it is counted. */
  release_figures: {
    release: number
    app: string
    environment: string
    kind: ReleaseKind
    at: Date
    outcome: ReleaseState | null
    ended_at: Date | null
    confirmed_at: Date | null
    attention_at: Date | null
    rolled_back_at: Date | null
    signed_after_ms: string | number | null
    emergency: boolean
    run_ms: string | number | null
    step_ms: Json<CountedRelease['stepMs']>
    /** Separated by spaces. */
    steps: string
    lead_seconds: readonly number[]
    commits: number
  }
  /** One row: the releases from this number on have their rows; null: none were looked at. */
  figures_filled: { below: number | null }
  /** One row: the minimum version of the program that may work on the store. */
  store_version: { minimum: number }
}

export interface ReleaseTable {
  number: number
  app: string
  environment: string
  kind: ReleaseKind
  state: ReleaseState
  requester_id: string
  requester_name: string
  reason: string | null
  picks: NullableJson<readonly string[]>
  configuration: string
  request_key: string
  response_url: string | null
  replaces: number | null
  plan: NullableJson<Plan>
  fingerprint: string | null
  problem: NullableJson<Problem>
  ended_by_id: string | null
  ended_by_name: string | null
  end_reason: string | null
  replaced_by: number | null
  card_channel: string | null
  card_ts: string | null
  announcement_channel: string | null
  announcement_ts: string | null
  cancel_requested_by_id: string | null
  cancel_requested_by_name: string | null
  attempt: Generated<number>
  requested_at: Generated<Date>
  planned_at: Date | null
  card_posted_at: Date | null
  approved_at: Date | null
  started_at: Date | null
  ended_at: Date | null
  expires_at: Date | null
  start_at: Date | null
  start_time_zone: string | null
  newer_commits: number | null
  merge_requirements: NullableJson<readonly MergeRequirement[]>
  proof: NullableJson<Proof>
  freeze_shown: string | null
  /** Whether its card says that no worker can take it. */
  worker_missing_shown: Generated<boolean>
  rollback: NullableJson<RollbackRequest>
  /** The commit that a succeeded release proved; an index finds releases by it. */
  proven_commit: string | null
}

/** Replaces NUL, which Postgres's text can't store, in text of people and tools. */
export function storable(text: string): string {
  return text.replaceAll('\0', '')
}
