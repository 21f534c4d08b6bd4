/** The job `run`: runs an approved release. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { WorkerPorts } from '../ports.ts'
import { runRelease } from '../run/runner.ts'

export function run(
  ports: WorkerPorts,
  claim: Claim,
  { release, attempt }: Extract<Job, { kind: 'run' }>,
): Promise<void> {
  return runRelease(ports, claim, release, attempt)
}
