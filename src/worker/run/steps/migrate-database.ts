/** Migrates one database of a plan: from a checkout of the exact commit, and only what was signed. */
import { defined } from '../../../lib/defined.ts'
import { pollUntil } from '../../../lib/retry.ts'
import type { BoundDatabase } from '../../../release/plan.ts'
import type { PlannedMigration } from '../../../release/planned-migration.ts'
import type { Backend, MigrationStatus, UpgradeAnswer } from '../../../release/ports/migrator.ts'
import type { MigrationSettings } from '../../../release/settings.ts'
import type { Stopped } from '../../../release/transitions/index.ts'
import { readDatabase } from '../../database.ts'
import { migratorError } from '../../service-errors.ts'
import { type StepContext, stopped } from './step.ts'
import { upgradeWithRetry } from './upgrade.ts'

/** One database of the plan, and the entry of the configuration that leads to it. */
export interface Target {
  readonly database: BoundDatabase
  readonly migration: MigrationSettings
}

export interface Now {
  readonly revisions: readonly string[]
  /** One of our sessions is active in the database: an interrupted migration, since we run one at a time. */
  readonly isWorking: boolean
}

/** A stop that may tell where the database is. */
export type StoppedAt = Stopped & { readonly revisions?: readonly string[] }

export function isAtHead({ head }: BoundDatabase, revisions: readonly string[]): boolean {
  return revisions.length === 1 && revisions[0] === head
}

/** How far a database is that has these revisions. */
export function standingOf({ name = '', pending }: BoundDatabase, revisions: readonly string[]) {
  const reached = Math.max(-1, ...revisions.map((revision) => pending.indexOf(revision)))
  return { name, database: revisions, applied: pending.slice(0, reached + 1), pending: pending.slice(reached + 1) }
}

/** `backends`: the sessions of an upgrade that may still be at work; default: of the try before. */
export async function databaseNow(
  run: StepContext,
  { migration }: Target,
  backends: readonly Backend[] = run.before?.result?.backends ?? [],
): Promise<Now | Stopped> {
  const now = await readDatabase(run.ports, { ...run, migration, backends }, run.signal)
  if (!now.ok) return stopped(migratorError(migration, now).refused, 'as before')
  return { revisions: now.value.revisions, isWorking: now.value.isWorking === true }
}

/**
 * After an interrupted migration: polls until no session of ours is active in the database. Its process may still be
 * alive, and Postgres completes a statement even if its client is gone.
 */
export async function awaitIdleDatabase(
  run: StepContext,
  target: Target,
  backends?: readonly Backend[],
): Promise<Now | StoppedAt> {
  const { times, migrator, clock } = run.ports
  let last = await databaseNow(run, target, backends)
  if (!('is' in last) && !last.isWorking) return last
  await run.tell(
    `migrate-waits:${run.release.attempt}${target.database.name === undefined ? '' : `:${target.database.name}`}`,
    'An interrupted migration is still running in the database. Waiting for it to end.',
  )
  await pollUntil(
    async () => {
      last = await databaseNow(run, target, backends)
      return 'is' in last || last.isWorking ? undefined : last
    },
    { forMs: migrator.limits.endsWithinMs, everyMs: times.poll, signal: run.signal, clock },
  )
  if ('is' in last || !last.isWorking) return last
  const detail = 'an interrupted migration is still running in the database'
  return { ...stopped({ gate: 'migration_unknown', detail, output: [] }, 'unknown'), revisions: last.revisions }
}

/** The revision that an interrupted migration may have left partly applied, in a database that is at `revisions`. */
export function cutOffPartly(run: StepContext, target: Target, revisions: readonly string[]): string | undefined {
  return mayBePartlyApplied(run, target, 'cut off', standingOf(target.database, revisions).pending)
}

/**
 * Applies the pending revisions if they are the signed ones, then reads the database's revisions again. Returns them at
 * the planned head, else a stop.
 */
export async function migrateDatabase(
  run: StepContext,
  target: Target,
  checkout: string,
): Promise<{ readonly revisions: readonly string[] } | StoppedAt> {
  const { database, migration } = target
  const confirm = (status: MigrationStatus) => changedSince(database, status)
  const mayCommitInside = ownMigrations(run, database).some(mayCommit)
  let backends: readonly Backend[] = []
  const onBackends = (all: readonly Backend[]) => {
    backends = all
  }
  const { name } = database
  const answer = await upgradeWithRetry(run, { migration, name, checkout, confirm, mayCommitInside, onBackends })
  if ('is' in answer) return answer
  const after = await (answer.upgrade === 'unknown'
    ? awaitIdleDatabase(run, target, backends)
    : databaseNow(run, target, backends))
  if ('is' in after) {
    const { output } = answer
    const detail = 'the database has not answered since the migration started'
    return stopped({ gate: 'migration_unknown', detail, output: output.slice(-20) }, 'unknown', { output })
  }
  return outcome(run, target, answer, after.revisions)
}

