/** The job `carry`: opens a pull request that backports a hot-fix's picks to the promoting branch. */
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
