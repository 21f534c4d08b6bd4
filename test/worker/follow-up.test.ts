import { expect, it } from 'vitest'
import type { ReleaseFilter } from '../../src/release/ports/store.ts'
import type { Release } from '../../src/release/release.ts'
import type { WorkerPorts } from '../../src/worker/ports.ts'
import { followUpHotfixes } from '../../src/worker/watch/follow-up.ts'
import { anApp, aPlan, aRelease, aStep, at, sha } from '../support/builders.ts'

const hotfix = {
  picks: [
    {
      from: sha('7ad90f4'),
      made: sha('c0ffee1'),
      title: 'Fix it',
      author: { name: 'Ben', email: 'ben@example.test' },
      files: { count: 0, list: [] },
      promoted: false,
    },
  ],
  at: at('08:00').toISOString(),
  alsoGoes: { count: 0, commits: [] },
  promoting: { branch: 'master', environment: 'integration' },
}

it('follows up every hot-fix, however many releases and hot-fixes came after it', async () => {
  const plan = { ...aPlan({ bound: { kind: 'hotfix' } }), hotfix }
  const ended = { state: 'succeeded', endedAt: at('09:00') } as const
  const all: readonly Release[] = Array.from({ length: 700 }, (_, index) =>
    index % 5 === 0
      ? aRelease({ ...ended, number: index + 1, kind: 'hotfix', plan, steps: [aStep('pick')] })
      : aRelease({ ...ended, number: index + 1 }),
  ).reverse()
  const looked: number[] = []
  const store = {
    releases: async ({ kind, before = Infinity, limit }: ReleaseFilter) =>
      all.filter((each) => (kind === undefined || each.kind === kind) && each.number < before).slice(0, limit),
    now: async () => at('10:00'),
    events: async (number: number) => {
      looked.push(number)
      return []
    },
  }
  const ports = {
    apps: [anApp()],
    git: { keptPicks: async () => [], forgetPicks: async () => undefined },
    store,
  } as unknown as WorkerPorts
  await followUpHotfixes(ports)
  expect(looked.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 140 }, (_, index) => index * 5 + 1))
})
