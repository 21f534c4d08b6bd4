/**
 * What stands in Slack, found by what its messages carry: the key in their metadata, the actions of their buttons, the code of
 * a gate. Never by their words, which may change at any time.
 */
import type { Json, Message, SlackWorkspace, View } from '../../src/sandbox/slack/workspace.ts'
import { START } from '../../src/slack/ids.ts'

/** What people can press, by the word for it in a release's rules, with the `action_id` of its button. */
export const BUTTON = {
  qa: 'qa_passed',
  approval: 'approve',
  'talked over': 'talked_over',
  rejection: 'reject',
  emergency: 'emergency',
  cancel: 'cancel',
  details: 'details',
  'plan again': 'plan_again',
  'plan for an emergency': 'plan_for_emergency',
  retry: 'retry',
  close: 'close',
  go: 'go',
  'plan now': 'plan_now',
  'tell when free': 'tell_when_free',
  'take over': 'take_over',
  'extend lock': 'extend_lock',
  unlock: 'unlock',
  'request for an emergency': 'request_for_emergency',
  'start now': 'start_now',
  'change time': 'change_time',
  'test changes': 'test_changes',
  'not me': 'not_me',
  'share report': 'share_report',
} as const
export type Pressed = keyof typeof BUTTON

type Shown = Pick<Message, 'blocks'>

/** The key that Signoff gave a message of the channel, such as `3:outcome`. */
export function keyOf({ metadata }: Pick<Message, 'metadata'>): string {
  const payload = metadata?.event_payload as { key?: unknown } | undefined
  return typeof payload?.key === 'string' ? payload.key : ''
}

/** All keys that a message carries: lines of finished steps may be combined in one. */
export function keysIn(message: Pick<Message, 'metadata'>): readonly string[] {
  const payload = message.metadata?.event_payload as { also?: unknown } | undefined
  return [keyOf(message), ...(typeof payload?.also === 'string' ? payload.also.split(' ') : [])]
}

/** Whether a key is this one, whatever follows: `done:push` names `done:push:2`. */
function isNamed(key: string, number: number, name: string): boolean {
  return `${key}:`.startsWith(`${number}:${name}:`)
}

/** The actions of a message's buttons, in the order in which they stand. */
export function actionsOf({ blocks }: Shown): readonly string[] {
  const of = (value: unknown): readonly string[] => {
    if (typeof value !== 'object' || value === null) return []
    const { type, action_id: action } = value as Json
    if (type === 'button') return typeof action === 'string' ? [action] : []
    return Object.values(value).flatMap(of)
  }
  return of(blocks)
}

export function offers(message: Shown | undefined, pressed: Pressed): boolean {
  return message !== undefined && actionsOf(message).includes(BUTTON[pressed])
}

/** Whether a private message offers **Start**, because the sign-off that was clicked would start the release. */
export function asksToStart(message: Shown): boolean {
  return actionsOf(message).includes(START)
}

/** What Slack's client asks before it sends the click of this button; undefined where it asks nothing. */
export function questionOf({ blocks }: Shown, pressed: Pressed): string | undefined {
  const of = (value: unknown): Json | undefined => {
    if (typeof value !== 'object' || value === null) return undefined
    if ((value as Json).action_id === BUTTON[pressed]) return value as Json
    return Object.values(value)
      .map(of)
      .find((found) => found !== undefined)
  }
  const confirm = of(blocks)?.confirm as { text?: { text?: string } } | undefined
  return confirm?.text?.text?.replaceAll('\u00a0', ' ')
}

/** Whether a message's last line of context names this gate. */
export function namesGate({ blocks }: Shown, gate: string): boolean {
  const last = blocks.findLast(({ type }) => type === 'context')
  return JSON.stringify(last ?? '').includes(`\`${gate}\``)
}

/** A message as people read it, with plain spaces. */
export function wordsOf(slack: SlackWorkspace, message: { text?: string; blocks: Json[] } | undefined): string {
  return slack.plainText(message ?? { blocks: [] }).replaceAll('\u00a0', ' ')
}

/** The cards of a channel, oldest first; those of one release where a number is given. */
export function cards(slack: SlackWorkspace, number?: number, channel = 'product'): readonly Message[] {
  const isCard = (key: string) => (number === undefined ? /^\d+:card\b/.test(key) : isNamed(key, number, 'card'))
  return slack.messages(channel).filter((message) => isCard(keyOf(message)))
}

/** The lines of a release's thread, oldest first; `name` picks those of one key. */
export function lines(slack: SlackWorkspace, number: number, name?: string, channel = 'product'): readonly Message[] {
  const all = cards(slack, number, channel).flatMap(({ ts }) => slack.thread(channel, ts))
  return name === undefined ? all : all.filter((message) => keysIn(message).some((key) => isNamed(key, number, name)))
}

/** What the channel was told of releases before they changed anything; of one release where a number is given. */
export function announcements(slack: SlackWorkspace, number?: number, channel = 'product'): readonly Message[] {
  const messages = slack.messages(channel).filter((message) => /^\d+:announcement$/.test(keyOf(message)))
  return number === undefined ? messages : messages.filter((each) => keyOf(each).startsWith(`${number}:`))
}

/** What Signoff told only this person, oldest first. */
export function privately(slack: SlackWorkspace, user: string) {
  const ours = slack.ephemerals(user).filter(({ source }) => source !== 'slackbot')
  return [...ours, ...slack.directMessages(user), ...inModals(slack, user)].sort((a, b) => a.ts.localeCompare(b.ts))
}

/** What this person read at a field of a modal that was refused, as if it were a message; it has no buttons. */
function inModals(slack: SlackWorkspace, user: string) {
  return slack.modalErrors(user).map(({ ts, errors }) => {
    const text = Object.values(errors).join(' ')
    const gate = /Gate: (\w+)$/.exec(text)?.[1] ?? ''
    const shown = (type: string, words: string) => ({ type, elements: [{ type: 'mrkdwn', text: words }] })
    return { ts, channel: '', user, text, blocks: [shown('context', text), shown('context', `Gate: \`${gate}\``)] }
  })
}

/** Values by the labels of a view's inputs, given by their block ids: what Slack's client is told to fill in. */
export function filledIn<T>({ blocks }: Pick<View, 'blocks'>, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([id, value]) => [labelOf(blocks, id), value]))
}

/** The block ids of the inputs that have an error, by the labels under which Slack's client shows them. */
export function fieldsWith(errors: Readonly<Record<string, string>>, { blocks }: Pick<View, 'blocks'>): string[] {
  return blocks.flatMap((block) => (labelText(block) in errors ? [String(block.block_id)] : []))
}

function labelOf(blocks: readonly Json[], id: string): string {
  const block = blocks.find((each) => each.block_id === id)
  if (block === undefined) throw new Error(`the modal has no input ${id}`)
  return labelText(block)
}

function labelText({ label }: Json): string {
  return String((label as Json | undefined)?.text ?? '')
}
