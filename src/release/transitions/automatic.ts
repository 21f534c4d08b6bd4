/** What becomes of a head when the release that Signoff requested for it is planned, or ends before it began. */
import { isAutomatic, isHeldBack } from '../automatic.ts'
import type { Plan } from '../plan.ts'
import type { Transaction } from '../ports/store.ts'
import type { Release } from '../release.ts'
import type { Environment } from '../settings.ts'
import { end } from './ended.ts'

/**
 * The branch may have moved since the head was noted, so that the plan is of a newer commit. Where builds must pass first,
 * that ends the release quietly, and the newer head waits for its own builds; else the newer head counts as deployed by
 * this release. Returns whether the release has ended. The environment must be locked.
 */
export async function headPlanned(
  tx: Transaction,
  release: Release,
  environment: Environment,
  { plan, head: asked }: { readonly plan: Plan; readonly head: string },
): Promise<boolean> {
  const { branch, commit } = plan.bound.source
  if (commit === asked) return false
  if (environment.deploys === 'after checks') {
    const moved = [{ what: branch, from: asked, to: commit }]
    await end(tx, release, 'outdated', { actor: 'worker', problem: { because: { gate: 'plan_outdated', moved } } })
    return true
  }
  const head = await tx.head(release.app, release.environment)
  if (head?.commit === asked || head?.commit === commit) {
    await tx.putHead({ ...head, commit, state: 'done', release: release.number })
  }
  return false
}

/** The head of a release that was held back before it began is due again. The environment must be locked. */
export async function headHeldBack(tx: Transaction, release: Release): Promise<void> {
  if (!isAutomatic(release) || !isHeldBack(release)) return
  const head = await tx.head(release.app, release.environment)
  if (head?.state !== 'done' || head.release !== release.number) return
  await tx.putHead({ ...head, state: 'due', heldBack: release.number })
}
