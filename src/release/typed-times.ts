/** Reads times and durations as people type them, such as `Mon 08:00` and `2h`. The only calendar arithmetic of commands. */
import { Temporal } from 'temporal-polyfill'

/** How many days ahead a typed or picked time may be. */
const MOST_DAYS_AHEAD = 7
/** Longer input is no time. */
const MOST_LETTERS = 100

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
const CLOCK = /^([01]?[0-9]|2[0-3]):([0-5][0-9])$/
const DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/
const HOW_TO_WRITE = 'Write a time as 18:00, 18:00 tomorrow, Mon 08:00 or 2026-12-03 07:30.'

/** Where and when the person is who typed. `now` is the store's time. */
export interface TypedWhere {
  readonly now: Date
  /** The name of a time zone, such as `Europe/Berlin`. */
  readonly timeZone: string
}

/**
 * `said`: the moment in words, with its zone, such as “Thu 3 Dec 2026, 07:30 (Europe/Berlin)”. `refused`: whole sentences that
 * say why, and what to write instead.
 */
export type TypedTime = { readonly at: Date; readonly said: string } | { readonly refused: string }

/** The day that was typed with a time; `date` is a day of the calendar. */
type Day =
  | { readonly is: 'none' | 'today' | 'tomorrow' }
  | { readonly is: 'weekday'; readonly day: number }
  | { readonly is: 'date'; readonly date: string }

/**
 * Reads `18:00`, `18:00 tomorrow`, `Mon 08:00` and `2026-12-03 07:30` in the person's time zone; a weekday is its next such
 * moment. Refuses what is past and what that day doesn't have. Of a time that a day has twice it returns the first. It doesn't
 * limit how far ahead the time is: see `isTooFarAhead`.
 */
export function readTypedTime(typed: string, where: TypedWhere): TypedTime {
  const words = typed
    .slice(0, MOST_LETTERS)
    .toLowerCase()
    .replace(/^(\s*[0-9]{4}-[0-9]{2}-[0-9]{2})t(?=[0-9])/, '$1 ')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  const clocks = words.filter((word) => CLOCK.test(word))
  const days = words.filter((word) => !CLOCK.test(word))
  const [clock, anotherClock] = clocks
  const day = dayOf(days)
  if (clock === undefined || anotherClock !== undefined || day === undefined || typed.length > MOST_LETTERS) {
    return { refused: `“${shown(typed)}” isn’t a time. ${HOW_TO_WRITE}` }
  }
  return momentOf(day, clock, where)
}

function dayOf([word, another]: readonly string[]): Day | undefined {
  if (another !== undefined) return undefined
  if (word === undefined) return { is: 'none' }
  if (word === 'today' || word === 'tomorrow') return { is: word }
  if (DATE.test(word)) return { is: 'date', date: word }
  const index = WEEKDAYS.findIndex((name) => name === word || name.slice(0, 3) === word)
  return index === -1 ? undefined : { is: 'weekday', day: index + 1 }
}

function momentOf(day: Day, clock: string, { now, timeZone }: TypedWhere): TypedTime {
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone)
  const today = local.toPlainDate()
  const time = Temporal.PlainTime.from(clock.padStart(5, '0'))
  const isPast = (date: Temporal.PlainDate) => zoned(date, time, timeZone).epochMilliseconds <= now.getTime()
  const at = (date: Temporal.PlainDate) => existing(day, date, time, timeZone)
  switch (day.is) {
    case 'none':
    case 'today':
      return isPast(today)
        ? { refused: `${clockOf(time)} is past today in ${zoneName(timeZone)}. Write “${clockOf(time)} tomorrow”.` }
        : at(today)
    case 'tomorrow':
      return at(today.add({ days: 1 }))
    case 'weekday': {
      const next = today.add({ days: (day.day - today.dayOfWeek + 7) % 7 })
      return at(isPast(next) ? next.add({ days: 7 }) : next)
    }
    case 'date': {
      const date = calendarDay(day.date)
      if (date === undefined) return { refused: `There is no day ${day.date}.` }
      return isPast(date)
        ? { refused: `${day.date} ${clockOf(time)} is past in ${zoneName(timeZone)}. ${HOW_TO_WRITE}` }
        : at(date)
    }
  }
}

