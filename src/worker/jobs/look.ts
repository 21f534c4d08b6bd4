/** The job `look`: reads again what people wait for, because somebody has pressed: what the forge asks for, and the proof. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { WorkerPorts } from '../ports.ts'
import { refreshProof } from '../proof.ts'
import { refreshMergeRequirements } from '../watch/merge-requirements.ts'

/** Safe to repeat: it only reads outside. */
export async function look(
  ports: WorkerPorts,
  _claim: Claim,
  { release: number }: Extract<Job, { kind: 'look' }>,
): Promise<void> {
  const release = await ports.store.release(number)
  if (release === undefined) return
  await refreshMergeRequirements(ports, release)
  await refreshProof(ports, release)
}
