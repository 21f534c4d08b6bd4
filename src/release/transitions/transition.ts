/** Shared by the transitions: the context of a person's action, and the check of the state. */
import { defined } from '../../lib/defined.ts'
import type { Attribution } from '../events.ts'
import type { GroupMembers, Person } from '../policy.ts'
import type { Transaction } from '../ports/store.ts'
import type { Refused } from '../refusals.ts'
import type { Release } from '../release.ts'
import type { Environment } from '../settings.ts'
import { mayBecome, type PersonName, type ReleaseState } from '../terms.ts'

/** A transition that the state doesn't allow: a bug, never a person's mistake. */
export class InvalidTransition extends Error {
  override readonly name = 'InvalidTransition'
}

/** Throws InvalidTransition if a release can't go from its state to `to`. */
export function assertTransition(release: Release, to: ReleaseState): void {
  if (mayBecome(release.state, to)) return
  throw new InvalidTransition(`#${release.number} can't go from ${release.state} to ${to}`)
}

/** Changes by the ids that stand for them. */
export interface QaRequest {
  readonly tested: readonly string[]
  /** A change with a problem, for this reason: the release is rejected. */
  readonly problemWith?: string
  readonly reason?: string
}

/** A person's action by a button, a modal or a command. */
export interface ActionRequest {
  readonly release: number
  /** Slack user id. */
  readonly by: string
  readonly note?: string
  /** What the dialog of QA for each change says. */
  readonly qa?: QaRequest
  /** The new time, where the action sets one. */
  readonly startAt?: Date
  /** Slack's id of the delivery. The same delivery never acts twice. */
  readonly key?: string
  /** False: what was clicked did not say that it starts the release. Then a sign-off that would start it is refused. */
  readonly isConfirmed?: boolean
}

/** The locked release, and the person as looked up for this request, with the permission that allows the action. */
export interface ActionContext {
  readonly release: Release
  readonly environment: Environment
  readonly person: Person
  readonly request: ActionRequest
  readonly attribution: Attribution
  /** Who is in the groups that may take this action. */
  readonly groups: readonly GroupMembers[]
}

/** Makes an allowed action's changes. If it returns a refusal it has changed nothing. */
export type Transition = (tx: Transaction, context: ActionContext) => Promise<Refused | undefined>

export function nameOf({ id, name }: Person): PersonName {
  return { id, name }
}

/** The event data that identifies the delivery. */
export function deliveryData({ key }: ActionRequest): { delivery?: string } {
  return defined({ delivery: key })
}
