/** `time_zone` and `freezes`. */
import { z } from 'zod'
import { isNear, nearestFirst } from '../../lib/edit-distance.ts'
import { environments, text } from './shapes.ts'

const WEEKDAY = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun'
const TIME = '([01][0-9]|2[0-3]):[0-5][0-9]'
const MOMENT = new RegExp(`^((${WEEKDAY}) ${TIME}|[0-9]{4}-[0-9]{2}-[0-9]{2}( ${TIME})?)$`)

const isWeekly = (moment: string) => !/^[0-9]/.test(moment)

/** Longer names get no suggestion, because the search would take too long. */
const MAX_NAME_LENGTH = 60

/** Whether the system knows the name. Offsets are refused although Intl takes them, because they have no summer time. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

export const timeZoneSchema = z
  .string()
  .superRefine((name, context) => {
    if (isTimeZone(name)) return
    const [nearest] = name.length > MAX_NAME_LENGTH ? [] : nearestFirst(name, Intl.supportedValuesOf('timeZone'))
    const hint = nearest !== undefined && isNear(name, nearest) ? `; did you mean ${nearest}?` : ''
    context.addIssue({ code: 'custom', message: `must be the name of a time zone, such as Europe/Berlin${hint}` })
  })
  .default('UTC')
  .meta({
    description: "The time zone of freezes, and of times where a person's own is unknown",
    examples: ['Europe/Berlin', 'UTC'],
  })

const momentMessage = 'must be a weekday and a time such as Fri 16:00, or a date such as 2026-12-21'

const moment = text(MOMENT, momentMessage).refine(isInCalendar, momentMessage)

/** False for a day that does not exist, such as 2026-02-30. */
function isInCalendar(value: string): boolean {
  if (isWeekly(value)) return true
  const day = value.slice(0, 10)
  const read = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(read.getTime()) && read.toISOString().startsWith(day)
}

const freeze = z
  .strictObject({
    name: text(/^[^\s\p{C}]([^\p{C}]{0,58}[^\s\p{C}])?$/u, 'must be 1 to 60 characters').meta({
      description: 'What people call it',
      examples: ['weekend'],
    }),
    from: moment.meta({
      description: 'A weekday with a time, for every week; or a date, which means 00:00 on that day',
      examples: ['Fri 16:00', '2026-12-21', '2026-12-21 18:00'],
    }),
    to: moment.meta({
      description: 'When it ends, in the same form as from',
      examples: ['Mon 08:00', '2027-01-04'],
    }),
    environments: environments.optional().meta({
      description: 'Where it applies, as app/environment; default: every environment with a sign_off',
      examples: [['api/production']],
    }),
  })
  .superRefine(({ from, to }, context) => {
    // Invalid moments are reported already.
    const areValid = [from, to].every((each) => MOMENT.test(each) && isInCalendar(each))
    const problem = areValid ? periodProblem(from, to) : undefined
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['to'], message: problem })
  })

function periodProblem(from: string, to: string): string | undefined {
  if (isWeekly(from) !== isWeekly(to)) return 'must be a weekday or a date, as in from'
  // A week wraps around, so Fri to Mon is valid too.
  if (isWeekly(from)) return from === to ? 'must not be the same as from' : undefined
  return withTime(to) <= withTime(from) ? 'must be after from' : undefined
}

/** A date without a time means 00:00. */
const withTime = (moment: string) => (moment.includes(' ') ? moment : `${moment} 00:00`)

export const freezesSchema = z
  .array(freeze)
  .default([])
  .meta({
    description: 'Periods in which only an emergency can start',
    examples: [[{ name: 'weekend', from: 'Fri 16:00', to: 'Mon 08:00' }]],
  })
