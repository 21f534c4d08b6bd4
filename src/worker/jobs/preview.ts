/** The job `preview`: makes a plan for one person to read privately. It changes nothing. */
import { defined } from '../../lib/defined.ts'
import type { PrivateMessage } from '../../release/messages.ts'
import type { Claim, Job } from '../../release/ports/jobs.ts'
import { configurationDiffers, placeOf } from '../place.ts'
import { makePlan } from '../plan/planner.ts'
import type { WorkerPorts } from '../ports.ts'

export async function previewPlan(
  ports: WorkerPorts,
  claim: Claim,
  job: Extract<Job, { kind: 'preview' }>,
): Promise<void> {
  const place = placeOf(ports, job)
  const { configuration } = job
  const outcome = place
    ? await makePlan(ports, { ...place, kind: 'deploy', configuration, signal: claim.signal })
    : configurationDiffers(job)
  claim.signal.throwIfAborted()
  const message: PrivateMessage =
    'refused' in outcome
      ? { is: 'refusal', refusal: outcome.refused }
      : { is: 'preview', app: job.app, environment: job.environment, plan: outcome.plan }
  await ports.store.transaction(
    (tx) =>
      tx.send({
        kind: 'private',
        key: `preview:${job.id}`,
        to: job.user,
        ...defined({ responseUrl: job.responseUrl }),
        asked: job.asked,
        message,
      }),
    { as: claim },
  )
}
