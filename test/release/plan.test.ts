import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, digest } from '../../src/lib/canonical-json.ts'
import { builtCommit, commitToPush, fingerprint, haveAllPassed, type Plan } from '../../src/release/plan.ts'
import { aCommit, aPlan, sha } from '../support/builders.ts'

describe('canonical JSON', () => {
  it.each<[string, unknown, string]>([
    [
      'keys in order, at every depth',
      { b: { d: 1, c: 2 }, a: [{ z: 1, y: 2 }] },
      '{"a":[{"y":2,"z":1}],"b":{"c":2,"d":1}}',
    ],
    ['lists in their own order', [3, 1, 2], '[3,1,2]'],
    ['absent keys left out', { a: undefined, b: null }, '{"b":null}'],
    ['capitals before small letters, digits before both', { a: 1, B: 2, 1: 3 }, '{"1":3,"B":2,"a":1}'],
    ['numbers as text sorts, not as numbers do', { 10: 'a', 9: 'b' }, '{"10":"a","9":"b"}'],
    ['keys beyond ASCII', { é: 1, z: 2, '😀': 3, '\uffff': 4 }, '{"z":2,"é":1,"😀":3,"\uffff":4}'],
    ['text as it is, not normalised', ['é', 'e\u0301'], '["é","e\u0301"]'],
    ['half a pair, NUL and line ends escaped', '\ud800\0\n"\\', '"\\ud800\\u0000\\n\\"\\\\"'],
    ['minus zero as zero', -0, '0'],
    ['objects without a prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [
      'keys that objects have by nature',
      JSON.parse('{"toString":2,"constructor":1,"__proto__":3}'),
      '{"__proto__":3,"constructor":1,"toString":2}',
    ],
    ['nothing at all', [null, {}, [], '', false], '[null,{},[],"",false]'],
  ])('has %s', (_name, value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['an undefined item', [1, undefined]],
    ['a hole in a list', new Array(2)],
    ['a function', { a: () => 1 }],
    ['NaN', Number.NaN],
    ['infinity', { deep: [Number.POSITIVE_INFINITY] }],
    ['a big integer', 1n],
    ['a symbol', Symbol('s')],
    ['a Date', { at: new Date(0) }],
    ['a Map', new Map()],
    [
      'an object of a class',
      new (class Named {
        readonly a = 1
      })(),
    ],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
  })

  it('gives equal bytes for equal values in any order of keys, and parses back to the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value)
        expect(canonicalJson(JSON.parse(text))).toBe(text)
        expect(canonicalJson(shuffled(value))).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('gives different bytes for different values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const equal = JSON.stringify(shuffled(one, true)) === JSON.stringify(shuffled(other, true))
        expect(canonicalJson(one) === canonicalJson(other)).toBe(equal)
      }),
    )
  })
})

/** The same value with its keys in another order: reversed, or sorted. */
function shuffled(value: unknown, sorted = false): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, sorted))
  if (typeof value !== 'object' || value === null) return value
  const keys = sorted ? Object.keys(value).sort() : Object.keys(value).reverse()
  const made: Record<string, unknown> = Object.create(null)
  for (const key of keys) made[key] = shuffled((value as Record<string, unknown>)[key], sorted)
  return made
}

