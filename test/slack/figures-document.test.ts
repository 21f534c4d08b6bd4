/** docs/figures.md: its worked example is what Signoff says, and its columns are those of the list of releases. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { POPULATION_FORMATS } from '../../src/operations/audit/population-formats.ts'
import { figuresOf } from '../../src/release/figures.ts'
import { figuresInWords } from '../../src/slack/views/parts/figures.ts'
import { countedFromCsv } from '../support/figures-csv.ts'

const document = readFileSync(new URL('../../docs/figures.md', import.meta.url), 'utf8')

const block = (language: string) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(document)?.[1] ?? ''

it('computes the worked example from its lines', () => {
  const place = { app: 'api', environment: 'production' }
  const counted = countedFromCsv(block('csv'), place)
  expect(counted).toHaveLength(8)
  const words = figuresInWords(figuresOf(place, counted, { days: 30, until: new Date('2026-11-30T12:00:00Z') }))
  const said = words.map((line) => line.replaceAll('\u00a0', ' ').replaceAll('*', '')).join('\n')
  expect(`${said}\n`).toBe(block('text'))
})

it('names columns that the list has, and every one that was added for figures', () => {
  const columns = POPULATION_FORMATS.csv().start().trim().split(',')
  const [, table = ''] = document.split('## Check a figure')
  const named = [...table.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell = '']) =>
    cell.replaceAll('`', '').split(', '),
  )
  expect(named.filter((name) => !columns.includes(name))).toEqual([])
  const added = columns.slice(columns.indexOf('confirmed_at'))
  expect(added.filter((name) => !named.includes(name))).toEqual([])
  const [example = ''] = block('csv').split('\n')
  expect(example.split(',').filter((name) => !columns.includes(name))).toEqual([])
})
