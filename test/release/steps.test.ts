import { describe, expect, it } from 'vitest'
import type { BoundFacts } from '../../src/release/plan.ts'
import { stepsFor } from '../../src/release/steps.ts'
import { anEnvironment, anIntegration, aPlan } from '../support/builders.ts'

const { bound } = aPlan()
const SIGNED = anEnvironment()
const UNSIGNED = anIntegration()
const A = 'a'.repeat(40)
const commit = { how: 'commit', commit: A, tree: 'b'.repeat(40) } as const
const merge = { how: 'merge', parents: [A, 'c'.repeat(40)], tree: 'b'.repeat(40) } as const
const remote = (holds: string | null, runs: string | null) => ({ ...bound.remote, holds, runs })
const database = (pending: readonly string[]) => ({
  identity: 'db.example:5432/api',
  revisions: ['1'],
  pending,
  head: '2',
  migrationsTree: 'd'.repeat(40),
})

describe('the steps of a plan', () => {
  it.each<[string, Partial<BoundFacts>, typeof SIGNED, boolean, string]>([
    [
      'a merge with migrations, where people sign and the channel is told',
      { result: merge, database: database(['2']) },
      { ...SIGNED, announce: 'required' },
      false,
      'announce record merge sync verify migrate push confirm report',
    ],
    [
      'a commit that the branch has already, where nobody signs',
      { result: commit, database: null },
      { ...UNSIGNED, announce: 'off' },
      false,
      'sync verify push confirm report',
    ],
    [
      'the same with a migration that was discussed',
      { result: commit, database: database(['2']) },
      { ...UNSIGNED, announce: 'off' },
      true,
      'record sync verify migrate push confirm report',
    ],
    [
      'a hot-fix',
      { kind: 'hotfix', result: commit, database: null },
      { ...UNSIGNED, announce: 'off' },
      false,
      'pick record sync verify push confirm report',
    ],
    [
      'a commit that the remote holds and runs, with a migration',
      { result: commit, remote: remote(A, A), database: database(['2']) },
      { ...UNSIGNED, announce: 'off' },
      false,
      'sync verify migrate confirm report',
    ],
    [
      'a commit that the remote holds and does not run',
      { result: commit, remote: remote(A, null), database: null },
      { ...UNSIGNED, announce: 'off' },
      false,
      'sync verify push confirm report',
    ],
  ])('%s', (_what, facts, environment, mustBeTalkedOver, expected) => {
    const all = { ...bound, kind: 'deploy' as const, remote: remote(null, null), ...facts }
    expect(stepsFor({ environment, bound: all, mustBeTalkedOver }).join(' ')).toBe(expected)
  })
})
