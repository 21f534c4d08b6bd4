import { type Kysely, type SqlBool, sql, type Updateable } from 'kysely'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { Tested } from '../../release/changes.ts'
import { type CommitAs, LeaseLost } from '../../release/ports/jobs.ts'
import type { NewRelease, ReleaseChange } from '../../release/ports/store.ts'
import type { Release, ReleaseMark, SignOff, StepRow } from '../../release/release.ts'
import type { PersonName, PostedMessage } from '../../release/terms.ts'
import { mayBecome, RELEASE_STATES } from '../../release/terms.ts'
import { readCurrent, readRelease, readReleaseByRequest } from './reads.ts'
import { type ReleaseTable, storable, type Tables } from './schema.ts'
import { minimumVersion } from './version.ts'

/**
 * As Transaction.createRelease. Locks the row of the last number first, so that concurrent requests run one after another
 * and see each other's releases. The number of a rolled-back request is reused.
 */
export async function createRelease(
  trx: Kysely<Tables>,
  wanted: NewRelease,
): Promise<{ made: Release } | { seen: Release } | { busy: Release }> {
  const { last } = await trx.selectFrom('release_number').select('last').forUpdate().executeTakeFirstOrThrow()
  const seen = await readReleaseByRequest(trx, wanted.requestKey)
  if (seen !== undefined) return { seen }
  const busy = await readCurrent(trx, wanted.app, wanted.environment)
  if (busy !== undefined) return { busy }

  const number = last + 1
  await trx.updateTable('release_number').set({ last: number }).execute()
  await trx
    .insertInto('release')
    .values({
      number,
      app: wanted.app,
      environment: wanted.environment,
      kind: wanted.kind,
      state: 'planning',
      requester_id: wanted.requester.id,
      requester_name: storable(wanted.requester.name),
      configuration: wanted.configuration,
      request_key: wanted.requestKey,
      response_url: wanted.responseUrl ?? null,
      reason: wanted.reason === undefined ? null : storable(wanted.reason),
      picks: wanted.picks === undefined ? null : canonicalJson(wanted.picks),
      rollback: wanted.rollback === undefined ? null : canonicalJson(wanted.rollback),
      replaces: wanted.replaces ?? null,
      start_at: wanted.schedule?.at ?? null,
      start_time_zone: wanted.schedule?.timeZone ?? null,
    })
    .execute()
  if (wanted.replaces !== undefined) {
    await trx.updateTable('release').set({ replaced_by: number }).where('number', '=', wanted.replaces).execute()
  }
  const made = await readRelease(trx, number)
  if (made === undefined) throw new Error(`Release #${number} was created but can't be read.`)
  return { made }
}

/** As Transaction.lockEnvironment. */
export async function lockEnvironment(trx: Kysely<Tables>, app: string, environment: string): Promise<void> {
  await environmentRow(trx, ALL).forShare().execute()
  const place = { app, environment }
  const found = await environmentRow(trx, place).forUpdate().executeTakeFirst()
  if (found !== undefined) return
  // Waits for a concurrent insert of the same row: an update that changes nothing locks it.
  await trx
    .insertInto('environment_row')
    .values(place)
    .onConflict((conflict) => conflict.columns(['app', 'environment']).doUpdateSet(place))
    .execute()
}

/** As Transaction.lockAllEnvironments. */
export async function lockAllEnvironments(trx: Kysely<Tables>): Promise<void> {
  await environmentRow(trx, ALL).forUpdate().execute()
}

const ALL = { app: '', environment: '' }

function environmentRow(trx: Kysely<Tables>, { app, environment }: typeof ALL) {
  return trx.selectFrom('environment_row').select('app').where('app', '=', app).where('environment', '=', environment)
}

/**
 * As Transaction.lockRelease. Needs two statements: one that waits for the lock would read sign-offs and steps from before
 * the wait. `for no key update` lets others add rows that refer to the release.
 */
