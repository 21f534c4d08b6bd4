/** The private reply to a person, by the service's answer. */

import { defined } from '../lib/defined.ts'
import type { PrivateMessage } from '../release/messages.ts'
import type { Refusal } from '../release/refusals.ts'
import type { Release } from '../release/release.ts'
import type { Requested } from '../release/request.ts'
import type { Done } from '../release/service.ts'

/** undefined: no reply. */
export type Reply = PrivateMessage | undefined

/** For a button that is not, or no longer, valid. */
export const STALE: PrivateMessage = { is: 'refusal', refusal: { gate: 'stale_button' } }

/** Slack opens a modal only right after the click. */
export const PRESS_AGAIN: PrivateMessage = {
  is: 'done',
  text: 'Signoff restarted before it could answer. Nothing was changed. Try again.',
}

export function refused(refusal: Refusal): PrivateMessage {
  return { is: 'refusal', refusal }
}

/** After a release was requested: the release that is being planned. */
export function requested(outcome: Requested): PrivateMessage {
  if ('refused' in outcome) return refused(outcome.refused)
  const { number, app, environment, kind, schedule } = outcome.release
  const startAt = schedule?.at.toISOString()
  const more = defined({ startAt, timeZone: schedule?.timeZone, noWorker: outcome.noWorker })
  return { is: 'planning', number, app, environment, kind, ...more }
}

/** A sentence about the release after the action. */
export function done(say: (release: Release) => string): (outcome: Done) => PrivateMessage {
  return (outcome) => ('refused' in outcome ? refused(outcome.refused) : { is: 'done', text: say(outcome.release) })
}

/** The card shows the effect of a button, so only a refusal is answered. */
export function onlyRefusal(outcome: Done): Reply {
  return 'refused' in outcome ? refused(outcome.refused) : undefined
}
