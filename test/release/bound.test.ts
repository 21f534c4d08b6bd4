import { describe, expect, it } from 'vitest'
import { movedFacts, type ObservedFacts, producedCommit } from '../../src/release/bound.ts'
import { databasesOf, type Plan } from '../../src/release/plan.ts'
import type { StepRow } from '../../src/release/release.ts'
import { anEnvironment, aPlan, aRelease, aStep, sha } from '../support/builders.ts'

const OLD = sha('5b8e6c0')
const MASTER = sha('9f2c1ab')
const MERGED = sha('c0ffee1')
const OTHER = sha('bad')
const DATABASE = 'db.example.com:5432/api'
const CONFIGURATION = anEnvironment().digests.form1

/** What was observed, of a plan with one database. */
type World = Omit<ObservedFacts, 'databases'> & { readonly revisions?: readonly string[]; readonly database?: string }

/** The facts as the plan of these tests observed them. */
const SEEN = {
  source: MASTER,
  target: OLD,
  holds: OLD,
  runs: OLD,
  revisions: ['5f19ab44c1d2'],
  database: DATABASE,
  configuration: CONFIGURATION,
} satisfies World

const merge = aStep('merge', { result: { commit: MERGED } })
const migrate = aStep('migrate', { result: { revisions: ['b7d20c31aa04'] } })
const push = aStep('push')

const [begun, unknown] = [
  { state: 'running', effect: 'unknown' },
  { state: 'unknown', effect: 'unknown' },
] as const

function moved(world: World, steps: readonly StepRow[] = [], plan: Plan = aPlan(), pinned = false) {
  const { revisions, database: identity, ...facts } = world
  const isRead = revisions !== undefined || identity !== undefined
  const databases = isRead ? [{ identity: identity ?? DATABASE, revisions: revisions ?? SEEN.revisions }] : undefined
  const observed = { ...facts, ...(databases && { databases }) }
  return movedFacts(plan, aRelease({ plan, steps, state: 'running', attempt: 1 }), observed, pinned)
}

const whats = (...asked: Parameters<typeof moved>) => moved(...asked).map(({ what }) => what)