export async function lockRelease(trx: Kysely<Tables>, number: number): Promise<Release | undefined> {
  await trx.selectFrom('release').select('number').where('number', '=', number).forNoKeyUpdate().execute()
  return readRelease(trx, number)
}

/** As Transaction.changeRelease. Throws for an unknown release, and for a state that can't follow its current one. */
export async function changeRelease(trx: Kysely<Tables>, number: number, change: ReleaseChange): Promise<void> {
  const columns = changedColumns(change)
  if (Object.keys(columns).length === 0) return
  let update = trx.updateTable('release').set(columns).where('number', '=', number)
  const { state } = change
  if (state !== undefined) {
    const before = RELEASE_STATES.filter((from) => from === state || mayBecome(from, state))
    update = update.where('state', 'in', before)
  }
  const { numUpdatedRows } = await update.executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) {
    throw new Error(`Release #${number} does not exist, or can't become ${state ?? 'changed'} from its current state.`)
  }
}

function changedColumns(change: ReleaseChange): Updateable<ReleaseTable> {
  const columns: Updateable<ReleaseTable> = {}
  if (change.state !== undefined) columns.state = change.state
  if (change.attempt !== undefined) columns.attempt = change.attempt
  if ('plan' in change) columns.plan = json(change.plan)
  if ('fingerprint' in change) columns.fingerprint = change.fingerprint ?? null
  if ('problem' in change) columns.problem = json(change.problem)
  if ('endedBy' in change) Object.assign(columns, personColumns('ended_by', change.endedBy))
  if ('endReason' in change) columns.end_reason = change.endReason === undefined ? null : storable(change.endReason)
  if ('replacedBy' in change) columns.replaced_by = change.replacedBy ?? null
  if ('card' in change) Object.assign(columns, messageColumns('card', change.card))
  if ('announcement' in change) Object.assign(columns, messageColumns('announcement', change.announcement))
  if ('cancelRequestedBy' in change) {
    Object.assign(columns, personColumns('cancel_requested_by', change.cancelRequestedBy))
  }
  if ('plannedAt' in change) columns.planned_at = change.plannedAt ?? null
  if ('cardPostedAt' in change) columns.card_posted_at = change.cardPostedAt ?? null
  if ('approvedAt' in change) columns.approved_at = change.approvedAt ?? null
  if ('startedAt' in change) columns.started_at = change.startedAt ?? null
  if ('endedAt' in change) columns.ended_at = change.endedAt ?? null
  if ('expiresAt' in change) columns.expires_at = change.expiresAt ?? null
  if ('schedule' in change) {
    columns.start_at = change.schedule?.at ?? null
    columns.start_time_zone = change.schedule?.timeZone ?? null
  }
  if ('mergeRequirements' in change) columns.merge_requirements = json(change.mergeRequirements)
  if ('proof' in change) columns.proof = json(change.proof)
  if ('freezeShown' in change) columns.freeze_shown = change.freezeShown ?? null
  if ('workerMissingShown' in change) columns.worker_missing_shown = change.workerMissingShown ?? false
  if ('provenCommit' in change) columns.proven_commit = change.provenCommit ?? null
  if ('newerCommits' in change) columns.newer_commits = change.newerCommits ?? null
  return columns
}

function personColumns(prefix: 'ended_by' | 'cancel_requested_by', person: PersonName | undefined) {
  return { [`${prefix}_id`]: person?.id ?? null, [`${prefix}_name`]: person ? storable(person.name) : null }
}

function messageColumns(prefix: 'card' | 'announcement', message: PostedMessage | undefined) {
  return { [`${prefix}_channel`]: message?.channel ?? null, [`${prefix}_ts`]: message?.ts ?? null }
}

function json(value: unknown): string | null {
  return value === undefined ? null : canonicalJson(value)
}

