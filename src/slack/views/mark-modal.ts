/** **Mark as bad…**: the modal that asks why nobody should go back to a release. */
import type { ModalView } from '@slack/types'
import { FIELD, modal, type ReasonFacts, what, written } from './modals.ts'
import { section } from './parts/blocks.ts'

/** **Mark as bad…**: asks for the **Reason**, and says what the mark does. */
export function markBadModal({ callback, release, metadata }: Omit<ReasonFacts, 'now'>): ModalView {
  return modal({
    callback,
    title: 'Mark as bad',
    submit: 'Mark as bad',
    close: 'Go back',
    metadata,
    blocks: [
      section([
        `Nobody can roll back to ${what(release)} any more. What runs does not change.`,
        `To take the mark back: \`/deploy good ${release.number}\`.`,
      ]),
      written(FIELD.reason, 'Reason', {
        ask: 'What is wrong with it?',
        hint: 'Visible to everyone in the channel, and kept in the record.',
        least: 1,
      }),
    ],
  })
}
