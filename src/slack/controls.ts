/** The buttons that don't act on one release. Their tokens stand for a subject; `control-presses.ts` has what each does. */

export const CONTROL_NAMES = [
  'plan now',
  'tell when free',
  'take over',
  'extend lock',
  'unlock',
  'request for an emergency',
  'not me',
  'share report',
] as const

export type Control = (typeof CONTROL_NAMES)[number]

export interface ControlView {
  /** The button's `action_id`, and what its token is stored with: posted buttons have it, so it never changes. */
  readonly id: string
  /** The button's exact label, by which people and checks find it. */
  readonly label: string
  readonly isPrimary?: true
  /** It stops something: drawn as dangerous, and asked about before the click. */
  readonly asks?: { readonly title: string; readonly text: string; readonly yes: string; readonly no: string }
}

export const CONTROLS: Readonly<Record<Control, ControlView>> = {
  'plan now': { id: 'plan_now', label: 'Plan now', isPrimary: true },
  'tell when free': { id: 'tell_when_free', label: 'Tell me when it is free' },
  'take over': { id: 'take_over', label: 'Take over…' },
  'extend lock': { id: 'extend_lock', label: 'Extend' },
  unlock: { id: 'unlock', label: 'Unlock' },
  'request for an emergency': { id: 'request_for_emergency', label: 'Plan for an emergency' },
  'not me': {
    id: 'not_me',
    label: 'That was not me',
    asks: {
      title: 'Somebody else used your account?',
      text: 'Your sign-off becomes void. A release that has not started is rejected, and one under way is stopped. The channel is told. This can’t be taken back.',
      yes: 'That was not me',
      no: 'Go back',
    },
  },
  'share report': { id: 'share_report', label: 'Share' },
}

/** The control of a button by its `action_id`; undefined for an unknown one. */
export function controlWithId(id: string): Control | undefined {
  return CONTROL_NAMES.find((control) => CONTROLS[control].id === id)
}
