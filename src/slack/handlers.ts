/** What each arrival does: one call to the service, one answer. Nothing here decides about releases. */
import type { View } from '@slack/types'
import type { WebClient } from '@slack/web-api'
import type { Clock } from '../lib/clock.ts'
import { type DeployCommand, type Help, type ParseProblem, parseDeploy } from '../release/command.ts'
import type { Done } from '../release/deeds.ts'
import type { Requested } from '../release/making.ts'
import type { PrivateMessage } from '../release/messages.ts'
import type { Action as Deed } from '../release/policy.ts'
import type { Release } from '../release/release.ts'
import type { ReleaseService } from '../release/service.ts'
import type { SignOffKind } from '../release/terms.ts'
import { ask } from './clients.ts'
import { environmentOf, peopleOf } from './drawing.ts'
import { hotfixWindow, requestHotfix } from './hotfix.ts'
import { ACTION, type Action, COMMANDS, VIEW } from './ids.ts'
import type { Arrival } from './payloads.ts'
import { type Answering, answer } from './private-answer.ts'
import { cancelledText, retriedText } from './views/answers.ts'
import { hotfixModal } from './views/hotfix-modal.ts'
import { deployModal, detailsModal, reasonModal } from './views/modals.ts'
import { HISTORY } from './views/private/history.ts'

export interface HandlerPorts extends Answering {
  readonly service: ReleaseService
  /** Short time limit: what a person waits for. */
  readonly interactive: WebClient
  readonly clock: Clock
}

/** Where the answer to one person goes. */
interface Person {
  readonly user: string
  readonly responseUrl?: string
  readonly asked: Date
  readonly key: string
}

/** What a modal carries from the button to its submission. */
interface ModalContext {
  readonly token: string
  readonly responseUrl?: string
  /** The releases that a hot-fix's modal has said it ends. */
  readonly ends?: readonly number[]
}

type Handled = PrivateMessage | undefined

const SIGN_OFFS: Partial<Record<Action, SignOffKind>> = { qa_passed: 'qa', approve: 'approval' }

/** Buttons that first ask for words, with the deed that they ask for. */
const ASKS_FIRST: Partial<Record<Action, { readonly deed: Deed; readonly view: string }>> = {
  reject: { deed: 'rejection', view: VIEW.reject },
  emergency: { deed: 'emergency', view: VIEW.emergency },
  close: { deed: 'close', view: VIEW.close },
  talked_over: { deed: 'talked over', view: VIEW.talkedOver },
}

/**
 * Handles what has arrived, and answers. `fresh`: its trigger still opens a modal; a sweep after a crash comes too
 * late for that. Safe to repeat: what it changes is keyed by the arrival or by its meaning.
 */
export async function handle(
  ports: HandlerPorts,
  arrival: Arrival,
  { fresh, asked }: { fresh: boolean; asked: Date },
): Promise<void> {
  const message = await respondTo(ports, arrival, fresh)
  if (message === undefined || (!fresh && saysOnlyThatItIsDone(arrival, message))) return
  const responseUrl = answerAddress(arrival)
  await tell(
    ports,
    { user: arrival.user, ...(responseUrl !== undefined && { responseUrl }), asked, key: arrival.id },
    message,
  )
}

/** Where Slack takes a private answer to it: a modal's is that of the command or button which opened it. */
export function answerAddress(arrival: Arrival): string | undefined {
  return arrival.is === 'submission' ? contextOf(arrival.metadata)?.responseUrl : arrival.responseUrl
}

/** Handled again after a crash, what was done the first time is refused as done already: that is no news for who did it. */
function saysOnlyThatItIsDone(arrival: Arrival, message: PrivateMessage): boolean {
  if (message.is !== 'refusal' || arrival.is === 'command') return false
  const { refusal } = message
  return refusal.gate === 'already_signed' || (refusal.gate === 'already_decided' && refusal.by?.id === arrival.user)
}

/** Answers now; what Slack does not take now goes into the outbox. */
async function tell(
  ports: HandlerPorts,
  { user, responseUrl, asked, key }: Person,
  message: PrivateMessage,
): Promise<void> {
  const to = { to: user, ...(responseUrl !== undefined && { responseUrl }), asked: asked.toISOString(), message }
  if ((await answer(ports, to)) === 'answered') return
  await ports.store.transaction((tx) => tx.send({ kind: 'private', key: `answer:${key}`, ...to }))
}

async function respondTo(ports: HandlerPorts, arrival: Arrival, fresh: boolean): Promise<Handled> {
  if (arrival.is !== 'command' && arrival.isForeign) {
    return { is: 'refusal', refusal: { gate: 'not_a_member', why: 'other workspace' } }
  }
  switch (arrival.is) {
    case 'command':
      return arrival.command === COMMANDS.hotfix
        ? hotfix(ports, arrival, fresh)
        : deploy(ports, arrival, parseDeploy(arrival.text, ports.apps), fresh)
    case 'press':
      return press(ports, arrival, fresh)
    case 'submission':
      return submission(ports, arrival)
  }
}

