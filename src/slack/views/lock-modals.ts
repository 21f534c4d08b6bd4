/** The modals of locks: why to lock, and whether to take another's lock over. */
import type { InputBlock, ModalView } from '@slack/types'
import type { LockFacts, LockPlace } from '../../release/lock.ts'
import { placeNames } from '../../release/lock.ts'
import type { TypedEnd } from '../../release/lock-command.ts'
import { MAX_REASON_LENGTH } from '../../release/reason.ts'
import { VIEW } from '../ids.ts'
import { plain, section } from './parts/blocks.ts'
import { lockedBy, lockedPlace } from './parts/lock-lines.ts'
import { defused } from './parts/text.ts'

const REASON = 'reason'

function reasonField(words: { readonly ask: string; readonly hint: string }): InputBlock {
  return {
    type: 'input',
    block_id: REASON,
    label: plain('Reason'),
    hint: plain(words.hint, 2000),
    element: {
      type: 'plain_text_input',
      action_id: REASON,
      multiline: true,
      min_length: 1,
      max_length: MAX_REASON_LENGTH,
      placeholder: plain(words.ask, 150),
      focus_on_load: true,
    },
  }
}

/** `/deploy lock <environment>` without a reason. */
export function lockModal({
  lock: { on, end },
  metadata,
}: {
  readonly lock: { readonly on: LockPlace; readonly end?: TypedEnd }
  readonly metadata: string
}): ModalView {
  const where = lockedPlace(placeNames(on))
  const until = end === undefined ? 'without an end' : `${end.by} ${defused(end.words, 60)}`
  const effect =
    on.is === 'all'
      ? 'Nothing starts anywhere while it holds, not even your own releases or an emergency.'
      : 'Only you can start a release there while it holds.'
  return {
    type: 'modal',
    callback_id: VIEW.lock,
    title: plain('Lock', 24),
    submit: plain('Lock it', 24),
    close: plain('Go back', 24),
    private_metadata: metadata,
    blocks: [
      section([`Lock *${where}*, ${until}.`, `${effect} A release that has started continues.`]),
      reasonField({
        ask: 'Why should others wait?',
        hint: 'Everyone who wants to release there reads it.',
      }),
    ],
  }
}

/** **Take over…** */
export function takeOverModal({ lock, metadata }: { readonly lock: LockFacts; readonly metadata: string }): ModalView {
  const holder = defused(lock.holder.name, 40)
  return {
    type: 'modal',
    callback_id: VIEW.takeOver,
    title: plain('Take over the lock', 24),
    submit: plain('Take it over', 24),
    close: plain('Go back', 24),
    private_metadata: metadata,
    blocks: [
      section([
        `Take over the lock of *${lockedPlace(lock)}* from ${holder}?`,
        `It is locked ${lockedBy(lock)}`,
        `Then you hold it, without an end, and ${holder} can’t start a release there.`,
      ]),
      reasonField({
        ask: 'Why can’t it wait?',
        hint: `${lock.holder.name.slice(0, 80)} gets it as a direct message, unless they switched that off.`,
      }),
    ],
  }
}
