/** The answer to a submitted modal while it is still open: a refusal stands at its field, and nothing typed is lost. */
import { defined } from '../lib/defined.ts'
import type { Gate } from '../release/refusals.ts'
import { CONTROLS } from './controls.ts'
import { environmentOf } from './drawing.ts'
import { VIEW } from './ids.ts'
import { contextOf, metadata } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { drawPrivate } from './private-answer.ts'
import { startingQaModal } from './qa.ts'
import type { Reply } from './replies.ts'
import { rollbackWindow } from './rollback.ts'
import { offersOfMessage } from './views/control-buttons.ts'
import { hotfixModal, SURE } from './views/hotfix-modal.ts'
import { talkedOverModal } from './views/modals.ts'
import { cut } from './views/parts/text.ts'
import { LOCK_AFTERWARDS, ROLLBACK_FIELD, rollbackModal } from './views/rollback-modal.ts'

export type SubmissionArrival = Extract<Arrival, { is: 'submission' }>

/** Slack's `response_action` (docs.slack.dev/surfaces/modals#displaying_errors). */
export type ModalResponse =
  | { readonly response_action: 'errors'; readonly errors: Readonly<Record<string, string>> }
  | { readonly response_action: 'update'; readonly view: object }
  /** Closes every modal, also the one below, which shows what was before. */
  | { readonly response_action: 'clear' }

/** The fields that a gate is about, the best first; the modal may have none of them. */
const FIELDS: Readonly<Partial<Record<Gate, readonly string[]>>> = {
  unknown_commit: ['commits'],
  too_many_commits: ['commits'],
  merge_commit: ['commits'],
  not_sure: ['sure'],
  reason_too_short: ['reason', 'note'],
  unknown_app: ['app', 'environment'],
  time_refused: ['when'],
  too_far_ahead: ['when'],
  target_is_bad: ['to'],
  target_not_proven: ['to'],
  nothing_to_roll_back: ['to'],
  unknown_release: ['to'],
  qa_incomplete: ['problem', 'tested_0'],
}
/** Modals that Details opens above itself. */
const ABOVE_DETAILS: readonly string[] = [VIEW.rollback, VIEW.markBad]
const ELSE = ['environment', 'note', 'reason', 'commits']
const MOST = 600
/** Modals that are open at a time; who sends an older one again is told again. */
const MOST_REMEMBERED = 500

/** Undefined: the modal closes, and what there is to say is said privately. */
export async function modalAnswer(
  ports: HandlerPorts,
  arrival: SubmissionArrival,
  reply: Reply,
): Promise<ModalResponse | undefined> {
  if (reply?.is !== 'refusal') return ABOVE_DETAILS.includes(arrival.view) ? { response_action: 'clear' } : undefined
  const { refusal } = reply
  if (arrival.view === VIEW.hotfix && refusal.gate === 'environment_frozen' && refusal.isOffered) {
    return emergencyHotfix(ports, arrival, refusal.names)
  }
  if (arrival.view === VIEW.rollback && refusal.gate === 'environment_frozen' && refusal.isOffered) {
    return emergencyRollback(ports, arrival, refusal.names)
  }
  if (refusal.gate === 'start_not_confirmed') return startingModal(ports, arrival, refusal.number)
  const { text } = await drawPrivate(ports, reply)
  const end = `${buttonsWords(reply)} Gate: ${refusal.gate}`
  return errorAt(arrival, FIELDS[refusal.gate] ?? [], cut(plainWords(text), MOST - end.length) + end)
}

/** The text at the first of these fields that the modal has; undefined where it has no field. */
export function errorAt(
  { fields }: SubmissionArrival,
  wanted: readonly string[],
  text: string,
): ModalResponse | undefined {
  const field = [...wanted, ...ELSE].find((one) => fields.includes(one)) ?? fields[0]
  return field === undefined ? undefined : { response_action: 'errors', errors: { [field]: cut(text, MOST) } }
}

/** A field takes no buttons: the reply that is shown at one is told privately too, for its buttons. */
function buttonsWords(reply: NonNullable<Reply>): string {
  const labels = offersOfMessage(reply).map(({ control }) => `“${CONTROLS[control].label}”`)
  return labels.length === 0 ? '' : ` You also get a private message with ${labels.join(' and ')}.`
}

/** Whether a reply that a modal shows has to be told privately as well. A modal that is sent again tells it once. */
export function createTellsButtons(): (arrival: SubmissionArrival, reply: Reply) => boolean {
  const told = new Set<string>()
  return ({ key }, reply) => {
    const offers = reply === undefined ? [] : offersOfMessage(reply)
    if (offers.length === 0) return false
    const what = `${key} ${JSON.stringify(offers)}`
    if (told.has(what)) return false
    told.add(what)
    const [oldest] = told
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest)
    return true
  }
}

/** Talked over or QA would start the release, and the modal did not say so: it does now, with what was typed. */
async function startingModal(
  ports: HandlerPorts,
  arrival: SubmissionArrival,
  number: number,
): Promise<ModalResponse | undefined> {
  const { store, apps } = ports
  const { view, values, metadata: carried } = arrival
  const [release, context] = [await store.release(number), contextOf(carried)]
  if (view === VIEW.qa) {
    const asking = release && (await startingQaModal(ports, arrival, release))
    return asking && { response_action: 'update', view: asking }
  }
  if (view !== VIEW.talkedOver || release === undefined || context === undefined) return undefined
  const environment = environmentOf(apps, release)
  const again = talkedOverModal({
    callback: VIEW.talkedOver,
    release,
    now: await store.now(),
    metadata: metadata({ ...context, starts: true }),
    ...defined({ environment, note: values.note }),
  })
  return { response_action: 'update', view: again }
}

/** The environment is frozen, and the person may declare an emergency: the modal offers that, with what was typed. */
async function emergencyHotfix(
  { store, apps }: HandlerPorts,
  { values, metadata: carried }: SubmissionArrival,
  names: readonly string[],
): Promise<ModalResponse | undefined> {
  const context = contextOf(carried)
  if (context === undefined) return undefined
  const { app = '', environment = '', commits = '', reason = '', sure } = values
  const ended = await Promise.all((context.ends ?? []).map((number) => store.release(number)))
  const view = hotfixModal({
    apps,
    metadata: metadata({ ...context, forEmergency: true }),
    filled: { app, environment, commits: [commits] },
    superseded: ended.filter((release) => release !== undefined),
    frozen: { names, reason, isSure: sure === SURE },
  })
  return { response_action: 'update', view }
}

/** A rollback in a freeze: the dialog plans it for an emergency now, with what was typed. */
async function emergencyRollback(
  ports: HandlerPorts,
  { values, user: by, metadata: carried }: SubmissionArrival,
  names: readonly string[],
): Promise<ModalResponse | undefined> {
  const context = contextOf(carried)
  if (context === undefined) return undefined
  const { app = '', environment = '' } = context
  const [to, reason = ''] = [Number(values[ROLLBACK_FIELD.to]), values[ROLLBACK_FIELD.reason]]
  const found = await rollbackWindow(ports, { app, environment, by, to, reason })
  if ('message' in found) return undefined
  const frozen = { names, locks: values[ROLLBACK_FIELD.lock] === LOCK_AFTERWARDS }
  const view = rollbackModal({ ...found.window, frozen, metadata: metadata({ ...context, forEmergency: true }) })
  return { response_action: 'update', view }
}

/** What Slack shows at a field is plain text: without the escapes and joiners of markup. */
export function plainWords(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&').replaceAll('\u2060', '')
}