/** The moment, unless clocks go forward over it. */
function existing(day: Day, date: Temporal.PlainDate, time: Temporal.PlainTime, timeZone: string): TypedTime {
  const found = zoned(date, time, timeZone)
  if (found.toPlainTime().equals(time) && found.toPlainDate().equals(date)) {
    return { at: new Date(found.epochMilliseconds), said: sayMoment(new Date(found.epochMilliseconds), timeZone) }
  }
  // `earlier` gives the moment as far before the gap as the typed one is behind its start.
  const next = found.getTimeZoneTransition('next')
  const when = `${clockOf(time)} doesn’t exist on ${dateOf(date)} in ${zoneName(timeZone)}, because clocks go forward.`
  if (next === null) return { refused: when }
  const spelled = day.is === 'date' || !next.toPlainDate().equals(date) ? `${next.toPlainDate()} ` : wordBefore(day)
  const after = day.is === 'tomorrow' && next.toPlainDate().equals(date) ? ' tomorrow' : ''
  return { refused: `${when} The next time that does is “${spelled}${clockOf(next.toPlainTime())}${after}”.` }
}

function wordBefore(day: Day): string {
  const name = day.is === 'weekday' ? WEEKDAYS[day.day - 1] : undefined
  return name === undefined ? '' : `${name.charAt(0).toUpperCase()}${name.slice(1, 3)} `
}

/** Of a time that exists twice the first; one that doesn't exist is moved back by the gap. */
function zoned(date: Temporal.PlainDate, time: Temporal.PlainTime, timeZone: string): Temporal.ZonedDateTime {
  return date.toPlainDateTime(time).toZonedDateTime(timeZone, { disambiguation: 'earlier' })
}

function calendarDay(written: string): Temporal.PlainDate | undefined {
  try {
    return Temporal.PlainDate.from(written)
  } catch {
    return undefined
  }
}

/** Whether a moment is more than 7 days ahead, by the calendar of the time zone. */
export function isTooFarAhead(at: Date, where: TypedWhere): boolean {
  return at.getTime() > latestAhead(where).getTime()
}

/** The last moment that may be typed or picked now. */
export function latestAhead({ now, timeZone }: TypedWhere): Date {
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone)
  return new Date(local.add({ days: MOST_DAYS_AHEAD }).epochMilliseconds)
}

/**
 * A moment in plain words, such as “Thu 3 Dec 2026, 07:30 (Europe/Berlin)”. A time that its day has twice has its offset, such as
 * “02:30 (UTC+02:00, Europe/Berlin)”.
 */
export function sayMoment(at: Date, timeZone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone)
  const plain = local.toPlainDateTime()
  const ofTwo = (['earlier', 'later'] as const).map(
    (disambiguation) => plain.toZonedDateTime(timeZone, { disambiguation }).epochMilliseconds,
  )
  const offset = ofTwo[0] === ofTwo[1] ? '' : `UTC${local.offset}, `
  return `${dateOf(local.toPlainDate())}, ${clockOf(local.toPlainTime())} (${offset}${zoneName(timeZone)})`
}

function dateOf(date: Temporal.PlainDate): string {
  return date
    .toLocaleString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' })
    .replace(',', '')
}

function clockOf(time: Temporal.PlainTime): string {
  return time.toString({ smallestUnit: 'minute' })
}

function zoneName(timeZone: string): string {
  return timeZone.replace(/^Etc\/(?=UTC$)/, '')
}

/** Whether this is the name of a time zone that can be computed with. */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    return true
  } catch {
    return false
  }
}

const UNITS: readonly { readonly names: readonly string[]; readonly ms: number }[] = [
  { names: ['m', 'min', 'mins', 'minute', 'minutes'], ms: 60_000 },
  { names: ['h', 'hour', 'hours'], ms: 60 * 60_000 },
  { names: ['d', 'day', 'days'], ms: 24 * 60 * 60_000 },
]

/** Reads `2h`, `30min`, `1d` and `1h 30min` into milliseconds. Refuses, in a whole sentence, what is none and what is zero. */
export function readDuration(typed: string): { readonly ms: number } | { readonly refused: string } {
  const refused = { refused: `“${shown(typed)}” isn’t a duration. Write one as 30min, 2h or 1d.` }
  const text = typed.toLowerCase().trim()
  if (text.length > MOST_LETTERS || !/^([0-9]{1,5}\s*[a-z]+\s*)+$/.test(text)) return refused
  let ms = 0
  for (const [, count, unit] of text.matchAll(/([0-9]+)\s*([a-z]+)/g)) {
    const found = UNITS.find(({ names }) => names.includes(unit ?? ''))
    if (found === undefined) return refused
    ms += Number(count) * found.ms
  }
  return ms === 0 ? refused : { ms }
}

function shown(typed: string): string {
  const letters = [...typed.trim().slice(0, 200)]
  return letters.length > 40 ? `${letters.slice(0, 39).join('')}…` : letters.join('')
}
