/** The last 30 days in words. */
import type { KnownBlock } from '@slack/types'
import type { FiguresFound } from '../../../release/figures.ts'
import { context, section } from '../parts/blocks.ts'
import { place } from '../parts/facts.ts'
import { figuresInALine, figuresInWords } from '../parts/figures.ts'
import { counted, defused } from '../parts/text.ts'

/** With more environments than these, the busiest have a line each. */
const MOST_IN_FULL = 2
const MOST_LINES = 8

export function figureBlocks({ figures, isComplete }: FiguresFound): KnownBlock[] {
  if (figures.length === 0) return [section('No releases in the last 30 days.')]
  const inFull = figures.length <= MOST_IN_FULL
  const busiest = figures.toSorted((a, b) => b.releases - a.releases).slice(0, MOST_LINES)
  const left = figures.length - busiest.length
  const sections = inFull
    ? figures.map((one) => section([`*${defused(place(one))}*`, ...figuresInWords(one)]))
    : [section(busiest.map((one) => figuresInALine(one)))]
  return [
    ...sections,
    ...(left > 0 ? [context(`and ${counted(left, 'more environment')}: \`/deploy report\``)] : []),
    ...(isComplete ? [] : [context('Releases of an earlier version are still being counted.')]),
  ]
}
