/** The field **When**: a moment that Slack asks for and shows in the person's own time zone. */
import type { InputBlock } from '@slack/types'
import { defined } from '../../../lib/defined.ts'
import { plain } from './blocks.ts'

/** The block_id, which is also the action_id, of the field **When**. */
export const WHEN = 'when'

/** **When**: a time that Slack asks for and shows in the person's own time zone. `chosen`: seconds since 1970. */
export function whenField({
  hint,
  optional,
  chosen,
}: {
  hint: string
  optional: boolean
  chosen?: number
}): InputBlock {
  return {
    type: 'input',
    block_id: WHEN,
    label: plain('When'),
    hint: plain(hint, 2000),
    ...(optional && { optional: true }),
    element: { type: 'datetimepicker', action_id: WHEN, ...defined({ initial_date_time: chosen }) },
  }
}
