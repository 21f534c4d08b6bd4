/** The migrate step over fakes: what it does before it lets alembic act, and what becomes of an upgrade, as tables. */
import { describe, expect, it } from 'vitest'
import { databasesOf, type Plan } from '../../../src/release/plan.ts'
import type { LockWait, MigrationStatus, Migrator, UpgradeAnswer } from '../../../src/release/ports/migrator.ts'
import type { MigrationSettings } from '../../../src/release/settings.ts'
import { migrate } from '../../../src/worker/run/steps/migrate.ts'
import type { StepContext } from '../../../src/worker/run/steps/step.ts'
import { aMigration, anEnvironment, aPlan, aRelease, aStep, DANA, MIGRATIONS } from '../../support/builders.ts'
import { fakeRun, inTurn } from '../fakes.ts'

/** Its SQL is known, and nothing commits. */
const PLAN = aPlan({ migrations: MIGRATIONS.map((each) => ({ ...each, sql: ['SELECT 1'] })) })
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

/** An upgrade that looks first, as the port says, and counts the tries. */
function upgrading(
  look: () => MigrationStatus | Promise<MigrationStatus>,
  then: () => UpgradeAnswer | Promise<UpgradeAnswer>,
): Pick<Migrator, 'upgrade'> {
  return {
    async upgrade(_migration, _checkout, options) {
      const isConfirmed = (await options?.confirm?.(await look())) ?? true
      return isConfirmed ? then() : { upgrade: 'failed', notStarted: true, output: [] }
    },
  }
}

function runOf(migrator: Partial<Migrator>, before?: StepContext['before'], plan: Plan = PLAN) {
  const git = { checkout: async () => ({ lfs: [], submodules: [] }), has: async () => true }
  return fakeRun({ git, migrator }, { before, plan })
}

it.each([
  ['a revision more is pending, under the same head', { pending: pendingOf('older', ...(planned?.pending ?? [])) }],
  ['the code has another head', { heads: [{ revision: 'other', file: 'migrations/other.py' }] }],
  ['the env file leads to another database', { identity: 'elsewhere:5432/api' }],
])('runs nothing that was not signed: %s', async (_what, change) => {
  let upgrades = 0
  const { run } = runOf(
    upgrading(
      () => status(change),
      () => {
        upgrades += 1
        return { upgrade: 'done', output: [] }
      },
    ),
  )
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
      revisions: async () => (after === 'no answer' ? away : database(after)),
      ...upgrading(status, () => {
        upgrades += 1
        return answer()
      }),
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
    revisions: async () => database(AT_START),
    ...upgrading(statuses, () => {
      upgrades += 1
      return upgrade()
    }),
  })
  Object.assign(run.ports.store, { release: async () => aRelease(cancel) })
  expect(await migrate.perform(run)).toMatchObject({ is: 'stopped', because: { gate } })
  expect(upgrades).toBe(1)
})

it('tells in the thread who holds the lock that it waits for', async () => {
  const wait: LockWait = { waitedMs: 4_000, holders: [{ application: 'psql', openMs: 60_000 }] }
  const { run, told } = runOf({
    revisions: async () => database([HEAD]),
    upgrade: async (_environment, _checkout, options) => {
      options?.onWait?.(wait)
      return { upgrade: 'done', output: [] }
    },
  })
  await migrate.perform(run)
  expect(told).toEqual([expect.stringMatching(/4\u00a0s.*psql.*60\u00a0s/)])
})

it('M11: does not try again by itself where a revision has committed, or may commit, in its middle', async () => {
  const committed: UpgradeAnswer = { ...LOCKED, upgrade: 'failed', committedInside: [FIRST] }
  expect(await performed([committed], AT_START)).toMatchObject({ upgrades: 1 })
  const commits = PLAN.migrations.map((each) => ({ ...each, commits: true as const }))
  expect(await performed([LOCKED], AT_START, { ...PLAN, migrations: commits })).toMatchObject({ upgrades: 1 })
  const unknown = PLAN.migrations.map(({ sql: _, ...each }) => each)
  expect(await performed([LOCKED], AT_START, { ...PLAN, migrations: unknown })).toMatchObject({ upgrades: 1 })
})

