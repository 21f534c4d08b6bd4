/** Figures in words: docs/figures.md has an example of each. */
import { describe, expect, it } from 'vitest'
import { figuresOf } from '../../src/release/figures.ts'
import { figuresInALine, figuresInWords, span } from '../../src/slack/views/parts/figures.ts'
import { type Life, lifeOf } from '../support/lives.ts'

const UNTIL = new Date('2026-11-30T12:00:00Z')
const ago = (hours: number) => new Date(UNTIL.getTime() - hours * 3_600_000)

const figures = (...lives: readonly Life[]) =>
  figuresOf(
    { app: 'api', environment: 'production' },
    lives.map((life, index) => lifeOf(index + 1, life)),
    { days: 30, until: UNTIL },
  )

const words = (...lives: readonly Life[]) =>
  figuresInWords(figures(...lives)).map((line) => line.replaceAll('\u00a0', ' '))

describe('in words', () => {
  it('says nothing but that there were no releases', () => {
    expect(words()).toEqual(['No releases in the last 30 days.'])
    expect(figuresInALine(figures())).toBe('*api production*: no releases in the last 30 days')
  })

  it('says each figure with how many it is of', () => {
    const lives: Life[] = [
      { at: ago(200), rolledBackAt: ago(198) },
      { at: ago(198), kind: 'rollback' },
      { at: ago(100), ends: 'rejected' },
      { at: ago(90), signs: ['emergency'] },
      { at: ago(80), ends: 'closed', attention: true },
    ]
    expect(words(...lives)).toMatchInlineSnapshot(`
      [
        "*Releases:* 4 (0.9 a week): 2 succeeded, 1 rejected, 1 closed. 1 rollback, 1 emergency.",
        "*Lead time:* median 3.1 days, 90 % within 5.4 days (10 of 10 commits).",
        "*Change failures:* 2 of 3 changes (67 %): #1, #5.",
        "*Time to restore:* 2 h (1 failure), 1 failure not restored yet.",
        "*Waiting for sign-off:* median 30 min, 90 % within 30 min (2 releases).",
        "*Slowest step:* push, median 3 min.",
      ]
    `)
    expect(figuresInALine(figures(...lives)).replaceAll('\u00a0', ' ')).toMatchInlineSnapshot(
      `"*api production*: 4 releases (0.9 a week) · lead time 3.1 days · 2 of 3 changes (67 %) failed · restored in 2 h"`,
    )
  })

  it('says what is left out where nothing has restored a failure, and where there is one of each', () => {
    expect(words({ at: ago(5), ends: 'closed', attention: true })).toMatchInlineSnapshot(`
      [
        "*Releases:* 1 (0.2 a week): 1 closed.",
        "*Change failures:* 1 of 1 change (100 %): #1.",
        "*Time to restore:* 1 failure not restored yet.",
        "*Waiting for sign-off:* 30 min (1 release).",
      ]
    `)
    expect(words({ at: ago(5), kind: 'rollback' })).toMatchInlineSnapshot(`
      [
        "*Releases:* none. 1 rollback.",
      ]
    `)
  })
})

it.each([
  [400, '0.4 s'],
  [89_000, '1 min 29 s'],
  [95_000, '2 min'],
  [3_600_000, '1 h'],
  [19_200_000, '5 h 20 min'],
  [48 * 3_600_000, '2 days'],
  [60 * 3_600_000, '2.5 days'],
  [40 * 86_400_000, '40 days'],
])('%d ms is %s', (ms, said) => {
  expect(span(ms).replaceAll('\u00a0', ' ')).toBe(said)
})
