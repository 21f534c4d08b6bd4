/** What the migrate step does before it lets alembic act, as a table. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CLOCK } from '../../../src/lib/clock.ts'
import type { Plan } from '../../../src/release/plan.ts'
import type { Git } from '../../../src/release/ports/git.ts'
import type { MigrationStatus, Migrator } from '../../../src/release/ports/migrator.ts'
import { TIMES, type WorkerPorts } from '../../../src/worker/ports.ts'
import { migrate } from '../../../src/worker/run/steps/migrate.ts'
import type { StepContext } from '../../../src/worker/run/steps/step.ts'
import { anApp, anEnvironment, aPlan, aRelease, aStep, SERVICES, sha } from '../../support/builders.ts'

let checkouts: string
beforeAll(async () => {
  checkouts = await mkdtemp(join(tmpdir(), 'signoff-migrate-'))
})
afterAll(() => rm(checkouts, { recursive: true, force: true }))

const PLAN = aPlan()
const planned = PLAN.bound.database
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

function runOf(migrations: Partial<Migrator>, before?: StepContext['before'], plan: Plan = PLAN) {
  const told: string[] = []
  const run: StepContext = {
    ports: {
      git: { checkout: async () => undefined, has: async () => true } as unknown as Git,
      migrator: { words: SERVICES.migrator, limits: { endsWithinMs: 40 }, ...migrations } as Migrator,
      checkouts,
      times: { ...TIMES, poll: 1, pause: 1 },
      clock: CLOCK,
    } as unknown as WorkerPorts,
    app: anApp(),
    environment: anEnvironment(),
    release: aRelease(),
    plan,
    before,
    commit: sha('c0ffee1'),
    signal: new AbortController().signal,
    tell: async (_key, what) => void told.push(what),
  }
  return { run, told }
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
  expect(told).toEqual(['A migration that was cut off is still at work in the database.'])
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
  const plan = { ...PLAN, bound: { ...PLAN.bound, database: planned && { ...planned, identity } } }
  const revisions = async () => ({ ok: true, value: { identity, revisions: planned?.revisions ?? [] } }) as const
  const probe = (before?: StepContext['before']) => migrate.probe(runOf({ revisions }, before, plan).run)
  const because = { gate: 'migration_unknown' }
  expect(await probe(CUT_OFF)).toMatchObject({ is: 'stopped', because, effect: 'unknown' })
  expect(await probe()).toEqual({ is: 'absent' })
})