describe('M11: an index that is left invalid', () => {
  const plan: Plan = { ...PLAN, invalidBefore: [{ indexes: ['ix_older'] }] }
  const because = { gate: 'invalid_indexes', indexes: ['ix_language'] }

  it('needs attention', async () => {
    const answer: UpgradeAnswer = { upgrade: 'done', output: [], invalidIndexes: ['ix_language'] }
    expect((await performed([answer], [HEAD], plan)).outcome).toMatchObject({ because, effect: 'some' })
  })

  it.each<[string, StepContext['before']]>([
    ['again on Retry, until it is not', aStep('migrate', { state: 'failed', effect: 'some' })],
    ['of a try that was cut off once it was done', CUT_OFF],
  ])('needs attention %s', async (_what, before) => {
    const probe = (invalidIndexes: readonly string[]) =>
      migrate.probe(
        runOf(
          {
            revisions: async () => database([HEAD]),
            status: async () => ({ ok: true, value: status({ current: [HEAD], pending: [], invalidIndexes }) }),
          },
          before,
          plan,
        ).run,
      )
    expect(await probe(['ix_language', 'ix_older'])).toMatchObject({ is: 'stopped', because, effect: 'some' })
    expect(await probe(['ix_older'])).toMatchObject({ is: 'there' })
  })

  it('needs attention by an earlier try that failed, where the next one takes it for built', async () => {
    const look = () => status({ invalidIndexes: ['ix_language', 'ix_older'] })
    const { run } = runOf(
      {
        revisions: async () => database([HEAD]),
        status: async () => ({ ok: true, value: look() }),
        ...upgrading(look, () => ({ upgrade: 'done', output: [] })),
      },
      aStep('migrate', { state: 'failed', effect: 'unknown' }),
      plan,
    )
    expect(await migrate.perform(run)).toMatchObject({ is: 'stopped', because, effect: 'some' })
  })
})

it('M15: waits for the sessions that this try has opened, by whatever name they have', async () => {
  const backend = { pid: 42, startedAt: '2026-11-30T12:00:00.000001Z' }
  const asked: (readonly unknown[])[] = []
  const { run, told } = runOf({
    async revisions(_migration, { backends = [] } = {}) {
      asked.push(backends)
      const isWorking = asked.length < 3 && backends.length > 0
      const value = { identity: planned?.identity ?? '', revisions: isWorking ? AT_START : [HEAD] }
      return { ok: true, value: isWorking ? { ...value, isWorking } : value }
    },
    async upgrade(_migration, _checkout, options) {
      options?.onBackend?.(backend)
      return { upgrade: 'unknown', output: [] }
    },
  })
  expect(await migrate.perform(run)).toMatchObject({ is: 'done', result: { revisions: [HEAD] } })
  expect(asked).toEqual([[backend], [backend], [backend]])
  expect(told).toEqual([expect.stringContaining('still running')])
})

it('M12: calls a cut-off revision unknown whose SQL is not known', async () => {
  const plan = { ...PLAN, migrations: PLAN.migrations.map(({ sql: _, ...each }) => each) }
  const { run } = runOf({ revisions: async () => database(AT_START) }, CUT_OFF, plan)
  expect(await migrate.probe(run)).toMatchObject({ because: { gate: 'migration_unknown' }, effect: 'unknown' })
  const known = runOf({ revisions: async () => database(AT_START) }, CUT_OFF)
  expect(await migrate.probe(known.run)).toEqual({ is: 'absent' })
})

