/** The job `carry`: a pull request that brings what a hot-fix has picked to the branch its environment is promoted from. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import { backportPicks } from '../backport.ts'
import { placeOf } from '../place.ts'
import type { WorkerPorts } from '../ports.ts'

export async function backport(
  ports: WorkerPorts,
  claim: Claim,
  { release: number }: Extract<Job, { kind: 'carry' }>,
): Promise<void> {
  const release = await ports.store.release(number)
  const place = release && placeOf(ports, release)
  if (release && place) await backportPicks(ports, place, release, claim)
}