describe('the fingerprint', () => {
  it('is SHA-256 of the bound facts, in hex', () => {
    expect(fingerprint(aPlan())).toMatch(/^[0-9a-f]{64}$/)
    expect(fingerprint(aPlan())).toBe(digest(aPlan().bound))
    // From sha256sum, for the text {"a":1}.
    expect(digest({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862')
  })

  const merged = aPlan()
  const asItIs = aPlan({ bound: { result: { how: 'commit', commit: sha('9f2c1ab'), tree: sha('7ee') } } })
  const first = aPlan({
    bound: {
      remote: { url: 'https://git.example/r.git', branch: 'master', holds: null, runs: null },
      target: { branch: 'production', commit: null },
      database: { identity: 'db:5432/api', revisions: [], pending: ['a1'], head: 'a1', migrationsTree: sha('a1e') },
    },
  })
  const plans: readonly [string, Plan][] = [
    ['a merge', merged],
    ['a commit that goes as it is', asItIs],
    ['a first release', first],
    ['an environment without a database', aPlan({ bound: { database: null } })],
  ]

  describe.each(plans)('of %s', (_name, plan) => {
    const changes = everyChange(plan.bound)

    it('has every bound fact', () => {
      const paths = changes.map(({ path }) => path)
      expect(paths).toEqual(
        expect.arrayContaining([
          'app',
          'kind',
          'remote.holds',
          'remote.runs',
          'target.commit',
          'source.commit',
          'commits.0',
          'configuration',
        ]),
      )
      expect(changes.length).toBeGreaterThan(20)
    })

    it('changes with each of them', () => {
      const unnoticed = changes.filter(
        ({ changed }) => fingerprint({ ...plan, bound: changed as Plan['bound'] }) === fingerprint(plan),
      )
      expect(unnoticed.map(({ path, how }) => `${path}: ${how}`)).toEqual([])
    })

    it('is different for each change', () => {
      const prints = changes.map(({ changed }) => fingerprint({ ...plan, bound: changed as Plan['bound'] }))
      expect(new Set(prints).size).toBe(prints.length)
    })
  })

  it.each<[string, Partial<Omit<Plan, 'bound'>>]>([
    ['titles', { commits: merged.commits.map((commit) => ({ ...commit, title: 'Another title' })) }],
    [
      'names of authors',
      { commits: [aCommit('9f2c1ab', 'x', 'Somebody')], authors: [{ name: 'S', email: 's@example.com' }] },
    ],
    [
      'the pull request',
      { pullRequest: { id: 9000, url: 'https://example.com/9000', pinnedBranch: 'signoff/12-production' } },
    ],
    ['checks', { checks: [{ name: 'build', state: 'failed', url: 'https://ci.example.com' }] }],
    ['warnings', { warnings: ['Read this.'] }],
    [
      'the risks of migrations',
      { migrations: merged.migrations.map((each) => ({ ...each, risk: 'unknown' as const, message: 'm' })) },
    ],
    ['files', { files: { count: 0, list: [] } }],
    ['the steps', { steps: [] }],
    ['the web address', { webUrl: 'https://example.com' }],
    ['the count that is shown', { commitCount: 700 }],
    ['being the first', { firstRelease: true }],
  ])('does not change with %s', (_name, shown) => {
    expect(fingerprint({ ...merged, ...shown })).toBe(fingerprint(merged))
  })

  it('does not depend on the order of keys, or on being stored and read', () => {
    expect(fingerprint({ ...merged, bound: shuffled(merged.bound) as Plan['bound'] })).toBe(fingerprint(merged))
    expect(fingerprint(JSON.parse(JSON.stringify(merged)))).toBe(fingerprint(merged))
  })
})

interface Change {
  readonly path: string
  readonly how: string
  readonly changed: unknown
}

/** The value with each of its leaves changed in turn; each list also with one item more, one less, and reversed. */
function everyChange(value: unknown, path = ''): readonly Change[] {
  const here = (how: string, changed: unknown): Change => ({ path, how, changed })
  if (typeof value === 'string') {
    return [here('one digit', `${value}0`), here('empty', `${value}`.length > 0 ? '' : 'x'), here('null', null)]
  }
  if (value === null) return [here('something', 'x')]
  if (Array.isArray(value)) {
    const inside = value.flatMap((item, index) =>
      everyChange(item, `${path}.${index}`).map((change) => ({
        ...change,
        changed: value.with(index, change.changed),
      })),
    )
    const turned = value.length > 1 ? [here('turned round', value.toReversed())] : []
    const less = value.length > 0 ? [here('one less', value.slice(0, -1))] : []
    return [...inside, ...turned, ...less, here('one more', [...value, 'x'])]
  }
  if (typeof value !== 'object') throw new Error(`a leaf that this test does not know: ${typeof value}`)
  const inside = Object.entries(value).flatMap(([key, item]) =>
    everyChange(item, path === '' ? key : `${path}.${key}`).map((change) => ({
      ...change,
      changed: { ...value, [key]: change.changed },
    })),
  )
  return path === '' ? inside : [...inside, here('taken away', null)]
}

describe('the checks that count', () => {
  const author = { name: 'Marek', email: 'marek@example.com' }
  const pick = (from: string) => ({
    from: sha(from),
    made: sha(`${from}0`),
    title: 'Fix it',
    author,
    files: { count: 0, list: [] },
  })
  const check = (state: 'passed' | 'failed' | 'running' | 'stopped') => ({ name: state, state, url: 'https://ci' })

  it('are those of the source commit, or of the last picked commit', () => {
    expect(builtCommit(aPlan())).toBe(aPlan().bound.source.commit)
    const picks = [pick('a1'), pick('b2')]
    const hotfix = { picks, at: '2026-11-22T08:00:00Z', alsoGoes: { count: 0, commits: [] } }
    expect(builtCommit(aPlan({ hotfix }))).toBe(sha('b2'))
  })

  it('have passed when there is at least one and all passed', () => {
    expect(haveAllPassed([])).toBe(false)
    expect(haveAllPassed([check('passed'), check('passed')])).toBe(true)
    for (const state of ['failed', 'running', 'stopped'] as const) {
      expect(haveAllPassed([check('passed'), check(state)])).toBe(false)
    }
  })
})

describe('the commit to push', () => {
  it('is the planned one, or the one that the merge created', () => {
    const asItIs = aPlan({ bound: { result: { how: 'commit', commit: sha('9f2c1ab'), tree: sha('7ee') } } })
    expect(commitToPush(asItIs)).toBe(sha('9f2c1ab'))
    expect(commitToPush(asItIs, sha('c0ffee'))).toBe(sha('9f2c1ab'))
    expect(commitToPush(aPlan())).toBeUndefined()
    expect(commitToPush(aPlan(), sha('c0ffee'))).toBe(sha('c0ffee'))
  })
})
