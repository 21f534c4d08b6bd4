/** The job `preflight`: checks every bound fact again, before the announcement and the run. */
import { builtCommit } from '../../release/plan.ts'
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { Refused } from '../../release/refusals.ts'
import { hasStartedIrreversible, isEmergency, type Release } from '../../release/release.ts'
import { namedTarget } from '../../release/rollback.ts'
import { preflightPassed, preflightRefused } from '../../release/transitions/index.ts'
import { checkBoundFacts } from '../bound-gate.ts'
import { checkBuilds } from '../builds.ts'
import { configurationDiffers, type Place, placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'

export async function preflight(
  ports: WorkerPorts,
  claim: Claim,
  { release: number, attempt }: Extract<Job, { kind: 'preflight' }>,
): Promise<void> {
  const release = await ports.store.release(number)
  if (release?.state !== 'approved' || release.attempt !== attempt) return
  const place = placeOf(ports, release)
  const checked = place ? await checkAll(ports, place, release, claim.signal) : configurationDiffers(release)
  // A check that the worker's stop interrupted proves nothing: the job is retried.
  claim.signal.throwIfAborted()
  await ports.store.transaction(
    async (tx) => {
      const now = await tx.lockRelease(number)
      if (now?.state !== 'approved' || now.attempt !== attempt) return
      if ('refused' in checked) return preflightRefused(tx, now, checked.refused)
      if (place) await preflightPassed(tx, now, place.environment)
    },
    { as: claim },
  )
}

/** Builds may have failed since the plan was made; an emergency waives them. */
async function checkAll(
  ports: WorkerPorts,
  { app, environment }: Place,
  release: Release,
  signal: AbortSignal,
): Promise<Refused | { holds: true }> {
  const bound = await checkBoundFacts(ports, app, environment, release, signal)
  // What a rollback goes back to was checked when it was released.
  const needsChecks =
    environment.signOff?.requireChecks === true && release.kind !== 'rollback' && !isEmergency(release)
  if ('refused' in bound) return bound
  const bad = await targetRefused(ports, release)
  if (bad !== undefined) return bad
  if (!needsChecks || release.plan === undefined) return { holds: true }
  const built = await checkBuilds(ports, app, environment, builtCommit(release.plan))
  return 'refused' in built ? built : { holds: true }
}

/** What a rollback goes back to may have been marked as bad since the plan. Once it has begun, it is brought to its end. */
async function targetRefused(
  { store }: WorkerPorts,
  { app, environment, plan, steps }: Release,
): Promise<Refused | undefined> {
  const provedBy = plan?.bound.rollback?.provedBy
  if (provedBy === undefined || hasStartedIrreversible(steps)) return undefined
  const target = await namedTarget(store, { app, environment }, provedBy)
  return 'refused' in target ? target : undefined
}
