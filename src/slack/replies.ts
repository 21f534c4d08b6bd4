/** What a person is answered privately, by what the service answered. */

import type { PrivateMessage } from '../release/messages.ts'
import type { Refusal } from '../release/refusals.ts'
import type { Release } from '../release/release.ts'
import type { Requested } from '../release/request.ts'
import type { Done } from '../release/service.ts'

/** undefined: there is nothing to say. */
export type Reply = PrivateMessage | undefined

/** A button that is not, or no longer, one of ours. */
export const STALE: PrivateMessage = { is: 'refusal', refusal: { gate: 'stale_button' } }

/** A modal opens only in the moment of the click. */
export const PRESS_AGAIN: PrivateMessage = {
  is: 'done',
  text: 'Signoff restarted before it could answer. Nothing was changed. Try again.',
}

export function refused(refusal: Refusal): PrivateMessage {
  return { is: 'refusal', refusal }
}

/** After a release was requested: which one is being planned. */
export function requested(outcome: Requested): PrivateMessage {
  if ('refused' in outcome) return refused(outcome.refused)
  const { number, app, environment, kind } = outcome.release
  return { is: 'planning', number, app, environment, kind, ...(outcome.noWorker && { noWorker: outcome.noWorker }) }
}

/** What was done, in a sentence about the release. */
export function done(say: (release: Release) => string): (outcome: Done) => PrivateMessage {
  return (outcome) => ('refused' in outcome ? refused(outcome.refused) : { is: 'done', text: say(outcome.release) })
}

/** The card shows what a button did; only a refusal is answered. */
export function onlyRefusal(outcome: Done): Reply {
  return 'refused' in outcome ? refused(outcome.refused) : undefined
}
