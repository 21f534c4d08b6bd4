/** What Slack delivers for what people do: commands, pressed buttons and modals, as it writes them. */

import type { View } from '@slack/types'
import type { Action } from '../../../src/release/actions.ts'
import type { PostedMessage } from '../../../src/release/terms.ts'
import { ACTION_VIEWS } from '../../../src/slack/actions.ts'
import { COMMANDS } from '../../../src/slack/ids.ts'
import { WHEN } from '../../../src/slack/views/parts/when-field.ts'

export const OURS = { team: 'T0TEAM', app: 'A0SIGNOFF' }

/** Nobody answers there, so that every answer is a direct message: what is sent there would not be seen. */
const RESPONSE_URL = 'closed:'

export type Payload = Readonly<Record<string, unknown>>

/** `id`: Slack's own for this delivery. */
export function commandOf(name: keyof typeof COMMANDS, text: string, by: string, id: string): Payload {
  return {
    command: COMMANDS[name],
    text,
    user_id: by,
    team_id: OURS.team,
    api_app_id: OURS.app,
    response_url: RESPONSE_URL,
    trigger_id: id,
  }
}

const person = (by: string) => ({
  team: { id: OURS.team },
  api_app_id: OURS.app,
  user: { id: by, team_id: OURS.team },
})

export function pressOf(button: { action: Action; token: string; at: PostedMessage }, by: string, id: string): Payload {
  const { action, token, at } = button
  return clickOf({ actionId: ACTION_VIEWS[action].id, token, at }, by, id)
}

/** Of any button, by its `action_id`. */
export function clickOf(
  { actionId, token, at }: { actionId: string; token: string; at: PostedMessage },
  by: string,
  id: string,
): Payload {
  return {
    type: 'block_actions',
    ...person(by),
    container: { channel_id: at.channel, message_ts: at.ts },
    response_url: RESPONSE_URL,
    trigger_id: id,
    actions: [{ action_id: actionId, action_ts: id, value: token }],
  }
}

/** The modal as it was opened, with what was typed or chosen, by field. */
export function submissionOf(view: View, values: Readonly<Record<string, string>>, by: string, id: string): Payload {
  const filled = Object.entries(values).map(([field, value]) => [field, { [field]: stateOf(field, value) }])
  const { callback_id, private_metadata } = view as { callback_id?: string; private_metadata?: string }
  return {
    type: 'view_submission',
    ...person(by),
    trigger_id: `trigger ${id}`,
    view: { id, callback_id, private_metadata, state: { values: Object.fromEntries(filled) } },
  }
}

/** The state of a field as Slack sends it: a moment is a number, its seconds since 1970. */
function stateOf(field: string, value: string): Payload {
  return field === WHEN ? { type: 'datetimepicker', selected_date_time: Number(value) } : { value }
}
