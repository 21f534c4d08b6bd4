/** What the controls of App Home do, and those of the modal that has an environment's menu as buttons. */
import type { DirectMessageKind } from '../../release/direct-messages.ts'
import { environmentsStatus } from '../../release/status.ts'
import type { Subject } from '../../release/subjects.ts'
import { ACTION_VIEWS } from '../actions.ts'
import { ask } from '../clients.ts'
import { openDeploy } from '../deploy-window.ts'
import { HOME } from '../ids.ts'
import { openLockReason, openTakeOver, pressExtend, pressUnlock } from '../locks.ts'
import { contextOf, metadata, openModal } from '../modal-window.ts'
import type { Arrival } from '../payloads.ts'
import type { HandlerPorts } from '../ports.ts'
import { drawPrivate } from '../private-answer.ts'
import { PRESS_AGAIN, type Reply, refused, STALE } from '../replies.ts'
import { openRollback } from '../rollback.ts'
import { type HomeItemName, placeModal, readItem } from '../views/home/menu.ts'
import { kindOfSwitch } from '../views/home/messages.ts'
import { section } from '../views/parts/blocks.ts'
import { statusLines } from '../views/private/status.ts'
import { notPossibleModal } from '../views/refusal-message.ts'
import { personOf } from './person.ts'
import { createPlaces } from './places.ts'

type InHome = Extract<Arrival, { is: 'in home' }>
type InModal = Extract<Arrival, { is: 'in a modal' }>

/** What was pressed, wherever it was. */
interface Pressed {
  readonly id: string
  readonly user: string
  readonly trigger: string
  /** Its trigger can still open a modal. */
  readonly fresh: boolean
  /** Over the modal in which it was pressed. */
  readonly above: boolean
}

/** Uses a control of Home. A refusal is shown over Home, where the person looks. Safe to repeat. */
export async function pressInHome(ports: HandlerPorts, arrival: InHome, fresh: boolean): Promise<Reply> {
  const { user, trigger, id } = arrival
  const pressed = { id, user, trigger, fresh, above: false }
  return shownOver(ports, pressed, await use(ports, pressed, arrival))
}

async function use(ports: HandlerPorts, pressed: Pressed, { action, token, ticked }: InHome): Promise<Reply> {
  const { user: by, trigger, fresh } = pressed
  switch (action) {
    // A link: Slack's client has opened it.
    case HOME.card:
      return undefined
    case HOME.deploy:
      return fresh ? openDeploy(ports, { by, trigger }) : PRESS_AGAIN
    case HOME.menu:
      return useItem(ports, pressed, token)
    case HOME.pick:
      return fresh ? openPlace(ports, pressed, token) : PRESS_AGAIN
    case ACTION_VIEWS.go.id:
      return pressGo(ports, pressed, token)
    default: {
      const kind = kindOfSwitch(action)
      if (kind === undefined) return STALE
      return fresh ? switchMessages(ports, by, kind, ticked.length > 0) : PRESS_AGAIN
    }
  }
}

/** Starts what waits for its requester alone. */
async function pressGo({ store, service, home }: HandlerPorts, { id, user }: Pressed, token: string): Promise<Reply> {
  const meant = await store.resolveButton(token)
  const { onPress } = ACTION_VIEWS.go
  if (meant?.action !== 'go' || onPress.is !== 'acts') return STALE
  const outcome = await service.act('go', { release: meant.release, by: user, key: id, isConfirmed: meant.asks })
  await home.asked(user)
  return onPress.answer(outcome)
}

/** A press that a crash has left is not made later: the person may have pressed the switch again since. */
async function switchMessages(ports: HandlerPorts, by: string, kind: DirectMessageKind, on: boolean): Promise<Reply> {
  const denied = await ports.service.mayRead(by)
  if (denied !== undefined) return refused(denied.refused)
  await ports.store.transaction((tx) => tx.setDirectMessages(by, kind, on))
  await ports.home.asked(by)
  return undefined
}

