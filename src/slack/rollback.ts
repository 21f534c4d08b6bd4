/** `/deploy rollback` and **Roll back…**: the facts of the modal, and the request to the service. */
import { defined } from '../lib/defined.ts'
import { environmentBusy } from '../release/environment-busy.ts'
import { SUPERSEDED_BY_HOTFIX } from '../release/hotfix.ts'
import type { PrivateMessage } from '../release/messages.ts'
import type { Refusal } from '../release/refusals.ts'
import type { Requested } from '../release/request.ts'
import { choiceOf, rollbackTarget } from '../release/rollback.ts'
import type { ReleaseService } from '../release/service.ts'
import { metadata, openModal } from './modal-window.ts'
import type { HandlerPorts } from './ports.ts'
import { type Reply, refused } from './replies.ts'
import { LOCK_AFTERWARDS, ROLLBACK_FIELD, type RollbackModalFacts, rollbackModal } from './views/rollback-modal.ts'

/** What was typed or pressed. */
export interface RollbackAsked {
  readonly app: string
  readonly environment: string
  readonly by: string
  /** The release to pick at first; a refusal says why it can't be gone back to. */
  readonly to?: number
  /** The release in whose Details it was pressed: picked at first if it can be gone back to. */
  readonly pressedOn?: number
  readonly reason?: string
}

/** Opens the modal. Replies where it did not open, with why. */
export async function openRollback(
  ports: HandlerPorts,
  asked: RollbackAsked,
  { trigger, responseUrl }: { readonly trigger: string; readonly responseUrl?: string },
  options?: { readonly above: boolean },
): Promise<Reply> {
  const found = await rollbackWindow(ports, asked)
  if ('message' in found) return found.message
  const { app, environment, superseded } = found.window
  const ends = superseded === undefined ? [] : [superseded.number]
  const context = { token: '', app, environment, ends, ...defined({ responseUrl }) }
  return openModal(ports, trigger, rollbackModal({ ...found.window, metadata: metadata(context) }), options)
}

/**
 * The facts of the modal, or a refusal instead: there is nothing to go back to, the named release can't be gone back to, or
 * what runs or waits there is not ended by a rollback. Changes nothing.
 */
export async function rollbackWindow(
  { service, store, directory }: HandlerPorts,
  { app, environment, by, to, pressedOn, reason }: RollbackAsked,
): Promise<{ window: Omit<RollbackModalFacts, 'metadata'> } | { message: PrivateMessage }> {
  const known = await service.rollbackChoices({ app, environment, by })
  if ('refused' in known) return { message: refused(known.refused) }
  const { live, underWay, standard } = known
  if (underWay !== undefined && !SUPERSEDED_BY_HOTFIX.includes(underWay.state)) {
    const link = underWay.card && (await directory.permalink(underWay.card))
    return { message: refused(environmentBusy(underWay, link)) }
  }
  const runs = live === undefined || live.is === 'not known' ? undefined : (live.commit ?? undefined)
  const find = (number: number) => rollbackTarget(store, { app, environment }, { runs, to: number })
  const pressed = to === undefined && pressedOn !== undefined ? await find(pressedOn) : undefined
  const chosen = pressed === undefined || 'refused' in pressed ? (to ?? standard) : pressed.to.number
  const target = chosen === undefined ? undefined : await find(chosen)
  if (target !== undefined && 'refused' in target) return { message: refused(target.refused) }
  const named = target === undefined ? [] : [choiceOf(target.to, target.commit)]
  // A named release may be older than those that are listed.
  const choices = [
    ...known.choices,
    ...named.filter(({ number }) => !known.choices.some((one) => one.number === number)),
  ]
  if (choices.length === 0) return { message: refused(known.nothing ?? nothingIn(app, environment)) }
  const from = target?.from
  const undone = from?.provenCommit === undefined ? undefined : choiceOf(from, from.provenCommit)
  return { window: { app, environment, choices, ...defined({ undone, chosen, reason, superseded: underWay }) } }
}

function nothingIn(app: string, environment: string): Refusal {
  return { gate: 'nothing_to_roll_back', app, environment, why: 'no earlier release' }
}

/** Requests the rollback that a modal describes. `ends`: the releases that the modal said it ends. */
export function requestRollback(
  service: Pick<ReleaseService, 'requestRollback'>,
  values: Readonly<Record<string, string>>,
  asked: Pick<RollbackAsked, 'app' | 'environment' | 'by'> & {
    readonly key: string
    readonly responseUrl?: string
    readonly ends: readonly number[]
    readonly forEmergency?: true
  },
): Promise<Requested> {
  const to = Number(values[ROLLBACK_FIELD.to] ?? '')
  return service.requestRollback({
    ...asked,
    reason: values[ROLLBACK_FIELD.reason] ?? '',
    lock: values[ROLLBACK_FIELD.lock] === LOCK_AFTERWARDS,
    // Never the default: the person saw which release was picked.
    to: Number.isSafeInteger(to) ? to : 0,
  })
}
