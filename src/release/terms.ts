/**
 * The words that everything here is said with, and the closed lists behind them. They are stored: none is ever renamed.
 *
 * - release: one attempt to bring one environment of one app to one commit, with one plan for life.
 * - sign-off: a person's recorded word on one fingerprint.
 * - run: the execution of an approved release; step: a unit of it.
 * - end: a state that a release never leaves. `needs attention` is not an end: it keeps the environment busy.
 */

export type ReleaseKind = 'deploy' | 'hotfix'

export const RELEASE_STATES = [
  'planning',
  'awaiting sign-off',
  'approved',
  'running',
  'needs attention',
  'succeeded',
  'refused',
  'rejected',
  'cancelled',
  'expired',
  'outdated',
  'failed',
  'closed',
] as const

export type ReleaseState = (typeof RELEASE_STATES)[number]

/** Which state may follow which (docs/design.md). */
export const NEXT_STATES: Record<ReleaseState, readonly ReleaseState[]> = {
  planning: ['awaiting sign-off', 'approved', 'refused', 'cancelled', 'outdated'],
  'awaiting sign-off': ['approved', 'rejected', 'cancelled', 'expired', 'outdated'],
  approved: ['running', 'cancelled', 'expired', 'outdated', 'failed', 'needs attention'],
  running: ['succeeded', 'failed', 'needs attention', 'outdated', 'cancelled'],
  'needs attention': ['approved', 'closed'],
  succeeded: [],
  refused: [],
  rejected: [],
  cancelled: [],
  expired: [],
  outdated: [],
  failed: [],
  closed: [],
}

/** Whether a release in this state is over and its environment free. */
export function hasEnded(state: ReleaseState): boolean {
  return NEXT_STATES[state].length === 0
}

export function mayBecome(from: ReleaseState, to: ReleaseState): boolean {
  return NEXT_STATES[from].includes(to)
}

/** Somebody, as the store and the messages know them. `name` is what was shown when they acted. */
export interface PersonName {
  /** Slack user id. */
  readonly id: string
  readonly name: string
}

export const SIGN_OFF_KINDS = ['qa', 'approval', 'talked over', 'rejection', 'emergency'] as const

export type SignOffKind = (typeof SIGN_OFF_KINDS)[number]

/** The least characters of the reason of an emergency or a hot-fix. */
export const MIN_REASON_LENGTH = 10

export type StepName =
  | 'announce'
  | 'pick'
  | 'record'
  | 'merge'
  | 'sync'
  | 'verify'
  | 'migrate'
  | 'push'
  | 'confirm'
  | 'report'

export type StepState = 'pending' | 'running' | 'done' | 'failed' | 'unknown'

/** A message that Slack confirmed. */
export interface PostedMessage {
  readonly channel: string
  readonly ts: string
}
