import { describe, expect, it } from 'vitest'
import { median, percentile, type Round, spread, summarize } from './statistics.ts'

describe('median', () => {
  it.each([
    ['of one', [3], 3],
    ['of an odd number, in any order', [9, 1, 5], 5],
    ['of an even number: between the two in the middle', [4, 1, 2, 100], 3],
    ['of equal values', [2, 2, 2], 2],
  ])('%s', (_, values, expected) => expect(median(values)).toBe(expected))

  it('of nothing is not a number', () => expect(median([])).toBeNaN())
})

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)
  it.each([
    [50, 50],
    [99, 99],
    [100, 100],
    [1, 1],
  ])('%i of 1 to 100 is %i', (percent, expected) => expect(percentile(hundred, percent)).toBe(expected))

  it('of a few values is one of them', () => expect(percentile([7, 3], 99)).toBe(7))
  it('of nothing is not a number', () => expect(percentile([], 50)).toBeNaN())
})

it('spread leaves the values as they are', () => {
  const values = [3, 1, 2]
  expect(spread(values)).toEqual({ median: 2, min: 1, max: 3 })
  expect(values).toEqual([3, 1, 2])
})

describe('summarize', () => {
  const rounds: readonly Round[] = [
    { ours: 6, yardstick: 3 },
    { ours: 20, yardstick: 4 },
    { ours: 9, yardstick: 3 },
  ]

  it('pairs: the ratio is the median of the ratios, not the ratio of the medians', () => {
    expect(summarize(rounds, { of: 'ratio', atMost: 3 })).toEqual({
      rounds: 3,
      ours: { median: 9, min: 6, max: 20 },
      yardstick: { median: 3, min: 3, max: 4 },
      ratio: { median: 3, min: 2, max: 5 },
      verdict: 'met',
    })
  })

  it.each([
    ['a ratio at its limit', { of: 'ratio', atMost: 3 }, 'met'],
    ['a ratio above', { of: 'ratio', atMost: 2.99 }, 'missed'],
    ['a ratio that must be high', { of: 'ratio', atLeast: 3 }, 'met'],
    ['a ratio that is too low', { of: 'ratio', atLeast: 3.01 }, 'missed'],
    ['a value at its limit', { of: 'value', atMost: 9 }, 'met'],
    ['a value above', { of: 'value', atMost: 8 }, 'missed'],
  ] as const)('%s', (_, goal, expected) => expect(summarize(rounds, goal).verdict).toBe(expected))

  it('a goal of zero is met by zero alone', () => {
    expect(summarize([{ ours: 0 }], { of: 'value', atMost: 0 }).verdict).toBe('met')
    expect(summarize([{ ours: 1 }], { of: 'value', atMost: 0 }).verdict).toBe('missed')
  })

  it.each([
    ['no round', []],
    ['a yardstick missing in one round', [{ ours: 1, yardstick: 1 }, { ours: 1 }]],
    ['a yardstick of nothing', [{ ours: 1, yardstick: 0 }]],
  ])('%s: a goal about a ratio is not measured', (_, given) => {
    const summary = summarize(given, { of: 'ratio', atMost: 1 })
    expect(summary.verdict).toBe('not measured')
    expect(summary.ratio).toBeUndefined()
  })
})