describe('W16: several databases', () => {
  const SEARCH = {
    name: 'search',
    identity: 'db:5432/search',
    revisions: ['s1'],
    pending: ['s2'],
    head: 's2',
    migrationsTree: 'x',
  }
  const plan = {
    ...PLAN,
    migrations: [
      ...PLAN.migrations.map((each) => ({ ...each, database: 'users' })),
      { revision: 's2', database: 'search', message: 'm', file: 'f', sql: ['SELECT 1'] },
    ],
    bound: { ...PLAN.bound, database: [{ ...(planned ?? SEARCH), name: 'users' }, SEARCH] },
  }
  const environment = anEnvironment({ migrations: [aMigration({ name: 'users' }), aMigration({ name: 'search' })] })

  /** The databases by name; `fails`: whose upgrade fails. */
  function world(at: Record<string, readonly string[]>, fails?: string, before?: StepContext['before']) {
    const upgraded: string[] = []
    const heads: Record<string, string> = { users: HEAD, search: 's2' }
    const identities: Record<string, string> = { users: planned?.identity ?? '', search: SEARCH.identity }
    const nameOf = ({ name = '' }: MigrationSettings) => name
    const { run } = fakeRun(
      {
        git: { checkout: async () => ({ lfs: [], submodules: [] }), has: async () => true },
        migrator: {
          revisions: async (migration) => {
            const name = nameOf(migration)
            return { ok: true, value: { identity: identities[name] ?? '', revisions: at[name] ?? [] } }
          },
          async upgrade(migration, _checkout, options) {
            const name = nameOf(migration)
            const head = heads[name] ?? ''
            const look = status({
              identity: identities[name] ?? '',
              heads: [{ revision: head, file: 'f' }],
              pending: [],
            })
            if ((await options?.confirm?.(look)) === false) throw new Error('refused')
            upgraded.push(name)
            if (name === fails) return { upgrade: 'failed', revision: head, output: ['ERROR: it is locked'] }
            at[name] = [head]
            return { upgrade: 'done', output: [] }
          },
        },
      },
      { before, plan, environment },
    )
    return { run, upgraded }
  }

  it('migrates them in their order', async () => {
    const { run, upgraded } = world({ users: AT_START, search: ['s1'] })
    expect(await migrate.perform(run)).toMatchObject({
      is: 'done',
      result: {
        databases: [
          { name: 'users', revisions: [HEAD] },
          { name: 'search', revisions: ['s2'] },
        ],
      },
    })
    expect(upgraded).toEqual(['users', 'search'])
  })

  it('says where each is when the second fails, and runs only what is left on Retry', async () => {
    const at = { users: AT_START, search: ['s1'] }
    const first = world(at, 'search')
    expect(await migrate.perform(first.run)).toMatchObject({
      effect: 'some',
      because: {
        gate: 'migration_failed',
        name: 'search',
        database: ['s1'],
        pending: ['s2'],
        others: [{ name: 'users', database: [HEAD], pending: [] }],
      },
      result: { databases: [{ revisions: [HEAD] }, { revisions: ['s1'] }] },
    })
    const again = world(at)
    expect(await migrate.probe(again.run)).toEqual({ is: 'absent' })
    expect(await migrate.perform(again.run)).toMatchObject({ is: 'done' })
    expect(again.upgraded).toEqual(['search'])
  })

  it('has no effect where the first fails, and leaves the second alone', async () => {
    const { run, upgraded } = world({ users: AT_START, search: ['s1'] }, 'users')
    expect(await migrate.perform(run)).toMatchObject({ effect: 'none', because: { name: 'users' } })
    expect(upgraded).toEqual(['users'])
  })

  it('is done where all are at their heads, whatever was cut off', async () => {
    const { run } = world({ users: [HEAD], search: ['s2'] }, undefined, CUT_OFF)
    expect(await migrate.probe(run)).toMatchObject({ is: 'there' })
  })

  it('tells of each database who holds the lock that it waits for', async () => {
    const at = { users: AT_START, search: ['s1'] }
    const { run } = world(at)
    const keys: string[] = []
    const wait: LockWait = { waitedMs: 4_000, holders: [{ application: 'psql' }] }
    const { upgrade } = run.ports.migrator
    run.ports.migrator.upgrade = (migration, checkout, options) => {
      options?.onWait?.(wait)
      return upgrade(migration, checkout, options)
    }
    const tell: StepContext['tell'] = async (key, what) => void keys.push(`${key} ${what}`)
    await migrate.perform({ ...run, tell })
    expect(keys).toEqual([
      expect.stringMatching(/^lock:1:0:0:users the migration of users has waited/),
      expect.stringMatching(/^lock:1:0:0:search the migration of search has waited/),
    ])
  })
})
