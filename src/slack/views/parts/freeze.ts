/** What people read of freezes. */
import { freezeNotice, wallClock } from '../../../release/freezes.ts'
import type { ShownFreeze } from '../../../release/messages.ts'
import type { Environment } from '../../../release/settings.ts'
import { type Line, richDate } from './blocks.ts'
import { cut, date, defused, oneLine } from './text.ts'

export const FREEZE_EMOJI = 'snowflake'

const MOST_NAMES = 3

/** `weekend and year-end`: the freezes that make it last so long. Plain words. */
export function freezeNames(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => cut(oneLine(name), 60))
  if (names.length > shown.length) shown.push(`${names.length - shown.length} more`)
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : (shown[0] ?? 'a freeze')
}

/** `Frozen until Monday 08:00 (weekend)`, for mrkdwn; undefined where there is nothing to tell. */
export function freezeLine(freeze: ShownFreeze | undefined): string | undefined {
  if (freeze === undefined) return undefined
  const { from, until, names } = freeze
  return [
    `:${FREEZE_EMOJI}: Frozen`,
    ...(from === undefined ? [] : [`from ${date(new Date(from))}`]),
    until === undefined ? 'without an end in the next year' : `until ${date(new Date(until))}`,
    `(${defused(freezeNames(names), 200)})`,
  ].join(' ')
}

/** ` until Monday 08:00 (weekend)`, for rich text. */
export function frozenUntil({ names, until }: { readonly names: readonly string[]; readonly until?: Date }): Line {
  const end: Line = until === undefined ? [' without an end in the next year'] : [' until ', richDate(until)]
  return [...end, ` (${freezeNames(names)})`]
}

/** `frozen until Mon 2026-12-07 08:00 (weekend)`, where no dates are drawn: in the time zone of the freezes. */
export function freezeSpoken({ freezes = [] }: Environment, now: Date): string | undefined {
  const notice = freezeNotice(freezes, now)
  const [first] = freezes
  if (notice === undefined || first === undefined) return undefined
  const at = (moment: Date) => wallClock(moment, first.timeZone)
  const end = notice.until === undefined ? 'without an end in the next year' : `until ${at(notice.until)}`
  const from = notice.is === 'soon' ? `from ${at(notice.from)} ` : ''
  return `frozen ${from}${end} ${first.timeZone} (${freezeNames(notice.names)})`
}
