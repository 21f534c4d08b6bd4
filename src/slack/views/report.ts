/** A report of delivery figures: words, a table and charts, with how each figure is counted. Mentions nobody. */
import type { DataTableBlock, KnownBlock } from '@slack/types'
import { bucketDays, type Figures, type FiguresFound } from '../../release/figures.ts'
import type { ReportAsked } from '../../release/messages.ts'
import { RELEASE_STATES, type ReleaseState } from '../../release/terms.ts'
import { actions, context, type Drawn, header, section } from './parts/blocks.ts'
import { type ChartBlock, chart, dataTable, withNewerBlocks } from './parts/charts.ts'
import { place } from './parts/facts.ts'
import {
  aWeek,
  failedOf,
  figuresInALine,
  figuresInWords,
  outcomesInOrder,
  outcomesInWords,
  percent,
  span,
} from './parts/figures.ts'
import { capital, counted, date, defused, together } from './parts/text.ts'

export interface ReportFacts extends Omit<FiguresFound, 'isComplete'> {
  readonly isComplete: boolean
  readonly buttons?: Parameters<typeof actions>[0]
  /** Who shares it; absent in the private answer. */
  readonly by?: string
}

type Asked = Pick<ReportAsked, 'app' | 'environment' | 'days' | 'until'>

/** Environments that one message has room for. */
const MOST_PLACES = 60
/** Lines of words in one section. */
const LINES = 10

const DEFINITIONS = [
  '*How it is counted.* Releases: deploys and hot-fixes that ended in this time; rollbacks are counted apart.',
  'Lead time: from the time at which each commit was written to the moment at which the platform ran it; merge commits are left out.',
  'Change failures: releases that needed attention after something irreversible, were rolled back, or were followed by a hot-fix within 24 hours, each counted once, of those that changed something.',
  'Time to restore: from that release to the next that succeeded. Waiting for sign-off: from the plan to the last sign-off.',
].join(' ')

/** Draws the report of everything that was asked for, also where nothing was released. */
export function report(asked: Asked, facts: ReportFacts): Drawn {
  const { figures } = facts
  const title = `${subjectOf(asked)}: the last ${asked.days} days`
  const active = figures.filter(
    ({ releases, rollbacks, changeFailures }) => releases + rollbacks + changeFailures.changes > 0,
  )
  const [only] = active
  if (only === undefined) return nothing(asked, title, facts)
  const body = active.length === 1 ? ofOne(only, title) : ofSeveral(active)
  const [top, foot] = [head(title, asked, facts), ending(facts)]
  return withNewerBlocks(
    textOf(title, body.spoken, facts),
    [...top, ...body.words, ...body.charts, body.table, ...foot],
    [...top, ...body.words, ...body.insteadOfTable, ...foot],
  )
}

interface Body {
  readonly spoken: string
  readonly words: KnownBlock[]
  readonly charts: readonly (ChartBlock | undefined)[]
  readonly table: DataTableBlock | undefined
  readonly insteadOfTable: KnownBlock[]
}

/** `api production`, `All apps`. */
function subjectOf({ app, environment }: Pick<Asked, 'app' | 'environment'>): string {
  if (app === undefined) return environment === undefined ? 'All apps' : `All apps, ${environment}`
  return environment === undefined ? app : `${app} ${environment}`
}

function head(title: string, { until }: Asked, { by, isComplete }: ReportFacts): KnownBlock[] {
  const at = date(new Date(until))
  const about = by === undefined ? `Until: ${at}` : `Shared by ${defused(by, 40)}. Until: ${at}`
  return [
    // What is shared has no header block, by which a lost answer would be taken for an earlier report.
    by === undefined ? header(title) : section(`:bar_chart: *${defused(title)}*`),
    context(about),
    ...(isComplete
      ? []
      : [context(':hourglass: Releases of an older version are still being counted. Ask again in a few minutes.')]),
  ]
}

function ending({ buttons = [] }: ReportFacts): KnownBlock[] {
  return [context(DEFINITIONS), ...actions(buttons)]
}

function textOf(title: string, spoken: string, { by }: ReportFacts): string {
  const words = `${defused(title)}: ${spoken}`
  return by === undefined ? words : `${defused(by, 40)} shared delivery figures. ${words}`
}

