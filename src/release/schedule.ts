/** Rules of a release with a time: it is planned and pinned at once, signed when people are there, and started then. */
import type { Refusal, Refused } from './refusals.ts'
import { isTooFarAhead, latestAhead, readTypedTime, sayMoment, type TypedWhere } from './typed-times.ts'

/** When a release was asked to start, and the time zone of the person who asked. */
export interface Schedule {
  readonly at: Date
  readonly timeZone: string
}

/** A release that could not start by this time after its own expires, so that nothing starts by surprise. */
const START_WITHIN_MS = 60 * 60_000
/** A start that is later than this says so: the bot looks every 30 seconds. */
const LATE_AFTER_MS = 2 * 60_000

/** Whether the time has come. A release without one is always due. */
export function isDue({ schedule }: { readonly schedule?: Schedule }, now: Date): boolean {
  return schedule === undefined || now.getTime() >= schedule.at.getTime()
}

/** Until when the release may start. */
export function startsUntil({ at }: Schedule): Date {
  return new Date(at.getTime() + START_WITHIN_MS)
}

/** How late a start is that comes now; undefined before its time and shortly after it. */
export function lateMs({ at }: Schedule, now: Date): number | undefined {
  const late = now.getTime() - at.getTime()
  return late >= LATE_AFTER_MS ? late : undefined
}

/** Why a release can't start at this time, asked now: it is past, or too far ahead. */
export function scheduleRefusal({ at, timeZone }: Schedule, now: Date): Refusal | undefined {
  const where = { now, timeZone }
  if (at.getTime() <= now.getTime()) {
    return { gate: 'time_refused', why: `${sayMoment(at, timeZone)} is past. Pick a later time.` }
  }
  if (!isTooFarAhead(at, where)) return undefined
  return { gate: 'too_far_ahead', at: at.toISOString(), latest: latestAhead(where).toISOString(), timeZone }
}

/** The time that was typed or picked, in the person's time zone; refuses what can't be read and what can't be used. */
export function readSchedule(asked: { readonly typed: string } | { readonly picked: Date }, where: TypedWhere) {
  const read = 'typed' in asked ? readTypedTime(asked.typed, where) : { at: asked.picked }
  if ('refused' in read) return { refused: { gate: 'time_refused', why: read.refused } } satisfies Refused
  const schedule: Schedule = { at: read.at, timeZone: where.timeZone }
  const refused = scheduleRefusal(schedule, where.now)
  return refused === undefined ? { schedule } : { refused }
}
