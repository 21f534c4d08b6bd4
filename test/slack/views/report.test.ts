/** The report within Slack's limits: one environment, forty, none; with tables and charts, and without them. */
import { describe, expect, it } from 'vitest'
import { type FigureDays, figuresOfAll } from '../../../src/release/figures.ts'
import { problemsOfBlocks } from '../../../src/sandbox/slack/blocks.ts'
import type { Drawn } from '../../../src/slack/views/parts/blocks.ts'
import { report } from '../../../src/slack/views/report.ts'
import { type Life, lifeOf } from '../../support/lives.ts'

const UNTIL = '2026-11-30T12:00:00.000Z'
const hoursAgo = (hours: number) => new Date(Date.parse(UNTIL) - hours * 3_600_000)

/** Releases of so many environments, with every outcome and failure. */
function manyLives(places: number): Life[] {
  return Array.from({ length: places * 12 }, (_, index): Life => {
    const environment = `environment-with-a-long-name-${index % places}`
    const at = hoursAgo(1 + index * 3)
    const ends = (['succeeded', 'failed', 'rejected', 'closed', 'refused', 'expired', 'succeeded'] as const)[index % 7]
    return { environment, at, ends, ...(index % 5 === 0 && { attention: true as const }) }
  })
}

function drawn(lives: readonly Life[], days: FigureDays, by?: string): Drawn {
  const counted = lives.map((life, index) => lifeOf(index + 1, life))
  const figures = figuresOfAll(counted, { days, until: new Date(UNTIL) })
  return report({ days, until: UNTIL }, { figures, isComplete: true, ...(by !== undefined && { by }) })
}

const typesOf = ({ blocks = [] }: Drawn) => blocks.map(({ type }) => type as string)

describe.each([7, 30, 90] as const)('over %d days', (days) => {
  it.each([0, 1, 2, 40, 200])('%d environments: Slack takes both forms', (places) => {
    for (const by of [undefined, 'Dana']) {
      const message = drawn(manyLives(places), days, by)
      expect(problemsOfBlocks(message.blocks, 'message')).toEqual([])
      expect(problemsOfBlocks(message.withoutNewer ?? message.blocks, 'message')).toEqual([])
      expect(message.text.length).toBeLessThan(4_000)
      const older = (message.withoutNewer ?? []).map(({ type }) => type as string)
      expect(older.filter((type) => type.startsWith('data_'))).toEqual([])
      expect(typesOf(message).filter((type) => type === 'data_visualization').length).toBeLessThanOrEqual(2)
    }
  })
})

it('has neither table nor chart without releases, and says so', () => {
  const empty = drawn([], 30)
  expect(typesOf(empty)).not.toContain('data_table')
  expect(empty.text).toBe('All apps: no releases in the last 30 days.')
})

it('names every environment in words where there is no table', () => {
  const words = JSON.stringify(drawn(manyLives(40), 90).withoutNewer)
  for (let index = 0; index < 40; index += 1) expect(words).toContain(`environment-with-a-long-name-${index}*`)
})

it('says that it is not complete while older releases are counted', () => {
  const message = report({ days: 30, until: UNTIL }, { figures: [], isComplete: false })
  expect(JSON.stringify(message.blocks)).toContain('still being counted')
})