function nothing(asked: Asked, title: string, facts: ReportFacts): Drawn {
  const words = `${subjectOf(asked)}: no releases in the last ${asked.days} days.`
  return { text: words, blocks: [...head(title, asked, facts), section(defused(words))] }
}

// ------------------------------------------------------------------------------------------ one environment

function ofOne(figures: Figures, title: string): Body {
  const lines = figuresInWords(figures)
  const name = title.startsWith(`${place(figures)}:`) ? [] : [`*${defused(place(figures))}*`]
  return {
    spoken: lines.join(' ').replaceAll('*', ''),
    words: [section([...name, ...lines])],
    charts: [outcomesChart([figures]), leadTimeChart(figures)],
    table: periodsTable(figures),
    insteadOfTable: [],
  }
}

const SHOWN_OUTCOMES: readonly (readonly [string, readonly ReleaseState[]])[] = [
  ['succeeded', ['succeeded']],
  ['failed', ['failed']],
  ['closed', ['closed']],
  ['refused', ['refused']],
  ['rejected', ['rejected']],
  ['not started', RELEASE_STATES.filter((state) => ['cancelled', 'expired', 'outdated'].includes(state))],
]

/** Each outcome that there is, by week or day. */
function outcomesChart(figures: readonly Figures[]): ChartBlock | undefined {
  const [first] = figures
  if (first === undefined) return undefined
  const at = first.buckets.map((_, index) => figures.map(({ buckets }) => buckets[index]?.outcomes ?? {}))
  const series = SHOWN_OUTCOMES.map(([name, states]) => ({
    name,
    values: at.map((here) => sum(here.flatMap((outcomes) => states.map((state) => outcomes[state] ?? 0)))),
  })).filter(({ values }) => sum(values) > 0)
  if (series.length === 0) return undefined
  const each = bucketDays(first.days) === 1 ? 'day' : 'week'
  return chart({
    type: 'bar',
    title: `Releases a ${each} by outcome`,
    categories: first.buckets.map(({ from }) => dayOf(from)),
    series,
    x: `${capital(each)} from`,
    y: 'Releases',
  })
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Only the weeks or days in which commits went out; two at least. */
function leadTimeChart({ buckets, days }: Figures): ChartBlock | undefined {
  const known = buckets.flatMap(({ from, leadTimeMs }) => (leadTimeMs === undefined ? [] : [{ from, leadTimeMs }]))
  if (known.length < 2) return undefined
  const most = Math.max(...known.map(({ leadTimeMs }) => leadTimeMs))
  const [unit, ms] = most >= 72 * HOUR_MS ? (['days', 24 * HOUR_MS] as const) : (['hours', HOUR_MS] as const)
  const each = bucketDays(days) === 1 ? 'day' : 'week'
  return chart({
    type: 'line',
    title: `Median lead time by ${each}, in ${unit}`,
    categories: known.map(({ from }) => dayOf(from)),
    series: [{ name: 'Lead time', values: known.map(({ leadTimeMs }) => Math.round((10 * leadTimeMs) / ms) / 10) }],
    x: `${capital(each)} from`,
    y: capital(unit),
  })
}

function periodsTable({ buckets, days }: Figures): DataTableBlock | undefined {
  const each = bucketDays(days) === 1 ? 'day' : 'week'
  const states = outcomesInOrder(totals(buckets.map(({ outcomes }) => outcomes))).map(([state]) => state)
  return dataTable(
    `Releases and lead time by ${each}`,
    [`${capital(each)} from`, 'Releases', ...states.map(capital), 'Lead time'],
    buckets.map(({ from, outcomes, leadTimeMs }) => [
      dayOf(from),
      sum(Object.values(outcomes)),
      ...states.map((state) => outcomes[state] ?? 0),
      leadTimeMs === undefined ? '–' : span(leadTimeMs),
    ]),
  )
}

/** In UTC, as `Nov 23`. */
function dayOf(at: Date): string {
  return at.toLocaleDateString('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' })
}

// ------------------------------------------------------------------------------------ several environments