type CommandArrival = Extract<Arrival, { is: 'command' }>

async function deploy(
  ports: HandlerPorts,
  arrival: CommandArrival,
  command: DeployCommand | ParseProblem | Help,
  fresh: boolean,
): Promise<Handled> {
  const { service } = ports
  const { user: by, responseUrl, id: key } = arrival
  switch (command.is) {
    case 'help':
      return { is: 'help', ...(command.reason !== undefined && { reason: command.reason }) }
    case 'refused':
      return { is: 'refusal', refusal: command.refusal }
    case 'modal': {
      if (!fresh) return PRESS_AGAIN
      const refused = await service.mayRead(by)
      if (refused !== undefined) return { is: 'refusal', refusal: refused.refused }
      const modal = deployModal({ apps: ports.apps, metadata: metadata({ token: '', responseUrl }) })
      return open(ports, arrival.trigger, modal)
    }
    case 'release': {
      const { app, environment } = command
      return requested(await service.request({ app, environment, kind: 'deploy', by, key, responseUrl }))
    }
    case 'preview': {
      const { app, environment } = command
      const preview = await service.preview({ app, environment, by, key, responseUrl })
      if ('refused' in preview) return { is: 'refusal', refusal: preview.refused }
      return { is: 'done', text: `The plan of ${app} to ${environment} is being worked out. It changes nothing.` }
    }
    case 'status': {
      const refused = await service.mayRead(by)
      if (refused !== undefined) return { is: 'refusal', refusal: refused.refused }
      const { environments, workerSeenAt } = await service.status()
      return { is: 'status', environments, ...(workerSeenAt !== undefined && { workerSeenAt }) }
    }
    case 'history': {
      const refused = await service.mayRead(by)
      if (refused !== undefined) return { is: 'refusal', refusal: refused.refused }
      const releases = await service.history({ ...asked(command), limit: HISTORY + 1 })
      return { is: 'history', releases, ...asked(command) }
    }
    case 'cancel':
      return done(await service.cancel({ release: command.number, by, key }), cancelledText)
    case 'retry':
      return done(await service.retry({ release: command.number, by, key }), retriedText)
  }
}

function asked({ app, environment, before }: Extract<DeployCommand, { is: 'history' }>) {
  return {
    ...(app !== undefined && { app }),
    ...(environment !== undefined && { environment }),
    ...(before !== undefined && { before }),
  }
}

async function hotfix(ports: HandlerPorts, arrival: CommandArrival, fresh: boolean): Promise<Handled> {
  if (!fresh) return PRESS_AGAIN
  const { responseUrl, text, user: by } = arrival
  const found = await hotfixWindow(ports, { text, by })
  if ('message' in found) return found.message
  const ends = found.window.inTheWay.map(({ number }) => number)
  return open(
    ports,
    arrival.trigger,
    hotfixModal({ ...found.window, metadata: metadata({ token: '', responseUrl, ends }) }),
  )
}

const PRESS_AGAIN: PrivateMessage = {
  is: 'done',
  text: 'Signoff was restarted before it could answer. Nothing was changed. Try it again.',
}

function requested(outcome: Requested): PrivateMessage {
  if ('refused' in outcome) return { is: 'refusal', refusal: outcome.refused }
  const { number, app, environment, kind } = outcome.release
  return { is: 'planning', number, app, environment, kind, ...(outcome.noWorker && { noWorker: outcome.noWorker }) }
}

function done(outcome: Done, say: (release: Release) => string): PrivateMessage {
  if ('refused' in outcome) return { is: 'refusal', refusal: outcome.refused }
  return { is: 'done', text: say(outcome.release) }
}

/** The card shows what a button did; only a refusal is answered. */
function onlyRefusal(outcome: Done): Handled {
  return 'refused' in outcome ? { is: 'refusal', refusal: outcome.refused } : undefined
}

const CARD_STORED_WITHIN_MS = 1_500

type PressArrival = Extract<Arrival, { is: 'press' }>

const STALE: PrivateMessage = { is: 'refusal', refusal: { gate: 'stale_button' } }

