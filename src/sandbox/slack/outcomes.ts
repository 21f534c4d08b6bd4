import type { Delivery, Receipt } from './courier.ts'
import { showAnswer } from './response-urls.ts'
import { isRecord, type Json, type State, string, type View } from './state.ts'
import { pushView, refusalOfView, replaceView } from './view-methods.ts'
import { labelOf } from './view-values.ts'

/**
 * What a person sees after an action. `acknowledged`: the app acknowledged in time. `operation_timeout`, `dispatch_failed`:
 * it didn't. `denied`: the person denied the confirmation. `not_sent`: Slack's client rejected the form. `errors`: the
 * errors beside the inputs of a modal, by label.
 */
export type Seen = {
  seen: 'acknowledged' | 'operation_timeout' | 'dispatch_failed' | 'denied' | 'not_sent'
  afterMs: number
  why: string | undefined
  errors: Record<string, string>
  /** The confirmation that the person accepted or denied, if the button has one. */
  confirmation: Json | undefined
}

function seen(receipt: Receipt, more: Partial<Seen> = {}): Seen {
  const why = receipt.seen === 'dispatch_failed' ? receipt.why : undefined
  return { seen: receipt.seen, afterMs: receipt.afterMs, why, errors: {}, confirmation: undefined, ...more }
}

/** The result of an action that Slack's client didn't send. */
export const notSent = (kind: 'denied' | 'not_sent', more: Partial<Seen>): Seen => ({
  seen: kind,
  afterMs: 0,
  why: undefined,
  errors: {},
  confirmation: undefined,
  ...more,
})

/** Shows the response to a command; on failure, Slackbot's message. */
function showCommandOutcome(state: State, payload: Json, receipt: Receipt): Seen {
  const to = { user: string(payload.user_id), channel: string(payload.channel_id) }
  const say = (why: string) => {
    const text = `${payload.command} failed with the error "${why}"`
    const shown = { text, blocks: [], threadTs: undefined, source: 'slackbot' as const }
    state.ephemerals.push({ ts: state.newTs(), ...to, ...shown })
  }
  if (receipt.seen !== 'acknowledged') {
    say(receipt.seen)
    return seen(receipt)
  }
  if (receipt.body === undefined) return seen(receipt)
  const answer = isRecord(receipt.body) ? receipt.body : { text: receipt.body }
  const shown = showAnswer(state, to, answer, 'acknowledgement')
  if (shown.ok) return seen(receipt)
  say('invalid_command_response')
  return seen({ seen: 'dispatch_failed', afterMs: receipt.afterMs, why: JSON.stringify(shown) })
}

/** Closes a modal and those above it; with `isAll`, all modals. */
export function closeFrom(state: State, view: View, isAll: boolean): void {
  const open = state.modals.get(view.user) ?? []
  state.modals.set(
    view.user,
    isAll
      ? []
      : open.slice(
          0,
          Math.max(
            open.findIndex((one) => one.id === view.id),
            0,
          ),
        ),
  )
}

/** Applies the app's answer to a submission to the modal. */
function applySubmission(state: State, payload: Json, receipt: Receipt): Seen {
  if (receipt.seen !== 'acknowledged') return seen(receipt)
  const id = isRecord(payload.view) ? payload.view.id : undefined
  const user = isRecord(payload.user) ? string(payload.user.id) : ''
  if (isRecord(receipt.body) && isRecord(receipt.body.errors)) {
    const errors = Object.fromEntries(Object.entries(receipt.body.errors).map(([field, text]) => [field, string(text)]))
    state.modalErrors.push({ ts: state.newTs(), user, errors })
  }
  const view = state.modals.get(user)?.find((one) => one.id === id)
  if (!view) return seen(receipt)
  const fail = (why: string) => seen({ seen: 'dispatch_failed', afterMs: receipt.afterMs, why })
  if (receipt.body === undefined) {
    closeFrom(state, view, false)
    return seen(receipt)
  }
  if (!isRecord(receipt.body)) return fail('the answer to a submission must be JSON')
  const { response_action: kind, errors, view: next } = receipt.body
  if (kind === 'clear') closeFrom(state, view, true)
  else if (kind === 'errors') {
    if (!isRecord(errors) || Object.keys(errors).length === 0) return fail('errors must name at least one block')
    const labelled: Record<string, string> = {}
    for (const [blockId, text] of Object.entries(errors)) {
      const block = view.blocks.find((one) => one.block_id === blockId && one.type === 'input')
      if (!block) return fail(`errors name ${blockId}, which is no input block of the view`)
      labelled[labelOf(block.label)] = string(text)
    }
    return seen(receipt, { errors: labelled })
  } else if (kind === 'update' || kind === 'push') {
    const refusal = refusalOfView(next)
    if (refusal || !isRecord(next)) return fail(JSON.stringify(refusal))
    if (kind === 'update') replaceView(state, view, next)
    else pushView(state, next, view.user)
  } else return fail(`unknown response_action ${String(kind)}`)
  return seen(receipt)
}

/** Shows the result of the app's acknowledgement, or Slack's message if there was none. */
export function showOutcome(state: State, delivery: Delivery, receipt: Receipt): Seen {
  if (delivery.type === 'slash_commands') return showCommandOutcome(state, delivery.payload, receipt)
  if (delivery.payload.type === 'view_submission') return applySubmission(state, delivery.payload, receipt)
  return seen(receipt)
}
