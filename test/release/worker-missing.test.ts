import { describe, expect, it } from 'vitest'
import { aliveByGroup, missingWorker, workerGroups } from '../../src/release/workers.ts'
import { anApp, anEnvironment } from '../support/builders.ts'

const now = new Date('2026-11-22T08:00:00Z')
const seen = (ageSeconds: number, more: object = {}) => ({
  id: `${ageSeconds}`,
  at: new Date(now.getTime() - ageSeconds * 1_000),
  configurations: {},
  ...more,
})
const net = { group: 'net' }

describe('whether a worker is missing', () => {
  it.each([
    ['one of the group is alive', [seen(20, net)], net, undefined],
    ['only others are alive', [seen(1), seen(1, { group: 'other' })], net, { group: 'net' }],
    ['a worker of a group does not release what is in none', [seen(1, net)], {}, {}],
    [
      'the last of the group is named',
      [seen(1), seen(21, { ...net, host: 'host-1' }), seen(60, { ...net, host: 'host-0' })],
      net,
      { lastSeen: '2026-11-22T07:59:39.000Z', host: 'host-1', group: 'net' },
    ],
    ['one of an older version has no host', [seen(30)], {}, { lastSeen: '2026-11-22T07:59:30.000Z' }],
  ])('%s', (_, workers, environment, expected) => {
    expect(missingWorker(workers, now, environment)).toEqual(expected)
  })
})

describe('how many workers are alive', () => {
  it('is counted for each group that is needed, or has any', () => {
    const apps = [anApp({ environments: [anEnvironment({ group: 'net' }), anEnvironment({ name: 'integration' })] })]
    const workers = [seen(1), seen(1), seen(60, net), seen(1, { group: 'old' })]
    expect([...aliveByGroup(apps, workers, now)]).toEqual([
      ['net', 0],
      [undefined, 2],
      ['old', 1],
    ])
    expect(workerGroups(apps)).toEqual({ names: ['net'], of: { 'api/production': 'net' } })
  })
})