async function press(ports: HandlerPorts, arrival: PressArrival, fresh: boolean): Promise<Handled> {
  const { service, store } = ports
  const meant = await store.resolveButton(arrival.token)
  if (meant === undefined || meant.action !== arrival.action) return STALE
  if (arrival.action === ACTION.go) {
    const went = await service.go({ release: meant.release, by: arrival.user })
    return done(went, ({ number }) => `Hot-fix #${number} goes. Its card is in the channel.`)
  }
  // Also on the private answer, so that it needs no card; whoever holds its token may press it.
  if (arrival.action === ACTION.planForEmergency) {
    return requested(await service.planForEmergency({ release: meant.release, by: arrival.user, key: arrival.id }))
  }
  const release = await releaseWithCard(ports, meant.release)
  if (release?.card?.channel !== arrival.channel || release.card.ts !== arrival.ts) return STALE
  const asked = { release: release.number, by: arrival.user }
  const action = arrival.action as Action

  const signOff = SIGN_OFFS[action]
  if (signOff !== undefined) return onlyRefusal(await service.signOff(signOff, asked))
  const first = ASKS_FIRST[action]
  if (first !== undefined) {
    if (!fresh) return PRESS_AGAIN
    const may = await service.may(first.deed, asked)
    if ('refused' in may) return { is: 'refusal', refusal: may.refused }
    const context = { token: arrival.token, responseUrl: arrival.responseUrl }
    const environment = environmentOf(ports.apps, release)
    const modal = { view: first.view, release, metadata: metadata(context), ...(environment && { environment }) }
    return open(ports, arrival.trigger, reasonModal(modal))
  }
  switch (action) {
    case ACTION.cancel:
      return onlyRefusal(await service.cancel({ ...asked, key: arrival.id }))
    case ACTION.retry:
      return onlyRefusal(await service.retry({ ...asked, key: arrival.id }))
    case ACTION.planAgain:
      return requested(await service.planAgain({ ...asked, key: arrival.id }))
    case ACTION.details:
      return fresh ? details(ports, arrival, release) : PRESS_AGAIN
    default:
      return STALE
  }
}

/** A card can be pressed before Slack's confirmation of it is stored: that is waited for, a moment. */
async function releaseWithCard({ store, clock }: HandlerPorts, number: number): Promise<Release | undefined> {
  const until = clock.now() + CARD_STORED_WITHIN_MS
  for (;;) {
    const release = await store.release(number)
    if (release?.card !== undefined || clock.now() > until) return release
    await clock.sleep(50)
  }
}

async function details(ports: HandlerPorts, arrival: PressArrival, release: Release): Promise<Handled> {
  const may = await ports.service.may('details', { release: release.number, by: arrival.user })
  if ('refused' in may) return { is: 'refusal', refusal: may.refused }
  const environment = environmentOf(ports.apps, release)
  if (environment === undefined) return STALE
  const [people, now] = await Promise.all([peopleOf(ports, environment), ports.store.now()])
  return open(ports, arrival.trigger, detailsModal(release, { ...people, environment, now }))
}

type SubmissionArrival = Extract<Arrival, { is: 'submission' }>

async function submission(ports: HandlerPorts, arrival: SubmissionArrival): Promise<Handled> {
  const { service, store } = ports
  const { user: by, values } = arrival
  const context = contextOf(arrival.metadata)
  if (context === undefined) return STALE
  if (arrival.view === VIEW.deploy) {
    const { app = '', environment = '' } = values
    const { responseUrl } = context
    const command = { app, environment, kind: 'deploy' as const, by, key: arrival.id }
    return requested(await service.request({ ...command, ...(responseUrl !== undefined && { responseUrl }) }))
  }
  if (arrival.view === VIEW.hotfix) {
    const { responseUrl, ends = [] } = context
    const asked = { by, key: arrival.id, ends, ...(responseUrl !== undefined && { responseUrl }) }
    return requested(await requestHotfix(service, values, asked))
  }
  const meant = await store.resolveButton(context.token)
  if (meant === undefined) return STALE
  const note = values.reason ?? values.note ?? ''
  const asked = { release: meant.release, by, note }
  switch (arrival.view) {
    case VIEW.reject:
      return onlyRefusal(await service.signOff('rejection', asked))
    case VIEW.emergency:
      return onlyRefusal(await service.signOff('emergency', asked))
    case VIEW.talkedOver:
      return onlyRefusal(await service.signOff('talked over', asked))
    case VIEW.close:
      return onlyRefusal(await service.close(asked))
    default:
      return STALE
  }
}

async function open(ports: HandlerPorts, trigger: string, view: View): Promise<Handled> {
  const opened = await ask(() => ports.interactive.views.open({ trigger_id: trigger, view }))
  if (opened.ok) return undefined
  return { is: 'done', text: 'Slack did not open the window in time. Nothing was changed. Try it again.' }
}

function metadata(context: ModalContext): string {
  return JSON.stringify(context)
}

function contextOf(text: string): ModalContext | undefined {
  try {
    const read: unknown = JSON.parse(text)
    return typeof read === 'object' && read !== null && 'token' in read && typeof read.token === 'string'
      ? (read as ModalContext)
      : undefined
  } catch {
    return undefined
  }
}
