/** The job `plan`: works out what a release will do, and stores it, or ends the release as refused. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import { planned, stop } from '../../release/transitions/index.ts'
import { configurationDiffers, placeOf } from '../place.ts'
import { makePlan } from '../plan/planner.ts'
import type { WorkerPorts } from '../ports.ts'
import { tidyRelease } from './tidy.ts'

export async function planRelease(
  ports: WorkerPorts,
  claim: Claim,
  { release: number, forEmergency }: Extract<Job, { kind: 'plan' }>,
): Promise<void> {
  const release = await ports.store.release(number)
  if (release === undefined) return
  const place = placeOf(ports, release)
  // Ended while an earlier try planned: what that had opened is taken away.
  if (release.state !== 'planning') return release.plan === undefined ? tidyRelease(ports, number) : undefined
  const outcome = place
    ? await makePlan(ports, {
        ...place,
        kind: release.kind,
        ...(release.picks && { picks: release.picks }),
        configuration: release.configuration,
        release,
        ...(forEmergency && { forEmergency }),
        signal: claim.signal,
      })
    : configurationDiffers(release)
  claim.signal.throwIfAborted()
  const endedMeanwhile = await ports.store.transaction(
    async (tx) => {
      // Before the release: where nobody signs, a plan starts it.
      await tx.lockEnvironment(release.app, release.environment)
      const now = await tx.lockRelease(number)
      if (now?.state !== 'planning') return true
      if ('refused' in outcome) {
        await stop(tx, now, { because: outcome.refused }, { actor: 'worker' })
      } else if (place) {
        await planned(tx, now, place.environment, outcome.plan)
      }
      return false
    },
    { as: claim },
  )
  // The job that tidies may have looked before planning had opened anything, and is enqueued once.
  if (endedMeanwhile) await tidyRelease(ports, number)
}