/** A button of the modal that `HOME.pick` opens. */
export async function pressInPlace(ports: HandlerPorts, arrival: InModal, fresh: boolean): Promise<Reply> {
  const { id, user, trigger, viewId, token } = arrival
  const pressed = { id, user, trigger, fresh, above: true }
  const reply = await shownOver(ports, pressed, await useItem(ports, pressed, token))
  const context = contextOf(arrival.metadata)
  // What the press has changed is shown in the modal too.
  const view = context && actsAtOnce(token) ? await placeView(ports, user, context.token) : undefined
  if (view?.modal !== undefined) await ask(() => ports.interactive.views.update({ view_id: viewId, view: view.modal }))
  return reply
}

/** What each entry of a menu does, on what its token stands for. */
const ITEMS: Readonly<
  Record<HomeItemName, (ports: HandlerPorts, pressed: Pressed, subject: Subject) => Promise<Reply> | Reply>
> = {
  card: () => undefined,
  deploy: (ports, { user: by, trigger, above }, subject) =>
    subject.is === 'environment' ? openDeploy(ports, { by, trigger, chosen: subject }, { above }) : STALE,
  lock: (ports, { user: by, trigger, above }, subject) =>
    subject.is === 'environment' ? openLockReason(ports, { on: subject, by, trigger }, { above }) : STALE,
  roll_back: (ports, { user: by, trigger, above }, subject) => {
    if (subject.is !== 'environment') return STALE
    const { app, environment } = subject
    return openRollback(ports, { app, environment, by }, { trigger }, { above })
  },
  take_over: (ports, { user: by, trigger, above }, subject) =>
    subject.is === 'lock' ? openTakeOver(ports, { id: subject.id, by, trigger }, { above }) : STALE,
  extend_lock: (ports, { user, id }, subject) => pressExtend(ports, { arrival: { user, id }, subject }),
  unlock: (ports, { user, id }, subject) => pressUnlock(ports, { arrival: { user, id }, subject }),
}

/** These change something, keyed by the delivery; the others open a modal, which only a fresh trigger can. */
function actsAtOnce(value: string): boolean {
  const item = readItem(value)
  return item?.is === 'extend_lock' || item?.is === 'unlock'
}

async function useItem(ports: HandlerPorts, pressed: Pressed, value: string): Promise<Reply> {
  const item = readItem(value)
  if (item === undefined) return STALE
  if (item.is === 'card') return undefined
  const meant = await ports.store.resolveSubject(item.token)
  if (meant?.action !== HOME.menu) return STALE
  if (!pressed.fresh && !actsAtOnce(value)) return PRESS_AGAIN
  const reply = await ITEMS[item.is](ports, pressed, meant.subject)
  if (actsAtOnce(value)) await ports.home.asked(pressed.user)
  return reply
}

/** Shows a refusal over what was pressed; it is told privately where no modal can be opened. */
async function shownOver(ports: HandlerPorts, { trigger, fresh, above }: Pressed, reply: Reply): Promise<Reply> {
  if (reply?.is !== 'refusal' || !fresh) return reply
  const shown = await openModal(ports, trigger, notPossibleModal(await drawPrivate(ports, reply)), { above })
  return shown === undefined ? undefined : reply
}

async function openPlace(ports: HandlerPorts, { user, trigger }: Pressed, token: string): Promise<Reply> {
  const view = await placeView(ports, user, token)
  return view.modal === undefined ? view.reply : openModal(ports, trigger, view.modal)
}

/** The modal with what can be done at an environment now. */
async function placeView(ports: HandlerPorts, user: string, token: string) {
  const meant = await ports.store.resolveSubject(token)
  if (meant?.action !== HOME.menu || meant.subject.is !== 'environment') return { reply: STALE }
  const denied = await ports.service.mayRead(user)
  if (denied !== undefined) return { reply: refused(denied.refused) }
  const { app, environment } = meant.subject
  const status = await environmentsStatus(ports, { app, environment })
  const [one] = status.environments
  const found = await personOf(ports.directory, user, ports.apps)
  if (one === undefined || found.is !== 'member') return { reply: STALE }
  const places = await createPlaces(ports).read(status, found.person)
  const about = [section(statusLines(one, { services: ports.services, link: places.link }))]
  return { modal: placeModal({ about, items: places.menuOf(one), metadata: metadata({ token }) }) }
}
