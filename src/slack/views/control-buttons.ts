/** Buttons that don't act on one release: which a private answer offers, and how they are drawn. */
import type { Button } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { Refusal } from '../../release/refusals.ts'
import type { Subject } from '../../release/subjects.ts'
import { CONTROLS, type Control } from '../controls.ts'
import { plain } from './parts/blocks.ts'

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
    case 'environment_frozen':
      return offersOfFrozen(refusal)
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
  const { id, label, isPrimary } = CONTROLS[control]
  return {
    type: 'button',
    action_id: id,
    text: plain(label, 75),
    value: token,
    ...defined({ style: isPrimary && ('primary' as const) }),
  }
}
