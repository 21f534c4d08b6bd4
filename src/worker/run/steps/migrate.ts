import { type BoundDatabase, databasesOf } from '../../../release/plan.ts'
import type { StepResult } from '../../../release/release.ts'
import type { Performed, Stopped } from '../../../release/transitions/index.ts'
import { migrationFor } from '../../database.ts'
import { migratorError } from '../../service-errors.ts'
import {
  awaitIdleDatabase,
  cutOffPartly,
  databaseNow,
  isAtHead,
  leftInvalid,
  migrateDatabase,
  type StoppedAt,
  standingOf,
  type Target,
} from './migrate-database.ts'
import { type Probe, type Step, type StepContext, stopped, wasCutOff } from './step.ts'

/** The databases of the plan with their settings, in the order in which they are migrated. */
function targetsOf({ plan, environment }: StepContext): readonly Target[] {
  return databasesOf(plan.bound).map((database) => {
    const migration = migrationFor(environment, database)
    if (migration === undefined) throw new Error(`releases.yml has no migrations ${database.name ?? ''} any more`)
    return { database, migration }
  })
}

/** The rest of the run is not slowed down by the next checkout, which nobody needs before the next plan. */
const AFTER_A_RUN_MS = 3_000

/** Where each database is: as it was read, or else as planned. */
type Positions = Map<BoundDatabase, readonly string[]>

const plannedPositions = (targets: readonly Target[]): Positions =>
  new Map(targets.map(({ database }) => [database, database.revisions]))

/** Whether a database is no longer where the plan found it. */
function hasMoved(positions: Positions): boolean {
  const key = (revisions: readonly string[]) => [...revisions].sort().join()
  return [...positions].some(([{ revisions }, now]) => key(revisions) !== key(now))
}

function resultOf(positions: Positions): StepResult {
  const [[only, revisions] = []] = positions
  if (only !== undefined && revisions !== undefined && only.name === undefined) return { revisions }
  return { databases: [...positions].map(([{ name = '' }, now]) => ({ name, revisions: now })) }
}

function said(targets: readonly Target[]): string {
  const migrated = targets.map(({ database }) => database).filter(({ pending }) => pending.length > 0)
  const parts = migrated.map(({ name, head, pending }) => {
    const count = `${pending.length}\u00a0${pending.length === 1 ? 'migration' : 'migrations'}`
    return `${name === undefined ? 'the database' : name} to ${head}: ${count} applied`
  })
  return `Migrated ${parts.join('; ')}`
}

/** Applies the pending revisions of each database from a checkout of the exact commit, one database after the other. */
export const migrate: Step = {
  name: 'migrate',

  async probe(run): Promise<Probe> {
    const targets = targetsOf(run)
    const positions = plannedPositions(targets)
    let left: Target | undefined
    for (const target of targets) {
      const now = await (wasCutOff(run) ? awaitIdleDatabase(run, target) : databaseNow(run, target))
      if ('is' in now) return stoppedIn(target, now, positions)
      positions.set(target.database, now.revisions)
      if (!isAtHead(target.database, now.revisions)) left ??= target
    }
    if (left === undefined) {
      const { ports, app, commit, before } = run
      // Without a try of ours before, somebody else has migrated.
      const invalid =
        before === undefined || commit === undefined
          ? undefined
          : await ports.checkouts.use(app, commit, (checkout) => invalidSincePlan(run, targets, checkout))
      if (invalid !== undefined) return stoppedIn(...invalid, positions)
      return { is: 'there', result: { said: said(targets), ...resultOf(positions) } }
    }
    if (!wasCutOff(run)) return { is: 'absent' }
    // They run in order, so only the first that is not done can have been interrupted.
    const partly = cutOffPartly(run, left, positions.get(left.database) ?? [])
    if (partly === undefined) return { is: 'absent' }
    const detail = `${partly} was interrupted, and may be partly applied`
    return stopped({ gate: 'migration_unknown', detail, output: [] }, 'unknown', { result: resultOf(positions) })
  },

  async perform(run): Promise<Performed | Stopped> {
    const { ports, app, commit } = run
    if (commit === undefined) throw new Error('migrations need the commit to deploy')
    const targets = targetsOf(run)
    const positions = plannedPositions(targets)
    return ports.checkouts.use(
      app,
      commit,
      async (checkout): Promise<Performed | Stopped> => {
        for (const target of targets) {
          const { database } = target
          if (targets.length > 1) {
            const now = await databaseNow(run, target)
            if ('is' in now) return stoppedIn(target, now, positions)
            positions.set(database, now.revisions)
            if (isAtHead(database, now.revisions)) continue
          }
          const ended = await migrateDatabase(run, target, checkout)
          if ('is' in ended) return stoppedIn(target, ended, positions)
          positions.set(database, ended.revisions)
        }
        const invalid = await invalidSincePlan(run, targets, checkout)
        if (invalid !== undefined) return stoppedIn(...invalid, positions)
        return { is: 'done', effect: 'some', result: { said: said(targets), ...resultOf(positions) } }
      },
      { nextMs: AFTER_A_RUN_MS },
    )
  },
}

/**
 * The stop for indexes that are invalid since the plan. An upgrade itself sees only what its own try left: an earlier try
 * may have been cut off in a build, and `IF NOT EXISTS` takes what that left for built.
 */
async function invalidSincePlan(
  { ports, plan, before, signal }: StepContext,
  targets: readonly Target[],
  checkout: string,
): Promise<readonly [Target, StoppedAt] | undefined> {
  if (before === undefined || plan.invalidBefore === undefined) return undefined
  for (const target of targets) {
    const now = await ports.migrator.status(target.migration, checkout, signal)
    if (!now.ok) return [target, stopped(migratorError(target.migration, now).refused, 'as before')]
    const known = plan.invalidBefore.find(({ name }) => name === target.database.name)?.indexes ?? []
    const indexes = (now.value.invalidIndexes ?? []).filter((each) => !known.includes(each))
    if (indexes.length > 0) return [target, { ...leftInvalid(target.database, indexes), revisions: now.value.current }]
  }
  return undefined
}

/** The stop of one database as that of the step, with where the others are. */
function stoppedIn({ database }: Target, { revisions, ...stop }: StoppedAt, positions: Positions): Stopped {
  if (revisions !== undefined) positions.set(database, revisions)
  const effect = stop.effect !== 'unknown' && hasMoved(positions) ? 'some' : stop.effect
  // Without its revisions the result would tell the planned ones, as if they had been read.
  const result = revisions === undefined ? {} : { result: resultOf(positions) }
  return { ...stop, ...result, effect, because: withOthers(stop.because, database, positions) }
}

function withOthers(because: Stopped['because'], database: BoundDatabase, positions: Positions): Stopped['because'] {
  if (because.gate !== 'migration_failed' || database.name === undefined) return because
  const others = [...positions].filter(([each]) => each !== database).map(([each, now]) => standingOf(each, now))
  return { ...because, name: database.name, others }
}
