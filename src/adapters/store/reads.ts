import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import type { ReleaseFilter } from '../../release/ports/store.ts'
import type { Release, ReleaseMark, SignOff, StepRow } from '../../release/release.ts'
import type { PersonName, PostedMessage } from '../../release/terms.ts'
import { hasEnded, RELEASE_STATES } from '../../release/terms.ts'
import type { ReleaseTable, Tables } from './schema.ts'

const notEnded = RELEASE_STATES.filter((state) => !hasEnded(state))

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

interface StepJson {
  name: StepRow['name']
  state: StepRow['state']
  attempt: number
  effect: StepRow['effect']
  started_at: string | null
  ended_at: string | null
  result: StepRow['result'] | null
}

interface MarkJson {
  mark: ReleaseMark['is']
  by_id: string
  by_name: string
  reason: string | null
  rollback: number | null
  at: string
}

type WholeRow = Selectable<ReleaseTable> & { sign_offs: SignOffRow[]; steps: StepJson[]; marked: MarkJson | null }

/** Releases with their sign-offs and steps, in one statement, so that they are consistent. */
function wholeReleases(db: Kysely<Tables>) {
  return db
    .selectFrom('release')
    .selectAll()
    .select([
      sql<SignOffRow[]>`coalesce((
        select json_agg(row_to_json(sign_off) order by position) from sign_off where sign_off.release = release.number
      ), '[]')`.as('sign_offs'),
      sql<StepJson[]>`coalesce((
        select json_agg(row_to_json(step) order by position) from step where step.release = release.number
      ), '[]')`.as('steps'),
      sql<MarkJson | null>`(
        select row_to_json(release_mark) from release_mark where release_mark.release = release.number
      )`.as('marked'),
    ])
}

export async function readRelease(db: Kysely<Tables>, number: number): Promise<Release | undefined> {
  const row = await wholeReleases(db).where('number', '=', number).executeTakeFirst()
  return row && toRelease(row)
}

export async function readReleaseByRequest(db: Kysely<Tables>, requestKey: string): Promise<Release | undefined> {
  const row = await wholeReleases(db).where('request_key', '=', requestKey).executeTakeFirst()
  return row && toRelease(row)
}

/** The release of the environment that is not ended. */
export async function readCurrent(db: Kysely<Tables>, app: string, environment: string): Promise<Release | undefined> {
  const row = await wholeReleases(db)
    .where('app', '=', app)
    .where('environment', '=', environment)
    .where('state', 'in', notEnded)
    .executeTakeFirst()
  return row && toRelease(row)
}

/** Newest first, by number. The next page's `before` is the last number of this one. */
export async function readReleases(db: Kysely<Tables>, filter: ReleaseFilter): Promise<readonly Release[]> {
  const { app, environment, kind, states, signedAs, proved, marked, before, limit } = filter
  let query = wholeReleases(db).orderBy('number', 'desc').limit(limit)
  if (app !== undefined) query = query.where('app', '=', app)
  if (environment !== undefined) query = query.where('environment', '=', environment)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (states !== undefined) query = query.where(sql<SqlBool>`state = any(${[...states]})`)
  if (signedAs !== undefined) {
    const signed = sql<SqlBool>`exists (select from sign_off s where s.release = release.number and s.kind = ${signedAs})`
    query = query.where(signed)
  }
  if (proved !== undefined) query = query.where('proven_commit', 'like', `${proved}%`)
  if (marked !== undefined) {
    query = query.where(
      sql<SqlBool>`exists (select from release_mark m where m.release = release.number and m.mark = ${marked})`,
    )
  }
  if (before !== undefined) query = query.where('number', '<', before)
  return (await query.execute()).map(toRelease)
}

function toRelease(row: WholeRow): Release {
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
    ...present('newerCommits', row.newer_commits),
    ...present('mergeRequirements', row.merge_requirements),
    ...present('rollback', row.rollback),
    ...present('provenCommit', row.proven_commit),
    ...present('mark', row.marked && toMark(row.marked)),
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
