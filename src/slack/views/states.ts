import type { ReleaseState } from '../../release/terms.ts'
/** The emoji before a state's word; the word always stands beside it. */
export const STATE_EMOJI: Readonly<Record<ReleaseState, string>> = {
  planning: 'hourglass_flowing_sand',
  'awaiting sign-off': 'raised_hand',
  approved: 'hourglass_flowing_sand',
  running: 'arrow_forward',
  'needs attention': 'warning',
  succeeded: 'white_check_mark',
  refused: 'no_entry_sign',
  rejected: 'no_entry_sign',
  cancelled: 'black_square_for_stop',
  expired: 'alarm_clock',
  outdated: 'repeat',
  failed: 'x',
  closed: 'black_square_for_stop',
}

/** `Release #12 …` */
export const STATE_IN_A_SENTENCE: Readonly<Record<ReleaseState, string>> = {
  planning: 'is being planned',
  'awaiting sign-off': 'awaits sign-off',
  approved: 'is approved and about to run',
  running: 'is running',
  'needs attention': 'needs attention',
  succeeded: 'has succeeded',
  refused: 'was refused',
  rejected: 'was rejected',
  cancelled: 'was cancelled',
  expired: 'has expired',
  outdated: 'is outdated',
  failed: 'has failed',
  closed: 'was closed',
}
