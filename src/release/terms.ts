/**
 * The domain's terms and closed lists. They are stored, so none is ever renamed.
 *
 * - release: one attempt to deploy one commit to one environment of one app, with one plan that never changes.
 * - sign-off: a person's recorded decision on one fingerprint.
 * - run: the execution of an approved release. Step: a unit of a run.
 * - end: a state that a release never leaves. `needs attention` is not an end: it keeps the environment busy.
 */

export type ReleaseKind = 'deploy' | 'hotfix' | 'rollback'

export const RELEASE_STATES = [
  'planning',
  'awaiting sign-off',
  'scheduled',
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
  planning: ['awaiting sign-off', 'scheduled', 'approved', 'refused', 'cancelled', 'outdated'],
  'awaiting sign-off': ['scheduled', 'approved', 'rejected', 'cancelled', 'expired', 'outdated'],
  scheduled: ['approved', 'rejected', 'cancelled', 'expired', 'outdated'],
  approved: ['running', 'cancelled', 'expired', 'outdated', 'failed', 'needs attention'],
  running: ['succeeded', 'failed', 'needs attention', 'outdated', 'cancelled'],
  'needs attention': ['approved', 'closed', 'expired'],
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

/** A person in the store and in messages. `name` is the display name from when they acted. */
export interface PersonName {
  /** Slack user id. */
  readonly id: string
  readonly name: string
}

export const SIGN_OFF_KINDS = ['qa', 'approval', 'talked over', 'rejection', 'emergency'] as const

export type SignOffKind = (typeof SIGN_OFF_KINDS)[number]

/** Minimum length of the reason of an emergency or a hot-fix, in characters. */
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

/** How the app's code is kept apart from the worker's host. */
export type Isolation = 'bubblewrap' | 'other user' | 'none'

/** That no worker which may release the environment is alive: who last could, and when it was seen. */
export interface MissingWorker {
  readonly lastSeen?: string
  /** The host of the worker that was seen last. */
  readonly host?: string
  /** The group that has no worker. Absent: workers without a group are missing. */
  readonly group?: string
}
