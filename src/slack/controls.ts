/** The buttons that don't act on one release. Their tokens stand for a subject; `control-presses.ts` has what each does. */

export const CONTROL_NAMES = ['plan now'] as const

export type Control = (typeof CONTROL_NAMES)[number]

export interface ControlView {
  /** The button's `action_id`, and what its token is stored with: posted buttons have it, so it never changes. */
  readonly id: string
  /** The button's exact label, by which people and checks find it. */
  readonly label: string
  readonly isPrimary?: true
}

export const CONTROLS: Readonly<Record<Control, ControlView>> = {
  'plan now': { id: 'plan_now', label: 'Plan now', isPrimary: true },
}

/** The control of a button by its `action_id`; undefined for an unknown one. */
export function controlWithId(id: string): Control | undefined {
  return CONTROL_NAMES.find((control) => CONTROLS[control].id === id)
}