/** Stops unless the database and the pending revisions are the signed ones. Signed revisions that an earlier try applied are fine. */
function changedSince(planned: BoundDatabase, { identity, pending, heads }: MigrationStatus): Stopped | undefined {
  if (identity !== planned.identity) {
    const moved = [{ what: 'the database', from: planned.identity, to: identity }]
    return stopped({ gate: 'plan_outdated', moved }, 'as before')
  }
  const same = heads.length === 1 && heads[0]?.revision === planned.head
  const known = pending.every(({ revision }) => planned.pending.includes(revision))
  if (same && known) return undefined
  const now = pending.map(({ revision }) => revision).join(', ')
  return stopped(
    { gate: 'plan_outdated', moved: [{ what: 'the pending migrations', from: planned.pending.join(', '), to: now }] },
    'as before',
  )
}

function outcome(
  run: StepContext,
  target: Target,
  answer: UpgradeAnswer,
  after: readonly string[],
): { readonly revisions: readonly string[] } | StoppedAt {
  const { database } = target
  const { output } = answer
  if (isAtHead(database, after)) {
    const { invalidIndexes } = answer
    if (invalidIndexes === undefined) return { revisions: after }
    return { ...leftInvalid(database, invalidIndexes, output), revisions: after }
  }
  if (answer.upgrade === 'done') {
    const detail = `the database is at ${after.join(', ') || 'no revision'}, not at ${database.head}`
    const because = { gate: 'migration_unknown', detail, output: output.slice(-20) } as const
    return { ...stopped(because, 'unknown', { output }), revisions: after }
  }
  const { applied, pending } = standingOf(database, after)
  const { errorLine } = run.ports.migrator.words
  const line = output.findLast((each) => errorLine.test(each)) ?? output.findLast((each) => each.trim() !== '')
  const last = answer.revision ?? pending[0]
  const committed = last !== undefined && answer.committedInside?.includes(last) === true
  const ending = answer.upgrade === 'failed' ? { failed: answer.revision, committed } : 'cut off'
  const partly = mayBePartlyApplied(run, target, ending, pending)
  const because = defined({
    gate: 'migration_failed',
    revision: answer.upgrade === 'failed' ? answer.revision : undefined,
    database: after,
    applied,
    pending,
    partly,
    line,
    output: output.slice(-20),
  })
  // Compared with the plan and not with this try: an earlier try may have applied some.
  const untouched = [...database.revisions].sort().join() === [...after].sort().join()
  const effect = untouched ? (partly === undefined ? 'none' : 'unknown') : 'some'
  return { ...stopped(because, effect, { output }), revisions: after }
}

/** All revisions are applied, and these indexes are invalid since. */
export function leftInvalid(
  { name }: BoundDatabase,
  indexes: readonly string[],
  output: readonly string[] = [],
): Stopped {
  return stopped({ gate: 'invalid_indexes', indexes, ...defined({ name }) }, 'some', { output })
}

function ownMigrations({ plan }: StepContext, { name }: BoundDatabase): readonly PlannedMigration[] {
  return plan.migrations.filter(({ database }) => database === name)
}

/** Whether it commits in its middle, as far as its SQL is known. */
const mayCommit = ({ commits, sql }: PlannedMigration) => commits === true || sql === undefined

/**
 * The revision that a failure may have left partly applied: one that commits midway, or any on a database whose schema
 * changes are not transactional.
 */
function mayBePartlyApplied(
  run: StepContext,
  { database }: Target,
  ending: 'cut off' | { readonly failed: string | undefined; readonly committed: boolean },
  left: readonly string[],
): string | undefined {
  const failed = ending === 'cut off' ? left[0] : ending.failed
  const revision = failed ?? left[0]
  if (revision === undefined || !left.includes(revision)) return undefined
  const isPostgres = !database.identity.includes('://')
  const own = ownMigrations(run, database).find((each) => each.revision === revision)
  // An interrupted one tells nothing more. One that failed tells whether it has committed on the connections of env.py.
  const hasCommitted =
    ending === 'cut off'
      ? own === undefined || mayCommit(own)
      : ending.committed || (own?.commits === true && own.sql !== undefined)
  return hasCommitted || (!isPostgres && failed !== undefined) ? revision : undefined
}