describe('before the run', () => {
  it('nothing has moved when every fact is as planned', () => {
    expect(moved(SEEN)).toEqual([])
    expect(moved(SEEN, [aStep('merge', { state: 'pending', effect: 'none' })])).toEqual([])
  })

  it('W5: what runs has not moved where the platform gives more or fewer digits of the same commit', () => {
    expect(moved({ runs: OLD.slice(0, 8) })).toEqual([])
    expect(whats({ runs: OLD.slice(0, 5) })).toEqual(['what runs'])
    expect(whats({ runs: OTHER.slice(0, 8) })).toEqual(['what runs'])
    const plan = aPlan()
    const remote = { ...plan.bound.remote, runs: OLD.slice(0, 8) }
    expect(moved({ runs: OLD }, [], { ...plan, bound: { ...plan.bound, remote } })).toEqual([])
    const none = { ...plan.bound.remote, runs: null }
    expect(whats({ runs: OLD }, [], { ...plan, bound: { ...plan.bound, remote: none } })).toEqual(['what runs'])
  })

  it('a fact that was not observed has not moved', () => {
    expect(moved({})).toEqual([])
  })

  it.each<[keyof World, World, { what: string; from: string; to: string }]>([
    ['source', { source: OTHER }, { what: 'master', from: MASTER, to: OTHER }],
    ['source', { source: null }, { what: 'master', from: MASTER, to: 'absent' }],
    ['target', { target: OTHER }, { what: 'production', from: OLD, to: OTHER }],
    ['target', { target: null }, { what: 'production', from: OLD, to: 'absent' }],
    ['target', { target: MASTER }, { what: 'production', from: OLD, to: MASTER }],
    ['target', { target: MERGED }, { what: 'production', from: OLD, to: MERGED }],
    ['holds', { holds: OTHER }, { what: 'the remote', from: OLD, to: OTHER }],
    ['holds', { holds: null }, { what: 'the remote', from: OLD, to: 'absent' }],
    ['holds', { holds: MASTER }, { what: 'the remote', from: OLD, to: MASTER }],
    ['runs', { runs: OTHER }, { what: 'what runs', from: OLD, to: OTHER }],
    ['runs', { runs: null }, { what: 'what runs', from: OLD, to: 'absent' }],
    ['database', { database: 'other:5432/api' }, { what: 'the database', from: DATABASE, to: 'other:5432/api' }],
    [
      'revisions',
      { revisions: ['a41c9e2f5b60'] },
      { what: "the database's revision", from: '5f19ab44c1d2', to: 'a41c9e2f5b60' },
    ],
    ['revisions', { revisions: [] }, { what: "the database's revision", from: '5f19ab44c1d2', to: 'empty' }],
    [
      'revisions',
      { revisions: ['5f19ab44c1d2', 'x'] },
      { what: "the database's revision", from: '5f19ab44c1d2', to: '5f19ab44c1d2, x' },
    ],
    ['configuration', { configuration: 'other' }, { what: 'the configuration', from: CONFIGURATION, to: 'other' }],
  ])('%s alone has moved: %j', (_fact, world, expected) => {
    expect(moved({ ...SEEN, ...world })).toEqual([expected])
  })

  it('lists every fact that has moved', () => {
    const world = { source: OTHER, target: OTHER, holds: OTHER, runs: OTHER, revisions: [], database: 'x' }
    expect(whats({ ...world, configuration: 'y' }).toSorted()).toEqual(
      [
        'master',
        'production',
        'the remote',
        'what runs',
        'the configuration',
        'the database',
        "the database's revision",
      ].toSorted(),
    )
  })

  it('the order of several heads does not matter', () => {
    const plan = aPlan({ bound: { database: { ...database(), revisions: ['a', 'b'] } } })
    expect(whats({ ...SEEN, revisions: ['b', 'a'] }, [], plan)).toEqual([])
    expect(whats({ ...SEEN, revisions: ['b'] }, [], plan)).toEqual(["the database's revision"])
  })

  it('an environment without migrations has no database to move', () => {
    const plan = aPlan({ bound: { database: null } })
    expect(whats({ ...SEEN, revisions: ['x'], database: 'y' }, [], plan)).toEqual([])
  })
})

function database() {
  const [database] = databasesOf(aPlan().bound)
  if (database === undefined) throw new Error('the plan of these tests has a database')
  return database
}

describe('a pinned pull request', () => {
  it('allows its source to move and to be deleted', () => {
    expect(whats({ ...SEEN, source: OTHER }, [], aPlan(), true)).toEqual([])
    expect(whats({ ...SEEN, source: null }, [], aPlan(), true)).toEqual([])
  })

  it.each<[keyof World, World, string]>([
    ['target', { target: OTHER }, 'production'],
    ['holds', { holds: OTHER }, 'the remote'],
    ['runs', { runs: OTHER }, 'what runs'],
    ['revisions', { revisions: [] }, "the database's revision"],
    ['configuration', { configuration: 'x' }, 'the configuration'],
  ])('binds %s like any other plan', (_fact, world, what) => {
    expect(whats({ ...SEEN, source: OTHER, ...world }, [], aPlan(), true)).toEqual([what])
  })
})

