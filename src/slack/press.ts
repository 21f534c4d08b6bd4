/** Handles a pressed button by its row in `actions.ts`. */
import { defined } from '../lib/defined.ts'
import type { Action } from '../release/actions.ts'
import { freezeNotice } from '../release/freezes.ts'
import { owed } from '../release/policy.ts'
import type { Release } from '../release/release.ts'
import type { Environment } from '../release/settings.ts'
import { ACTION_VIEWS, type AsksFirst, actionWithId } from './actions.ts'
import { pressControl } from './control-presses.ts'
import { controlWithId } from './controls.ts'
import { environmentOf, peopleOf, proofNow, tokenFor } from './drawing.ts'
import { START, VIEW } from './ids.ts'
import { metadata, openModal } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { authorsForModal } from './qa.ts'
import { PRESS_AGAIN, type Reply, refused, STALE } from './replies.ts'
import { buttonsOfDetails, detailsModal } from './views/details.ts'
import { talkedOverStarts } from './views/modals.ts'
import { findUngivable } from './who-can-sign.ts'

type PressArrival = Extract<Arrival, { is: 'press' }>

const CARD_STORED_WITHIN_MS = 1_500

/**
 * Runs the button's action. A click that would start a release, and whose button did not say so, is asked privately first.
 * `fresh`: its trigger can still open a modal. Safe to repeat.
 */
export async function press(ports: HandlerPorts, arrival: PressArrival, fresh: boolean): Promise<Reply> {
  const { service, store } = ports
  const control = controlWithId(arrival.action)
  if (control !== undefined) return pressControl(ports, control, { arrival, fresh })
  const meant = await store.resolveButton(arrival.token)
  const isStart = arrival.action === START
  if (meant === undefined || (isStart ? !meant.asks : meant.action !== arrival.action)) return STALE
  const action = actionWithId(meant.action)
  if (action === undefined || (isStart && !canStart(action))) return STALE
  const { onPress, needsCard } = ACTION_VIEWS[action]
  if (needsCard && !isStart && !(await isOnCard(ports, arrival, meant.release))) return STALE
  const asked = { release: meant.release, by: arrival.user, key: arrival.id }
  if (onPress.is === 'acts') {
    const outcome = await service.act(action, { ...asked, isConfirmed: meant.asks })
    const isUnconfirmed = 'refused' in outcome && outcome.refused.gate === 'start_not_confirmed'
    return isUnconfirmed && canStart(action) ? { is: 'start', number: meant.release, action } : onPress.answer(outcome)
  }
  if (onPress.is === 'opens above Details') return STALE
  if (!fresh) return PRESS_AGAIN
  const may = await service.may(action, asked)
  if ('refused' in may) return refused(may.refused)
  return onPress.is === 'asks first'
    ? askForText(ports, arrival, may.release, onPress)
    : showDetails(ports, arrival, may.release)
}

function canStart(action: Action): action is 'qa' | 'approval' {
  return action === 'qa' || action === 'approval'
}

/** Whether it was pressed on the release's card. Waits briefly if Slack's confirmation of the card is not stored yet. */
async function isOnCard(
  { store, clock }: HandlerPorts,
  { channel, ts }: PressArrival,
  number: number,
): Promise<boolean> {
  const until = clock.now() + CARD_STORED_WITHIN_MS
  for (;;) {
    const card = (await store.release(number))?.card
    if (card !== undefined || clock.now() > until) return card?.channel === channel && card.ts === ts
    await clock.sleep(50)
  }
}

async function askForText(
  ports: HandlerPorts,
  { token, responseUrl, trigger, user }: PressArrival,
  release: Release,
  { modal, callback }: AsksFirst,
): Promise<Reply> {
  const environment = environmentOf(ports.apps, release)
  const unsettled =
    callback === VIEW.emergency && environment !== undefined
      ? await findUngivable(ports.directory, release, owed(environment, release), user)
      : []
  const owing = environment === undefined ? [] : owed(environment, release)
  const now = await ports.store.now()
  const saysStart = callback === VIEW.talkedOver && talkedOverStarts(release, owing, now)
  const starts = saysStart ? { starts: true as const } : {}
  const waived =
    callback === VIEW.emergency && environment !== undefined ? await waivedBy(ports, release, environment) : {}
  const authorsInSlack = callback === VIEW.qa ? await authorsForModal(ports, release) : undefined
  const facts = {
    callback,
    release,
    user,
    unsettled,
    waived,
    now,
    metadata: metadata({ token, responseUrl, ...starts }),
  }
  return openModal(ports, trigger, modal({ ...facts, ...defined({ environment, authorsInSlack }) }))
}

/** What an emergency waives beside the sign-offs. */
async function waivedBy({ store }: HandlerPorts, release: Release, { freezes = [], order }: Environment) {
  const freeze = freezeNotice(freezes, await store.now())
  const proof = order === 'required' ? await proofNow(store, release) : undefined
  return defined({ freeze, proof })
}

async function showDetails(
  ports: HandlerPorts,
  { trigger, responseUrl }: PressArrival,
  release: Release,
): Promise<Reply> {
  const environment = environmentOf(ports.apps, release)
  if (environment === undefined) return STALE
  const { app, name } = environment
  const [people, now, locks, proof] = await Promise.all([
    peopleOf(ports, environment),
    ports.store.now(),
    ports.store.locks({ open: true, app, environment: name }),
    proofNow(ports.store, release),
  ])
  const buttons = await Promise.all(
    buttonsOfDetails(release).map(
      async (action) => [action, await tokenFor(ports.store, release, action, false)] as const,
    ),
  )
  const facts = { ...people, environment, now, locks, tokens: Object.fromEntries(buttons), ...defined({ proof }) }
  return openModal(ports, trigger, detailsModal(release, { ...facts, metadata: metadata({ token: '', responseUrl }) }))
}
