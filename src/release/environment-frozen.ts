/** The gate of a freeze: nothing is requested and nothing starts in one but an emergency. */
import { defined } from '../lib/defined.ts'
import { type FreezeNotice, freezeNotice, frozenAt, typedMoment } from './freezes.ts'
import type { ShownFreeze } from './messages.ts'
import { allowsEmergency, EVERYONE, emergencyPeople, type Person, permissionSource } from './policy.ts'
import type { Transaction } from './ports/store.ts'
import type { Refusal } from './refusals.ts'
import type { Release } from './release.ts'
import type { Environment } from './settings.ts'
import type { ReleaseKind } from './terms.ts'

type Frozen = Extract<Refusal, { gate: 'environment_frozen' }>

/** How many days ahead a release can be scheduled. */
const MOST_AHEAD_MS = 7 * 24 * 60 * 60_000

interface Asked {
  readonly environment: Environment
  readonly kind: ReleaseKind
  readonly isEmergency: boolean
  readonly release?: Pick<Release, 'number'>
  readonly startAt?: Date
}

/** Asked at the request and where a release would start, by the store's clock. */
export async function environmentFrozen({ now }: Pick<Transaction, 'now'>, asked: Asked): Promise<Refusal | undefined> {
  const { environment, kind, isEmergency, release, startAt } = asked
  if (isEmergency) return undefined
  const frozen = frozenAt(environment.freezes ?? [], startAt ?? now)
  if (frozen === undefined) return undefined
  const people = emergencyPeople(environment)
  return {
    gate: 'environment_frozen',
    app: environment.app,
    environment: environment.name,
    kind,
    names: frozen.names,
    ...defined({
      until: frozen.until?.toISOString(),
      who: allowsEmergency(environment) ? (people === EVERYONE ? [EVERYONE] : people) : undefined,
      number: release?.number,
      startAt: release && startAt?.toISOString(),
    }),
  }
}

/** A refused request with what this person can do: plan it for an emergency if they may say that it is one, or for its end. */
export function withWaysOut(refusal: Refusal, environment: Environment, person: Person, now: Date): Refusal {
  if (refusal.gate !== 'environment_frozen') return refusal
  const isOffered = mayDeclareEmergency(environment, person)
  const until = refusal.until === undefined ? undefined : new Date(refusal.until)
  const isNear = until !== undefined && until.getTime() - now.getTime() <= MOST_AHEAD_MS
  const [zone = 'UTC'] = (environment.freezes ?? []).map(({ timeZone }) => timeZone)
  const at = isNear && refusal.kind === 'deploy' ? typedMoment(until, person.timeZone ?? zone) : undefined
  return { ...refusal, ...(isOffered && { isOffered }), ...defined({ at }) } satisfies Frozen
}

/** Whether this person may say that something must go out now. */
function mayDeclareEmergency(environment: Environment, person: Person): boolean {
  return allowsEmergency(environment) && permissionSource(emergencyPeople(environment), person) !== undefined
}

/** Why this person may not request a release that only an emergency starts. */
export function emergencyDenied(environment: Environment, person: Person): Refusal | undefined {
  if (!allowsEmergency(environment) || mayDeclareEmergency(environment, person)) return undefined
  const people = emergencyPeople(environment)
  const isUnsure = people !== EVERYONE && people.some((entry) => person.unknownGroups?.includes(entry))
  if (isUnsure) return { gate: 'not_a_member', why: 'Slack did not answer' }
  return { gate: 'not_an_approver', who: people === EVERYONE ? [EVERYONE] : people, action: 'plan for an emergency' }
}

/** As a message keeps it. */
export function shownNotice(notice: FreezeNotice | undefined): ShownFreeze | undefined {
  if (notice === undefined) return undefined
  const { is, names, until } = notice
  const from = notice.is === 'soon' ? notice.from.toISOString() : undefined
  return { is, names, ...defined({ from, until: until?.toISOString() }) }
}

/** Draws the card again when what it says of freezes is no longer true. Does nothing else, and nothing without a card. */
export async function redrawForFreeze(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  const notice = freezeNotice(environment.freezes ?? [], tx.now)
  const shown = notice && [notice.is, ...notice.names, notice.until?.toISOString() ?? 'no end'].join(' ')
  if (shown === release.freezeShown || release.card === undefined) return
  await tx.changeRelease(release.number, { freezeShown: shown })
  await tx.send({ kind: 'card', release: release.number })
}
