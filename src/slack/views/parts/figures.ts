/** Delivery figures in words. docs/figures.md says how each is counted. */
import type { Figures, Spread } from '../../../release/figures.ts'
import { RELEASE_STATES, type ReleaseState } from '../../../release/terms.ts'
import { place } from './facts.ts'
import { counted, defused, duration, together } from './text.ts'

const MOST_NUMBERS = 5

/** A sentence for each figure that there is something to say of, for mrkdwn; without the environment's name. */
export function figuresInWords(figures: Figures): readonly string[] {
  const { releases, days } = figures
  if (releases === 0 && figures.rollbacks === 0 && figures.changeFailures.changes === 0)
    return [`No releases in the last ${days} days.`]
  return [
    releasesLine(figures),
    ...leadTimeLine(figures),
    ...changeFailureLine(figures),
    ...restoreLine(figures),
    ...waitingLine(figures),
    ...(figures.slowestStep === undefined
      ? []
      : [`*Slowest step:* ${figures.slowestStep.step}, median ${span(figures.slowestStep.medianMs)}.`]),
  ]
}

/** One environment in one line, for mrkdwn, with its name. */
export function figuresInALine(figures: Figures): string {
  const { releases, leadTime, changeFailures, restore, days } = figures
  const name = `*${defused(place(figures))}*`
  if (releases === 0 && figures.rollbacks === 0 && changeFailures.changes === 0)
    return `${name}: no releases in the last ${days} days`
  return [
    `${name}: ${counted(releases, 'release')} (${together(aWeek(figures), 'a week')})`,
    ...(leadTime.medianMs === undefined ? [] : [`lead time ${span(leadTime.medianMs)}`]),
    ...(changeFailures.changes === 0 ? [] : [`${failedOf(figures)} failed`]),
    ...(restore.medianMs === undefined ? [] : [`restored in ${span(restore.medianMs)}`]),
  ].join(' · ')
}

/** How many releases a week, with one digit: `3.3`. */
export function aWeek({ releases, days }: Pick<Figures, 'releases' | 'days'>): string {
  const each = (releases * 7) / days
  return each >= 10 || Number.isInteger(each) ? String(Math.round(each)) : each.toFixed(1)
}

/** `2 of 13 changes (15 %)`. */
export function failedOf({ changeFailures: { failed, changes } }: Pick<Figures, 'changeFailures'>): string {
  const share = changes === 0 ? '' : ` (${together(percent(failed, changes), '%')})`
  return `${failed} of ${counted(changes, 'change')}${share}`
}

/** Whole percents; what is not none is at least 1. */
export function percent(part: number, whole: number): number {
  const share = Math.round((100 * part) / whole)
  return part > 0 && share === 0 ? 1 : share
}

/** A length of time that people compare: seconds below a minute and a half, minutes below a day, then days. */
export function span(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (ms < 90_000) return duration(Math.max(ms, 0))
  if (minutes < 48 * 60) return duration(minutes * 60_000)
  const days = ms / (24 * 60 * 60_000)
  return together(days >= 10 ? String(Math.round(days)) : days.toFixed(1).replace('.0', ''), 'days')
}

function releasesLine(figures: Figures): string {
  const { releases, rollbacks, emergencies, outcomes } = figures
  const others = [
    ...(rollbacks > 0 ? [counted(rollbacks, 'rollback')] : []),
    ...(emergencies > 0 ? [counted(emergencies, 'emergency', 'emergencies')] : []),
  ]
  return [
    releases === 0
      ? '*Releases:* none.'
      : `*Releases:* ${releases} (${together(aWeek(figures), 'a week')}): ${outcomesInWords(outcomes)}.`,
    others.length === 0 ? '' : ` ${others.join(', ')}.`,
  ].join('')
}

/** `12 succeeded, 1 failed`, those that succeeded first. */
export function outcomesInWords(outcomes: Figures['outcomes']): string {
  return outcomesInOrder(outcomes)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')
}

export function outcomesInOrder(outcomes: Figures['outcomes']): readonly (readonly [ReleaseState, number])[] {
  return RELEASE_STATES.flatMap((state) => {
    const count = outcomes[state] ?? 0
    return count === 0 ? [] : [[state, count] as const]
  })
}

function leadTimeLine({ leadTime }: Figures): string[] {
  const { known, commits } = leadTime
  if (commits === 0) return []
  const of = `${known} of ${counted(commits, 'commit')}`
  return [known === 0 ? `*Lead time:* not known (${of}).` : `*Lead time:* ${spread(leadTime, known)} (${of}).`]
}

function changeFailureLine({ changeFailures }: Figures): string[] {
  const { failed, changes, numbers } = changeFailures
  if (changes === 0) return []
  const left = numbers.length - MOST_NUMBERS
  const named = [...numbers.slice(-MOST_NUMBERS).map((number) => `#${number}`), ...(left > 0 ? [`${left} before`] : [])]
  return [`*Change failures:* ${failedOf({ changeFailures })}${failed === 0 ? '' : `: ${named.join(', ')}`}.`]
}

function restoreLine({ restore }: Figures): string[] {
  const { restored, open } = restore
  if (restored + open === 0) return []
  const done = restored === 0 ? '' : `${spread(restore, restored)} (${counted(restored, 'failure')})`
  const yet = open === 0 ? '' : `${counted(open, 'failure')} not restored yet`
  return [`*Time to restore:* ${[done, yet].filter((part) => part !== '').join(', ')}.`]
}

function waitingLine({ waiting }: Figures): string[] {
  if (waiting.releases === 0) return []
  return [`*Waiting for sign-off:* ${spread(waiting, waiting.releases)} (${counted(waiting.releases, 'release')}).`]
}

function spread({ medianMs = 0, p90Ms = 0 }: Partial<Spread>, count: number): string {
  if (count === 1) return span(medianMs)
  return `median ${span(medianMs)}, ${together(90, '%')} within ${span(p90Ms)}`
}
