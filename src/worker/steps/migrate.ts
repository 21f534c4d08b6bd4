import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { MigrationStatus } from '../../release/ports.ts'
import { migrationsTrouble } from '../world.ts'
import { type Performed, type Probe, type Step, type StepRun, type Stopped, stopped } from './step.ts'

async function inCheckout<T>({ ports, app, commit }: StepRun, work: (checkout: string) => Promise<T>): Promise<T> {
  if (commit === undefined) throw new Error('migrations need the commit that goes')
  const checkout = await mkdtemp(join(ports.checkouts, 'migrate-'))
  try {
    await ports.git.checkout(app, commit, checkout)
    return await work(checkout)
  } finally {
    await rm(checkout, { recursive: true, force: true })
  }
}

function database({ plan }: StepRun) {
  const planned = plan.bound.database
  if (planned === null) throw new Error('this plan has no migrations')
  return planned
}

const atHead = (revisions: readonly string[], head: string | null) => revisions.length === 1 && revisions[0] === head

/** The database's revisions, looked at directly where that is possible, else by alembic. */
async function revisionsNow(run: StepRun): Promise<{ revisions: readonly string[] } | Stopped> {
  const direct = await run.ports.migrations.revisions(run.environment)
  if (direct.ok && direct.value !== undefined) return { revisions: direct.value.revisions }
  if (!direct.ok) return stopped(migrationsTrouble(run.environment, direct).refused, 'unknown')
  const status = await inCheckout(run, (checkout) => run.ports.migrations.status(run.environment, checkout, run.signal))
  if (!status.ok) return stopped(migrationsTrouble(run.environment, status).refused, 'unknown')
  return { revisions: status.value.current }
}

/** `alembic upgrade head` from a checkout of the exact commit; the revision is read again afterwards. */
export const migrate: Step = {
  name: 'migrate',

  async probe(run): Promise<Probe> {
    const { head, pending } = database(run)
    const now = await revisionsNow(run)
    if ('is' in now) return run.release.attempt > 1 ? now : { ...now, effect: 'none' }
    if (!atHead(now.revisions, head)) return { is: 'absent' }
    return { is: 'there', result: { said: done(pending.length, head), revisions: now.revisions } }
  },

  async perform(run) {
    const { ports, environment, signal } = run
    return inCheckout(run, async (checkout): Promise<Performed | Stopped> => {
      const before = await ports.migrations.status(environment, checkout, signal)
      if (!before.ok) return stopped(migrationsTrouble(environment, before).refused, 'none')
      const different = changedSince(run, before.value)
      if (different !== undefined) return different
      const answer = await ports.migrations.upgrade(environment, checkout, { signal })
      const after = await revisionsNow(run)
      if ('is' in after) {
        const detail = 'the database does not answer since the migration was started'
        return stopped({ gate: 'migration_unknown', detail, output: answer.output }, 'unknown', {
          output: answer.output,
        })
      }
      return outcome(run, answer, before.value.current, after.revisions)
    })
  },
}

/** Pending revisions other than the signed ones must not be run; those that a try before has put in are left. */
function changedSince(run: StepRun, { pending, heads }: MigrationStatus): Stopped | undefined {
  const planned = database(run)
  const same = heads.length === 1 && heads[0]?.revision === planned.head
  const known = pending.every(({ revision }) => planned.pending.includes(revision))
  if (same && known) return undefined
  const now = pending.map(({ revision }) => revision).join(', ')
  return stopped(
    { gate: 'plan_outdated', moved: [{ what: 'the pending migrations', from: planned.pending.join(', '), to: now }] },
    'none',
  )
}

function outcome(
  run: StepRun,
  answer: Awaited<ReturnType<StepRun['ports']['migrations']['upgrade']>>,
  before: readonly string[],
  after: readonly string[],
): Performed | Stopped {
  const { head, pending } = database(run)
  const { output } = answer
  const result = { revisions: after }
  if (atHead(after, head)) {
    return { is: 'done', effect: 'some', result: { said: done(pending.length, head), revisions: after } }
  }
  const unmoved = [...before].sort().join() === [...after].sort().join()
  if (answer.upgrade === 'failed') {
    const reached = after.length === 0 ? -1 : Math.max(...after.map((revision) => pending.indexOf(revision)))
    const line = output.findLast((each) => each.trim() !== '')
    const because = {
      gate: 'migration_failed' as const,
      ...(answer.revision !== undefined && { revision: answer.revision }),
      database: after,
      applied: pending.slice(0, reached + 1),
      pending: pending.slice(reached + 1),
      ...(line !== undefined && { line }),
      output: output.slice(-20),
    }
    return stopped(because, unmoved ? 'none' : 'some', { output, result })
  }
  const detail =
    answer.upgrade === 'unknown'
      ? 'alembic was cut off; the database may still be working on it'
      : `the database is at ${after.join(', ') || 'no revision'}, not at ${head}`
  return stopped({ gate: 'migration_unknown', detail, output: output.slice(-20) }, 'unknown', { output, result })
}

function done(count: number, head: string | null): string {
  return `Migrated the database to ${head}: ${count}\u00a0${count === 1 ? 'migration is' : 'migrations are'} in`
}
