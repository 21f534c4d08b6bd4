/** The words after `/deploy report`: `[app] [env] [7d | 30d | 90d]`, all optional. */
import { FIGURE_DAYS, type FigureDays } from './figures.ts'
import type { App } from './settings.ts'
import { shortened } from './unknown-names.ts'

/** What may be meant as a period. */
const PERIOD = /^[0-9]+[a-z]{0,6}$/

const STANDARD: FigureDays = 30

/** Splits off the period at the end; a name that looks like one is the name. `reason`: why it can't be read. */
export function reportWords(
  words: readonly string[],
  apps: readonly App[],
): { readonly names: readonly string[]; readonly days: FigureDays } | { readonly reason: string } {
  const last = words.at(-1) ?? ''
  const isName = apps.some(({ name, environments }) => [name, ...environments.map((each) => each.name)].includes(last))
  if (isName || !PERIOD.test(last)) return { names: words, days: STANDARD }
  const days = FIGURE_DAYS.find((each) => last === `${each}d`)
  if (days === undefined) return { reason: `A report is over 7d, 30d or 90d; “${shortened(last)}” isn’t one of them.` }
  return { names: words.slice(0, -1), days }
}
