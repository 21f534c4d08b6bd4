/** The job `tidy`: declines an ended release's unmerged pull request and deletes its pinned branch. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import { hasEnded } from '../../release/terms.ts'
import { placeOf } from '../place.ts'
import { tidyPullRequest } from '../plan/pull-request.ts'
import type { WorkerPorts } from '../ports.ts'

export function tidy(ports: WorkerPorts, _claim: Claim, job: Extract<Job, { kind: 'tidy' }>): Promise<void> {
  return tidyRelease(ports, job.release)
}

/** Does nothing for a release that has not ended, or a rollback, which opens no pull request. Safe to repeat; throws to be retried. */
export async function tidyRelease(ports: WorkerPorts, number: number): Promise<void> {
  const release = await ports.store.release(number)
  const place = release && placeOf(ports, release)
  if (!release || !place || !hasEnded(release.state) || release.kind === 'rollback') return
  const left = await tidyPullRequest(ports, place.app, place.environment, release)
  if (left !== undefined) throw new Error(`the pull request of #${number} could not be cleaned up: ${left}`)
}
