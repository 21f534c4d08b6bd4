/**
 * What people see of each action, a row each: its button, the dialog before it, and the effect of a press. Who may do it,
 * and what it changes, is the row of the same name in `release/actions.ts`.
 */
import type { ModalView } from '@slack/types'
import { ACTION_NAMES, type Action } from '../release/actions.ts'
import type { Release } from '../release/release.ts'
import type { ActionOutcome } from '../release/service.ts'
import { VIEW, type ViewId } from './ids.ts'
import { done, onlyRefusal, type Reply, requested } from './replies.ts'
import { markedText } from './views/answers.ts'
import { type Confirm, confirmCancel, confirmRetry, confirmSignOff, confirmStart } from './views/confirmations.ts'
import { markBadModal } from './views/mark-modal.ts'
import { closeModal, emergencyModal, type ReasonFacts, rejectModal, talkedOverModal } from './views/modals.ts'
import { kindCalled, place } from './views/parts/facts.ts'
import { qaModal } from './views/qa-modal.ts'
import { timeModal } from './views/time-modal.ts'

type Answer = (outcome: ActionOutcome) => Reply

/** The press acts at once. */
export interface Acts {
  readonly is: 'acts'
  /** The private answer afterwards. */
  readonly answer: Answer
}

/** The press opens a modal that asks for text; its submission acts. */
export interface AsksFirst {
  readonly is: 'asks first'
  readonly callback: ViewId
  readonly modal: (facts: ReasonFacts) => ModalView
  readonly answer: Answer
}

export interface ActionView {
  /** The button's `action_id`, and what its token is stored with: posted buttons have it, so it never changes. */
  readonly id: string
  /** The button's exact label, by which people and checks find it. */
  readonly label: string
  /** What a screen reader says instead of the label. */
  readonly spokenLabel?: (release: Release) => string
  /** The lowest of a card's row is drawn as the likely next click; null: never. */
  readonly primaryRank: number | null
  /** The dialog before the press is sent; null: none. */
  readonly confirm: Confirm | null
  readonly onPress: Acts | AsksFirst | { readonly is: 'shows details' | 'opens above Details' }
  /** Whether a press anywhere but on the release's card is stale. Otherwise anyone with its token can press it. */
  readonly needsCard: boolean
}

export const ACTION_VIEWS: Readonly<Record<Action, ActionView>> = {
  qa: {
    id: 'qa_passed',
    label: 'QA passed',
    primaryRank: 2,
    confirm: confirmSignOff('qa'),
    onPress: { is: 'acts', answer: onlyRefusal },
    needsCard: true,
  },
  approval: {
    id: 'approve',
    label: 'Approve',
    primaryRank: 1,
    confirm: confirmSignOff('approval'),
    onPress: { is: 'acts', answer: onlyRefusal },
    needsCard: true,
  },
  'talked over': {
    id: 'talked_over',
    label: 'Talked over',
    primaryRank: 3,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.talkedOver, modal: talkedOverModal, answer: onlyRefusal },
    needsCard: true,
  },
  rejection: {
    id: 'reject',
    label: 'Reject',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.reject, modal: rejectModal, answer: onlyRefusal },
    needsCard: true,
  },
  emergency: {
    id: 'emergency',
    label: 'Must go out now…',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.emergency, modal: emergencyModal, answer: onlyRefusal },
    needsCard: true,
  },
  cancel: {
    id: 'cancel',
    label: 'Cancel',
    primaryRank: null,
    confirm: confirmCancel,
    onPress: { is: 'acts', answer: onlyRefusal },
    needsCard: true,
  },
  retry: {
    id: 'retry',
    label: 'Retry',
    primaryRank: 4,
    confirm: confirmRetry,
    onPress: { is: 'acts', answer: onlyRefusal },
    needsCard: true,
  },
  close: {
    id: 'close',
    label: 'Close',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.close, modal: closeModal, answer: onlyRefusal },
    needsCard: true,
  },
  'plan again': {
    id: 'plan_again',
    label: 'Plan again',
    primaryRank: 5,
    confirm: null,
    onPress: { is: 'acts', answer: requested },
    needsCard: true,
  },
  'plan for an emergency': {
    id: 'plan_for_emergency',
    label: 'Plan for an emergency',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'acts', answer: requested },
    // Also on the private answer about a release that was refused before it had a card.
    needsCard: false,
  },
  details: {
    id: 'details',
    label: 'Details',
    spokenLabel: ({ number }) => `Details of release ${number}: commits, files, migrations`,
    primaryRank: null,
    confirm: null,
    onPress: { is: 'shows details' },
    needsCard: true,
  },
  go: {
    id: 'go',
    label: 'Go',
    spokenLabel: (release) =>
      `Go: start ${release.kind === 'rollback' ? 'rollback' : 'hot-fix'} ${release.number} on ${place(release)}`.slice(
        0,
        75,
      ),
    primaryRank: null,
    confirm: confirmStart,
    onPress: { is: 'acts', answer: done((release) => `${kindCalled(release)} starts. Its card is in the channel.`) },
    // Its requester alone has it, on a private message.
    needsCard: false,
  },
  'start now': {
    id: 'start_now',
    label: 'Start now',
    primaryRank: null,
    confirm: confirmStart,
    onPress: { is: 'acts', answer: onlyRefusal },
    needsCard: true,
  },
  'change time': {
    id: 'change_time',
    label: 'Change time…',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.changeTime, modal: timeModal, answer: onlyRefusal },
    needsCard: true,
  },
  'mark bad': {
    id: 'mark_bad',
    label: 'Mark as bad…',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.markBad, modal: markBadModal, answer: done(markedText) },
    // In Details, and by a command.
    needsCard: false,
  },
  'roll back': {
    id: 'roll_back',
    label: 'Roll back…',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'opens above Details' },
    needsCard: false,
  },
  'test changes': {
    id: 'test_changes',
    label: 'QA…',
    spokenLabel: ({ number }) => `QA of release ${number}: say which changes you have tested`,
    primaryRank: 2,
    confirm: null,
    onPress: { is: 'asks first', callback: VIEW.qa, modal: qaModal, answer: onlyRefusal },
    needsCard: true,
  },
  'mark good': {
    id: 'mark_good',
    label: 'Mark as good',
    primaryRank: null,
    confirm: null,
    onPress: { is: 'acts', answer: done(markedText) },
    needsCard: false,
  },
}

/** The action of a button by its `action_id`; undefined for an unknown one. */
export function actionWithId(id: string): Action | undefined {
  return ACTION_NAMES.find((action) => ACTION_VIEWS[action].id === id)
}

/** The action of the modal with this `callback_id`, and the answer to its submission. */
export function actionOfModal(callback: string): { readonly action: Action; readonly answer: Answer } | undefined {
  for (const action of ACTION_NAMES) {
    const { onPress } = ACTION_VIEWS[action]
    if (onPress.is === 'asks first' && onPress.callback === callback) return { action, answer: onPress.answer }
  }
  return undefined
}
