/** The mark of a release that nobody should go back to. */
import type { KnownBlock } from '@slack/types'
import type { Release, ReleaseMark } from '../../../release/release.ts'
import { bold, code, type Line, quote, rich, richLines, richSection } from './blocks.ts'
import { type PersonFacts, shown } from './persons.ts'
import { date, defused, oneLine } from './text.ts'

/** The mark, if it says that the release is bad. */
export function badMark({ mark }: Release): ReleaseMark | undefined {
  return mark?.is === 'bad' ? mark : undefined
}

/** ` · :warning: bad`, for the card's first line; empty for any other release. */
export function badOnCard(release: Release): string {
  const mark = badMark(release)
  if (mark === undefined) return ''
  return mark.rollback === undefined ? ' · :warning: *Bad*' : ` · :rewind: *Rolled back by #${mark.rollback}*`
}

/** Who marked it and why; nothing for a release that is not bad. */
export function badBlocks(release: Release): KnownBlock[] {
  const mark = badMark(release)
  if (mark === undefined) return []
  const { by, reason, rollback } = mark
  const what = rollback === undefined ? ' marked it as bad:' : ` rolled it back by #${rollback}:`
  if (reason === undefined) return [richLines([[bold(oneLine(by.name)), what.replace(/:$/, '.')]])]
  return [rich(richSection([bold(oneLine(by.name)), what]), quote(reason))]
}

/** `:warning: Bad: logins fail · Tom, 2 h ago`, a line of a list; undefined for a release that is not bad. */
export function badLine(release: Release, facts: PersonFacts = {}): string | undefined {
  const mark = badMark(release)
  if (mark === undefined) return undefined
  const { by, reason, rollback, at } = mark
  const why = reason === undefined ? '' : `: ${defused(reason, 150)}`
  const what = rollback === undefined ? 'Bad' : `Bad, rolled back by #${rollback}`
  return `:warning: ${what}${why} · ${shown(by, facts)}, ${date(at, 'age')}`
}

/** How to take the mark back, for Details. */
export function markedInDetails(release: Release): KnownBlock[] {
  if (badMark(release) === undefined) return []
  const line: Line = [
    'No rollback goes back to it. To take the mark back: ',
    code(`/deploy good ${release.number}`),
    '.',
  ]
  return [...badBlocks(release), richLines([line])]
}
