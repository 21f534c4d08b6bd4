/**
 * The calendar of freezes: pure, and the only place that computes with their time zones. A freeze lasts from its `from`, as a
 * clock on the wall there shows it, to its `to`, exclusive. Where clocks are moved, it is never shorter than it says: a time
 * that does not exist is the moment at which they are moved; of a time that exists twice, `from` is the first and `to` the
 * last.
 */
import { Temporal } from 'temporal-polyfill'
import type { Freeze } from './settings.ts'

/** One time that a freeze lasts. */
export interface FreezeWindow {
  readonly name: string
  readonly from: Date
  /** Exclusive. */
  readonly to: Date
}

/** Freezes that overlap or touch count as one. */
export interface Frozen {
  /** Those that make it last so long, in their order. */
  readonly names: readonly string[]
  /** Absent: it does not end within a year. */
  readonly until?: Date
}

/** What people should know of freezes now. */
export type FreezeNotice =
  | ({ readonly is: 'frozen' } & Frozen)
  /** It begins within `NOTICE_MS`. */
  | ({ readonly is: 'soon'; readonly from: Date } & Frozen)

/** So long before a freeze begins people are told of it. */
export const NOTICE_MS = 2 * 60 * 60_000

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const LONGEST_MS = 366 * 24 * 60 * 60_000

/** Whether something may not start at `at`, and until when; undefined if it may. */
export function frozenAt(freezes: readonly Freeze[], at: Date): Frozen | undefined {
  const names: string[] = []
  for (let end = at; ; ) {
    const [latest] = freezes.flatMap((freeze) => windowsAt(freeze, end)).toSorted((a, b) => +b.to - +a.to)
    if (latest === undefined) return names.length === 0 ? undefined : { names, until: end }
    if (!names.includes(latest.name)) names.push(latest.name)
    end = latest.to
    if (+end - +at > LONGEST_MS) return { names }
  }
}

/** Frozen now, or soon; undefined where there is nothing to tell. */
export function freezeNotice(freezes: readonly Freeze[], now: Date): FreezeNotice | undefined {
  const frozen = frozenAt(freezes, now)
  if (frozen !== undefined) return { is: 'frozen', ...frozen }
  const [next] = nextFreezes(freezes, now, 1)
  if (next === undefined || +next.from - +now > NOTICE_MS) return undefined
  const { from, name } = next
  return { is: 'soon', from, ...(frozenAt(freezes, from) ?? { names: [name] }) }
}

/** The next times that freezes last, each by itself: those that last now, then those that begin next. */
export function nextFreezes(freezes: readonly Freeze[], now: Date, count: number): readonly FreezeWindow[] {
  return freezes
    .flatMap((freeze) => {
      const today = dateAt(freeze, now)
      // A week back: what began then may still last. A week more: a window that clocks have left nothing of is none.
      return windowsFrom(freeze, today.subtract({ days: 7 }), 7 * (count + 2))
    })
    .filter(({ to }) => to > now)
    .toSorted((a, b) => +a.from - +b.from || +b.to - +a.to)
    .slice(0, count)
}

/** `Fri 2026-12-04 16:00`, as the clock on the wall there shows it. */
export function wallClock(at: Date, timeZone: string): string {
  const there = Temporal.Instant.fromEpochMilliseconds(+at).toZonedDateTimeISO(timeZone)
  const time = there.toPlainTime().toString({ smallestUnit: 'minute' })
  return `${WEEKDAYS[there.dayOfWeek - 1]} ${there.toPlainDate().toString()} ${time}`
}

/** `2026-12-04 16:00`, as a command takes it. */
export function typedMoment(at: Date, timeZone: string): string {
  return wallClock(at, timeZone).slice(4)
}

function windowsAt(freeze: Freeze, at: Date): readonly FreezeWindow[] {
  const today = dateAt(freeze, at)
  return windowsFrom(freeze, today.subtract({ days: 7 }), 7).filter(({ from, to }) => from <= at && at < to)
}

function dateAt({ timeZone }: Freeze, at: Date): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(+at).toZonedDateTimeISO(timeZone).toPlainDate()
}

/** The windows that begin on `first` or in the `days` after it; a dated freeze has its one. */
function windowsFrom(freeze: Freeze, first: Temporal.PlainDate, days: number): readonly FreezeWindow[] {
  const [from, to] = [readMoment(freeze.from), readMoment(freeze.to)]
  const spans: (readonly [Temporal.PlainDateTime, Temporal.PlainDateTime])[] = []
  if ('date' in from && 'date' in to) {
    spans.push([from.date.toPlainDateTime(from.time), to.date.toPlainDateTime(to.time)])
  } else if ('weekday' in from && 'weekday' in to) {
    const apart = (to.weekday - from.weekday + 7) % 7
    const isNextWeek = apart === 0 && Temporal.PlainTime.compare(to.time, from.time) <= 0
    for (let day = 0; day <= days; day++) {
      const date = first.add({ days: day })
      if (date.dayOfWeek !== from.weekday) continue
      const last = date.add({ days: isNextWeek ? 7 : apart })
      spans.push([date.toPlainDateTime(from.time), last.toPlainDateTime(to.time)])
    }
  }
  const { name, timeZone } = freeze
  return spans
    .map(([start, end]) => ({ name, from: instantOf(start, timeZone, 'first'), to: instantOf(end, timeZone, 'last') }))
    .filter((window) => window.from < window.to)
}

type Moment = { readonly time: Temporal.PlainTime } & (
  | { readonly weekday: number }
  | { readonly date: Temporal.PlainDate }
)

function readMoment(written: string): Moment {
  const [day = '', time = '00:00'] = written.split(' ')
  const weekday = WEEKDAYS.indexOf(day) + 1
  const at = { time: Temporal.PlainTime.from(time) }
  return weekday > 0 ? { ...at, weekday } : { ...at, date: Temporal.PlainDate.from(day) }
}

function instantOf(local: Temporal.PlainDateTime, timeZone: string, which: 'first' | 'last'): Date {
  const disambiguation = which === 'first' ? 'earlier' : 'later'
  const there = local.toZonedDateTime(timeZone, { disambiguation })
  if (there.toPlainDateTime().equals(local)) return new Date(there.epochMilliseconds)
  // The time does not exist. What comes before it by the clock that was, and what comes next is the moment it was moved.
  const before = local.toZonedDateTime(timeZone, { disambiguation: 'earlier' })
  return new Date((before.getTimeZoneTransition('next') ?? before).epochMilliseconds)
}
