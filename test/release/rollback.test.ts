/** Which release a rollback goes back to, what it needs, and what older code meets on the schema. */
import { describe, expect, it } from 'vitest'
import { missedByOldCode, oldCodeCanRun, oldCodeRisks, requiredSince } from '../../src/release/old-code.ts'
import { fingerprint, type Plan } from '../../src/release/plan.ts'
import { discussions, heldByChecks, owed } from '../../src/release/policy.ts'
import type { Store } from '../../src/release/ports/store.ts'
import type { ReleaseMark } from '../../src/release/release.ts'
import { rollbackChoices, rollbackTarget } from '../../src/release/rollback.ts'
import type { AppliedMigration, RollbackUnknown } from '../../src/release/rollback-plan.ts'
import { neededCounts } from '../../src/release/sign-off-counts.ts'
import type { ReleaseKind, ReleaseState } from '../../src/release/terms.ts'
import { aMigration, anEnvironment, anIntegration, aPlan, aRelease, at, DANA, sha, TOM } from '../support/builders.ts'
import { createMemoryStore } from '../support/simulation/memory-store.ts'

const PLACE = { app: 'api', environment: 'production' }
const A = sha('aaaaaaa')
const B = sha('bbbbbbb')
const C = sha('ccccccc')
const D = sha('ddddddd')

interface Past {
  readonly proved?: string
  readonly kind?: ReleaseKind
  readonly state?: ReleaseState
  readonly mark?: ReleaseMark['is']
  readonly environment?: string
}

/** A store whose releases #1, #2, … were these. */
async function storeOf(...past: readonly Past[]): Promise<Store> {
  const { store } = createMemoryStore({ now: () => at('09:00').getTime() }).connect('test')
  for (const [
    index,
    { proved, kind = 'deploy', state = 'succeeded', mark, environment = 'production' },
  ] of past.entries()) {
    await store.transaction(async (tx) => {
      const request = { app: 'api', environment, kind, requester: DANA, configuration: 'd', requestKey: `${index}` }
      const made = await tx.createRelease(request)
      if (!('made' in made)) throw new Error('busy')
      const { number } = made.made
      const through: readonly ReleaseState[] = state === 'succeeded' ? ['approved', 'running', 'succeeded'] : [state]
      for (const next of through) await tx.changeRelease(number, { state: next })
      if (proved !== undefined) await tx.changeRelease(number, { provenCommit: proved, plan: aPlan() })
      if (mark !== undefined) await tx.putMark(number, { is: mark, by: TOM, reason: 'Logins fail' })
    })
  }
  return store
}

/** The number that is gone back to, or why none is. */
async function target(past: readonly Past[], runs: string | undefined, to?: number): Promise<number | string> {
  const found = await rollbackTarget(await storeOf(...past), PLACE, { runs, ...(to !== undefined && { to }) })
  if (!('refused' in found)) return found.to.number
  const { refused } = found
  return 'why' in refused ? `${refused.gate}: ${refused.why}` : refused.gate
}

const deploys = (...commits: string[]): Past[] => commits.map((proved) => ({ proved }))

