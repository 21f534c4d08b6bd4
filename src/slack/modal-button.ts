/** Buttons in modals: **Preview** in `/deploy`'s, **Roll back…** and **Mark as bad…** in Details. */
import type { ModalView } from '@slack/types'
import { defined } from '../lib/defined.ts'
import { openLocks } from '../release/lock-service.ts'
import type { Release } from '../release/release.ts'
import { actionWithId } from './actions.ts'
import { ask } from './clients.ts'
import { pressInPlace } from './home/presses.ts'
import { PREVIEW, VIEW } from './ids.ts'
import { plainWords } from './modal-answer.ts'
import { contextOf, type ModalContext, metadata, openModal } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { drawPrivate } from './private-answer.ts'
import { PRESS_AGAIN, type Reply, refused, STALE } from './replies.ts'
import { openRollback, type RollbackAsked } from './rollback.ts'
import { deployModal } from './views/deploy-modal.ts'
import { markBadModal } from './views/mark-modal.ts'
import { freezeNotes } from './views/parts/freeze.ts'
import { lockNotes } from './views/parts/lock-lines.ts'
import { notPossibleModal } from './views/refusal-message.ts'

type InModal = Extract<Arrival, { is: 'in a modal' }>

/** Runs the button of a modal, which stays open. `fresh`: its trigger can still open a modal. Safe to repeat. */
export function pressInModal(ports: HandlerPorts, arrival: InModal, fresh: boolean): Promise<Reply> {
  if (arrival.view === VIEW.place) return pressInPlace(ports, arrival, fresh)
  return arrival.view === VIEW.details ? pressInDetails(ports, arrival, fresh) : pressPreview(ports, arrival)
}

/** Opens the modal of the button's action above Details. A refusal is shown there too, where the person looks. */
async function pressInDetails(ports: HandlerPorts, arrival: InModal, fresh: boolean): Promise<Reply> {
  const { service, store } = ports
  const { user: by, trigger, token } = arrival
  const responseUrl = contextOf(arrival.metadata)?.responseUrl
  const meant = await store.resolveButton(token)
  if (meant === undefined || meant.action !== arrival.action) return STALE
  const action = actionWithId(meant.action)
  if (action !== 'roll back' && action !== 'mark bad') return STALE
  if (!fresh) return PRESS_AGAIN
  const may = await service.may(action, { release: meant.release, by })
  const reply =
    'refused' in may
      ? refused(may.refused)
      : action === 'roll back'
        ? await openRollback(
            ports,
            rollbackOf(may.release, by),
            { trigger, ...defined({ responseUrl }) },
            { above: true },
          )
        : await openModal(ports, trigger, markBad(may.release, { token, ...defined({ responseUrl }) }), { above: true })
  if (reply?.is !== 'refusal') return reply
  const drawn = await drawPrivate(ports, reply)
  const shown = await openModal(ports, trigger, notPossibleModal(drawn), { above: true })
  return shown === undefined ? undefined : reply
}

/** Of an earlier release: back to it. Of what runs now: back to what was before. */
function rollbackOf(release: Release, by: string): RollbackAsked {
  const { app, environment } = release
  return { app, environment, by, pressedOn: release.number }
}

function markBad(release: Release, context: ModalContext): ModalView {
  return markBadModal({ callback: VIEW.markBad, release, metadata: metadata(context) })
}

/** The answer stands in the modal; it is told privately where the modal is gone. */
async function pressPreview(ports: HandlerPorts, arrival: InModal): Promise<Reply> {
  const context = contextOf(arrival.metadata)
  if (arrival.action !== PREVIEW || arrival.view !== VIEW.deploy || context === undefined) return STALE
  const reply = await preview(ports, arrival, context.responseUrl)
  const note = reply.is === 'done' ? reply.text : plainWords((await drawPrivate(ports, reply)).text)
  const now = await ports.store.now()
  const held = [...lockNotes(await openLocks(ports.store), arrival.user), ...freezeNotes(ports.apps, now)]
  const view = deployModal({ apps: ports.apps, held, metadata: arrival.metadata, chosen: arrival.values, note })
  const shown = await ask(() => ports.interactive.views.update({ view_id: arrival.viewId, view }))
  return shown.ok ? undefined : reply
}

async function preview(
  { service, apps }: HandlerPorts,
  { values, user, id }: InModal,
  responseUrl: string | undefined,
): Promise<NonNullable<Reply>> {
  const [only, another] = apps
  const app = values.app ?? (another === undefined ? only?.name : undefined)
  const { environment } = values
  if (app === undefined || environment === undefined) {
    return { is: 'done', text: `Pick ${app === undefined ? 'an app' : 'an environment'} first, then press Preview.` }
  }
  const asked = await service.preview({ app, environment, by: user, key: id, ...defined({ responseUrl }) })
  if ('refused' in asked) return refused(asked.refused)
  const text = `The preview of ${app} to ${environment} is being prepared. You get it privately. Nothing is changed.`
  return { is: 'done', text }
}
