/** Buttons that don't act on one release: which a private answer offers, and how they are drawn. */
import type { Button } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { PrivateMessage } from '../../release/messages.ts'
import type { Refusal } from '../../release/refusals.ts'
import type { Subject } from '../../release/subjects.ts'
import { CONTROLS, type Control } from '../controls.ts'
import { confirm, plain } from './parts/blocks.ts'

export interface ControlOffer {
  readonly control: Control
  readonly subject: Subject
}

/** With its token, which the store resolves to its subject. */
export interface OfferedControl extends ControlOffer {
  readonly token: string
}

/** What a refused person can do about it with one click. */
export function offersOf(refusal: Refusal): readonly ControlOffer[] {
  switch (refusal.gate) {
    case 'environment_locked':
      return offersOfLocked(refusal)
    case 'environment_frozen':
      return offersOfFrozen(refusal)
    default:
      return []
  }
}

function offersOfLocked(refusal: Extract<Refusal, { gate: 'environment_locked' }>): readonly ControlOffer[] {
  const { app, environment, lock, all, asked } = refusal
  const place = app !== undefined && environment !== undefined ? { app, environment } : undefined
  return [
    ...(place ? [{ control: 'tell when free', subject: { is: 'environment', ...place } } as const] : []),
    // To hold the lock over all doesn't help to release.
    ...(all && asked !== 'lock' ? [] : [{ control: 'take over', subject: { is: 'lock', id: lock } } as const]),
  ]
}

/** The buttons of other private messages. */
export function offersOfMessage(message: PrivateMessage): readonly ControlOffer[] {
  switch (message.is) {
    case 'refusal':
      return offersOf(message.refusal)
    case 'locked':
    case 'lock held': {
      const subject = { is: 'lock', id: message.lock.id } as const
      return [
        { control: 'extend lock', subject },
        { control: 'unlock', subject },
      ]
    }
    case 'free': {
      const { app, environment } = message
      return [{ control: 'plan now', subject: { is: 'environment', app, environment } }]
    }
    case 'receipt': {
      const { number: release, kind, person, at } = message
      return [{ control: 'not me', subject: { is: 'sign-off', release, kind, person, at } }]
    }
    case 'report': {
      const { is, app, environment, days, until, channel, asked } = message
      const subject = { is, days, until, asked, ...defined({ app, environment, channel }) }
      return [{ control: 'share report', subject }]
    }
    default:
      return []
  }
}

/** A hot-fix has commits and a reason, which a button does not: its modal plans it for an emergency. */
function offersOfFrozen(refusal: Extract<Refusal, { gate: 'environment_frozen' }>): readonly ControlOffer[] {
  const { app, environment, kind, isOffered } = refusal
  if (!isOffered || kind !== 'deploy') return []
  return [{ control: 'request for an emergency', subject: { is: 'environment', app, environment } }]
}

export function controlButton({ control, token }: OfferedControl): Button {
  const { id, label, isPrimary, asks } = CONTROLS[control]
  return {
    type: 'button',
    action_id: id,
    text: plain(label, 75),
    value: token,
    ...defined({
      style: isPrimary ? ('primary' as const) : asks && ('danger' as const),
      confirm: asks && confirm({ ...asks, danger: true }),
    }),
  }
}
