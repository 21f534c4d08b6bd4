import type { ModalView } from '@slack/types'
import { ACTION_NAMES, type Action } from '../../../src/release/actions.ts'
import { ACTION_VIEWS } from '../../../src/slack/actions.ts'
import type { ReasonFacts } from '../../../src/slack/views/modals.ts'

/** The actions whose button first asks for words. */
export const ASK_FIRST: readonly Action[] = ACTION_NAMES.filter(
  (action) => ACTION_VIEWS[action].onPress.is === 'asks first',
)

/** The modal that the action's button opens. Throws for a button that opens none. */
export function reasonModal(action: Action, facts: Omit<ReasonFacts, 'callback'>): ModalView {
  const { onPress } = ACTION_VIEWS[action]
  if (onPress.is !== 'asks first') throw new Error(`${action} asks for no words`)
  return onPress.modal({ ...facts, callback: onPress.callback })
}
