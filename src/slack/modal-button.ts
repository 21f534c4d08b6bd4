/** **Preview** in `/deploy`'s modal: the modal stays open, and says what becomes of it. */
import { defined } from '../lib/defined.ts'
import { ask } from './clients.ts'
import { PREVIEW, VIEW } from './ids.ts'
import { plainWords } from './modal-answer.ts'
import { contextOf } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { drawPrivate } from './private-answer.ts'
import { type Reply, refused, STALE } from './replies.ts'
import { deployModal } from './views/modals.ts'
import { freezeNotes } from './views/parts/freeze.ts'

type InModal = Extract<Arrival, { is: 'in a modal' }>

/** Enqueues the preview. The answer stands in the modal; it is told privately where the modal is gone. Safe to repeat. */
export async function pressInModal(ports: HandlerPorts, arrival: InModal): Promise<Reply> {
  const context = contextOf(arrival.metadata)
  if (arrival.action !== PREVIEW || arrival.view !== VIEW.deploy || context === undefined) return STALE
  const reply = await preview(ports, arrival, context.responseUrl)
  const note = reply.is === 'done' ? reply.text : plainWords((await drawPrivate(ports, reply)).text)
  const held = freezeNotes(ports.apps, await ports.store.now())
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