/** As Transaction.addSignOff. */
export async function addSignOff(trx: Kysely<Tables>, number: number, signOff: Omit<SignOff, 'at'>): Promise<boolean> {
  const added = await trx
    .insertInto('sign_off')
    .values({
      release: number,
      kind: signOff.kind,
      person_id: signOff.person.id,
      person_name: storable(signOff.person.name),
      fingerprint: signOff.fingerprint,
      note: signOff.note === undefined ? null : storable(signOff.note),
      right: signOff.right,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('release')
    .executeTakeFirst()
  return added !== undefined
}

/** As Transaction.addTested. */
export async function addTested(
  trx: Kysely<Tables>,
  number: number,
  tested: readonly Omit<Tested, 'at'>[],
): Promise<void> {
  if (tested.length === 0) return
  await trx
    .insertInto('change_tested')
    .values(
      tested.map(({ change, person, right, isOwn = false, note }) => ({
        ...{ release: number, change, right, is_own: isOwn },
        ...{ person_id: person.id, person_name: storable(person.name) },
        note: note === undefined ? null : storable(note),
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** As Transaction.disputeSignOff. */
export async function disputeSignOff(
  trx: Kysely<Tables>,
  number: number,
  { kind, person, fingerprint, at }: SignOff,
): Promise<boolean> {
  const columns = sql`position, release, kind, person_id, person_name, fingerprint, note, "right", at`
  const { rows } = await sql`
    with void as (
      delete from sign_off
      where release = ${number} and kind = ${kind} and person_id = ${person.id} and fingerprint = ${fingerprint}
        and at = ${at}
      returning ${columns}
    )
    insert into disputed_sign_off (${columns}) select ${columns} from void returning release`.execute(trx)
  if (rows.length === 0) return false
  if (kind === 'qa') {
    await trx.deleteFrom('change_tested').where('release', '=', number).where('person_id', '=', person.id).execute()
  }
  return true
}

/**
 * As Transaction.putStep. A step keeps the position of its first row. Under a lease it keeps the fencing number too, and the
 * store refuses a step that a later holder of the lease has written.
 */
export async function putStep(
  trx: Kysely<Tables>,
  number: number,
  step: StepRow,
  lease: CommitAs['lease'],
): Promise<void> {
  const columns = {
    state: step.state,
    attempt: step.attempt,
    effect: step.effect,
    started_at: step.startedAt ?? null,
    ended_at: step.endedAt ?? null,
    result: json(step.result),
    ...(lease && { fence: lease.fence }),
  }
  const put = await trx
    .insertInto('step')
    .values({ release: number, name: step.name, ...columns })
    .onConflict((conflict) => {
      const update = conflict.columns(['release', 'name']).doUpdateSet(columns)
      return lease ? update.where(sql<SqlBool>`coalesce(step.fence, 0) <= ${lease.fence}`) : update
    })
    .returning('release')
    .executeTakeFirst()
  if (put === undefined && lease) throw new LeaseLost(lease)
}

/** As Transaction.putMark. */
export async function putMark(
  trx: Kysely<Tables>,
  number: number,
  { is, by, reason, rollback }: Omit<ReleaseMark, 'at'>,
): Promise<void> {
  const columns = {
    mark: is,
    by_id: by.id,
    by_name: storable(by.name),
    reason: reason === undefined ? null : storable(reason),
    rollback: rollback ?? null,
    at: sql<Date>`date_trunc('milliseconds', now())`,
  }
  await trx
    .insertInto('release_mark')
    .values({ release: number, ...columns })
    .onConflict((conflict) => conflict.column('release').doUpdateSet(columns))
    .execute()
}

/** The transaction's time, to the millisecond, the minimum version of the program, and whether webhooks tell any URL. */
export function readNow(db: Kysely<Tables>): Promise<{ now: Date; minimum: number; hasWebhooks: boolean }> {
  return db
    .selectNoFrom([
      sql<Date>`date_trunc('milliseconds', now())`.as('now'),
      minimumVersion.as('minimum'),
      sql<boolean>`exists (select from webhook_endpoint where gone_at is null)`.as('hasWebhooks'),
    ])
    .executeTakeFirstOrThrow()
}
