/**
 * The order of environments: whether the commit to release is proven on the environment that it is promoted from.
 *
 * Whether one commit contains another never changes, so the worker, which knows git, keeps a list of the releases that proved
 * it, and the store decides by that list at the click. A list that is too old lacks a proof and has none too many: what can
 * take one away, a mark, is read in the same transaction.
 */
import { defined } from '../lib/defined.ts'
import type { Proof } from './plan.ts'
import { allowsEmergency, EVERYONE, emergencyPeople } from './policy.ts'
import type { Transaction } from './ports/store.ts'
import type { Refusal } from './refusals.ts'
import type { Release } from './release.ts'
import type { Environment } from './settings.ts'
import type { ReleaseKind, ReleaseState } from './terms.ts'

/** Whether a release counts as proof of its commit: the one place that decides it. */
export function countsAsProof(release: {
  readonly state: ReleaseState
  readonly mark?: { readonly is: 'bad' | 'good' }
}): boolean {
  return release.state === 'succeeded' && release.mark?.is !== 'bad'
}

/** What is known of the release's proof: as last looked at, else as planned. Absent for releases that need none. */
export function proofOf({ proof, plan }: Pick<Release, 'proof' | 'plan'>): Proof | undefined {
  return proof ?? plan?.proof
}

/**
 * Asked where a release would start, and only there: a plan is made also of what is not proven yet. Locks the releases that
 * proved it, so that a mark which comes meanwhile is either read here or comes after the start.
 */
export async function sourceNotProven(
  tx: Pick<Transaction, 'lockRelease'>,
  asked: {
    readonly moment: 'request' | 'start'
    readonly environment: Environment
    readonly kind: ReleaseKind
    readonly isEmergency: boolean
    readonly release?: Release
  },
): Promise<Refusal | undefined> {
  const { moment, environment, kind, isEmergency, release } = asked
  const { order, promotes } = environment
  const isAsked = moment === 'start' && kind === 'deploy' && order === 'required' && !isEmergency
  const commit = release?.plan?.bound.source.commit
  if (!isAsked || release === undefined || promotes === undefined || commit === undefined) return undefined
  const proof = proofOf(release)
  const known = proof?.on === promotes && proof.commit === commit ? proof.by : []
  const noLonger: number[] = []
  for (const { number } of known) {
    const proving = await tx.lockRelease(number)
    if (proving !== undefined && countsAsProof(proving)) return undefined
    noLonger.push(number)
  }
  const people = emergencyPeople(environment)
  return {
    gate: 'source_not_proven',
    number: release.number,
    app: environment.app,
    environment: environment.name,
    on: promotes,
    commit,
    ...(noLonger.length > 0 && { noLonger }),
    ...defined({
      runs: noLonger.length > 0 ? undefined : proof?.runs,
      who: allowsEmergency(environment) ? (people === EVERYONE ? [EVERYONE] : people) : undefined,
    }),
  }
}
