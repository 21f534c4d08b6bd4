/** When a lock ends whose end was typed. No I/O. */
import { LONGEST_LOCK_MS, SHORTEST_LOCK_MS } from './lock.ts'
import type { TypedEnd } from './lock-command.ts'
import type { Refused } from './refusals.ts'
import { isTooFarAhead, latestAhead, readDuration, readTypedTime, type TypedWhere } from './typed-times.ts'

/** The end, 5 minutes to 7 days ahead, in the person's time zone; empty without one. Refuses any other. */
export function endOf(end: TypedEnd | undefined, where: TypedWhere): { readonly until?: Date } | Refused {
  if (end === undefined) return {}
  const { now } = where
  const read = end.by === 'for' ? readDuration(end.words) : readTypedTime(end.words, where)
  if ('refused' in read) return { refused: { gate: 'time_refused', why: read.refused } }
  const until = 'ms' in read ? new Date(now.getTime() + read.ms) : read.at
  if ('at' in read && isTooFarAhead(until, where)) {
    const { timeZone } = where
    const latest = latestAhead(where).toISOString()
    return { refused: { gate: 'too_far_ahead', at: until.toISOString(), latest, timeZone } }
  }
  const ms = until.getTime() - now.getTime()
  if (ms >= SHORTEST_LOCK_MS && (ms <= LONGEST_LOCK_MS || 'at' in read)) return { until }
  return {
    refused: { gate: 'time_refused', why: 'A lock holds from 5 minutes to 7 days. Write “for 5min” to “for 7d”.' },
  }
}
