/** Handles a submitted modal. */
import { defined } from '../lib/defined.ts'
import type { App } from '../release/settings.ts'
import { actionOfModal } from './actions.ts'
import { requestHotfix } from './hotfix.ts'
import { VIEW } from './ids.ts'
import { contextOf } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { type Reply, requested, STALE } from './replies.ts'
import { requestRollback } from './rollback.ts'

type SubmissionArrival = Extract<Arrival, { is: 'submission' }>

/** The app of a modal that does not ask for it. */
function onlyApp(apps: readonly App[]): string {
  const [only, another] = apps
  return another === undefined ? (only?.name ?? '') : ''
}

/** Runs the modal's action. Safe to repeat. */
export async function submit({ service, store, apps }: HandlerPorts, arrival: SubmissionArrival): Promise<Reply> {
  const { user: by, values, key } = arrival
  const context = contextOf(arrival.metadata)
  if (context === undefined) return STALE
  const { token, responseUrl, ends = [], starts = false } = context
  const asked = { by, key, ...defined({ responseUrl }) }
  if (arrival.view === VIEW.deploy) {
    const { app = onlyApp(apps), environment = '' } = values
    return requested(await service.request({ app, environment, kind: 'deploy', ...asked }))
  }
  if (arrival.view === VIEW.rollback) {
    const { app = '', environment = '' } = context
    return requested(await requestRollback(service, values, { app, environment, ...asked, ends }))
  }
  if (arrival.view === VIEW.hotfix) return requested(await requestHotfix(service, values, { ...asked, ends }))
  const asking = actionOfModal(arrival.view)
  const meant = await store.resolveButton(token)
  if (asking === undefined || meant === undefined) return STALE
  const note = values.reason ?? values.note ?? ''
  return asking.answer(await service.act(asking.action, { release: meant.release, by, key, note, isConfirmed: starts }))
}
