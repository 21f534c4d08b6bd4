import { defined } from '../../../lib/defined.ts'
import { pollUntil } from '../../../lib/retry.ts'
import type { MigrationStatus, UpgradeAnswer } from '../../../release/ports/migrator.ts'
import type { Performed, Stopped } from '../../../release/transitions/index.ts'
import { inCheckout, readDatabase } from '../../database.ts'
import { migratorError } from '../../service-errors.ts'
import { type Probe, type Step, type StepContext, stopped, wasCutOff } from './step.ts'
import { upgradeWithRetry } from './upgrade.ts'

function migrationOf({ environment }: StepContext) {
  const [migration] = environment.migrations
  if (migration === undefined) throw new Error(`${environment.name} has no migrations`)
  return migration
}

function database({ plan }: StepContext) {
  const planned = plan.bound.database
  if (planned === null) throw new Error('this plan has no migrations')
  return planned
}

const atHead = (revisions: readonly string[], head: string | null) => revisions.length === 1 && revisions[0] === head

interface Now {
  readonly revisions: readonly string[]
  /** One of our sessions is active in the database: an interrupted migration, since we run one at a time. */
  readonly isWorking: boolean
}

async function databaseNow(run: StepContext): Promise<Now | Stopped> {
  const migration = migrationOf(run)
  const now = await readDatabase(run.ports, { ...run, migration }, run.signal)
  if (!now.ok) return stopped(migratorError(migration, now).refused, 'as before')
  return { revisions: now.value.revisions, isWorking: now.value.isWorking === true }
}

/**
 * After an interrupted migration: polls until no session of ours is active in the database. Its process may still be
 * alive, and Postgres completes a statement even if its client is gone.
 */
async function awaitIdleDatabase(run: StepContext): Promise<Now | Stopped> {
  const { times, migrator, clock } = run.ports
  let last = await databaseNow(run)
  if (!('is' in last) && !last.isWorking) return last
  await run.tell(
    `migrate-waits:${run.release.attempt}`,
    'An interrupted migration is still running in the database. Waiting for it to end.',
  )
  await pollUntil(
    async () => {
      last = await databaseNow(run)
      return 'is' in last || last.isWorking ? undefined : last
    },
    { forMs: migrator.limits.endsWithinMs, everyMs: times.poll, signal: run.signal, clock },
  )
  if (!('is' in last) && last.isWorking) {
    const detail = 'an interrupted migration is still running in the database'
    return stopped({ gate: 'migration_unknown', detail, output: [] }, 'unknown', {
      result: { revisions: last.revisions },
    })
  }
  return last
}

function found(run: StepContext, now: Now | Stopped): Probe {
  const { head, pending } = database(run)
  if ('is' in now) return now
  if (!atHead(now.revisions, head)) return { is: 'absent' }
  return { is: 'there', result: { said: done(pending.length, head), revisions: now.revisions } }
}

/** Applies the pending revisions from a checkout of the exact commit, then reads the database's revisions again. */
export const migrate: Step = {
  name: 'migrate',

  async probe(run) {
    if (!wasCutOff(run)) return found(run, await databaseNow(run))
    const now = await awaitIdleDatabase(run)
    const seen = found(run, now)
    if (seen.is !== 'absent' || 'is' in now) return seen
    // A migration that commits midway was interrupted: the revision does not show how much of it is applied.
    const partly = mayBePartlyApplied(run, 'cut off', pendingAfter(run, now.revisions))
    if (partly === undefined) return seen
    const detail = `${partly} was interrupted, and may be partly applied`
    return stopped({ gate: 'migration_unknown', detail, output: [] }, 'unknown', {
      result: { revisions: now.revisions },
    })
  },

  async perform(run) {
    const { ports, app, commit, signal } = run
    const migration = migrationOf(run)
    if (commit === undefined) throw new Error('migrations need the commit to deploy')
    return inCheckout(ports, app, commit, async (checkout): Promise<Performed | Stopped> => {
      const recheck = async () => {
        const now = await ports.migrator.status(migration, checkout, signal)
        if (!now.ok) return stopped(migratorError(migration, now).refused, 'as before')
        return changedSince(run, now.value)
      }
      const different = await recheck()
      if (different !== undefined) return different
      const answer = await upgradeWithRetry(run, migration, checkout, recheck)
      if ('is' in answer) return answer
      const after = answer.upgrade === 'unknown' ? await awaitIdleDatabase(run) : await databaseNow(run)
      if ('is' in after) {
        const { output } = answer
        const detail = 'the database has not answered since the migration started'
        return stopped({ gate: 'migration_unknown', detail, output: output.slice(-20) }, 'unknown', { output })
      }
      return outcome(run, answer, after.revisions)
    })
  },
}