describe('what a rollback goes back to', () => {
  it.each<[string, Past[], string | undefined, number | undefined, number | string]>([
    ['the release before what runs', deploys(A, B, C), C, undefined, 2],
    ['by the first digits of what runs', deploys(A, B, C), C.slice(0, 8), undefined, 2],
    ['not a release that did not succeed', [...deploys(A), { state: 'cancelled' }, ...deploys(C)], C, undefined, 1],
    ['not one with the same commit', deploys(A, B, B), B, undefined, 1],
    ['of several that proved what runs, before the first', deploys(A, B, C, B), B, undefined, 1],
    ['not a bad one', [...deploys(A), { proved: B, mark: 'bad' }, ...deploys(C)], C, undefined, 1],
    ['a bad one that is good again', [...deploys(A), { proved: B, mark: 'good' }, ...deploys(C)], C, undefined, 2],
    [
      'not one whose commit a bad release proved',
      [...deploys(A, B), { proved: B, mark: 'bad' }, ...deploys(C)],
      C,
      undefined,
      1,
    ],
    [
      'after a rollback, one further',
      [...deploys(A, B), { proved: C, mark: 'bad' }, { proved: B, kind: 'rollback' }],
      B,
      undefined,
      1,
    ],
    [
      'after two rollbacks, one further still',
      [
        ...deploys(A, B),
        { proved: C, mark: 'bad' },
        { proved: D, mark: 'bad' },
        { proved: C, kind: 'rollback' },
        { proved: B, kind: 'rollback' },
      ],
      B,
      undefined,
      1,
    ],
    [
      'a hot-fix is a release like any other',
      [...deploys(A), { proved: B, kind: 'hotfix' }, ...deploys(C)],
      C,
      undefined,
      2,
    ],
    [
      'no other environment',
      [{ proved: A, environment: 'integration' }, ...deploys(B)],
      B,
      undefined,
      'nothing_to_roll_back: no earlier release',
    ],
    ['nothing before the first', deploys(A), A, undefined, 'nothing_to_roll_back: no earlier release'],
    [
      'only bad ones before',
      [{ proved: A, mark: 'bad' }, ...deploys(B)],
      B,
      undefined,
      'nothing_to_roll_back: no earlier release',
    ],
    ['what runs was deployed by nobody of ours', deploys(A, B), D, undefined, 'nothing_to_roll_back: not ours'],
    ['what runs is not known', deploys(A, B), undefined, undefined, 'nothing_to_roll_back: not known'],
    ['with a number, also from a foreign commit', deploys(A, B), D, 1, 1],
    ['with a number, also if it is not known what runs', deploys(A, B), undefined, 2, 2],
    ['with a number, not what runs', deploys(A, B), B, 2, 'nothing_to_roll_back: runs already'],
    ['with a number, not a bad one', [{ proved: A, mark: 'bad' }, ...deploys(B)], B, 1, 'target_is_bad'],
    [
      'with a number, not the commit of a bad one',
      [...deploys(A), { proved: A, mark: 'bad' }, ...deploys(B)],
      B,
      1,
      'target_is_bad',
    ],
    [
      'with a number, not one that proved nothing',
      [{ state: 'cancelled' }, ...deploys(B)],
      B,
      1,
      'target_not_proven: not proven',
    ],
    [
      'with a number, not of elsewhere',
      [{ proved: A, environment: 'integration' }, ...deploys(B)],
      B,
      1,
      'target_not_proven: other environment',
    ],
    ['with a number that does not exist', deploys(A), A, 9, 'unknown_release'],
  ])('%s', async (_what, past, runs, to, expected) => {
    expect(await target(past, runs, to)).toBe(expected)
  })

  it('is found over pages of releases', async () => {
    const failed: Past[] = Array.from({ length: 45 }, () => ({ state: 'cancelled' }))
    const rollbacks: Past[] = Array.from({ length: 25 }, () => ({ proved: C, kind: 'rollback' }))
    expect(await target([...deploys(A), ...failed, ...deploys(C), ...rollbacks], C)).toBe(1)
  })

  it('is offered newest first, each commit once, without what runs and what is bad', async () => {
    const store = await storeOf(...deploys(A, B, A), { proved: C, mark: 'bad' }, ...deploys(D), {
      proved: C,
      kind: 'rollback',
    })
    const live = { is: 'proven', commit: D, number: 5, at: at('09:00').toISOString(), webUrl: '' } as const
    const found = await rollbackChoices(store, PLACE, live)
    expect(found.choices.map(({ number }) => number)).toEqual([3, 2])
    expect(found).toMatchObject({ standard: 3, live })
    const nothing = await rollbackChoices(store, PLACE, undefined)
    expect(nothing).toMatchObject({ nothing: { gate: 'nothing_to_roll_back' } })
    expect(nothing.choices.map(({ number }) => number)).toEqual([5, 3, 2])
  })
})

// ------------------------------------------------------------------------------------------------ the old code

const applied = (
  ...risks: readonly (readonly [NonNullable<AppliedMigration['risk']>, string])[]
): AppliedMigration => ({
  revision: 'a1',
  message: 'm',
  file: 'a1.py',
  release: 9,
  ...(risks[0] && { risk: risks[0][0] }),
  findings: risks.map(([risk, what]) => ({ risk, what, why: '' })),
})
const rolling = (migrations: readonly AppliedMigration[], unknowns: readonly RollbackUnknown[] = []): Plan => {
  const shown = { number: 1, commit: A, requester: DANA, at: '' }
  return { ...aPlan({ migrations: [] }), rollback: { to: shown, migrations, unknowns } }
}

const ADDS = applied(['adds', 'adds column a'])
const LOCKS = applied(['locks', 'requires a value in t.b'])
const DROPS = applied(['destroys', 'drops column t.c'], ['locks', 'builds an index'])
const UNSURE = { ...ADDS, unsure: true as const }
const AWAY: RollbackUnknown = { what: 'database', detail: 'no answer' }
const NO_COMMITS: RollbackUnknown = { what: 'commits', detail: 'no answer' }

