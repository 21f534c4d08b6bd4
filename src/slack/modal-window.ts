/** Opens a modal, and stores in it what its submission needs. */
import type { View } from '@slack/types'
import type { LockPlace } from '../release/lock.ts'
import type { TypedEnd } from '../release/lock-command.ts'
import { ask, type SlackError } from './clients.ts'
import type { HandlerPorts } from './ports.ts'
import type { Reply } from './replies.ts'

/** What a modal carries from the command or button to its submission. */
export interface ModalContext {
  /** The button's token; empty for the modal of a command. */
  readonly token: string
  readonly responseUrl?: string
  /** The modal said that its submission starts the release. */
  readonly starts?: true
  /** The releases that the modal of a hot-fix or a rollback has said it ends. */
  readonly ends?: readonly number[]
  /** What a lock's modal asks the reason for. */
  readonly lock?: { readonly on: LockPlace; readonly end?: TypedEnd }
  /** A hot-fix's modal said that it plans for an emergency. */
  readonly forEmergency?: true
  /** What the modal of a rollback is about. */
  readonly app?: string
  readonly environment?: string
}

/**
 * Opens the modal; `above`: over the one in which the button was pressed. Replies only if Slack did not open it, with why;
 * the log has Slack's answer.
 */
export async function openModal(
  ports: HandlerPorts,
  trigger: string,
  view: View,
  { above = false }: { readonly above?: boolean } = {},
): Promise<Reply> {
  const { views } = ports.interactive
  const opened = await ask(() => (above ? views.push : views.open).call(views, { trigger_id: trigger, view }))
  if (opened.ok) return undefined
  const { ok: _, ...error } = opened
  ports.log?.warn(
    { ...error, method: above ? 'views.push' : 'views.open', modal: callbackOf(view) },
    'Slack did not open a modal',
  )
  return { is: 'done', text: `${whyNotOpened(error)} Nothing was changed.${nextTry(error)}` }
}

/** The trigger was used, or is older than 3 s. */
const TOO_LATE: readonly string[] = ['expired_trigger_id', 'exchanged_trigger_id', 'invalid_trigger_id']

function whyNotOpened(error: SlackError): string {
  switch (error.failure) {
    case 'rate limited':
      return 'Slack limits Signoff’s calls at the moment, so the dialog did not open.'
    case 'unknown':
      return 'Slack did not answer, so the dialog did not open.'
    case 'refused':
      return TOO_LATE.includes(error.error)
        ? 'Slack did not open the dialog in time.'
        : `Slack refused to open the dialog (${error.error}).`
  }
}

function nextTry(error: SlackError): string {
  if (error.failure === 'rate limited') return ` Try again in ${Math.ceil(error.afterMs / 1_000)} s.`
  if (error.failure === 'unknown' || TOO_LATE.includes(error.error)) return ' Try again.'
  return ' Ask the operator of Signoff: its log has the details, and `signoff doctor` checks the token.'
}

function callbackOf(view: View): string {
  return 'callback_id' in view && view.callback_id !== undefined ? view.callback_id : view.type
}

/** The context as a modal's `private_metadata`. */
export function metadata(context: ModalContext): string {
  return JSON.stringify(context)
}

/** The context of a submission; undefined if it is not ours. */
export function contextOf(text: string): ModalContext | undefined {
  try {
    const read: unknown = JSON.parse(text)
    return typeof read === 'object' && read !== null && 'token' in read && typeof read.token === 'string'
      ? (read as ModalContext)
      : undefined
  } catch {
    return undefined
  }
}
