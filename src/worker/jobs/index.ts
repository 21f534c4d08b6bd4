/** The handlers of all kinds of job. A kind without a handler does not compile. */
import type { Claim, Job } from '../../release/ports/jobs.ts'
import { fenced } from '../fence.ts'
import type { WorkerPorts } from '../ports.ts'
import { lookAfterwards } from './after-release.ts'
import { backport } from './backport.ts'
import { look } from './look.ts'
import { planRelease } from './plan.ts'
import { preflight } from './preflight.ts'
import { previewPlan } from './preview.ts'
import { recordLater } from './record.ts'
import { run } from './run.ts'
import { tidy } from './tidy.ts'

/** Handles one job. Its effects start only while the claim holds. Throws to have the job retried. */
export type JobHandler<K extends Job['kind']> = (
  ports: WorkerPorts,
  claim: Claim,
  job: Extract<Job, { kind: K }>,
) => Promise<void>

export type JobHandlers = { readonly [K in Job['kind']]: JobHandler<K> }

const HANDLERS: JobHandlers = {
  plan: planRelease,
  preview: previewPlan,
  preflight,
  run,
  tidy,
  carry: backport,
  look,
  aftermath: lookAfterwards,
  record: recordLater,
}

/** Handles one job by its kind. Throws to have it retried. */
export function handleJob(unfenced: WorkerPorts, claim: Claim): Promise<void> {
  // Read from the claim each time: its getter also checks the time.
  const ports = fenced(unfenced, () => claim.signal.throwIfAborted())
  return dispatch(ports, claim, claim.job)
}

function dispatch<K extends Job['kind']>(
  ports: WorkerPorts,
  claim: Claim,
  job: Extract<Job, { kind: K }>,
): Promise<void> {
  const handle: JobHandler<K> = HANDLERS[job.kind as K]
  return handle(ports, claim, job)
}