describe('a step moves only its own facts', () => {
  const migrated = ['b7d20c31aa04']
  it.each<[string, readonly StepRow[], World, readonly string[]]>([
    ['the merge', [merge], { target: MERGED }, []],
    ['the merge, and a new commit on master', [merge], { target: MERGED, source: OTHER }, []],
    ['the merge started, not seen yet', [aStep('merge', begun)], {}, []],
    [
      'the merge started: a commit that is not known to be ours',
      [aStep('merge', begun)],
      { target: OTHER },
      ['production'],
    ],
    ['the merge, and another push after it', [merge], { target: OTHER }, ['production']],
    ['the merge does not move the remote', [merge], { target: MERGED, holds: MERGED }, ['the remote']],
    ['the merge does not migrate', [merge], { target: MERGED, revisions: migrated }, ["the database's revision"]],
    ['the migration', [merge, migrate], { target: MERGED, revisions: migrated }, []],
    [
      'the migration started, and applied before it was recorded',
      [merge, aStep('migrate', begun)],
      { target: MERGED, revisions: migrated },
      [],
    ],
    ['the migration unknown, and not applied', [merge, aStep('migrate', unknown)], { target: MERGED }, []],
    [
      'a migration partly applied, as recorded',
      [merge, aStep('migrate', { state: 'failed', result: { revisions: ['a41c9e2f5b60'] } })],
      { target: MERGED, revisions: ['a41c9e2f5b60'] },
      [],
    ],
    [
      'a migration partly applied, interrupted before it was recorded',
      [merge, aStep('migrate', begun)],
      { target: MERGED, revisions: ['a41c9e2f5b60'] },
      [],
    ],
    [
      'the migration does not apply what is not in the plan',
      [merge, migrate],
      { target: MERGED, revisions: ['ffff'] },
      ["the database's revision"],
    ],
    [
      'the migration does not empty the database',
      [merge, migrate],
      { target: MERGED, revisions: [] },
      ["the database's revision"],
    ],
    [
      'the migration does not change the database’s identity',
      [merge, migrate],
      { target: MERGED, revisions: migrated, database: 'other:5432/api' },
      ['the database'],
    ],
    [
      'the migration does not push',
      [merge, migrate],
      { target: MERGED, revisions: migrated, holds: MERGED },
      ['the remote'],
    ],
    ['the push', [merge, migrate, push], { target: MERGED, revisions: migrated, holds: MERGED, runs: MERGED }, []],
    [
      'the push, while the build runs',
      [merge, migrate, push],
      { target: MERGED, revisions: migrated, holds: MERGED },
      [],
    ],
    [
      'the push started, not seen yet',
      [merge, migrate, aStep('push', begun)],
      { target: MERGED, revisions: migrated },
      [],
    ],
    [
      'the push, and another push after it',
      [merge, migrate, push],
      { target: MERGED, revisions: migrated, holds: OTHER, runs: OTHER },
      ['the remote', 'what runs'],
    ],
    [
      'the push does not change the configuration',
      [merge, migrate, push],
      { configuration: 'x' },
      ['the configuration'],
    ],
  ])('%s', (_name, steps, world, expected) => {
    expect(whats({ ...SEEN, ...world }, steps)).toEqual(expected)
  })
})

describe('without a merge', () => {
  /** Production already holds master; Heroku lags. */
  const deployOnly = aPlan({
    bound: {
      target: { branch: 'production', commit: MASTER },
      result: { how: 'commit', commit: MASTER, tree: sha('7ee') },
    },
  })
  const world = { ...SEEN, target: MASTER }

  it('the source is bound until it is pushed', () => {
    expect(whats({ ...world, source: OTHER }, [], deployOnly)).toEqual(['master'])
    expect(whats({ ...world, source: OTHER, holds: MASTER }, [push], deployOnly)).toEqual([])
  })

  it('the source stays bound until an effect of the push is known', () => {
    const failed = aStep('push', { state: 'failed', effect: 'none' })
    for (const row of [failed, aStep('push', begun), aStep('push', unknown)]) {
      expect(whats({ ...world, source: OTHER }, [row], deployOnly)).toEqual(['master'])
    }
  })

  it('the push moves the remote to the planned commit', () => {
    expect(whats({ ...world, holds: MASTER, runs: MASTER }, [push], deployOnly)).toEqual([])
    expect(whats({ ...world, holds: MASTER }, [], deployOnly)).toEqual(['the remote'])
  })

  /** Integration follows master: one branch is source and target. */
  const integration = aPlan({
    bound: {
      environment: 'integration',
      target: { branch: 'master', commit: MASTER },
      source: { branch: 'master', commit: MASTER },
      result: { how: 'commit', commit: MASTER, tree: sha('7ee') },
    },
  })

  it('a branch that is both source and target is listed once', () => {
    expect(whats({ ...SEEN, source: OTHER, target: OTHER }, [], integration)).toEqual(['master'])
  })

  it('the branch may move once it is pushed', () => {
    const after = { ...SEEN, source: OTHER, target: OTHER, holds: MASTER, runs: MASTER }
    expect(whats(after, [push], integration)).toEqual([])
  })

  it('a pick moves the branch to the picked commit', () => {
    const picked = sha('9c4ed')
    const plan = aPlan({
      bound: { ...integration.bound, kind: 'hotfix', result: { how: 'commit', commit: picked, tree: sha('7') } },
    })
    const after = { ...SEEN, source: picked, target: picked }
    expect(whats(after, [], plan)).toEqual(['master'])
    expect(whats(after, [aStep('pick')], plan)).toEqual([])
    expect(whats({ ...SEEN, source: OTHER, target: OTHER }, [aStep('pick')], plan)).toEqual(['master'])
  })
})

