/** The migrate step over fakes: what it does before it lets alembic act, and what becomes of an upgrade, as tables. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { databasesOf, type Plan } from '../../../src/release/plan.ts'
import type { LockWait, MigrationStatus, Migrator, UpgradeAnswer } from '../../../src/release/ports/migrator.ts'
import { migrate } from '../../../src/worker/run/steps/migrate.ts'
import type { StepContext } from '../../../src/worker/run/steps/step.ts'
import { aPlan, aRelease, aStep, DANA } from '../../support/builders.ts'
import { fakeRun, inTurn } from '../fakes.ts'

let checkouts: string
beforeAll(async () => {
  checkouts = await mkdtemp(join(tmpdir(), 'signoff-migrate-'))
})
afterAll(() => rm(checkouts, { recursive: true, force: true }))

const PLAN = aPlan()
const [planned] = databasesOf(PLAN.bound)
const pendingOf = (...revisions: readonly string[]) =>
  revisions.map((revision) => ({ revision, message: revision, file: `migrations/${revision}.py` }))

function status(change: Partial<MigrationStatus> = {}): MigrationStatus {
  const head = planned?.head ?? ''
  return {
    identity: planned?.identity ?? '',
    heads: [{ revision: head, file: `migrations/${head}.py` }],
    current: planned?.revisions ?? [],
    unknown: [],
    pending: pendingOf(...(planned?.pending ?? [])),
    ...change,
  }
}

function runOf(migrator: Partial<Migrator>, before?: StepContext['before'], plan: Plan = PLAN) {
  const git = { checkout: async () => undefined, has: async () => true }
  return fakeRun({ git, migrator, checkouts }, { before, plan })
}

it.each([
  ['a revision more is pending, under the same head', { pending: pendingOf('older', ...(planned?.pending ?? [])) }],
  ['the code has another head', { heads: [{ revision: 'other', file: 'migrations/other.py' }] }],
  ['the env file leads to another database', { identity: 'elsewhere:5432/api' }],
])('runs nothing that was not signed: %s', async (_what, change) => {
  let upgrades = 0
  const { run } = runOf({
    status: async () => ({ ok: true, value: status(change) }),
    upgrade: async () => {
      upgrades += 1
      return { upgrade: 'done', output: [] }
    },
  })
  expect(await migrate.perform(run)).toMatchObject({ is: 'stopped', because: { gate: 'plan_outdated' } })
  expect(upgrades).toBe(0)
})

const CUT_OFF = aStep('migrate', { state: 'running', effect: 'unknown' })

it('waits for a migration that was cut off and is still at work, and only then looks', async () => {
  let looks = 0
  const { run, told } = runOf(
    {
      revisions: async () => {
        looks += 1
        const isWorking = looks < 4 ? { isWorking: true as const } : {}
        const revisions = looks < 4 ? (planned?.revisions ?? []) : [planned?.head ?? '']
        return { ok: true, value: { identity: planned?.identity ?? '', revisions, ...isWorking } }
      },
    },
    CUT_OFF,
  )
  expect(await migrate.probe(run)).toMatchObject({ is: 'there' })
  expect(told).toEqual(['An interrupted migration is still running in the database. Waiting for it to end.'])
})

it('calls it unknown where a migration that was cut off does not come to its end', async () => {
  const { run } = runOf(
    {
      revisions: async () => ({
        ok: true,
        value: { identity: planned?.identity ?? '', revisions: planned?.revisions ?? [], isWorking: true },
      }),
    },
    CUT_OFF,
  )
  expect(await migrate.probe(run)).toMatchObject({
    is: 'stopped',
    because: { gate: 'migration_unknown' },
    effect: 'unknown',
  })
})

it('calls one unknown that was cut off on a database whose changes of schema are in no transaction', async () => {
  const identity = 'mysql://db:3306/api'
  const plan = { ...PLAN, bound: { ...PLAN.bound, database: planned ? { ...planned, identity } : null } }
  const revisions = async () => ({ ok: true, value: { identity, revisions: planned?.revisions ?? [] } }) as const
  const probe = (before?: StepContext['before']) => migrate.probe(runOf({ revisions }, before, plan).run)
  const because = { gate: 'migration_unknown' }
  expect(await probe(CUT_OFF)).toMatchObject({ is: 'stopped', because, effect: 'unknown' })
  expect(await probe()).toEqual({ is: 'absent' })
})

const HEAD = planned?.head ?? ''
const [FIRST = ''] = planned?.pending ?? []
const AT_START = planned?.revisions ?? []
const database = (revisions: readonly string[]) =>
  ({ ok: true, value: { identity: planned?.identity ?? '', revisions } }) as const
const failed: UpgradeAnswer = { upgrade: 'failed', revision: HEAD, output: ['Running', 'ERROR: it is locked'] }

/** Performs the step. `answers`: the upgrades', one after another; `after`: where the database then is. */
async function performed(answers: readonly UpgradeAnswer[], after: readonly string[] | 'no answer', plan = PLAN) {
  let upgrades = 0
  const answer = inTurn(...answers)
  const away = { ok: false, why: 'database unreachable', detail: 'no answer' } as const
  const { run, told } = runOf(
    {
      status: async () => ({ ok: true, value: status() }),
      revisions: async () => (after === 'no answer' ? away : database(after)),
      upgrade: async () => {
        upgrades += 1
        return answer()
      },
    },
    undefined,
    plan,
  )
  Object.assign(run.ports.store, { release: async () => run.release })
  return { outcome: await migrate.perform(run), upgrades, told }
}

