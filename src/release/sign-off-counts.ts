/** How many sign-offs a release needs. */
import type { Release } from './release.ts'
import type { Environment, SignOffRules } from './settings.ts'
import type { ReleaseKind } from './terms.ts'

/**
 * How many people must say that QA passed, and approve; or that QA is asked for each change. A rollback has its own numbers.
 */
export function neededCounts(
  { signOff }: Environment,
  kind: ReleaseKind,
): { readonly qa: SignOffRules['qa']; readonly approvals: number } {
  if (signOff === undefined) return { qa: 0, approvals: 0 }
  return kind === 'rollback' ? (signOff.rollback ?? { qa: 0, approvals: 1 }) : signOff
}

/** Whether QA of this release is asked for each change of its plan. */
export function asksForEachChange(environment: Environment, { kind, plan }: Pick<Release, 'kind' | 'plan'>): boolean {
  return neededCounts(environment, kind).qa === 'each change' && plan?.changes !== undefined
}