describe('an upgrade interrupted between two branches of revisions', () => {
  const plan = aPlan({
    bound: { database: { ...database(), revisions: ['a1', 'b1'], pending: ['a2', 'b2', 'c3'], head: 'c3' } },
  })

  it('may leave the database between the planned revisions only', () => {
    const interrupted = [aStep('migrate', begun)]
    expect(whats({ ...SEEN, revisions: ['a2', 'b1'] }, interrupted, plan)).toEqual([])
    expect(whats({ ...SEEN, revisions: ['a2', 'x'] }, interrupted, plan)).toEqual(["the database's revision"])
    expect(whats({ ...SEEN, revisions: ['a2', 'b1'] }, [], plan)).toEqual(["the database's revision"])
  })
})

describe('the first release of an environment', () => {
  const plan = aPlan({
    firstRelease: true,
    bound: {
      remote: { url: 'https://git.example/r.git', branch: 'master', holds: null, runs: null },
      target: { branch: 'production', commit: null },
      result: { how: 'commit', commit: MASTER, tree: sha('7ee') },
      database: { ...database(), revisions: [], pending: ['a1'], head: 'a1' },
    },
  })
  const nothing = { ...SEEN, target: null, holds: null, runs: null, revisions: [] }

  it('expects absent facts to stay absent', () => {
    expect(whats(nothing, [], plan)).toEqual([])
  })

  it.each<[World, { what: string; from: string; to: string }]>([
    [{ holds: OTHER }, { what: 'the remote', from: 'absent', to: OTHER }],
    [{ runs: OTHER }, { what: 'what runs', from: 'absent', to: OTHER }],
    [{ target: OTHER }, { what: 'production', from: 'absent', to: OTHER }],
    [{ revisions: ['a1'] }, { what: "the database's revision", from: 'empty', to: 'a1' }],
  ])('lists a fact that appeared: %j', (world, expected) => {
    expect(moved({ ...nothing, ...world }, [], plan)).toEqual([expected])
  })

  it('allows what its own steps have changed', () => {
    const steps = [aStep('migrate', { result: { revisions: ['a1'] } }), push]
    expect(whats({ ...nothing, revisions: ['a1'], holds: MASTER, runs: MASTER }, steps, plan)).toEqual([])
  })

  it('allows an app without any migration yet', () => {
    const none = aPlan({ bound: { database: { ...database(), revisions: [], pending: [], head: null } } })
    expect(whats({ ...SEEN, revisions: [] }, [aStep('migrate')], none)).toEqual([])
    expect(whats({ ...SEEN, revisions: ['x'] }, [aStep('migrate')], none)).toEqual(["the database's revision"])
  })
})