describe('what the older code meets', () => {
  it.each<[string, AppliedMigration, readonly string[]]>([
    ['adds', ADDS, []],
    ['locks', LOCKS, []],
    ['drops', DROPS, ['destroys']],
    ['could not be previewed', applied(), ['unknown']],
    ['was applied without a known outcome', UNSURE, ['unknown']],
  ])('a migration that %s', (_what, migration, risks) => {
    expect(oldCodeRisks(migration)).toEqual(risks)
  })

  it('names what is missed, and what is required since', () => {
    const plan = rolling([ADDS, LOCKS, DROPS])
    const words = (found: ReturnType<typeof missedByOldCode>) => found.map(({ finding }) => finding.what)
    expect(words(missedByOldCode(plan.rollback ?? { migrations: [] }))).toEqual(['drops column t.c'])
    expect(words(requiredSince(plan.rollback ?? { migrations: [] }))).toEqual(['requires a value in t.b'])
  })

  it('can run it where all is added or locks, and every database was seen', () => {
    const can = (plan: Plan) => oldCodeCanRun(plan.rollback ?? { migrations: [], unknowns: [] })
    expect(can(rolling([ADDS, LOCKS], [NO_COMMITS]))).toBe(true)
    expect(can(rolling([ADDS], [AWAY]))).toBe(false)
    expect(can(rolling([DROPS]))).toBe(false)
  })
})

describe('what a rollback needs', () => {
  const production = anEnvironment({ migrations: [aMigration({ approvers: ['@database'] })] })

  it('is one approval, or what the entry says; nothing where nobody signs', () => {
    expect(neededCounts(production, 'rollback')).toEqual({ qa: 0, approvals: 1 })
    const { signOff } = production
    const own = anEnvironment({ ...(signOff && { signOff: { ...signOff, rollback: { qa: 1, approvals: 2 } } }) })
    expect(neededCounts(own, 'rollback')).toEqual({ qa: 1, approvals: 2 })
    expect(neededCounts(own, 'deploy')).toMatchObject({ qa: 1, approvals: 1 })
    expect(neededCounts(anIntegration(), 'rollback')).toEqual({ qa: 0, approvals: 0 })
  })

  it.each<[string, Plan, readonly string[]]>([
    ['the old code can run', rolling([ADDS, LOCKS]), ['approval']],
    ['the old code misses something', rolling([DROPS]), ['talked over', 'approval']],
    ['a database did not answer', rolling([], [AWAY]), ['talked over', 'approval']],
    ['the repository did not answer', rolling([], [NO_COMMITS]), ['talked over', 'approval']],
  ])('%s', (_what, plan, kinds) => {
    const release = aRelease({ kind: 'rollback', plan, fingerprint: fingerprint(plan) })
    expect(owed(production, release).map(({ kind }) => kind)).toEqual(kinds)
  })

  it('is discussed with those who own the database, or with the approvers where it is about none', () => {
    expect(discussions(production, { plan: rolling([DROPS], [NO_COMMITS]) })).toMatchObject([{ by: ['@database'] }])
    const approvers = production.signOff?.approvers ?? 'every full member'
    expect(discussions(production, { plan: rolling([], [NO_COMMITS]) })).toMatchObject([{ by: approvers }])
  })

  it('is of the databases that it is about, where there are several', () => {
    const named = (name: string) => aMigration({ name, approvers: [`@${name}`] })
    const several = anEnvironment({ migrations: [named('users'), named('search')] })
    const plan = rolling([{ ...DROPS, database: 'search' }], [{ what: 'database', name: 'users', detail: 'no answer' }])
    expect(discussions(several, { plan })).toEqual([
      { by: ['@users'], databases: ['users'] },
      { by: ['@search'], databases: ['search'] },
    ])
    const one = rolling([{ ...DROPS, database: 'search' }])
    expect(discussions(several, { plan: one })).toEqual([{ by: ['@search'], databases: ['search'] }])
  })

  it('where nobody signs: only what the entry names', () => {
    expect(discussions(anIntegration(), { plan: rolling([DROPS], [AWAY, NO_COMMITS]) })).toEqual([])
    const strict = anIntegration({ migrations: [aMigration({ talkItOver: ['destroys'] })] })
    expect(discussions(strict, { plan: rolling([DROPS]) })).toMatchObject([{ by: 'every full member' }])
  })

  it('no builds: what it goes back to was checked', () => {
    const { signOff } = production
    const checked = anEnvironment({ ...(signOff && { signOff: { ...signOff, requireChecks: true } }) })
    expect(heldByChecks(checked, { plan: { ...rolling([]), checks: [] } })).toBeUndefined()
  })
})
