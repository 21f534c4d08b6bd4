/** The job `look`: reads again what the forge asks for before it merges, because somebody has pressed. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { WorkerPorts } from '../ports.ts'
import { refreshMergeRequirements } from '../watch/merge-requirements.ts'

/** Safe to repeat: it only reads at the forge. */
export async function look(
  ports: WorkerPorts,
  _claim: Claim,
  { release: number }: Extract<Job, { kind: 'look' }>,
): Promise<void> {
  const release = await ports.store.release(number)
  if (release !== undefined) await refreshMergeRequirements(ports, release)
}
