import { expect, it } from 'vitest'
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

it('follows up every hot-fix that needs it, of those that ended a day to eight days ago, whatever fails at one', async () => {
  const plan = { ...aPlan({ bound: { kind: 'hotfix' } }), hotfix }
  const ended = { state: 'succeeded', endedAt: at('09:00'), kind: 'hotfix', plan, steps: [aStep('pick')] } as const
  const asked: object[] = []
  const looked: number[] = []
  const failed: unknown[] = []
  const store = {
    hotfixesToFollowUp: async (of: object) => {
      asked.push(of)
      return [7, 5, 3, 1]
    },
    release: async (number: number) => {
      if (number === 5) throw new Error('the store does not answer')
      return number === 3 ? undefined : aRelease({ ...ended, number })
    },
    now: async () => at('10:00'),
    events: async (number: number) => {
      looked.push(number)
      return []
    },
  }
  const ports = {
    apps: [anApp()],
    git: { keptPicks: async () => [], forgetPicks: async () => undefined },
    log: { error: (fields: { readonly release: number }) => failed.push(fields.release) },
    store,
  } as unknown as WorkerPorts
  await followUpHotfixes(ports)
  expect(asked).toEqual([{ since: new Date('2026-11-14T10:00:00Z'), until: new Date('2026-11-21T10:00:00Z') }])
  expect({ looked, failed }).toEqual({ looked: [7, 1], failed: [5] })
})
