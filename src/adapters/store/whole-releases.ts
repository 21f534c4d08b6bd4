/** How a whole release is read: its row with its sign-offs, steps, mark and tested changes. */
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Tested } from '../../release/changes.ts'
import type { DisputedSignOff, Release, ReleaseMark, SignOff, StepRow } from '../../release/release.ts'
import type { PersonName, PostedMessage } from '../../release/terms.ts'
import { PREPARED } from './connection.ts'
import type { ReleaseTable, Tables } from './schema.ts'

/** By name: a prepared statement must give the same columns when a later version has added one. */
const COLUMNS = Object.keys({
  number: true,
  app: true,
  environment: true,
  kind: true,
  state: true,
  requester_id: true,
  requester_name: true,
  reason: true,
  picks: true,
  configuration: true,
  request_key: true,
  response_url: true,
  replaces: true,
  plan: true,
  fingerprint: true,
  problem: true,
  ended_by_id: true,
  ended_by_name: true,
  end_reason: true,
  replaced_by: true,
  card_channel: true,
  card_ts: true,
  announcement_channel: true,
  announcement_ts: true,
  cancel_requested_by_id: true,
  cancel_requested_by_name: true,
  attempt: true,
  requested_at: true,
  planned_at: true,
  card_posted_at: true,
  approved_at: true,
  started_at: true,
  ended_at: true,
  expires_at: true,
  start_at: true,
  start_time_zone: true,
  newer_commits: true,
  merge_requirements: true,
  proof: true,
  freeze_shown: true,
  rollback: true,
  proven_commit: true,
  worker_missing_shown: true,
} satisfies Record<keyof ReleaseTable, true>) as (keyof ReleaseTable)[]

/** Times are text, because they are inside JSON. */
interface SignOffRow {
  kind: SignOff['kind']
  person_id: string
  person_name: string
  fingerprint: string
  note: string | null
  right: string
  at: string
}

interface DisputedRow extends SignOffRow {
  disputed_at: string
}

interface StepJson {
  name: StepRow['name']
  state: StepRow['state']
  attempt: number
  effect: StepRow['effect']
  started_at: string | null
  ended_at: string | null
  result: StepRow['result'] | null
}

interface TestedJson {
  change: string
  person_id: string
  person_name: string
  right: string
  is_own: boolean
  note: string | null
  at: string
}

interface MarkJson {
  mark: ReleaseMark['is']
  by_id: string
  by_name: string
  reason: string | null
  rollback: number | null
  at: string
}

type WholeRow = Selectable<ReleaseTable> & {
  sign_offs: SignOffRow[]
  disputed: DisputedRow[] | null
  steps: StepJson[]
  marked: MarkJson | null
  tested: TestedJson[] | null
}

/** Releases with their sign-offs, steps, mark and tested changes, in one statement, so that they are consistent. */
export function wholeReleases(db: Kysely<Tables>) {
  return db
    .selectFrom('release')
    .modifyFront(sql.raw(PREPARED))
    .select(COLUMNS)
    .select([
      sql<SignOffRow[]>`coalesce((
        select json_agg(row_to_json(sign_off) order by position) from sign_off where sign_off.release = release.number
      ), '[]')`.as('sign_offs'),
      sql<DisputedRow[] | null>`(
        select json_agg(row_to_json(d) order by disputed_at, position) from disputed_sign_off d
        where d.release = release.number
      )`.as('disputed'),
      sql<StepJson[]>`coalesce((
        select json_agg(row_to_json(step) order by position) from step where step.release = release.number
      ), '[]')`.as('steps'),
      sql<TestedJson[] | null>`(
        select json_agg(row_to_json(change_tested) order by position)
        from change_tested where change_tested.release = release.number
      )`.as('tested'),
      sql<MarkJson | null>`(
        select row_to_json(release_mark) from release_mark where release_mark.release = release.number
      )`.as('marked'),
    ])
}

