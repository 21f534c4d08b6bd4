/** The rows of the figures, counted from events and plans, and kept by the transactions that end a release. */
import { type Kysely, type SqlBool, sql } from 'kysely'
import { defined } from '../../lib/defined.ts'
import {
  COUNTABLE_EVENTS,
  COUNTED_AFTER,
  type CountableEvent,
  type CountedRelease,
  countedRelease,
} from '../../release/counted.ts'
import type { EventType, ReleaseEvent } from '../../release/events.ts'
import { countedAt } from '../../release/figures.ts'
import type { Plan } from '../../release/plan.ts'
import type { Release } from '../../release/release.ts'
import type { Tables } from './schema.ts'

/**
 * Counts again the releases that these events, which are appended, have ended or changed. To be called in the transaction
 * of the events.
 */
export async function keepFigures(trx: Kysely<Tables>, events: readonly ReleaseEvent[]): Promise<void> {
  const numbers = events.flatMap(({ type, release }) =>
    release !== undefined && COUNTED_AFTER.includes(type) ? [release] : [],
  )
  if (numbers.length > 0) await putCounted(trx, await countReleases(trx, [...new Set(numbers)]), 'replace')
}

type Countable = Pick<Release, 'number' | 'app' | 'environment' | 'kind' | 'state' | 'requestedAt' | 'plan'>

/** Counts these releases from their events and plans. */
export async function countReleases(db: Kysely<Tables>, numbers: readonly number[]): Promise<readonly CountedRow[]> {
  const releases = await db
    .selectFrom('release')
    .select(['number', 'app', 'environment', 'kind', 'state', 'requested_at', 'plan'])
    .where(sql<SqlBool>`number = any(${[...numbers]})`)
    .execute()
  const events = await eventsOf(db, numbers)
  return releases.map(({ requested_at: requestedAt, plan, ...release }) => {
    const facts: Countable = { ...release, requestedAt, ...defined({ plan: (plan as Plan | null) ?? undefined }) }
    return rowOf(countedRelease(facts, events.get(release.number) ?? []), facts)
  })
}

async function eventsOf(db: Kysely<Tables>, numbers: readonly number[]) {
  const rows = await db
    .selectFrom('event')
    .select(['release', 'type', 'at', 'body'])
    .where(sql<SqlBool>`release = any(${[...numbers]})`)
    .where(sql<SqlBool>`type = any(${[...COUNTABLE_EVENTS]})`)
    .orderBy('id')
    .execute()
  const found = new Map<number, CountableEvent[]>()
  for (const { release, type, at, body } of rows) {
    if (release === null) continue
    const event = { type: type as EventType, at, data: JSON.parse(body).data as object }
    const known = found.get(release)
    if (known === undefined) found.set(release, [event])
    else known.push(event)
  }
  return found
}

export interface CountedRow {
  readonly counted: CountedRelease
  /** By when it is found: for one that is not counted yet, its request. */
  readonly at: Date
}

function rowOf(counted: CountedRelease, { requestedAt }: Countable): CountedRow {
  const at = countedAt(counted)
  return { counted, at: at === undefined ? requestedAt : new Date(at) }
}

const moment = (ms: number | undefined) => (ms === undefined ? null : new Date(ms))

export async function putCounted(
  trx: Kysely<Tables>,
  rows: readonly CountedRow[],
  there: 'replace' | 'keep',
): Promise<void> {
  if (rows.length === 0) return
  const values = rows.map(({ counted, at }) => ({
    release: counted.number,
    app: counted.app,
    environment: counted.environment,
    kind: counted.kind,
    at,
    outcome: counted.outcome ?? null,
    ended_at: moment(counted.endedAt),
    confirmed_at: moment(counted.confirmedAt),
    attention_at: moment(counted.attentionAt),
    rolled_back_at: moment(counted.rolledBackAt),
    signed_after_ms: counted.signedAfterMs ?? null,
    emergency: counted.isEmergency,
    run_ms: counted.runMs ?? null,
    step_ms: JSON.stringify(counted.stepMs),
    steps: counted.steps.join(' '),
    lead_seconds: [...counted.leadSeconds],
    commits: counted.commits,
  }))
  const columns = Object.keys(values[0] ?? {}).filter((column) => column !== 'release') as 'at'[]
  await trx
    .insertInto('release_figures')
    .values(values)
    .onConflict((conflict) => {
      if (there === 'keep') return conflict.doNothing()
      return conflict
        .column('release')
        .doUpdateSet((excluded) =>
          Object.fromEntries(columns.map((column) => [column, excluded.ref(`excluded.${column}`)])),
        )
    })
    .execute()
}

/** At most one of each environment, and those whose release has ended without that its row says so. */
export function openOnes(db: Kysely<Tables>) {
  return db
    .selectFrom('release_figures')
    .innerJoin('release', 'release.number', 'release_figures.release')
    .select(['release.number', 'release.state', 'release.app', 'release.environment'])
    .where('release_figures.ended_at', 'is', null)
    .execute()
}
