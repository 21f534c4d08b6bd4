/**
 * What holds a release back that is otherwise allowed. Asked at the request (`request`), and where a release would become
 * approved for the first time (`start`). Never asked again once it is approved, so Retry is never held.
 */
import type { Transaction } from './ports/store.ts'
import type { Refusal } from './refusals.ts'
import { isEmergency, type Release } from './release.ts'
import type { Environment } from './settings.ts'
import type { PersonName, ReleaseKind } from './terms.ts'

export interface StartAsked {
  readonly moment: 'request' | 'start'
  readonly environment: Environment
  readonly kind: ReleaseKind
  readonly requester: Pick<PersonName, 'id'>
  /** An emergency was declared, or the request is for one. */
  readonly isEmergency: boolean
  /** Absent at the request. */
  readonly release?: Release
}

/** Returns why the release may not go on, or undefined. Reads in the transaction that has locked the environment. */
export type StartCondition = (tx: Transaction, asked: StartAsked) => Promise<Refusal | undefined>

/** The first that refuses is the answer. */
const START_CONDITIONS: readonly StartCondition[] = []

/** Why the release may not be requested or may not start now; undefined if it may. Changes nothing. */
export async function heldBack(tx: Transaction, asked: StartAsked): Promise<Refusal | undefined> {
  for (const condition of START_CONDITIONS) {
    const refusal = await condition(tx, asked)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** As `heldBack`, for a release that would start now. `isEmergency`: this click declares one. */
export function heldAtStart(
  tx: Transaction,
  start: { readonly release: Release; readonly environment: Environment; readonly isEmergency?: boolean },
): Promise<Refusal | undefined> {
  const { release, environment, isEmergency: isDeclared = false } = start
  const { kind, requester } = release
  const isForEmergency = isDeclared || isEmergency(release)
  return heldBack(tx, { moment: 'start', environment, kind, requester, isEmergency: isForEmergency, release })
}
