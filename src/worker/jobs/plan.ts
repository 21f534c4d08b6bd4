/** The job `plan`: plans a release and stores the plan, or ends the release as refused. */
import { isAutomatic } from '../../release/automatic.ts'
import { findEvent } from '../../release/events.ts'
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { Transaction } from '../../release/ports/store.ts'
import { headHeldBack, headPlanned, planned, stop } from '../../release/transitions/index.ts'
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
  // It ended during an earlier try, which may have opened a pull request: clean up.
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
  const head = isAutomatic(release)
    ? findEvent(await ports.store.events(number), 'release_requested')?.data.head
    : undefined
  const endedMeanwhile = await ports.store.transaction(
    async (tx) => {
      // Locked before the release, because a plan without sign-offs starts the release.
      await tx.lockEnvironment(release.app, release.environment)
      const now = await tx.lockRelease(number)
      if (now?.state !== 'planning') return true
      if ('refused' in outcome) {
        await stop(tx, now, { because: outcome.refused }, { actor: 'worker' })
      } else if (place) {
        const { environment } = place
        if (head !== undefined && (await headPlanned(tx, now, environment, { plan: outcome.plan, head }))) return false
        await planned(tx, now, environment, outcome.plan)
      }
      await returnHead(tx, number)
      return false
    },
    { as: claim },
  )
  // The job `tidy` is enqueued once, and may have looked before planning opened anything.
  if (endedMeanwhile) await tidyRelease(ports, number)
}

/** A plan that can't start yet ends its release, and the head that it was made for waits. */
async function returnHead(tx: Transaction, number: number): Promise<void> {
  const ended = await tx.lockRelease(number)
  if (ended !== undefined) await headHeldBack(tx, ended)
}
