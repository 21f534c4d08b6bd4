/** What the transitions share: the transaction's facts that a person's action brings, and the guard of the states. */
import type { Attribution } from '../events.ts'
import type { Person } from '../policy.ts'
import type { Transaction } from '../ports/store.ts'
import type { Refused } from '../refusals.ts'
import type { Release } from '../release.ts'
import type { Environment } from '../settings.ts'
import { mayBecome, type PersonName, type ReleaseState } from '../terms.ts'

/** A transition that the states do not allow: an error of ours, never a person's. */
export class InvalidTransition extends Error {
  override readonly name = 'InvalidTransition'
}

/** Throws InvalidTransition where a release can't go from its state to `to`. */
export function assertTransition(release: Release, to: ReleaseState): void {
  if (mayBecome(release.state, to)) return
  throw new InvalidTransition(`#${release.number} can't go from ${release.state} to ${to}`)
}

/** What a person asks for by a button, a modal or a command. */
export interface ActionRequest {
  readonly release: number
  /** Slack user id. */
  readonly by: string
  readonly note?: string
  /** Slack's id of the delivery: what it has done once, it does not do again. */
  readonly key?: string
}

/** The release as it is locked, and the person as looked up for this request, with the right by which policy allows it. */
export interface ActionContext {
  readonly release: Release
  readonly environment: Environment
  readonly person: Person
  readonly request: ActionRequest
  readonly attribution: Attribution
}

/** What an allowed action changes. One that refuses has changed nothing. */
export type Transition = (tx: Transaction, context: ActionContext) => Promise<Refused | undefined>

export function nameOf({ id, name }: Person): PersonName {
  return { id, name }
}

/** By what an event is known as this delivery's. */
export function deliveryData({ key }: ActionRequest): { delivery?: string } {
  return key === undefined ? {} : { delivery: key }
}