export function toRelease(row: WholeRow): Release {
  return {
    number: row.number,
    app: row.app,
    environment: row.environment,
    kind: row.kind,
    state: row.state,
    requester: { id: row.requester_id, name: row.requester_name },
    configuration: row.configuration,
    attempt: row.attempt,
    requestedAt: row.requested_at,
    signOffs: row.sign_offs.map(toSignOff),
    steps: row.steps.map(toStep),
    ...present('disputed', row.disputed?.map(toDisputed)),
    ...present('responseUrl', row.response_url),
    ...present('reason', row.reason),
    ...present('picks', row.picks),
    ...present('plan', row.plan),
    ...present('fingerprint', row.fingerprint),
    ...present('problem', row.problem),
    ...present('endedBy', person(row.ended_by_id, row.ended_by_name)),
    ...present('endReason', row.end_reason),
    ...present('replacedBy', row.replaced_by),
    ...present('card', posted(row.card_channel, row.card_ts)),
    ...present('announcement', posted(row.announcement_channel, row.announcement_ts)),
    ...present('cancelRequestedBy', person(row.cancel_requested_by_id, row.cancel_requested_by_name)),
    ...present('plannedAt', row.planned_at),
    ...present('cardPostedAt', row.card_posted_at),
    ...present('approvedAt', row.approved_at),
    ...present('startedAt', row.started_at),
    ...present('endedAt', row.ended_at),
    ...present('expiresAt', row.expires_at),
    ...present('schedule', row.start_at && { at: row.start_at, timeZone: row.start_time_zone ?? 'UTC' }),
    ...present('newerCommits', row.newer_commits),
    ...present('mergeRequirements', row.merge_requirements),
    ...present('proof', row.proof),
    ...present('freezeShown', row.freeze_shown),
    ...(row.worker_missing_shown && { workerMissingShown: true }),
    ...present('rollback', row.rollback),
    ...present('provenCommit', row.proven_commit),
    ...present('mark', row.marked && toMark(row.marked)),
    ...present('tested', row.tested?.map(toTested)),
  }
}

function toTested({ change, person_id, person_name, right, is_own, note, at }: TestedJson): Tested {
  return {
    ...{ change, person: { id: person_id, name: person_name }, right, at: new Date(at) },
    ...(is_own && { isOwn: true }),
    ...present('note', note),
  }
}

function toMark({ mark, by_id, by_name, reason, rollback, at }: MarkJson): ReleaseMark {
  return {
    is: mark,
    by: { id: by_id, name: by_name },
    at: new Date(at),
    ...present('reason', reason),
    ...present('rollback', rollback),
  }
}

function toSignOff(row: SignOffRow): SignOff {
  return {
    kind: row.kind,
    person: { id: row.person_id, name: row.person_name },
    fingerprint: row.fingerprint,
    right: row.right,
    at: new Date(row.at),
    ...present('note', row.note),
  }
}

function toDisputed(row: DisputedRow): DisputedSignOff {
  return { ...toSignOff(row), disputedAt: new Date(row.disputed_at) }
}

function toStep(row: StepJson): StepRow {
  return {
    name: row.name,
    state: row.state,
    attempt: row.attempt,
    effect: row.effect,
    ...present('startedAt', row.started_at === null ? null : new Date(row.started_at)),
    ...present('endedAt', row.ended_at === null ? null : new Date(row.ended_at)),
    ...present('result', row.result),
  }
}

/** An optional field; absent if the column is null. */
export function present<K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: NonNullable<V> } {
  if (value === null || value === undefined) return {}
  const field: { [P in K]?: NonNullable<V> } = {}
  field[key] = value
  return field
}

function person(id: string | null, name: string | null): PersonName | null {
  return id === null ? null : { id, name: name ?? id }
}

function posted(channel: string | null, ts: string | null): PostedMessage | null {
  return channel === null || ts === null ? null : { channel, ts }
}
