/** What people read of freezes. */
import { shownNotice } from '../../../release/environment-frozen.ts'
import { freezeNotice } from '../../../release/freezes.ts'
import type { ShownFreeze } from '../../../release/messages.ts'
import type { App } from '../../../release/settings.ts'
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

const MOST_NOTES = 5

/** `*api production* · Frozen until …` for each environment that is frozen or soon will be, for mrkdwn. */
export function freezeNotes(apps: readonly App[], now: Date): readonly string[] {
  const lines = apps
    .flatMap(({ environments }) => environments)
    .flatMap((environment) => {
      const line = freezeLine(shownNotice(freezeNotice(environment.freezes ?? [], now)))
      return line === undefined ? [] : [`*${defused(`${environment.app} ${environment.name}`, 140)}* · ${line}`]
    })
  const left = lines.length - MOST_NOTES
  return left > 0 ? [...lines.slice(0, MOST_NOTES), `and ${left} more frozen environments`] : lines
}

/** ` until Monday 08:00 (weekend)`, for rich text. */
export function frozenUntil({ names, until }: { readonly names: readonly string[]; readonly until?: Date }): Line {
  const end: Line = until === undefined ? [' without an end in the next year'] : [' until ', richDate(until)]
  return [...end, ` (${freezeNames(names)})`]
}

/** In a dialog that plans for an emergency, because the environment is frozen. */
export function frozenLine(names: readonly string[], what: 'hot-fix' | 'rollback'): string {
  return `:${FREEZE_EMOJI}: *The environment is frozen* (${defused(freezeNames(names), 200)}). Submitting plans the ${what} for an emergency: in the freeze only *Must go out now…* starts it.`
}
