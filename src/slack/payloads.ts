/** Reads what arrives from Slack. A payload that is not certainly ours is rejected. */

import { defined } from '../lib/defined.ts'

export type Arrival =
  | {
      readonly is: 'command'
      readonly id: string
      readonly command: string
      readonly text: string
      readonly user: string
      readonly responseUrl: string
      readonly trigger: string
      /** Where it was typed. */
      readonly channel?: string
    }
  | {
      readonly is: 'press'
      readonly id: string
      readonly action: string
      readonly token: string
      readonly user: string
      /** The person is from another workspace, as in shared channels. */
      readonly isForeign: boolean
      readonly channel: string
      readonly ts: string
      readonly responseUrl: string
      readonly trigger: string
    }
  /** A button in an open modal. */
  | {
      readonly is: 'in a modal'
      readonly id: string
      readonly action: string
      readonly viewId: string
      readonly view: string
      readonly user: string
      readonly isForeign: boolean
      readonly metadata: string
      /** The button's value; empty where it has none. */
      readonly token: string
      readonly trigger: string
      /** As of a submission. */
      readonly values: Readonly<Record<string, string>>
    }
  /** The person has opened App Home. */
  | {
      readonly is: 'home opened'
      readonly id: string
      readonly user: string
      /** The event doesn't say it: the look-up of the person decides. */
      readonly isForeign: false
      /** Of the view that Slack showed; null: none was published yet. */
      readonly hash: string | null
    }
  /** A control of App Home. */
  | {
      readonly is: 'in home'
      readonly id: string
      readonly action: string
      /** The value of the button, or of the entry that was chosen in a menu or list; empty where there is none. */
      readonly token: string
      /** The values of all boxes that are ticked. */
      readonly ticked: readonly string[]
      readonly user: string
      readonly isForeign: boolean
      readonly trigger: string
    }
  | {
      readonly is: 'submission'
      readonly id: string
      readonly view: string
      readonly user: string
      readonly isForeign: boolean
      readonly metadata: string
      /** The same for each submission of one modal: it may be refused, corrected and sent again. */
      readonly key: string
      /** The block ids of its fields, in their order. */
      readonly fields: readonly string[]
      /** By action id: the typed or chosen value; for checkboxes all ticked values, separated by spaces. */
      readonly values: Readonly<Record<string, string>>
    }

/** Our workspace and our app: a payload that names others, or none, is refused. */
export interface Ours {
  readonly team: string
  readonly app: string
  /** The Enterprise Grid organization of our workspace. */
  readonly enterprise?: string
}

type Fields = Readonly<Record<string, unknown>>

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

/** A NUL, which Postgres takes in no text and nobody types, becomes U+FFFD: a forged token with one is merely unknown. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.replaceAll('\0', '\uFFFD') : undefined
}

/** Reads the payload of a slash command, a button or a modal; undefined if it is not ours or incomplete. */
export function readArrival(payload: unknown, ours: Ours): Arrival | undefined {
  const body = fields(payload)
  const user = fields(body.user)
  if (!isForUs(body, ours)) return undefined
  if (body.type === 'event_callback') return readEvent(body)
  if (text(body.command) !== undefined) return readCommand(body)
  const who = text(user.id)
  if (who === undefined) return undefined
  // Within our organization a person's `team_id` may be that of a sister workspace: the look-up of the person decides.
  const isForeign = user.team_id !== undefined && user.team_id !== ours.team && !isOfOurOrganization(body, ours)
  if (body.type === 'block_actions') {
    const isInModal = fields(body.container).type === 'view'
    if (fields(body.view).type === 'home') return readInHome(body, who, isForeign)
    return isInModal ? readInModal(body, who, isForeign) : readPress(body, who, isForeign)
  }
  if (body.type === 'view_submission') return readSubmission(body, who, isForeign)
  return undefined
}

/**
 * Whether it is for our app in our workspace. In an Enterprise Grid a payload may name a sister workspace or, with
 * `is_enterprise_install`, none: then our organization counts.
 */
function isForUs(body: Fields, ours: Ours): boolean {
  if (body.api_app_id !== ours.app) return false
  const team = text(body.team_id) ?? text(fields(body.team).id)
  return team === ours.team || isOfOurOrganization(body, ours)
}

function isOfOurOrganization(body: Fields, { enterprise }: Ours): boolean {
  const named = text(body.enterprise_id) ?? text(fields(body.enterprise).id)
  return enterprise !== undefined && named === enterprise
}

function readCommand(body: Fields): Arrival | undefined {
  const [command, user, responseUrl, trigger] = ['command', 'user_id', 'response_url', 'trigger_id'].map((key) =>
    text(body[key]),
  )
  if (!command || !user || !responseUrl || !trigger) return undefined
  return {
    is: 'command',
    id: `command:${trigger}`,
    command,
    text: text(body.text) ?? '',
    user,
    responseUrl,
    trigger,
    ...defined({ channel: text(body.channel_id) }),
  }
}

