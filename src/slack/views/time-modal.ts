/** The modal of **Change time…**. */
import type { ModalView } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { ReasonFacts } from './modals.ts'
import { context, plain, section } from './parts/blocks.ts'
import { called } from './parts/facts.ts'
import { startsAt } from './parts/schedule.ts'
import { defused, seconds } from './parts/text.ts'
import { whenField } from './parts/when-field.ts'

/** **Change time…**: asks for the new time, and says what stays. */
export function timeModal({ callback, release, metadata }: ReasonFacts): ModalView {
  const { schedule } = release
  const name = defused(`${called(release)}: ${release.app} → ${release.environment}`)
  return {
    type: 'modal',
    callback_id: callback,
    title: plain('Change time', 24),
    submit: plain('Change time', 24),
    close: plain('Go back', 24),
    private_metadata: metadata,
    blocks: [
      section(`*${name}*${schedule === undefined ? '' : ` starts: ${startsAt(schedule)}`}`),
      whenField({
        hint: 'At most 7 days ahead.',
        optional: false,
        ...defined({ chosen: schedule && seconds(schedule.at) }),
      }),
      context('The plan and its sign-offs stay as they are.'),
    ],
  }
}
