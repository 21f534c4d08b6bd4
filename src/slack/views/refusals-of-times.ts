/** The messages of refusals by a time that was typed or picked. */
import type { Refusal } from '../../release/refusals.ts'
import { sayMoment } from '../../release/typed-times.ts'
import { cut, oneLine } from './parts/text.ts'
import type { Words } from './parts/words.ts'

type TimeGate = 'too_far_ahead' | 'time_refused'

export const TIME_REFUSALS: {
  readonly [G in TimeGate]: (refusal: Extract<Refusal, { gate: G }>) => Words
} = {
  too_far_ahead: ({ at, latest, timeZone }) => ({
    cant: 'use this time',
    why: `${sayMoment(new Date(at), timeZone)} is more than 7 days ahead`,
    next: [[`The latest time now is ${sayMoment(new Date(latest), timeZone)}.`]],
  }),
  time_refused: ({ why }) => {
    const { first, rest } = sentences(cut(oneLine(why), 400))
    return { cant: 'use this time', why: first, next: rest === undefined ? [] : [[rest]] }
  },
}

/** The first sentence as a clause, and the others. */
function sentences(text: string): { readonly first: string; readonly rest?: string } {
  const [, first, rest] = /^(.*?[^.])\.(?:\s+(.+))?$/.exec(text) ?? []
  if (first === undefined) return { first: text }
  const clause = /^(There|No) /.test(first) ? `${first.charAt(0).toLowerCase()}${first.slice(1)}` : first
  return rest === undefined ? { first: clause } : { first: clause, rest }
}