function readPress(body: Fields, user: string, isForeign: boolean): Arrival | undefined {
  const action = fields((Array.isArray(body.actions) ? body.actions : [])[0])
  const container = fields(body.container)
  const id = text(action.action_id)
  const at = text(action.action_ts) ?? text(body.trigger_id)
  const channel = text(container.channel_id) ?? text(fields(body.channel).id)
  const ts = text(container.message_ts)
  const responseUrl = text(body.response_url)
  const trigger = text(body.trigger_id)
  if (!id || !at || !channel || !ts || !responseUrl || !trigger) return undefined
  const token = text(action.value) ?? ''
  return {
    is: 'press',
    id: `press:${at}:${id}:${ts}:${user}`,
    action: id,
    token,
    user,
    isForeign,
    channel,
    ts,
    responseUrl,
    trigger,
  }
}

/** What is kept of an event: Slack sends the whole view with it, which may have 250 kB. */
export function withoutView(payload: unknown): unknown {
  const body = fields(payload)
  const event = fields(body.event)
  const hash = text(fields(event.view).hash)
  const { type, event_id, api_app_id, team_id, enterprise_id } = body
  const opened = { type: event.type, user: event.user, tab: event.tab, view: hash === undefined ? null : { hash } }
  return { type, event_id, api_app_id, team_id, enterprise_id, event: opened }
}

function readEvent(body: Fields): Arrival | undefined {
  const event = fields(body.event)
  const [id, user] = [text(body.event_id), text(event.user)]
  if (!id || !user || event.type !== 'app_home_opened' || event.tab !== 'home') return undefined
  return { is: 'home opened', id: `event:${id}`, user, isForeign: false, hash: text(fields(event.view).hash) ?? null }
}

function readInHome(body: Fields, user: string, isForeign: boolean): Arrival | undefined {
  const action = fields((Array.isArray(body.actions) ? body.actions : [])[0])
  const [id, at] = [text(action.action_id), text(action.action_ts) ?? text(body.trigger_id)]
  if (!id || !at) return undefined
  const ticked = Array.isArray(action.selected_options) ? action.selected_options : []
  return {
    is: 'in home',
    id: `in home:${at}:${id}:${user}`,
    action: id,
    token: text(action.value) ?? text(fields(action.selected_option).value) ?? '',
    ticked: ticked.flatMap((each) => text(fields(each).value) ?? []),
    user,
    isForeign,
    trigger: text(body.trigger_id) ?? '',
  }
}

function readInModal(body: Fields, user: string, isForeign: boolean): Arrival | undefined {
  const action = fields((Array.isArray(body.actions) ? body.actions : [])[0])
  const view = fields(body.view)
  const [id, viewId, callback] = [text(action.action_id), text(view.id), text(view.callback_id)]
  const at = text(action.action_ts) ?? text(body.trigger_id)
  if (!id || !viewId || !callback || !at) return undefined
  return {
    is: 'in a modal',
    id: `in modal:${at}:${id}:${viewId}:${user}`,
    action: id,
    viewId,
    view: callback,
    user,
    isForeign,
    metadata: text(view.private_metadata) ?? '',
    token: text(action.value) ?? '',
    trigger: text(body.trigger_id) ?? '',
    values: valuesOf(fields(fields(view.state).values)),
  }
}

/** By action id: what was typed or chosen. */
function valuesOf(blocks: Fields): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const block of Object.values(blocks)) {
    for (const [action, input] of Object.entries(fields(block))) {
      const { value, selected_option: option, selected_options: options, selected_date_time: moment } = fields(input)
      const ticked = (Array.isArray(options) ? options : []).map((each) => text(fields(each).value) ?? '').join(' ')
      const picked = typeof moment === 'number' ? String(moment) : undefined
      const given = text(value) ?? text(fields(option).value) ?? text(ticked) ?? picked
      if (given !== undefined) values[action] = given
    }
  }
  return values
}

function readSubmission(body: Fields, user: string, isForeign: boolean): Arrival | undefined {
  const view = fields(body.view)
  const id = text(view.id)
  const callback = text(view.callback_id)
  const trigger = text(body.trigger_id)
  if (!id || !callback) return undefined
  const blocks = fields(fields(view.state).values)
  return {
    is: 'submission',
    // A modal that was refused stays open and is sent again, with another trigger.
    id: trigger === undefined ? `submission:${id}` : `submission:${id}:${trigger}`,
    key: `submission:${id}`,
    fields: Object.keys(blocks),
    view: callback,
    user,
    isForeign,
    metadata: text(view.private_metadata) ?? '',
    values: valuesOf(blocks),
  }
}