it.each<[string, UpgradeAnswer, readonly string[] | 'no answer', object]>([
  ['done', { upgrade: 'done', output: [] }, [HEAD], { is: 'done', effect: 'some', result: { revisions: [HEAD] } }],
  ['no answer, and applied', { upgrade: 'unknown', output: [] }, [HEAD], { is: 'done', effect: 'some' }],
  ['failed, and applied all the same', failed, [HEAD], { is: 'done', effect: 'some' }],
  [
    'failed, and nothing applied',
    failed,
    AT_START,
    { because: { gate: 'migration_failed', revision: HEAD, applied: [], line: 'ERROR: it is locked' }, effect: 'none' },
  ],
  [
    'failed, and one applied',
    failed,
    [FIRST],
    { because: { gate: 'migration_failed', applied: [FIRST], pending: [HEAD] }, effect: 'some' },
  ],
  [
    'done, and elsewhere',
    { upgrade: 'done', output: [] },
    ['elsewhere'],
    { because: { gate: 'migration_unknown' }, effect: 'unknown' },
  ],
  ['no answer from then on', failed, 'no answer', { because: { gate: 'migration_unknown' }, effect: 'unknown' }],
])('an upgrade: %s', async (_what, answer, after, expected) => {
  const { outcome, upgrades } = await performed([answer], after)
  expect(outcome).toMatchObject(expected)
  expect(upgrades).toBe(1)
})

it('does not call a failure without effect one, where the migration commits in its middle', async () => {
  const migrations = PLAN.migrations.map((each) => ({ ...each, commits: true as const }))
  const { outcome } = await performed([failed], AT_START, { ...PLAN, migrations })
  expect(outcome).toMatchObject({ because: { gate: 'migration_failed', partly: HEAD }, effect: 'unknown' })
})

const LOCKED: UpgradeAnswer = { upgrade: 'failed', lockTimeout: true, output: [] }

it('tries again where a lock was not free, three times at most', async () => {
  expect(await performed([LOCKED, { upgrade: 'done', output: [] }], [HEAD])).toMatchObject({
    outcome: { is: 'done' },
    upgrades: 2,
    told: [expect.stringContaining('2 of 4')],
  })
  expect(await performed([LOCKED], AT_START)).toMatchObject({
    outcome: { is: 'stopped', because: { gate: 'migration_failed' }, effect: 'none' },
    upgrades: 4,
  })
})

it.each<[string, Partial<MigrationStatus>, object, string]>([
  ['a cancel', {}, { cancelRequestedBy: DANA }, 'migration_failed'],
  ['other pending revisions', { pending: pendingOf('other') }, {}, 'plan_outdated'],
])('does not try again after %s', async (_what, change, cancel, gate) => {
  const statuses = inTurn(status(), status(change))
  const upgrade = inTurn(LOCKED)
  let upgrades = 0
  const { run } = runOf({
    status: async () => ({ ok: true, value: await statuses() }),
    revisions: async () => database(AT_START),
    upgrade: () => {
      upgrades += 1
      return upgrade()
    },
  })
  Object.assign(run.ports.store, { release: async () => aRelease(cancel) })
  expect(await migrate.perform(run)).toMatchObject({ is: 'stopped', because: { gate } })
  expect(upgrades).toBe(1)
})

it('tells in the thread who holds the lock that it waits for', async () => {
  const wait: LockWait = { waitedMs: 4_000, holders: [{ application: 'psql', openMs: 60_000 }] }
  const { run, told } = runOf({
    status: async () => ({ ok: true, value: status() }),
    revisions: async () => database([HEAD]),
    upgrade: async (_environment, _checkout, options) => {
      options?.onWait?.(wait)
      return { upgrade: 'done', output: [] }
    },
  })
  await migrate.perform(run)
  expect(told).toEqual([expect.stringMatching(/4\u00a0s.*psql.*60\u00a0s/)])
})