/** Stops unless the database and the pending revisions are the signed ones. Signed revisions that an earlier try applied are fine. */
function changedSince(run: StepContext, { identity, pending, heads }: MigrationStatus): Stopped | undefined {
  const planned = database(run)
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

function outcome(run: StepContext, answer: UpgradeAnswer, after: readonly string[]): Performed | Stopped {
  const { head, pending, revisions } = database(run)
  const { output } = answer
  const result = { revisions: after }
  if (atHead(after, head)) {
    return { is: 'done', effect: 'some', result: { said: done(pending.length, head), revisions: after } }
  }
  // Compared with the plan and not with this try: an earlier try may have applied some.
  const untouched = [...revisions].sort().join() === [...after].sort().join()
  if (answer.upgrade !== 'done') {
    const reached = after.length === 0 ? -1 : Math.max(...after.map((revision) => pending.indexOf(revision)))
    const { errorLine } = run.ports.migrator.words
    const line = output.findLast((each) => errorLine.test(each)) ?? output.findLast((each) => each.trim() !== '')
    const ending = answer.upgrade === 'failed' ? { failed: answer.revision } : 'cut off'
    const partly = mayBePartlyApplied(run, ending, pending.slice(reached + 1))
    const because = defined({
      gate: 'migration_failed',
      revision: answer.upgrade === 'failed' ? answer.revision : undefined,
      database: after,
      applied: pending.slice(0, reached + 1),
      pending: pending.slice(reached + 1),
      partly,
      line,
      output: output.slice(-20),
    })
    const nothing = partly === undefined ? 'none' : 'unknown'
    return stopped(because, untouched ? nothing : 'some', { output, result })
  }
  const detail = `the database is at ${after.join(', ') || 'no revision'}, not at ${head}`
  return stopped({ gate: 'migration_unknown', detail, output: output.slice(-20) }, 'unknown', { output, result })
}

/** The planned revisions that are not applied when the database is at `revisions`. */
function pendingAfter(run: StepContext, revisions: readonly string[]): readonly string[] {
  const { pending } = database(run)
  return pending.slice(Math.max(-1, ...revisions.map((revision) => pending.indexOf(revision))) + 1)
}

/**
 * The revision that a failure may have left partly applied: one that commits midway, or any on a database whose schema
 * changes are not transactional.
 */
function mayBePartlyApplied(
  run: StepContext,
  ending: 'cut off' | { readonly failed: string | undefined },
  left: readonly string[],
): string | undefined {
  const failed = ending === 'cut off' ? left[0] : ending.failed
  const revision = failed ?? left[0]
  if (revision === undefined || !left.includes(revision)) return undefined
  const isPostgres = !database(run).identity.includes('://')
  const commits = run.plan.migrations.find((each) => each.revision === revision)?.commits === true
  return commits || (!isPostgres && failed !== undefined) ? revision : undefined
}

function done(count: number, head: string | null): string {
  return `Migrated the database to ${head}: ${count}\u00a0${count === 1 ? 'migration' : 'migrations'} applied`
}
