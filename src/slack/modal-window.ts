/** Opens a modal, and stores in it what its submission needs. */
import type { View } from '@slack/types'
import { ask } from './clients.ts'
import type { HandlerPorts } from './ports.ts'
import type { Reply } from './replies.ts'

/** What a modal carries from the command or button to its submission. */
export interface ModalContext {
  /** The button's token; empty for the modal of a command. */
  readonly token: string
  readonly responseUrl?: string
  /** The modal said that its submission starts the release. */
  readonly starts?: true
  /** The releases that a hot-fix's modal has said it ends. */
  readonly ends?: readonly number[]
}

/** Opens the modal. Replies only if Slack did not open it in time. */
export async function openModal(ports: HandlerPorts, trigger: string, view: View): Promise<Reply> {
  const opened = await ask(() => ports.interactive.views.open({ trigger_id: trigger, view }))
  if (opened.ok) return undefined
  return { is: 'done', text: 'Slack did not open the dialog in time. Nothing was changed. Try again.' }
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