function ofSeveral(figures: readonly Figures[]): Body {
  const busiest = figures.toSorted((one, other) => other.releases - one.releases)
  const lines = summary(busiest)
  const shown = busiest.slice(0, MOST_PLACES)
  const left = busiest.length - shown.length
  const more = left === 0 ? [] : [`and ${counted(left, 'environment')} more: name an app to see them`]
  const each = [...shown.map(figuresInALine), ...more]
  return {
    spoken: lines.join(' ').replaceAll('*', ''),
    words: [section(lines)],
    charts: [outcomesChart(figures), placesChart(busiest)],
    table: placesTable(shown),
    insteadOfTable: Array.from({ length: Math.ceil(each.length / LINES) }, (_, index) =>
      section(each.slice(index * LINES, (index + 1) * LINES)),
    ),
  }
}

function summary(figures: readonly Figures[]): string[] {
  const [first] = figures
  const releases = sum(figures.map((each) => each.releases))
  const outcomes = totals(figures.map((each) => each.outcomes))
  const [failed, changes] = [
    sum(figures.map(({ changeFailures }) => changeFailures.failed)),
    sum(figures.map(({ changeFailures }) => changeFailures.changes)),
  ]
  const [rollbacks, emergencies] = [
    sum(figures.map((one) => one.rollbacks)),
    sum(figures.map((one) => one.emergencies)),
  ]
  const others = [
    ...(rollbacks > 0 ? [counted(rollbacks, 'rollback')] : []),
    ...(emergencies > 0 ? [counted(emergencies, 'emergency', 'emergencies')] : []),
  ]
  const week = together(aWeek({ releases, days: first?.days ?? 30 }), 'a week')
  return [
    `*Releases:* ${releases} (${week}) in ${counted(figures.length, 'environment')}${releases === 0 ? '' : `: ${outcomesInWords(outcomes)}`}.${others.length === 0 ? '' : ` ${capital(others.join(', '))}.`}`,
    ...(changes === 0
      ? []
      : [
          `*Change failures:* ${failed} of ${counted(changes, 'change')} (${together(percent(failed, changes), '%')}).`,
        ]),
  ]
}

function totals(outcomes: readonly Figures['outcomes'][]): Figures['outcomes'] {
  return Object.fromEntries(
    RELEASE_STATES.flatMap((state) => {
      const count = sum(outcomes.map((each) => each[state] ?? 0))
      return count === 0 ? [] : [[state, count] as const]
    }),
  )
}

const MOST_SERIES = 6

/** The busiest environments; all others together would hide the differences between them. */
function placesChart(busiest: readonly Figures[]): ChartBlock | undefined {
  const [first] = busiest
  if (first === undefined) return undefined
  const each = bucketDays(first.days) === 1 ? 'day' : 'week'
  return chart({
    type: 'line',
    title: `Releases a ${each}${busiest.length > MOST_SERIES ? ', busiest environments' : ' by environment'}`,
    categories: first.buckets.map(({ from }) => dayOf(from)),
    series: busiest.slice(0, MOST_SERIES).map((one) => ({
      name: place(one),
      values: one.buckets.map(({ outcomes }) => sum(Object.values(outcomes))),
    })),
    x: `${capital(each)} from`,
    y: 'Releases',
  })
}

function placesTable(figures: readonly Figures[]): DataTableBlock | undefined {
  const time = (ms: number | undefined) => (ms === undefined ? '–' : span(ms))
  return dataTable(
    'Figures by environment',
    [
      ...['Environment', 'Releases', 'A week', 'Succeeded', 'Rollbacks', 'Emergencies', 'Lead time'],
      ...['Change failures', 'Time to restore', 'Waiting for sign-off', 'Slowest step'],
    ],
    figures.map((one) => [
      place(one),
      one.releases,
      aWeek(one),
      one.outcomes.succeeded ?? 0,
      one.rollbacks,
      one.emergencies,
      time(one.leadTime.medianMs),
      one.changeFailures.changes === 0 ? '–' : failedOf(one).replace(/ changes?/, ''),
      time(one.restore.medianMs),
      time(one.waiting.medianMs),
      one.slowestStep === undefined ? '–' : `${one.slowestStep.step}, ${span(one.slowestStep.medianMs)}`,
    ]),
  )
}

const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0)
