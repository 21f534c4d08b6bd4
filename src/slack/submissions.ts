/** Handles a submitted modal. */
import { defined } from '../lib/defined.ts'
import type { App } from '../release/settings.ts'
import { actionOfModal } from './actions.ts'
import { requestHotfix } from './hotfix.ts'
import { VIEW } from './ids.ts'
import { submitLock, submitTakeOver } from './locks.ts'
import { contextOf } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { qaRequest } from './qa.ts'
import { type Reply, requested, STALE } from './replies.ts'
import { requestRollback } from './rollback.ts'
import { WHEN } from './views/parts/when-field.ts'

type SubmissionArrival = Extract<Arrival, { is: 'submission' }>

/** The app of a modal that does not ask for it. */
function onlyApp(apps: readonly App[]): string {
  const [only, another] = apps
  return another === undefined ? (only?.name ?? '') : ''
}

/** Runs the modal's action. Safe to repeat. */
export async function submit(ports: HandlerPorts, arrival: SubmissionArrival): Promise<Reply> {
  const { service, store, apps } = ports
  const { user: by, values, key } = arrival
  const context = contextOf(arrival.metadata)
  if (context === undefined) return STALE
  const { token, responseUrl, ends = [], starts = false, forEmergency } = context
  const asked = { by, key, ...defined({ responseUrl }) }
  if (arrival.view === VIEW.deploy) {
    const { app = onlyApp(apps), environment = '' } = values
    const picked = pickedTime(values)
    const at = picked && { picked }
    return requested(await service.request({ app, environment, kind: 'deploy', ...asked, ...defined({ at }) }))
  }
  if (arrival.view === VIEW.hotfix)
    return requested(await requestHotfix(service, values, { ...asked, ends, ...defined({ forEmergency }) }))
  if (arrival.view === VIEW.rollback) {
    const { app = '', environment = '' } = context
    return requested(
      await requestRollback(service, values, { app, environment, ...asked, ends, ...defined({ forEmergency }) }),
    )
  }
  if (arrival.view === VIEW.lock) return submitLock(ports, arrival, context)
  if (arrival.view === VIEW.takeOver) return submitTakeOver(ports, arrival, context)
  const asking = actionOfModal(arrival.view)
  const meant = await store.resolveButton(token)
  if (asking === undefined || meant === undefined) return STALE
  const qa = arrival.view === VIEW.qa ? qaRequest(values) : undefined
  const note = (qa === undefined ? values.reason : undefined) ?? values.note ?? ''
  const startAt = pickedTime(values)
  const request = { release: meant.release, by, key, note, isConfirmed: starts, ...defined({ startAt, qa }) }
  return asking.answer(await service.act(asking.action, request))
}

/** The field **When**; undefined where nothing was picked. */
function pickedTime(values: Readonly<Record<string, string>>): Date | undefined {
  const seconds = values[WHEN]
  return seconds === undefined || !/^[0-9]{1,11}$/.test(seconds) ? undefined : new Date(Number(seconds) * 1000)
}