describe('the commit that a release produces', () => {
  it('is the planned one without a merge, else the merge step’s', () => {
    const commit = aPlan({ bound: { result: { how: 'commit', commit: MASTER, tree: sha('7ee') } } })
    expect(producedCommit(aRelease({ plan: commit }))).toBe(MASTER)
    expect(producedCommit(aRelease())).toBeUndefined()
    expect(producedCommit(aRelease({ steps: [aStep('merge', begun)] }))).toBeUndefined()
    expect(producedCommit(aRelease({ steps: [merge] }))).toBe(MERGED)
    expect(producedCommit(aRelease({ plan: undefined }))).toBeUndefined()
  })
})

describe('W16: several databases', () => {
  const SEARCH = {
    name: 'search',
    identity: 'db:5432/search',
    revisions: ['s1'],
    pending: ['s2'],
    head: 's2',
    migrationsTree: sha('5e'),
  }
  const plan = aPlan({ bound: { database: [{ ...database(), name: 'users' }, SEARCH] } })
  const users = (...revisions: string[]) => ({ identity: DATABASE, revisions })
  const search = (...revisions: string[]) => ({ identity: 'db:5432/search', revisions })
  const BEFORE = ['5f19ab44c1d2', 's1'] as const
  const begunAt = (...at: readonly string[]) =>
    aStep('migrate', {
      state: 'failed',
      effect: 'some',
      result: { databases: ['users', 'search'].map((name, index) => ({ name, revisions: [at[index] ?? ''] })) },
    })

  it.each<[string, NonNullable<ObservedFacts['databases']>, readonly StepRow[], readonly string[]]>([
    ['as planned', [users(BEFORE[0]), search(BEFORE[1])], [], []],
    ['the second was migrated by hand', [users(BEFORE[0]), search('s2')], [], ["the search database's revision"]],
    ['the first leads elsewhere', [{ ...users(BEFORE[0]), identity: 'x' }, search('s1')], [], ['the users database']],
    [
      'the first is done, and the second failed',
      [users('b7d20c31aa04'), search('s1')],
      [begunAt('b7d20c31aa04', 's1')],
      [],
    ],
    [
      'the second is at another revision since',
      [users('b7d20c31aa04'), search('x')],
      [begunAt('b7d20c31aa04', 's1')],
      ["the search database's revision"],
    ],
    [
      'each to its own: not the other’s revisions',
      [users('s2'), search('s1')],
      [begunAt('b7d20c31aa04', 's1')],
      ["the users database's revision"],
    ],
  ])('%s', (_what, databases, steps, expected) => {
    const release = aRelease({ plan, steps, state: 'running', attempt: 1 })
    expect(movedFacts(plan, release, { databases }, false).map(({ what }) => what)).toEqual(expected)
  })
})

describe('a release that was requested automatically, of a branch that has newer commits', () => {
  const plan = aPlan({
    bound: { source: { branch: 'master', commit: MASTER }, target: { branch: 'master', commit: MASTER } },
  })
  const newer = { source: OTHER, target: OTHER, revisions: ['b7d20c31aa04'] }
  const of = (requester: { id: string; name: string }, steps: readonly StepRow[]) =>
    movedFacts(
      plan,
      aRelease({ plan, steps, state: 'running', attempt: 1, requester }),
      { source: newer.source, target: newer.target },
      false,
    )
  const automatic = { id: 'signoff', name: 'Signoff' }

  it('A12: is outdated before the database follows it, and goes on once it does: its code must come too', () => {
    expect(of(automatic, []).map(({ what }) => what)).toEqual(['master'])
    expect(of(automatic, [aStep('migrate', { state: 'pending', effect: 'none' })])).toHaveLength(1)
    expect(of(automatic, [migrate])).toEqual([])
    expect(of(automatic, [aStep('migrate', begun)])).toEqual([])
  })

  it('A12: what a person requested is not changed by that', () => {
    expect(of({ id: 'U01DANA', name: 'Dana' }, [migrate]).map(({ what }) => what)).toEqual(['master'])
  })
})
