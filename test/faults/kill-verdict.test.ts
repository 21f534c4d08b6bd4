/** Who judges the rounds of kills must see what they are for: each way in which a release can have gone wrong. */
import { expect, it } from 'vitest'
import { type Ended, judge } from '../support/kill-verdict.ts'
import type { Effects, Flow } from '../support/truth.ts'

const NOTHING: Effects = {
  merges: 0,
  picks: 0,
  comments: 0,
  pushes: 0,
  platformReleases: 0,
  cards: 1,
  announcements: 0,
  outcomes: 1,
  receipts: 0,
  migrations: {},
  linesTwice: [],
  early: 0,
}
const ALL: Effects = {
  ...NOTHING,
  ...{ merges: 1, comments: 1, pushes: 1, platformReleases: 1, announcements: 1, receipts: 2 },
}

const WELL: Ended = {
  state: 'succeeded',
  retries: 0,
  effects: ALL,
  wasSpoiled: false,
  isPlanned: true,
  hasBegun: true,
}
const FAILED: Ended = {
  ...WELL,
  state: 'failed',
  wasSpoiled: true,
  effects: { ...NOTHING, announcements: 1, receipts: 2 },
}

function found(ended: Ended, flow: Flow = 'production'): readonly string[] {
  const { lost, doubled, guessed } = judge({ flow }, { pending: [] }, ended)
  return [...lost, ...doubled, ...guessed]
}

it.each<[string, Ended, Flow?]>([
  ['succeeded, everything once', WELL],
  ['failed after a spoiled answer, and told', FAILED],
  [
    'refused while it was planned',
    { ...FAILED, state: 'refused', isPlanned: false, hasBegun: false, effects: { ...NOTHING, cards: 0, outcomes: 0 } },
  ],
  ['outdated before its run', { ...FAILED, state: 'outdated', hasBegun: false, effects: NOTHING }],
  [
    'rolled back: nothing merged, nothing pushed',
    { ...WELL, effects: { ...ALL, merges: 0, pushes: 0, receipts: 1 } },
    'rollback',
  ],
  [
    'a new head deployed, without an announcement',
    { ...WELL, effects: { ...NOTHING, pushes: 1, platformReleases: 1 } },
    'automatic',
  ],
  ['failed on integration, which is not announced', { ...FAILED, effects: NOTHING }, 'integration'],
  ['Retry after a spoiled answer', { ...WELL, wasSpoiled: true, retries: 1, effects: { ...ALL, outcomes: 2 } }],
])('nothing is wrong: %s', (_what, ended, flow) => {
  expect(found(ended, flow)).toEqual([])
})

it.each<[string, Ended, string, Flow?]>([
  ['succeeded without a merge', { ...WELL, effects: { ...ALL, merges: 0 } }, 'merges: 0'],
  ['pushed twice', { ...WELL, effects: { ...ALL, pushes: 2 } }, 'pushes: 2'],
  ['failed, and no outcome is told', { ...FAILED, effects: { ...FAILED.effects, outcomes: 0 } }, 'outcomes: 0'],
  [
    'failed without its announcement',
    { ...FAILED, effects: { ...FAILED.effects, announcements: 0 } },
    'announcements: 0',
  ],
  ['one who signed was never told', { ...WELL, effects: { ...ALL, receipts: 1 } }, 'receipts: 1'],
  ['one who signed was told twice', { ...WELL, effects: { ...ALL, receipts: 3 } }, 'receipts: 3'],
  ['failed without a card', { ...FAILED, effects: { ...FAILED.effects, cards: 0 } }, 'cards: 0'],
  [
    'failed, and something was done',
    { ...FAILED, effects: { ...ALL, pushes: 0 } },
    'it ended as failed, and something was done',
  ],
  ['failed though nothing was spoiled', { ...FAILED, wasSpoiled: false }, 'it ended as failed'],
  [
    'a person was needed though nothing was spoiled',
    { ...WELL, retries: 1, effects: { ...ALL, outcomes: 2 } },
    'its way: it needed 1 Retry, and nothing was spoiled',
  ],
  ['a rollback that has pushed', { ...WELL, effects: { ...ALL, merges: 0, receipts: 1 } }, 'pushes: 1', 'rollback'],
  [
    'a rollback that failed, and the platform runs the earlier slug',
    { ...FAILED, effects: { ...FAILED.effects, platformReleases: 1, receipts: 1 } },
    'it ended as failed, and something was done',
    'rollback',
  ],
])('is seen: %s', (_what, ended, word, flow) => {
  expect(found(ended, flow)).toEqual([word])
})
